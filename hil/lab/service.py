"""Service managers of a board, as shell commands: systemd, procd of OpenWrt, or none at all.

Commands are plain POSIX shell that BusyBox understands, in one line, so that a serial console can carry them.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Protocol

_ALIVE = '[ -e /proc/"$P" ] && ! grep -q "^State:[[:space:]]*Z" /proc/"$P"/status'


class Service(Protocol):
    """The agent's service. Every method gives a shell command; its exit code is 0 when it succeeded."""

    def start(self) -> str:
        """Start it."""
        ...

    def stop(self) -> str:
        """Stop it in good order, and wait for its end."""
        ...

    def kill(self) -> str:
        """SIGKILL."""
        ...

    def running(self) -> str:
        """Exit code 0 while it runs."""
        ...

    def mark(self) -> str:
        """Prints a mark of now for `journal`."""
        ...

    def journal(self, mark: str) -> str:
        """Prints what was logged since the mark."""
        ...


@dataclass(frozen=True)
class Systemd:
    """A unit of systemd."""

    unit: str

    def start(self) -> str:
        """Often started units meet the start limit: it is forgotten first."""
        name = shlex.quote(self.unit)
        return f"systemctl reset-failed {name} 2>/dev/null; systemctl start {name}"

    def stop(self) -> str:
        """Waits for the end of the processes."""
        return f"systemctl stop {shlex.quote(self.unit)}"

    def kill(self) -> str:
        """The unit may have systemd start it again by itself."""
        return f"systemctl kill --signal=KILL {shlex.quote(self.unit)}"

    def running(self) -> str:
        """Active, not activating."""
        return f"systemctl is-active --quiet {shlex.quote(self.unit)}"

    def mark(self) -> str:
        """Seconds of the board's clock."""
        return "date +%s"

    def journal(self, mark: str) -> str:
        """From journald."""
        return f"journalctl --no-pager --output=short-iso --unit={shlex.quote(self.unit)} --since=@{int(mark)}"


@dataclass(frozen=True)
class Procd:
    """A script in /etc/init.d of OpenWrt; `name` is also that of the service in ubus and in the log."""

    name: str

    def start(self) -> str:
        """Start it."""
        return f"{self._script} start"

    def stop(self) -> str:
        """procd waits by itself only for a moment."""
        wait = f"N=0; while {self.running()} && [ $N -lt 90 ]; do sleep 1; N=$((N+1)); done"
        return f"{self._script} stop; {wait}; ! {self.running()}"

    def kill(self) -> str:
        """By procd, which knows the process. It may start it again by itself."""
        request = f'{{"name": "{self.name}", "signal": 9}}'
        return f"ubus call service signal {shlex.quote(request)}"

    def running(self) -> str:
        """By procd."""
        return f"{self._script} running"

    def mark(self) -> str:
        """Seconds of the board's clock."""
        return "date +%s"

    def journal(self, mark: str) -> str:
        """From logd, which puts seconds in brackets when asked."""
        return f"logread -t -e {shlex.quote(self.name)} | awk -F '[][]' '$2 >= {int(mark)}'"

    @property
    def _script(self) -> str:
        return shlex.quote(f"/etc/init.d/{self.name}")


@dataclass(frozen=True)
class Spawned:
    """No service manager: a process in the background, with its number and its output as files in `folder`."""

    folder: str
    command: str
    """Shell command of the agent in the foreground."""

    def start(self) -> str:
        """A session of its own keeps it alive after the shell."""
        files = f"</dev/null >>{self._log} 2>&1"
        return f"mkdir -p {shlex.quote(self.folder)} && {{ setsid {self.command} {files} & echo $! >{self._pid}; }}"

    def stop(self) -> str:
        """SIGTERM, then wait for at most 90 s, as systemd does."""
        return self._end("TERM", 900)

    def kill(self) -> str:
        """SIGKILL; its end comes at once."""
        return self._end("KILL", 50)

    def running(self) -> str:
        """A process that nobody has waited for does not count."""
        return f"{self._known} && {_ALIVE}"

    def _end(self, name: str, tenths: int) -> str:
        # In parentheses, because on a serial console `exit` would be the end of the login.
        signal = f"{_ALIVE} && kill -{name} $P"
        wait = f"N=0; while {_ALIVE} && [ $N -lt {tenths} ]; do sleep 0.1; N=$((N+1)); done"
        return f"( {self._known} || exit 0; {signal}; {wait}; ! {{ {_ALIVE}; }} )"

    def mark(self) -> str:
        """Lines that are there."""
        return f"[ -e {self._log} ] && wc -l <{self._log} || echo 0"

    def journal(self, mark: str) -> str:
        """Lines after the mark."""
        return f"[ ! -e {self._log} ] || tail -n +{int(mark) + 1} {self._log}"

    @property
    def _known(self) -> str:
        return f'P=$(cat {self._pid} 2>/dev/null) && [ -n "$P" ]'

    @property
    def _log(self) -> str:
        return shlex.quote(f"{self.folder}/agent.log")

    @property
    def _pid(self) -> str:
        return shlex.quote(f"{self.folder}/agent.pid")


def service_of(name: str, folder: str, command: str) -> Service:
    """`NAME.service`: systemd. `/etc/init.d/NAME`: procd. Nothing: `command` is started in the background.

    Raises ValueError for another name, and without a folder where one is needed.
    """
    if not name:
        if not folder.startswith("/"):
            raise ValueError(f"without a service the agent needs an absolute folder for its files, found {folder!r}")
        return Spawned(folder, command)
    if name.startswith("/etc/init.d/"):
        script = name.removeprefix("/etc/init.d/")
        if script.replace("-", "").replace("_", "").isalnum():
            return Procd(script)
    elif name.endswith(".service") and "/" not in name:
        return Systemd(name)
    raise ValueError(f"service: expected NAME.service, /etc/init.d/NAME or nothing, found {name!r}")
