"""What can happen to a device: radio weather for each of its profiles, faults, packages, power cuts; as plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from hypothesis import strategies as st

from hil.euicc.knobs import PowerLossPoint
from hil.network import Service
from tests.e2e.virtual.device import ONE, THREE, TWO

PROFILES = (ONE, TWO, THREE)
IMSI = {ONE: "001010000000001", TWO: "001020000000002", THREE: "999700000000003"}
MINUTE = 60.0
WEATHER_ENDS = 60 * MINUTE

POLICY = """
[supervision]
registration = 60
registration_slow = 60
deadline = 120
deadline_slow = 120
reject_hold = 20
path_unclear = 300
path_alive = 600
boot_cost = 20
boot_settle = 40
busy_first = 5
busy_limit = 60
action_limit = 120

[fallback]
loss_time = 180
loss_time_slow = 180
reject_time = 90
spread = 60
ladder_time = 120
silent_time = 600
return_first = 900
return_minimum = 300
return_limit = 3600
dwell_limit = 600
stable_time = 600
switches_per_day = 48

[recovery]
first = 40
first_slow = 40
step = 40
step_slow = 40
limit = 300
absent = 40
hard_interval = 60
hard_per_day = 96

[poll]
early_interval = 60
boot_spread = 30
per_day = 1440
probe_interval = 600
"""
"""Minutes in place of hours, in the proportions of the defaults."""


class Air(StrEnum):
    """What a subscriber meets."""

    FULL = "full"
    NONE = "none"
    ILLEGAL = "illegal UE"
    NOT_ALLOWED = "no services allowed"
    NO_ROAMING = "roaming not allowed"
    CONGESTED = "congested"
    DEAD_DATA = "dead data"
    NO_SESSION = "no session"

    @property
    def service(self) -> Service:
        """The same for the network of the bench."""
        match self:
            case Air.FULL:
                return Service()
            case Air.NONE:
                return Service(coverage=False)
            case Air.ILLEGAL:
                return Service(reject_cause=3)
            case Air.NOT_ALLOWED:
                return Service(reject_cause=8)
            case Air.NO_ROAMING:
                return Service(reject_cause=13)
            case Air.CONGESTED:
                return Service(reject_cause=22)
            case Air.DEAD_DATA:
                return Service(data=False)
            case Air.NO_SESSION:
                return Service(session_cause=33)


class What(StrEnum):
    """What happens at a moment."""

    PACKAGE = "package"
    PACKAGE_WITH_ROLLBACK = "package with rollback"
    RESTART = "the agent is stopped and started"
    KILL = "the agent is killed"
    POWER_CUT = "power cut"
    MEMORY_DAMAGED = "power cut, the memory of policy is damaged"
    MEMORY_GONE = "power cut, the memory of policy is gone"
    MODEM_RESETS = "the modem resets"
    MODEM_HANGS = "the modem is silent for a while"
    CARD_BUSY = "the card is busy for a while"
    EIM_OUTAGE = "the eIMs are down for a while"


@dataclass(frozen=True)
class Happening:
    """`iccid`: of a package. `lasts`: seconds of an outage, or without power.

    `after_switch`: not at the moment, but so many seconds after the next change on the eUICC.
    """

    moment: float
    what: What
    iccid: str
    lasts: float
    after_switch: float | None


@dataclass(frozen=True)
class Scenario:
    """One life. The first profile is enabled and has service; `begin` is what the others meet. In the end
    one of the profiles that policy may choose has service, and the others have what `dead` says.

    `good` says which one, by its place among them.
    """

    personality: str
    begin: Mapping[str, Air]
    weather: Mapping[str, Sequence[tuple[float, Air]]]
    happenings: Sequence[Happening]
    good: int
    dead: Air
    fallback: str | None
    chance: float
    ignores_refresh: bool
    power_loss: PowerLossPoint | None


PERSONALITIES = (
    "quectel-eg25",
    "simcom-a7600",
    "telit-le910c4",
    "ublox-lara-r6",
    "nordic-nrf91",
    "quectel-bg95",
)
DEAD = tuple(air for air in Air if air is not Air.FULL)

_moments = st.integers(60, int(WEATHER_ENDS - 15 * MINUTE)).map(float)
_airs = st.just(Air.FULL) | st.sampled_from(Air)
_plans = st.lists(st.tuples(_moments, _airs), max_size=3).map(lambda plan: sorted(plan, key=lambda item: item[0]))
_seconds = st.integers(0, 80).map(lambda tenths: tenths / 10)
_switches = st.builds(
    Happening,
    moment=st.integers(30, 600).map(float),
    what=st.sampled_from((What.PACKAGE, What.PACKAGE_WITH_ROLLBACK)),
    iccid=st.sampled_from((TWO, THREE)),
    lasts=st.just(0.0),
    after_switch=st.none(),
)
_troubles = st.builds(
    Happening,
    moment=_moments,
    what=st.sampled_from(What),
    iccid=st.sampled_from(PROFILES),
    lasts=st.integers(1, 300).map(float),
    after_switch=st.none() | _seconds,
)
scenarios = st.builds(
    Scenario,
    personality=st.sampled_from(PERSONALITIES),
    begin=st.fixed_dictionaries({TWO: _airs, THREE: _airs}),
    weather=st.fixed_dictionaries(dict.fromkeys(PROFILES, _plans)),
    happenings=st.tuples(_switches, st.lists(_troubles, max_size=4)).map(lambda parts: [parts[0], *parts[1]]),
    good=st.integers(0, 2),
    dead=st.sampled_from(DEAD),
    fallback=st.none() | st.sampled_from(PROFILES),
    chance=st.sampled_from((0.0, 0.5, 1.0)),
    ignores_refresh=st.booleans(),
    power_loss=st.none() | st.sampled_from(PowerLossPoint),
)
