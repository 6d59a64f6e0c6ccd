"""The five ways in which remote provisioning fails, each with the profile that a device ends in."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable

import pytest

from hil.aka import AkaKey, Algorithm
from hil.eim import content
from hil.link import Passage
from hil.network import Service
from hil.smdp.orders import ProfileState
from ipad.errors import HttpStatusError
from ipad.policy.decisions import Commit, Rollback
from tests.e2e.scenarios.smdp import NEW, NEW_IMSI
from tests.e2e.scenarios.stage import DAY, HOUR, IMSI_TWO, MINUTE, ONE, TWO, MakeStage, Outcome, Stage, ended
from tests.e2e.virtual.flash import watch

# 1. The device cannot be reached


def test_package_for_a_device_without_coverage_waits_until_there_is_some(make_stage: MakeStage) -> None:
    stage = make_stage("unreachable", fallback=None)
    stage.serve((2 * HOUR, lambda: stage.switch(ONE)), until=3 * DAY)
    stage.end(enabled=ONE, switches=0, restarts=24)
    assert stage.recovery_time(2 * DAY) < 90 * MINUTE
    assert ended(stage.packages[0], Outcome.OK)
    assert len(stage.device.loaded) == 1


# 2. The download is interrupted


def trusting(make_stage: MakeStage, scenario: str) -> Stage:
    """A stage whose device may download from the SM-DP+ itself."""
    stage = make_stage(scenario, enabled=ONE)
    stage.device.configure(f'[rsp]\nci_files = ["{stage.servers.ci_file}"]\n')
    return stage


def interrupt(stage: Stage, function: str, seconds: float) -> None:
    """The link breaks while the answer of a function is on its way, once."""
    functions, struck = stage.servers.server.functions, False
    handle = functions.handle

    async def breaking(request: object) -> object:
        nonlocal struck
        reply = await handle(request)  # type: ignore[arg-type]
        if stage.servers.calls[-1] == function and not struck:
            struck = True
            stage.timeline.say(f"the link breaks during {function}")
            stage.network.set_service(Service(coverage=False), imsi="00101")
            stage.clock.call_later(seconds, stage.network.clear_services)
        return reply

    functions.handle = breaking  # type: ignore[method-assign, assignment]


@pytest.mark.parametrize("seconds", [20.0, 600.0], ids=["short", "long"])
@pytest.mark.parametrize("function", ["initiateAuthentication", "authenticateClient", "getBoundProfilePackage"])
def test_interrupted_download_leaves_the_device_as_it_was_and_succeeds_later(
    make_stage: MakeStage, function: str, seconds: float
) -> None:
    stage = trusting(make_stage, "quiet")
    interrupt(stage, function, seconds)
    (trigger,) = stage.queue(content.download_trigger(activation_code=stage.servers.code))
    stage.serve(until=HOUR)
    if not ended(trigger, Outcome.OK):
        assert ended(trigger, Outcome.IPA_ERROR)
        stage.queue(content.download_trigger(activation_code=stage.servers.code))
        stage.serve(until=DAY)
    stage.end(enabled=ONE, switches=0, restarts=2)
    assert ended(stage.packages[-1], Outcome.OK)
    assert list(stage.device.states) == [*dict.fromkeys(stage.device.states)]
    assert stage.device.states[NEW] is False
    assert stage.servers.order.state is ProfileState.INSTALLED


# 3. Installed, but its activation fails


def test_profile_that_is_installed_and_carries_no_data_is_rolled_back(make_stage: MakeStage) -> None:
    stage = trusting(make_stage, "quiet")
    stage.network.enrol(NEW_IMSI, AkaKey(Algorithm.MILENAGE, stage.servers.profile.key, stage.servers.profile.opc))
    stage.network.set_service(Service(data=False), imsi=NEW_IMSI)
    stage.queue(content.download_trigger(activation_code=stage.servers.code))
    package = stage.switch(NEW)
    stage.serve(until=3 * HOUR)
    stage.end(enabled=ONE, switches=0, restarts=2)
    assert ended(package, Outcome.ROLLED_BACK)
    assert stage.device.states[NEW] is False
    assert stage.recovery_time(stage.timeline.first(Rollback)) < MINUTE


# 4. The new network does not let the device in


def wrong_key(stage: Stage) -> None:
    """The operator has another key: what it signs, the card refuses (TS 33.102 6.3.3)."""
    stage.network.enrol(IMSI_TWO, AkaKey(Algorithm.MILENAGE, secrets.token_bytes(16), secrets.token_bytes(16)))


def as_it_is(_stage: Stage) -> None:
    """Nothing more than the script says."""


REFUSALS = {
    "imsi-unknown": (as_it_is, 11 * MINUTE),
    "subscription-barred": (as_it_is, 2 * MINUTE),
    "quiet": (wrong_key, 2 * MINUTE),
    "wrong-credentials": (as_it_is, 2 * MINUTE),
    "imei-blocked": (as_it_is, 6 * MINUTE),
    "device-barred": (as_it_is, 2 * MINUTE),
    "no-session": (as_it_is, 11 * MINUTE),
    "barred-network": (as_it_is, 6 * MINUTE),
}


@pytest.mark.parametrize(("scenario", "prepare", "limit"), [(name, *how) for name, how in REFUSALS.items()])
def test_network_that_does_not_let_the_device_in_is_left_by_rollback(
    make_stage: MakeStage, scenario: str, prepare: Callable[[Stage], None], limit: float
) -> None:
    stage = make_stage(scenario, enabled=ONE)
    prepare(stage)
    package = stage.switch()
    stage.serve(until=HOUR)
    stage.end(enabled=ONE, switches=0, restarts=2)
    assert ended(package, Outcome.ROLLED_BACK)
    assert len(stage.device.loaded) == 1
    assert stage.timeline.first(Rollback) < limit
    assert stage.recovery_time(stage.timeline.first(Rollback)) < MINUTE


def test_slow_registration_is_no_reason_to_roll_back(make_stage: MakeStage) -> None:
    stage = make_stage("slow-registration", enabled=ONE)
    package = stage.switch()
    stage.serve(until=HOUR)
    stage.end(enabled=TWO, switches=0)
    assert ended(package, Outcome.OK)


# 5. Overload


def test_overloaded_eim_is_left_alone_as_long_as_it_asks_and_counts_as_reached(make_stage: MakeStage) -> None:
    stage = make_stage("quiet", enabled=ONE)
    package = stage.switch()

    def overloaded(_message: bytes, _answer: bytes) -> bytes:
        raise HttpStatusError("HTTP status 503", status=503, transient=True, retry_after=1800.0)

    stage.serve(
        (6.0, lambda: setattr(stage.air, "spoil", overloaded)),
        (5 * HOUR, lambda: setattr(stage.air, "spoil", None)),
        until=7 * HOUR,
    )
    stage.end(enabled=TWO, switches=0)
    assert ended(package, Outcome.OK)
    assert stage.timeline.made(Rollback) == []
    assert stage.timeline.first(Commit) < 2 * MINUTE
    refused = [at for at in stage.air.attempts if 10.0 < at - stage.begun < 5 * HOUR]
    pauses = [round(after - before) for before, after in itertools.pairwise(refused)]
    assert all(pause >= 1800 for pause in pauses if pause > MINUTE)
    assert len(refused) <= 20
    assert stage.air.passage is Passage.OPEN


# What it costs


def test_download_and_its_activation_cost_a_few_writes(make_stage: MakeStage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The figures of docs/benchmarks.md are those that `python -m pytest -s` prints here."""
    stage = trusting(make_stage, "quiet")
    stage.network.enrol(NEW_IMSI, AkaKey(Algorithm.MILENAGE, stage.servers.profile.key, stage.servers.profile.opc))
    flash, costs = watch(stage.device.folder / "state", monkeypatch), []
    steps = (
        (HOUR, flash.take),
        (HOUR, lambda: stage.queue(content.download_trigger(activation_code=stage.servers.code))),
        (HOUR, stage.poll_now),
        (2 * HOUR, lambda: costs.append(flash.take())),
        (2 * HOUR, lambda: stage.switch(NEW)),
        (2 * HOUR, stage.poll_now),
        (4 * HOUR, lambda: costs.append(flash.take())),
    )
    stage.serve(*steps, until=5 * HOUR)
    stage.end(enabled=NEW, switches=0, restarts=2)
    print("download", costs[0], "activation", costs[1])  # noqa: T201 - the figures of docs/benchmarks.md
    assert 0 < costs[0][0] <= 16
    assert costs[0][1] <= 8192
    assert 0 < costs[1][0] <= 30
    assert costs[1][1] <= 24_576
