"""The Fallback Attribute (SGP.32 3.4.6, 3.4.7), the Fallback Mechanism (5.9.20) and the return from it (5.9.21)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hil.eim import content
from hil.eim.association import Outcome
from hil.eim.content import Command
from hil.suite.abilities import Card, CardBench, Eim, Gateway, Measure, Network, PackageView, Timeline
from hil.suite.exchanges import esipa
from hil.suite.limits import Limits
from hil.suite.marks import case, needs
from hil.suite.waiting import until

pytestmark = needs("fallback", "second-profile")

FALLBACK = 1
"""stateChangeCause (SGP.32 5.14.5)."""
UNKNOWN_ICCID = "89490000000000009998"


def run(eim: Eim, *commands: Command) -> PackageView:
    """A package of Profile State Management Operations."""
    return eim.run(content.psmo_package(*commands))


def holder(card: Card) -> str:
    """ICCID of the profile that has the attribute."""
    (found,) = [profile.iccid for profile in card.profiles() if profile.fallback]
    return found


@pytest.fixture(name="fallback")
def _fallback(eim: Eim, card: Card) -> Iterator[str]:
    """ICCID of the profile that has the attribute before the case and after it."""
    iccid = holder(card)
    yield iccid
    if [profile.iccid for profile in card.profiles() if profile.fallback] != [iccid]:
        run(eim, content.set_fallback(iccid))


# The attribute


@case("3.4.6", title="A profile that has the attribute already may be given it again")
def test_attribute_for_its_holder(eim: Eim, card: Card, fallback: str) -> None:
    package = run(eim, content.set_fallback(fallback))
    assert package.codes == [("setFallbackAttributeResult", 0)]
    assert holder(card) == fallback


@case("3.4.6", "2.11.2", title="A profile that is not installed cannot have the attribute")
def test_attribute_for_nobody(eim: Eim, card: Card, fallback: str) -> None:
    package = run(eim, content.set_fallback(UNKNOWN_ICCID))
    assert package.codes == [("setFallbackAttributeResult", 1)]
    assert holder(card) == fallback


@case("3.4.6", "2.11.2", title="A profile that does not allow it cannot have the attribute")
def test_attribute_that_is_not_allowed(eim: Eim, card: Card, fallback: str) -> None:
    (other, *_) = [profile for profile in card.profiles() if not profile.fields["fallback_allowed"]]
    package = run(eim, content.set_fallback(other.iccid))
    assert package.codes == [("setFallbackAttributeResult", 2)]
    assert holder(card) == fallback


@pytest.mark.usefixtures("fallback")
@case("3.4.6", "3.4.7", "2.11.2", title="While the fallback profile is enabled the attribute stays where it is")
def test_attribute_of_the_enabled_profile(eim: Eim, card: Card, fallback: str) -> None:
    assert card.enabled() == fallback
    package = run(eim, content.set_fallback(card.spare()))
    assert package.codes == [("setFallbackAttributeResult", 3)]
    package = run(eim, content.unset_fallback())
    assert package.codes == [("unsetFallbackAttributeResult", 3)]
    assert holder(card) == fallback


@pytest.fixture(name="apart")
def _apart(eim: Eim, card: Card, limits: Limits) -> str:
    """Another profile than the one with the attribute is enabled; its ICCID."""
    spare = card.spare()
    package = eim.run(content.psmo_package(content.enable(spare)), within=limits.switch)
    assert package.outcome is Outcome.OK
    assert card.enabled() == spare
    return spare


@case("3.4.6", "3.4.7", title="The attribute is taken away, is then nowhere, and is given anew")
def test_attribute_comes_and_goes(eim: Eim, card: Card, fallback: str, apart: str) -> None:
    assert run(eim, content.unset_fallback()).codes == [("unsetFallbackAttributeResult", 0)]
    assert [profile for profile in card.profiles() if profile.fallback] == []
    assert run(eim, content.unset_fallback()).codes == [("unsetFallbackAttributeResult", 2)]
    assert run(eim, content.set_fallback(apart)).codes == [("setFallbackAttributeResult", 0)]
    assert holder(card) == apart
    # The holder is enabled now, so that it has to be switched before the attribute can go back.
    assert run(eim, content.enable(fallback)).outcome is Outcome.OK
    assert run(eim, content.set_fallback(fallback)).codes == [("setFallbackAttributeResult", 0)]
    assert holder(card) == fallback


@case("2.11.1.1.3", "3.4.6", title="listProfileInfo shows the attribute at the profile that has it, and nowhere else")
def test_attribute_is_shown(eim: Eim, fallback: str) -> None:
    package = run(eim, content.list_profile_info(tags=[0x5A, 0x9F26, 0x9F67]))
    ((_, result),) = package.codes
    listed = result["profileInfoListOk"]
    shown = [content.iccid_text(bytes.fromhex(item["iccid"])) for item in listed if item.get("fallbackAttribute")]
    assert shown == [fallback]


# The mechanism


def causes(timeline: Timeline) -> list[int]:
    """Each stateChangeCause that the eIM was told."""
    polls = [poll.asked for poll in esipa(timeline.events(), "GetEimPackage")]
    return [poll["stateChangeCause"] for poll in polls if "stateChangeCause" in poll]


@pytest.fixture(name="lost")
def _lost(network: Network, card: Card, apart: str, fallback: str, limits: Limits) -> str:
    """ICCID of a profile that lost its network for good, so that the device went to the fallback profile."""
    network.coverage(on=False, iccid=apart)
    until(lambda: card.enabled() == fallback, limits.fallback, "the fallback profile is enabled")
    network.online(within=limits.recovery)
    return apart


@needs("network")
@case(
    "5.9.20",
    "5.14.5",
    "3.7",
    title="Lost for good, the device goes to the fallback profile, says why, and works",
)
def test_fallback(
    eim: Eim,
    card: Card,
    network: Network,
    gateway: Gateway,
    timeline: Timeline,
    lost: str,
    fallback: str,
    limits: Limits,
) -> None:
    until(lambda: FALLBACK in causes(timeline), limits.recovery, "the eIM is told of the fallback")
    gateway.poll()
    told = [(item.details["operation"], item.details["iccid"]) for item in eim.records("notification") if item.news]
    assert told[-2:] == [("disable", lost), ("enable", fallback)]
    assert all(item.verified for item in eim.records("notification"))
    assert card.notifications() == []
    assert run(eim, content.list_profile_info()).outcome is Outcome.OK
    assert causes(timeline).count(FALLBACK) == 1
    # What an eIM enables ends the fallback, so that the eUICC is as it was.
    network.coverage(on=True, iccid=lost)
    assert eim.run(content.psmo_package(content.enable(lost)), within=limits.switch).outcome is Outcome.OK


@needs("network")
@case("5.9.21", "5.14.5", title="When its network is back the former profile is enabled again, and the eIM is told")
def test_return(card: Card, network: Network, timeline: Timeline, lost: str, limits: Limits, measure: Measure) -> None:
    until(lambda: FALLBACK in causes(timeline), limits.recovery, "the eIM is told of the fallback")
    network.coverage(on=True, iccid=lost)
    until(lambda: card.enabled() == lost, limits.fallback, "the former profile is enabled again")
    measure("recovery", network.online(within=limits.recovery))
    until(lambda: causes(timeline).count(FALLBACK) == 2, limits.recovery, "the eIM is told of the return")


@needs("network")
@case("5.9.21", "3.4.1", title="An eIM that enables a profile ends the fallback: nothing returns by itself")
def test_eim_enables_meanwhile(eim: Eim, card: Card, network: Network, lost: str, limits: Limits) -> None:
    network.coverage(on=True, iccid=lost)
    package = eim.run(content.psmo_package(content.enable(lost)), within=limits.switch)
    assert package.outcome is Outcome.OK
    assert card.enabled() == lost


@needs("network", "card-bench")
@case("3.4.3", "5.9.21", title="The former profile cannot be deleted while the mechanism may return to it, only then")
def test_former_profile_is_kept_for_the_return(
    eim: Eim, card: Card, network: Network, lost: str, limits: Limits
) -> None:
    assert run(eim, content.delete(lost)).codes == [("deleteResult", 21)]
    assert lost in [profile.iccid for profile in card.profiles()]
    network.coverage(on=True, iccid=lost)
    package = eim.run(content.psmo_package(content.enable(lost)), within=limits.switch)
    assert package.outcome is Outcome.OK
    # The fallback is over for the eUICC: all that stands in the way is that the profile is enabled.
    assert run(eim, content.delete(lost)).codes == [("deleteResult", 2)]


@needs("card-bench")
@case("5.9.20", title="A device that is online never executes the Fallback Mechanism")
def test_no_fallback_online(eim: Eim, card_bench: CardBench) -> None:
    assert run(eim, content.list_profile_info()).outcome is Outcome.OK
    assert card_bench.executed().get("BF5D", 0) == 0
