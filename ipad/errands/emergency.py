"""The emergency profile, where the eUICC has one: a person or the device's own software enables and disables it."""

from __future__ import annotations

from functools import partial

from ipad.daemon.agent import LocalAgent
from ipad.errands.envelope import Result
from ipad.errands.parameters import Act, Parameters
from ipad.errors import BusyError, IpadError, RefusedError
from ipad.policy.events import Outcome


def enable(given: Parameters) -> Act[LocalAgent]:
    """ES10b.EnableEmergencyProfile (SGP.32 5.9.22). Until it is disabled no eIM is contacted."""
    given.known()
    return partial(_switch, on=True)


def disable(given: Parameters) -> Act[LocalAgent]:
    """ES10b.DisableEmergencyProfile (SGP.32 5.9.23)."""
    given.known()
    return partial(_switch, on=False)


async def _switch(agent: LocalAgent, *, on: bool) -> Result:
    outcome = await agent.switch_emergency(on=on)
    what = f"the emergency profile cannot be {'enabled' if on else 'disabled'}"
    match outcome:
        case Outcome.DONE:
            return Result({"emergency": on})
        case Outcome.BUSY:
            raise BusyError(f"{what} now: the eUICC is busy", hint="try again in a minute")
        case Outcome.REFUSED:
            raise RefusedError(f"{what}: the eUICC refuses, or offers no such function")
        case _:
            raise IpadError(f"{what}: the eUICC gave no usable answer")
