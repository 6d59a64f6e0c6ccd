"""A test network that its owner's program operates, as an ability of the suite."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from labgrid.driver.exception import ExecutionError

from hil.lab.gateway import BoardGateway
from hil.lab.network_driver import IpadNetworkDriver, NetworkAction
from hil.lab.servers import BoardServers
from hil.lab.surroundings import BoardNetwork
from hil.rig.timeline import Interface
from hil.suite.errors import TargetError, UnableError
from hil.suite.limits import Limits
from hil.suite.loop import LoopThread

NETWORK: Final = "network"
"""Name of the IpadNetworkDriver for the network in which the board is."""


class BenchLink:
    """The link to the bench's servers, at this end of it."""

    def __init__(self, loop: LoopThread, servers: BoardServers) -> None:
        self._loop = loop
        self._servers = servers

    def cut(self, *, on: bool) -> None:
        """Cut it, or end that."""
        link = self._servers.link
        self._loop.call(link.cut if on else link.restore)

    def note(self, text: str) -> None:
        """What was done, for the timeline."""
        self._loop.call(lambda: self._servers.timeline.note(Interface.BENCH, "", text))


class OperatedNetwork(BoardNetwork):
    """All of the Protocol `Network`, as far as the program of `driver` goes: UnableError for the rest.

    `block`: a DigitalOutputProtocol in the antenna's line, which stands in for a program without `coverage`. A program
    without `cut` leaves that to `link`.
    """

    def __init__(
        self,
        driver: IpadNetworkDriver,
        gateway: BoardGateway,
        limits: Limits,
        link: BenchLink,
        block: Any | None = None,
    ) -> None:
        super().__init__(block, gateway, limits)
        self._program = driver
        self._link = link
        self._changed = False
        self._is_cut = False

    def coverage(self, *, on: bool, iccid: str | None = None) -> None:
        if iccid is None and self._driver is not None and not self._program.can(NetworkAction.COVERAGE):
            super().coverage(on=on)
            return
        self._tell(NetworkAction.COVERAGE, lambda: self._program.coverage(on=on, iccid=iccid), f"{on=} {iccid=}")

    def data(self, *, on: bool, iccid: str | None = None) -> None:
        self._tell(NetworkAction.DATA, lambda: self._program.data(on=on, iccid=iccid), f"{on=} {iccid=}")

    def reject(self, cause: int | None, iccid: str | None = None) -> None:
        self._tell(NetworkAction.REJECT, lambda: self._program.reject(cause, iccid), f"{cause=} {iccid=}")

    def service(self, iccid: str | None = None, **members: Any) -> None:
        self._tell(NetworkAction.SERVICE, lambda: self._program.service(members, iccid), f"{members} {iccid=}")

    def signal(self, rsrp: float, rsrq: float = -9.0, sinr: float = 14.0) -> None:
        self._tell(NetworkAction.SIGNAL, lambda: self._program.signal(rsrp, rsrq, sinr), f"{rsrp=} {rsrq=} {sinr=}")

    def cut(self, *, on: bool = True) -> None:
        if self._program.can(NetworkAction.CUT):
            self._tell(NetworkAction.CUT, lambda: self._program.cut(on=on), f"{on=}")
            return
        self._link.cut(on=on)
        self._is_cut = on

    def play(self, scenario: str) -> None:
        self._tell(NetworkAction.PLAY, lambda: self._program.play(scenario), scenario)

    def calm(self) -> None:
        """As before the case."""
        if self._is_cut:
            self._link.cut(on=False)
            self._is_cut = False
        if self._driver is not None:
            super().calm()
        if self._changed:
            self.reset()

    def reset(self) -> None:
        """As the program found it. Raises TargetError."""
        self._done(self._program.reset)
        self._changed = False

    def _tell(self, action: NetworkAction, do: Callable[[], None], what: str) -> None:
        if not self._program.can(action):
            raise UnableError(f"the target's network cannot be told `{action}`: it is not among the program's actions")
        # Before: a program that fails may have done half of it.
        self._changed = True
        self._done(do)
        self._link.note(f"network {action}: {what}")

    @staticmethod
    def _done(do: Callable[[], None]) -> None:
        try:
            do()
        except (ExecutionError, ValueError) as error:
            raise TargetError(str(getattr(error, "msg", error))) from error
