"""One session on a target, and one case within it: begin, test, restore."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pytest

from hil.suite.abilities import Eim, Gateway
from hil.suite.ability import Ability
from hil.suite.errors import TargetError
from hil.suite.marks import CaseMarks
from hil.suite.protection import Protection, check_eid, guarded_eim, guarded_gateway
from hil.suite.record import EventRecord
from hil.suite.restoring import Baseline, Restorer, look
from hil.suite.target import Observations, Target

STAGE: Final = pytest.StashKey["Stage"]()
"""In the configuration of pytest, once the target is open."""
SEEN: Final = pytest.StashKey[Observations]()
"""What was seen of a case, in its item."""
MEASURES: Final = pytest.StashKey[dict[str, float]]()
"""Durations that a case has noted, in its item."""


class SeenTimeline:
    """The ability `timeline` of a target."""

    def __init__(self, target: Target) -> None:
        self._target = target

    def events(self, interface: str | None = None) -> list[EventRecord]:
        return [event for event in self._target.seen() if interface in (None, event.interface)]


class Stage:
    """A target that is open, with what its devices were like before any case. `stop` is called with a reason when no
    case should follow, because the device could not be restored."""

    def __init__(self, target: Target, stop: Callable[[str], None]) -> None:
        self.target = target
        self._renewed: list[str] = []
        self._stop = stop
        self._baselines: dict[Any, Baseline] = {}
        self._protection: Protection | None = None
        self._restorer: Restorer | None = None
        self._running = False

    def open(self) -> None:
        """Open the target, and refuse a device that was not named. Raises TargetError."""
        self.target.open()
        check_eid(self.target.facts, self.target.card.eid)
        if self.target.facts.protected:
            baseline = self._baselines[()] = look(self.target)
            self._protection = Protection(
                frozenset(profile.iccid for profile in baseline.profiles), frozenset(baseline.eims)
            )

    def begin(self, marks: CaseMarks) -> None:
        """A case begins. Raises TargetError."""
        self.target.begin(fresh=marks.fresh, options=marks.device)
        self._running = True
        self._restorer = None
        if marks.fresh:
            return
        baseline = self._baselines.get(marks.device)
        if baseline is None:
            baseline = self._baselines[marks.device] = look(self.target)
        self._restorer = Restorer(self.target, baseline)

    def end(self, marks: CaseMarks) -> Observations:
        """A case is over: nothing of it stays. Raises TargetError when the device could not be restored."""
        if not self._running:
            return Observations()
        left: list[str] = []
        try:
            self.target.calm()
            left = self._leftovers()
        except KeyboardInterrupt:
            # The device may be half restored: `close`, which follows, does it again.
            raise
        except BaseException:
            self._end()
            raise
        seen = self._end()
        if left and not self._renew(marks, left):
            reason = f"the device could not be restored: {'; '.join(left)}"
            self._stop(reason)
            raise TargetError(reason)
        return seen

    def _end(self) -> Observations:
        self._running = False
        return self.target.end()

    def _leftovers(self) -> list[str]:
        if self._restorer is None:
            return []
        if self.target.worn():
            return ["the agent has learnt something"]
        return self._restorer.restore()

    def _renew(self, marks: CaseMarks, left: list[str]) -> bool:
        if not self.target.renew():
            return False
        self._baselines.pop(marks.device, None)
        self._renewed.append(f"{marks.title}: {'; '.join(left)}")
        return True

    def take_renewed(self) -> list[str]:
        """Why devices were replaced since this was asked last."""
        told, self._renewed = self._renewed, []
        return told

    def close(self) -> None:
        """Let go of the target; a case that is still running is ended first."""
        try:
            if self._running:
                self.target.calm()
                if self._restorer is not None:
                    self._restorer.restore()
        finally:
            self._running = False
            self.target.close()

    def hide(self, text: str) -> str:
        """A text without what nobody may read."""
        known = Ability.EXTERNAL_PROFILE in self.target.abilities
        return self.target.activation_codes.hide(text) if known else text

    @property
    def gateway(self) -> Gateway:
        """The gateway, on which nothing is done to what is protected."""
        gateway = self.target.gateway
        return gateway if self._protection is None else guarded_gateway(gateway, self._protection)

    def eim(self, *, second: bool = False) -> Eim:
        """An eIM, of which no package does so."""
        eim = self.target.eim2 if second else self.target.eim
        return eim if self._protection is None else guarded_eim(eim, self._protection)
