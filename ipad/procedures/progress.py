"""How far a profile download has come, for those who show or log it."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from ipad.records import dataclass


class Stage(StrEnum):
    """The steps of a download in their order (SGP.22 3.1.3, SGP.32 3.2.3); `FAILED` ends it at any of them."""

    DISCOVERING = "discovering"  # asking an SM-DS for events
    CONTACTING = "contacting"  # the server is asked to authenticate itself
    AUTHENTICATING = "authenticating"  # eUICC and server verify each other
    CHECKING = "checking"  # metadata, rules and certificates
    PREPARING = "preparing"  # the eUICC makes its one-time key
    FETCHING = "fetching"  # the Bound Profile Package is on its way
    INSTALLING = "installing"  # segments go to the eUICC
    ENABLING = "enabling"  # Immediate Profile Enabling
    REPORTING = "reporting"  # results go to SM-DP+ and eIM
    DONE = "done"
    FAILED = "failed"


_SHARE = {
    Stage.DISCOVERING: (0, 0),
    Stage.CONTACTING: (0, 0),
    Stage.AUTHENTICATING: (8, 8),
    Stage.CHECKING: (20, 20),
    Stage.PREPARING: (24, 24),
    Stage.FETCHING: (28, 28),
    Stage.INSTALLING: (40, 95),
    Stage.ENABLING: (95, 95),
    Stage.REPORTING: (97, 97),
    Stage.DONE: (100, 100),
    Stage.FAILED: (100, 100),
}


@dataclass(frozen=True, slots=True)
class ProgressEvent:
    """A stage was entered, or a part of it is done. `percent` is of the whole download, 0 to 100."""

    stage: Stage
    percent: int
    detail: str = ""


class ProgressListener(Protocol):
    """Is told of each event. It must neither raise nor take long."""

    def __call__(self, event: ProgressEvent) -> None:
        """Take note of an event."""
        ...


def unheeded(event: ProgressEvent) -> None:
    """The listener where nobody listens."""
    del event


def entered(stage: Stage, detail: str = "") -> ProgressEvent:
    """The event at the beginning of a stage."""
    return ProgressEvent(stage, _SHARE[stage][0], detail)


def within(stage: Stage, done: int, total: int) -> ProgressEvent:
    """The event when `done` of `total` parts of a stage are through."""
    first, last = _SHARE[stage]
    return ProgressEvent(stage, first + (last - first) * min(done, total) // max(total, 1))
