"""How long a device can be offline at most while a profile that policy may choose has service.

The promise of the whole: from the moment at which one installed profile has service without interruption, the device
is online again within `online_bound` seconds, whatever happened before. It is the sum of the longest waits that can
stand one after another; chance and luck make it much shorter.
"""

from __future__ import annotations

from ipad.policy.settings import Settings
from ipad.policy.situation import NEW_REGISTRATION


def detection_bound(settings: Settings, *, slow: bool) -> float:
    """From the loss of a proven profile to the decision: threshold, spread, and the ladder's turn."""
    fallback = settings.fallback
    limit = fallback.loss_time_slow if slow else fallback.loss_time
    return limit + fallback.spread + fallback.ladder_time


def trial_bound(settings: Settings, *, slow: bool) -> float:
    """The longest trial of a profile over which nothing comes back."""
    supervision = settings.supervision
    deadline = supervision.deadline_slow if slow else supervision.deadline
    registration = supervision.registration_slow if slow else supervision.registration
    longest = max(deadline, min(registration * supervision.weak_factor, max(registration, deadline)))
    return longest + NEW_REGISTRATION


def online_bound(settings: Settings, *, slow: bool = False) -> float:
    """Seconds until the device is online again, with a modem that is on and hears something.

    Worst order: the device stays as long as it may in the dead profile, waits for the budget of switches, tries the
    good one after the ladder's longest pause, and once misses it. Patience with a silent eIM comes on top, but then the
    device is online, only not manageable.
    """
    supervision, fallback, recovery = settings.supervision, settings.fallback, settings.recovery
    trial = trial_bound(settings, slow=slow)
    stay = max(fallback.dwell_limit, detection_bound(settings, slow=slow), trial)
    budget = fallback.switches.period
    ladder = recovery.limit + max(recovery.step_slow if slow else recovery.step, recovery.search) + recovery.reset_step
    busy = supervision.busy_limit + supervision.action_limit
    return stay + budget + ladder + busy + trial


def silent_bound(settings: Settings, *, slow: bool = False) -> float:
    """The same for a device that received nothing at all since it booted."""
    return online_bound(settings, slow=slow) + settings.fallback.silent_time
