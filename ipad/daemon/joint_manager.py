"""Several services in one process, and one service manager that wants to hear of one."""

from __future__ import annotations

from collections.abc import Iterable

from ipad.daemon.sdnotify import ServiceManager


class JointManager:
    """Joins what the services of several modems say.

    The process is ready when each of them is; its status is theirs, with the names of the modems where there are
    several, and a notice about the process itself in front.
    """

    def __init__(self, manager: ServiceManager, names: Iterable[str]) -> None:
        self._manager = manager
        self._texts = dict.fromkeys(names, "starting")
        self._waiting = set(self._texts)
        self._notice = ""
        self._ready = False
        self._told = ""

    def voice(self, name: str) -> Voice:
        """What the service of one modem speaks to."""
        return Voice(self, name)

    def notice(self, text: str) -> None:
        """Something about the process as a whole that stands until another notice, or until an empty one."""
        self._notice = text
        self._tell()

    def reloading(self) -> None:
        """The configuration is being read again. While the process is still starting nothing is said."""
        if self._ready:
            self._manager.reloading()

    def reloaded(self) -> None:
        """It was, with or without success."""
        if self._ready:
            self._manager.ready()
        self._told = ""
        self._tell()

    def ready(self, name: str) -> None:
        """The start of one of them is over."""
        self._waiting.discard(name)
        if not self._waiting and not self._ready:
            self._ready = True
            self._manager.ready()

    def status(self, name: str, text: str) -> None:
        """What one of them does."""
        self._texts[name] = text
        self._tell()

    @property
    def text(self) -> str:
        """The status of the process."""
        several = len(self._texts) > 1
        texts = [f"{name}: {text}" if several else text for name, text in self._texts.items()]
        return "; ".join([self._notice, *texts] if self._notice else texts)

    def _tell(self) -> None:
        text = self.text
        if text != self._told:
            self._told = text
            self._manager.status(text)


class Voice(ServiceManager):
    """One service among several. It feeds no watchdog, and the process alone says when it stops."""

    def __init__(self, joint: JointManager, name: str) -> None:
        super().__init__({})
        self._joint = joint
        self._name = name

    def ready(self) -> None:
        """The start is over."""
        self._joint.ready(self._name)

    def status(self, text: str) -> None:
        """What it does now."""
        self._joint.status(self._name, text)
