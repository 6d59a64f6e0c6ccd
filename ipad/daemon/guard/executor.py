"""Carries out what was decided about modem and eUICC, one thing at a time, and tells how it ended."""

from __future__ import annotations

import logging
from collections.abc import Awaitable
from typing import TYPE_CHECKING

from ipad.bearer.backend import BearerReason
from ipad.daemon.guard.ward import Ward
from ipad.errors import CardError, CodecError, EuiccResultError, IpadError, PortError
from ipad.policy.decisions import (
    Commit,
    Decision,
    EnableProfile,
    ExecuteFallback,
    Recover,
    ReturnFromFallback,
    Rollback,
)
from ipad.policy.events import Action, ActionResult, Outcome
from ipad.policy.state import State

if TYPE_CHECKING:
    from ipad.daemon.guard.guard import Guard

logger = logging.getLogger(__name__)

_ACTIONS: dict[type, Action] = {
    Rollback: Action.ROLLBACK,
    ExecuteFallback: Action.FALLBACK,
    ReturnFromFallback: Action.RETURN,
    EnableProfile: Action.ENABLE,
    Recover: Action.RECOVER,
}


def is_stale(decision: Decision, state: State) -> bool:
    """Whether what was decided is overtaken: the action is not under way any more, or the trouble is gone."""
    if isinstance(decision, Commit):
        return state.window is not None or decision.iccid != state.situation.enabled
    action = _ACTIONS.get(type(decision))
    if action is None:
        return False
    if state.pending is None or state.pending.action is not action:
        return True
    # A rung that no rule ordered (its step is not 0) helps a fault, and that one may be over.
    return isinstance(decision, Recover) and decision.step > 0 and state.recovery.fault is None


class Executor:
    """Carries out decisions for a guard."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    async def carry_out(self, ward: Ward, decision: Decision) -> None:
        """Carry out what `Guard.take` gave. Raises PortError or CardError when the device has to be opened again."""
        # What was decided must be known after a power cut, before the card is changed.
        await self._guard.engine.save()
        match decision:
            case Commit():
                await ward.settle()
                await self.read_card(ward)
            case Recover(rung=rung):
                if not await self._overtaken(ward, decision):
                    await self._climb(ward, rung)
            case Rollback():
                await self._switch(ward, Action.ROLLBACK, ward.roll_back(self._target))
            case ExecuteFallback():
                await self._switch(ward, Action.FALLBACK, ward.fall_back())
            case ReturnFromFallback():
                await self._switch(ward, Action.RETURN, ward.return_back(self._target))
            case EnableProfile(iccid=iccid):
                await self._switch(ward, Action.ENABLE, ward.enable(iccid))
            case _:
                logger.error("nobody carries out %s", decision)

    async def rescue(self, decision: Recover) -> None:
        """Climb a rung while nothing is open, because the port or the card is gone."""
        outcome = Outcome.FAILED
        if self._guard.rescue is not None:
            try:
                await self._guard.rescue(decision.rung)
                outcome = Outcome.DONE
            except IpadError as error:
                logger.warning("recovery, rung %s: %s", decision.rung, error)
        self._guard.feed(ActionResult(action=Action.RECOVER, outcome=outcome))

    @property
    def _target(self) -> str | None:
        pending = self._guard.engine.state.pending
        return None if pending is None else pending.target

    async def _switch(self, ward: Ward, action: Action, work: Awaitable[Outcome]) -> None:
        outcome = await work
        self._guard.feed(ActionResult(action=action, outcome=outcome))
        if outcome is Outcome.DONE:
            await ward.bring_up(BearerReason.PROFILE_CHANGED)
        await self.read_card(ward)
        await ward.look_around()

    async def _overtaken(self, ward: Ward, decision: Recover) -> bool:
        """Where the modem shows another profile it may be the one that knows: somebody may have changed it untold."""
        s = self._guard.situation
        if s.shown_told and s.shown != s.enabled:
            await self.read_card(ward, again=True)
        return is_stale(decision, self._guard.engine.state)

    async def _climb(self, ward: Ward, rung: str) -> None:
        outcome = Outcome.DONE
        try:
            await ward.climb(rung)
        except PortError as error:
            logger.warning("recovery, rung %s: %s", rung, error)
            outcome = Outcome.FAILED
        self._guard.feed(ActionResult(action=Action.RECOVER, outcome=outcome))
        await ward.bring_up(BearerReason.RECOVERED)
        await ward.look_around()

    async def read_card(self, ward: Ward, *, again: bool = False) -> None:
        """Tell what the eUICC shows, if it can be read now. `again`: whatever is remembered of it."""
        try:
            await self._guard.read_card(ward, again=again)
        except (CardError, CodecError, EuiccResultError) as error:
            logger.warning("the eUICC cannot be read now: %s", error)
