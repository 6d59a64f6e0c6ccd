"""What the control API serves: the modems of this process, each with its agent, and what the process itself can do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from ipad.daemon.agent import LocalAgent
from ipad.daemon.broadcast import Broadcast
from ipad.daemon.operations import Operations
from ipad.errands.envelope import Record
from ipad.errands.running import Household
from ipad.errors import NotFoundError, UsageError
from ipad.observe.status import Status
from ipad.observe.tap import TrafficTap
from ipad.records import dataclass


@dataclass(frozen=True, kw_only=True)
class ModemService:
    """One modem or reader with the agent of its eUICC.

    `port` and `card` are what the configuration says of it. `trail` is the file of the trail of changes; traffic that
    is tapped goes into `traffic`.
    """

    name: str
    port: str
    card: str
    status: Callable[[], Status]
    operations: Operations[LocalAgent]
    household: Household
    broadcast: Broadcast
    tap: TrafficTap
    trail: Path
    traffic: Path


@dataclass(frozen=True, kw_only=True)
class Process:
    """The process: its modems, and `reload`, which reads the configuration again, where that is possible."""

    modems: tuple[ModemService, ...]
    reload: Callable[[], Awaitable[Record]] | None = None

    def modem(self, name: str | None) -> ModemService:
        """The modem of that name; without a name the only one. Raises UsageError, NotFoundError."""
        names = ", ".join(modem.name for modem in self.modems)
        if name is None:
            if len(self.modems) != 1:
                raise UsageError(f"several modems are served: {names}", hint="choose with ?modem=NAME, or --modem NAME")
            return self.modems[0]
        for modem in self.modems:
            if modem.name == name:
                return modem
        raise NotFoundError(f"no modem {name!r} is served", hint=f"served: {names}")
