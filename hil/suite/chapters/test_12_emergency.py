"""The emergency profile (SGP.32 5.9.22, 5.9.23): what the device does and leaves undone while it is enabled."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hil.eim import content
from hil.eim.association import Outcome
from hil.suite.abilities import Card, CardBench, Eim, Gateway, Timeline
from hil.suite.exchanges import esipa
from hil.suite.limits import Limits
from hil.suite.marks import case, needs

pytestmark = needs("emergency")

EMERGENCY_PROFILE = 2
"""stateChangeCause (SGP.32 5.14.5)."""
LIST = content.psmo_package(content.list_profile_info())


@pytest.fixture(name="emergency")
def _emergency(gateway: Gateway, card: Card, limits: Limits) -> Iterator[str]:
    """The emergency profile is enabled; ICCID of the one that was enabled before."""
    before = card.enabled()
    assert before is not None
    gateway.ipad("emergency", "enable", within=limits.switch)
    yield before
    gateway.ipad("emergency", "disable", within=limits.switch, code=None)


def emergency_profile(card: Card) -> str:
    """ICCID of the profile for emergency calls."""
    (found,) = [profile.iccid for profile in card.profiles() if profile.fields["ecall"]]
    return found


@case(
    "5.9.22",
    "5.9.23",
    "3.7",
    title="The emergency profile is enabled without a notification, and gives way to the one before",
)
def test_enabled_and_disabled(card: Card, gateway: Gateway, emergency: str, limits: Limits) -> None:
    assert card.enabled() == emergency_profile(card)
    assert card.notifications() == []
    gateway.ipad("emergency", "disable", within=limits.switch)
    assert card.enabled() == emergency


@pytest.mark.usefixtures("emergency")
@case(
    "5.9.22",
    "5.14.5",
    title="No eIM is contacted during the emergency; afterwards what waits is done, and the cause told",
)
def test_silence(eim: Eim, gateway: Gateway, timeline: Timeline, limits: Limits) -> None:
    number = eim.queue(LIST)
    before = len(esipa(timeline.events()))
    gateway.poll(code=None)
    assert len(esipa(timeline.events())) == before
    assert eim.package(number).handed_out == 0
    gateway.ipad("emergency", "disable", within=limits.switch)
    (package,) = eim.settle(number, within=limits.switch)
    assert package.outcome is Outcome.OK
    later = [made for made in esipa(timeline.events())[before:] if made.function == "GetEimPackage"]
    causes = [poll.asked.get("stateChangeCause") for poll in later]
    assert causes.count(EMERGENCY_PROFILE) == 1


@needs("kill", "card-bench")
@pytest.mark.usefixtures("emergency")
@case("5.9.22", "3.8.2", title="An IPA that is started during the emergency finds it out and keeps silent")
def test_restart(eim: Eim, card: Card, gateway: Gateway, timeline: Timeline) -> None:
    number = eim.queue(LIST)
    gateway.kill()
    before = len(esipa(timeline.events()))
    gateway.start()
    gateway.poll(code=None)
    assert len(esipa(timeline.events())) == before
    assert eim.package(number).handed_out == 0
    assert card.enabled() == emergency_profile(card)


@needs("card-bench")
@pytest.mark.usefixtures("emergency")
@case("5.9.5", "5.9.22", title="A memory reset is refused during the emergency, and nothing is deleted")
def test_memory_reset(card: Card, card_bench: CardBench, gateway: Gateway) -> None:
    before = [profile.iccid for profile in card.profiles()]
    answer = gateway.ipad("euicc", "reset", "--default-smdp", "--yes", code=None)
    assert answer.code != 0
    assert [profile.iccid for profile in card.profiles()] == before
    assert card_bench.truth()["defaultSmdpAddress"]


REFUSALS = {"none is installed": 8, "it is enabled already": 2, "the eUICC is busy": 5}


@pytest.mark.parametrize("code", REFUSALS.values(), ids=REFUSALS)
@needs("card-bench")
@case("5.9.22", title="A eUICC that cannot enable the emergency profile is believed, and polling goes on")
def test_refusal(eim: Eim, card: Card, card_bench: CardBench, gateway: Gateway, code: int) -> None:
    before = card.enabled()
    card_bench.knobs(forced_codes={"enableEmergencyProfileResult": code})
    gateway.ipad("emergency", "enable", code=None)
    assert card.enabled() == before
    card_bench.knobs(forced_codes={})
    assert eim.run(LIST).outcome is Outcome.OK


@case("5.9.23", title="There is nothing to disable where no emergency profile is enabled")
def test_nothing_to_disable(eim: Eim, card: Card, gateway: Gateway) -> None:
    before = card.enabled()
    gateway.ipad("emergency", "disable", code=None)
    assert card.enabled() == before
    assert eim.run(LIST).outcome is Outcome.OK
