"""Immediate Profile Enabling (SGP.32 3.4.4, 5.9.15): profiles of the default SM-DP+ are enabled once installed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from hil.eim import content
from hil.eim.association import Outcome
from hil.suite.abilities import Card, CardBench, Eim, Gateway, Measure, OrderView, PackageView, Smdp, Timeline
from hil.suite.chapters.downloads import download, use_default_smdp
from hil.suite.exchanges import es9, esipa
from hil.suite.limits import Limits
from hil.suite.marks import case, needs

pytestmark = needs("test-profile")

IMMEDIATE_ENABLE = 5
"""stateChangeCause (SGP.32 5.14.5)."""


def configure(eim: Eim, *, enabled: bool = True, **filters: Any) -> PackageView:
    """A package that switches Immediate Profile Enabling on or off."""
    return eim.run(content.psmo_package(content.configure_immediate_enable(enabled=enabled, **filters)))


@pytest.fixture(autouse=True)
def _default_and_off_again(eim: Eim, smdp: Smdp, gateway: Gateway) -> Iterator[None]:
    """The default SM-DP+ is the bench's; nothing is enabled immediately after a case."""
    use_default_smdp(eim, smdp, gateway)
    yield
    eim.clear_faults()
    configure(eim, enabled=False)


def from_default(eim: Eim, smdp: Smdp, card: Card, within: float) -> OrderView:
    """Download from the default SM-DP+ to the end; the order."""
    order = smdp.order(eid=card.eid)
    package = eim.run(content.download_trigger(default_smdp=True), within=within)
    assert package.outcome is Outcome.OK
    assert smdp.state(order.number).state == "Installed"
    return order


@pytest.mark.parametrize("enabled", [True, False], ids=["on", "off"])
@case("3.4.4", title="An eIM switches Immediate Profile Enabling on and off")
def test_configuration(eim: Eim, enabled: bool) -> None:
    package = configure(eim, enabled=enabled)
    assert package.codes == [("configureImmediateEnableResult", 0)]
    assert (package.outcome, package.verified) == (Outcome.OK, True)


@needs("card-bench")
@case("3.4.4", "2.11.2", title="A eUICC without memory for the configuration says so")
def test_configuration_without_memory(eim: Eim, card_bench: CardBench) -> None:
    card_bench.knobs(configuration_memory=False)
    assert configure(eim).codes == [("configureImmediateEnableResult", 1)]
    card_bench.knobs(configuration_memory=True)


@case("3.4.4", "5.9.15", title="The profile of the default SM-DP+ is enabled at once, and all results arrive over it")
def test_profile_is_enabled(
    eim: Eim, smdp: Smdp, card: Card, limits: Limits, timeline: Timeline, measure: Measure
) -> None:
    assert configure(eim).outcome is Outcome.OK
    order = from_default(eim, smdp, card, limits.download + limits.switch)
    assert card.enabled() == order.iccid
    assert [report["reason"] for report in smdp.reports()["installations"]] == [None]
    begun, told = es9(timeline.events())[0], esipa(timeline.events(), "HandleNotification")
    measure("activation", told[0].seconds - begun.seconds)


@case("3.4.4", "5.14.5", title="The eIMs are told: stateChangeCause immediateEnableProfile, once")
def test_cause_is_told(eim: Eim, smdp: Smdp, card: Card, gateway: Gateway, limits: Limits, timeline: Timeline) -> None:
    assert configure(eim).outcome is Outcome.OK
    from_default(eim, smdp, card, limits.download + limits.switch)
    gateway.poll(within=limits.switch)
    gateway.poll()
    causes = [poll.asked.get("stateChangeCause") for poll in esipa(timeline.events(), "GetEimPackage")]
    assert causes.count(IMMEDIATE_ENABLE) == 1
    assert causes[-1] is None


@case("3.4.4", "5.9.15", title="A profile that an activation code names is not enabled, though all is configured")
def test_activation_code_enables_nothing(eim: Eim, smdp: Smdp, card: Card) -> None:
    before = card.enabled()
    assert configure(eim).outcome is Outcome.OK
    assert download(eim, smdp.order()).outcome is Outcome.OK
    assert card.enabled() == before


@case("3.4.4", "5.9.15", title="Without configuration a profile of the default SM-DP+ stays disabled")
def test_not_configured(eim: Eim, smdp: Smdp, card: Card, limits: Limits) -> None:
    before = card.enabled()
    from_default(eim, smdp, card, limits.download)
    assert card.enabled() == before


@case("3.4.4", title="What was switched off again enables nothing")
def test_switched_off(eim: Eim, smdp: Smdp, card: Card, limits: Limits) -> None:
    before = card.enabled()
    assert configure(eim).outcome is Outcome.OK
    assert configure(eim, enabled=False).outcome is Outcome.OK
    from_default(eim, smdp, card, limits.download)
    assert card.enabled() == before


@pytest.mark.parametrize(
    "filters", [{"smdp_oid": "2.999.4711"}, {"smdp_address": "other.example.com"}], ids=["OID", "address"]
)
@case("3.4.4", "5.9.15", title="A configuration for another SM-DP+ enables nothing of this one")
def test_other_smdp(eim: Eim, smdp: Smdp, card: Card, limits: Limits, filters: dict[str, Any]) -> None:
    before = card.enabled()
    assert configure(eim, **filters).outcome is Outcome.OK
    from_default(eim, smdp, card, limits.download)
    assert card.enabled() == before


@pytest.mark.parametrize("code", [4, 127], ids=["no session context", "undefined"])
@needs("card-bench")
@case(
    "5.9.15",
    "3.2.3",
    title="A eUICC that does not enable the profile costs no result: it is installed, and all are told",
)
def test_refusal(eim: Eim, smdp: Smdp, card: Card, card_bench: CardBench, limits: Limits, code: int) -> None:
    assert configure(eim).outcome is Outcome.OK
    card_bench.knobs(forced_codes={"immediateEnableResult": code})
    before = card.enabled()
    from_default(eim, smdp, card, limits.download)
    assert card.enabled() == before
    assert [report["reason"] for report in smdp.reports()["installations"]] == [None]
