"""The promise as a property: random radio weather, and the device is online again within the stated bound."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ipad.policy.bounds import online_bound, trial_bound
from ipad.policy.events import Origin
from ipad.policy.radio import Access
from ipad.policy.settings import Settings
from tests.ipad.policy.device import RUNGS, A, B, Card, Device, F, Plan, Radio

EXAMPLES = int(os.environ.get("IPAD_POLICY_EXAMPLES", "60"))
AT_LENGTH = "IPAD_POLICY_EXAMPLES" in os.environ
HOUR = 3600.0
DEAD = (Radio.NONE, Radio.ILLEGAL, Radio.UNKNOWN_IMSI, Radio.NO_ROAMING, Radio.DEAD_DATA)
WEATHER_ENDS = 48 * HOUR
WHAT = (
    "reboot",
    "restart",
    "wedge",
    "package",
    "package with rollback",
    "busy",
    "cut",
    "memory damaged",
    "memory gone",
)


@dataclass(frozen=True)
class Happening:
    moment: float
    what: str
    iccid: str
    rung: str
    downtime: float

    def happen(self, device: Device) -> None:
        match self.what:
            case "reboot":
                device.boot(downtime=self.downtime)
            case "restart":
                device.boot(reboot=False)
            case "wedge":
                device.wedge(self.rung)
            case "busy":
                device.card.busy = 4
            case "cut":
                device.cut = True
            case "memory damaged" | "memory gone":
                # Who remembers no trial ends none by a rollback: that takes the journal, which is not part of policy.
                if device.card.undo is None:
                    device.forget(damaged=self.what == "memory damaged")
                    device.boot(downtime=self.downtime)
            case _ if device.online:  # an eIM that is not reached sends no package
                device.package(self.iccid, rollback=self.what == "package with rollback")


@dataclass(frozen=True)
class Scenario:
    """Weather for each profile, what happens meanwhile, and the one profile that has service in the end."""

    weather: dict[str, Plan]
    happenings: Sequence[Happening]
    good: str
    dead: tuple[Radio, Radio, Radio]
    chance: float
    slow: bool
    fallback: bool


moments = st.floats(60.0, WEATHER_ENDS - 60.0)
plans = st.lists(st.tuples(moments, st.sampled_from(Radio)), max_size=8).map(
    lambda plan: sorted(plan, key=lambda item: item[0])
)
scenarios = st.builds(
    Scenario,
    weather=st.fixed_dictionaries({A: plans, B: plans, F: plans}),
    happenings=st.lists(
        st.builds(
            Happening,
            moment=moments,
            what=st.sampled_from(WHAT),
            iccid=st.sampled_from((A, B, F)),
            rung=st.sampled_from(RUNGS[1:]),
            downtime=st.floats(0.0, 600.0),
        ),
        max_size=6,
    ),
    good=st.sampled_from((A, B, F)),
    dead=st.tuples(*[st.sampled_from(DEAD)] * 3),
    chance=st.floats(0.0, 1.0),
    slow=st.booleans(),
    fallback=st.booleans(),
)


def play(scenario: Scenario) -> tuple[Device, set[str]]:
    """The device at the end, and the profiles that policy could choose when the weather became steady."""
    bound = online_bound(Settings(), slow=scenario.slow)
    last = dict(zip((A, B, F), scenario.dead, strict=True))
    last[scenario.good] = Radio.FULL
    weather = {
        iccid: [(0.0, Radio.FULL if iccid == A else Radio.NONE), *plan, (WEATHER_ENDS, last[iccid])]
        for iccid, plan in scenario.weather.items()
    }
    device = Device(
        weather,
        card=Card(fallback=F if scenario.fallback else None),
        chance=scenario.chance,
        registration=240.0 if scenario.slow else 20.0,
        access=Access.NB_IOT if scenario.slow else Access.LTE,
    )
    device.boot()
    for happening in scenario.happenings:
        device.at(happening.moment, lambda happening=happening: happening.happen(device))
    device.run(WEATHER_ENDS)
    choosable = device.card.reachable()
    device.run(WEATHER_ENDS + bound)
    return device, choosable


@settings(
    max_examples=EXAMPLES,
    derandomize=not AT_LENGTH,
    print_blob=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(scenarios)
def test_device_is_online_again_and_never_ends_worse(scenario: Scenario) -> None:
    device, choosable = play(scenario)
    story = f"{scenario}\n{device.timeline()}\n{device.state}"
    if scenario.good in choosable:
        assert any(moment > WEATHER_ENDS for moment in device.proofs), story
        # What may interrupt it is a planned look at the former profile, for the length of its trial and the way back.
        looking = device.state.window is not None and device.state.window.origin is Origin.RETURN
        lately = device.now - device.proofs[-1] < 2 * trial_bound(Settings(), slow=scenario.slow)
        assert device.online or looking or lately, story
    # Policy itself never gives up a profile that it could have gone back to.
    assert not device.reachable_lost, story
    # No storm of switches, restarts, questions or saves, whatever the weather.
    days = device.now / (24 * HOUR)
    switches = [entry for entry in device.card.switches if entry[1] in ("fallback", "return")]
    assert len(switches) <= 13 + 12 * days, story
    assert device.steps < 4000 * days, device.steps
    assert device.saves < 250 * days, device.saves
