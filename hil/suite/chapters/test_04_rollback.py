"""Profile rollback (SGP.32 3.3.2, 5.9.16): a switch after which the eIM is not reached is undone, and no other."""

from __future__ import annotations

from collections import Counter

from hil.eim import content
from hil.eim.association import Outcome
from hil.suite.abilities import Card, CardBench, Eim, Gateway, Measure, Network, PackageView, Power, Timeline
from hil.suite.chapters.packages import (
    DELIVER,
    LOAD,
    ROLLBACK,
    delivered_result,
    enabled,
    is_delivery_of_package,
    is_ok,
    listing,
    psmo,
    result_of,
    signed_results,
)
from hil.suite.es10 import calls
from hil.suite.exchanges import esipa
from hil.suite.limits import Limits
from hil.suite.marks import case, needs
from hil.suite.record import EventRecord
from hil.suite.waiting import until

pytestmark = [needs("network", "second-profile")]

ROLLED_BACK = [("rollbackResult", 0)]
REPLAY = 4


def _switch(eim: Eim, iccid: str) -> int:
    """Queue a switch that may be undone."""
    return eim.queue(psmo(content.enable(iccid, rollback=True)))


def _switched_back(eim: Eim, iccid: str, limits: Limits) -> PackageView:
    """A switch that may be undone, to a profile that does not work; the package when it is closed."""
    (package,) = eim.settle(_switch(eim, iccid), within=limits.rollback)
    assert package.outcome is Outcome.ROLLED_BACK
    return package


def _rollbacks(events: list[EventRecord]) -> int:
    """How often the eUICC was asked for a rollback."""
    return len(calls(events, ROLLBACK))


def _end_fallback(eim: Eim, network: Network, iccid: str) -> None:
    """The agent may have left a dead profile for the fallback profile; a profile that the eIM enables ends that."""
    network.service(iccid, coverage=True, reject_cause=None)
    if enabled(eim) != iccid:
        assert is_ok(eim.run(psmo(content.enable(iccid))))


# When


@case("3.3.2", "5.9.16", title="No coverage for the new profile: the switch is undone and the eIM told")
def test_switch_without_coverage_is_undone(
    eim: Eim, card: Card, network: Network, limits: Limits, timeline: Timeline, measure: Measure
) -> None:
    spare, before = card.spare(), card.enabled()
    network.coverage(on=False, iccid=spare)
    package = _switched_back(eim, spare, limits)
    assert signed_results(package) == ROLLED_BACK
    assert enabled(eim) == before
    measure("rollback", esipa(timeline.events(), DELIVER)[0].seconds)


@case("3.3.2", "3GPP TS 24.301 5.5.1", title="The network refuses the new profile for good: the switch is undone")
def test_switch_that_the_network_refuses_is_undone(eim: Eim, card: Card, network: Network, limits: Limits) -> None:
    spare, before = card.spare(), card.enabled()
    network.reject(8, spare)
    assert signed_results(_switched_back(eim, spare, limits)) == ROLLED_BACK
    assert enabled(eim) == before


@case("3.3.2", "5.9.16", title="Registered, and no packet comes back: the switch is undone")
def test_switch_without_data_is_undone(eim: Eim, card: Card, network: Network, limits: Limits) -> None:
    spare, before = card.spare(), card.enabled()
    network.data(on=False, iccid=spare)
    assert signed_results(_switched_back(eim, spare, limits)) == ROLLED_BACK
    assert enabled(eim) == before


@needs("card-bench")
@case("3.3.2", "5.9.16", title="The eIM is not reached over the new profile: undone after deliveries were tried")
def test_switch_after_which_the_eim_is_not_reached_is_undone(
    eim: Eim, card: Card, card_bench: CardBench, gateway: Gateway, limits: Limits, timeline: Timeline
) -> None:
    spare, before = card.spare(), card.enabled()
    eim.fault("drop-before", times=1000, after=1)
    number = _switch(eim, spare)
    gateway.poll(eim.eim_id, within=limits.rollback)
    events = timeline.events()
    (asked,) = calls(events, ROLLBACK)
    tried = [item.position for item in esipa(events)[1:] if item.position < asked.position]
    assert tried
    assert card_bench.truth()["enabled"] == before
    eim.clear_faults()
    (package,) = eim.settle(number, within=limits.rollback)
    assert signed_results(package) == ROLLED_BACK


@case("3.3.2", "3.4.1", title="Back to the profile that the package itself disabled before it enabled the new one")
def test_swap_is_undone(eim: Eim, card: Card, network: Network, limits: Limits) -> None:
    spare, before = card.spare(), card.enabled()
    assert before is not None
    network.coverage(on=False, iccid=spare)
    number = eim.queue(psmo(content.disable(before), content.enable(spare, rollback=True)))
    (package,) = eim.settle(number, within=limits.rollback)
    assert package.outcome is Outcome.ROLLED_BACK
    assert enabled(eim) == before


# What is told


@needs("card-bench")
@case("3.3.2", "5.9.16", title="The result of the rollback replaces that of the package, which is never sent")
def test_result_of_the_rollback_replaces_the_first_one(
    eim: Eim, card: Card, card_bench: CardBench, network: Network, limits: Limits, timeline: Timeline
) -> None:
    spare = card.spare()
    network.reject(8, spare)
    first = card_bench.truth()["nextSequenceNumber"]
    package = _switched_back(eim, spare, limits)
    events = timeline.events()
    delivered = {delivered_result(item) for item in esipa(events, DELIVER) if is_delivery_of_package(item)}
    (asked,) = calls(events, ROLLBACK)
    assert delivered == {package.raw[0]}
    assert package.raw[0] in asked.answer
    result = result_of(package)
    assert result.counter == package.counter
    assert result.transaction_id == package.transaction_id
    assert (result.seq_number or 0) > first
    assert card_bench.truth()["packageResults"] == []
    assert not card_bench.truth()["rollbackPossible"]


@needs("card-bench")
@case(
    "3.3.2",
    "3.7",
    title="After a rollback nothing is left on the eUICC, and what was sent is genuine",
)
def test_nothing_is_left_after_a_rollback(
    eim: Eim, card: Card, card_bench: CardBench, network: Network, gateway: Gateway, limits: Limits
) -> None:
    spare, before = card.spare(), card.enabled()
    network.reject(8, spare)
    _switched_back(eim, spare, limits)
    gateway.poll(eim.eim_id)
    assert card_bench.truth()["notifications"] == []
    told = [record for record in eim.records("notification") if record.news]
    assert all(record.verified for record in told)
    events = Counter(record.summary for record in told)
    for iccid in (spare, before):
        assert events[f"enable {iccid}"] == events[f"disable {iccid}"]


@case("3.3.2", "5.9.1", title="The package that was undone used up its counterValue")
def test_counter_of_an_undone_package_is_used_up(eim: Eim, card: Card, network: Network, limits: Limits) -> None:
    eim.knob(recover_replays=False)
    spare = card.spare()
    network.reject(8, spare)
    package = _switched_back(eim, spare, limits)
    again = eim.run(psmo(content.enable(spare)), counter=package.counter)
    assert result_of(again).fields["euiccPackageErrorCode"] == REPLAY
    assert is_ok(eim.run(listing()))


@needs("card-bench")
@case("3.3.2", "3.3.1", title="No other package is loaded before it is decided about a switch")
def test_no_package_is_loaded_before_the_decision(
    eim: Eim, card: Card, network: Network, limits: Limits, timeline: Timeline
) -> None:
    spare = card.spare()
    network.reject(8, spare)
    first, second = _switch(eim, spare), eim.queue(listing())
    undone, following = eim.settle(first, second, within=limits.rollback)
    assert undone.outcome is Outcome.ROLLED_BACK
    assert is_ok(following)
    (asked,) = calls(timeline.events(), ROLLBACK)
    assert [call.position > asked.position for call in calls(timeline.events(), LOAD)] == [False, True]


# When not


@needs("card-bench")
@case("3.3.2", "3.4.1", title="A switch after which the eIM is reached is not undone")
def test_switch_that_works_is_kept(eim: Eim, card: Card, timeline: Timeline) -> None:
    spare = card.spare()
    (package,) = eim.settle(_switch(eim, spare))
    assert signed_results(package) == [("enableResult", 0)]
    assert enabled(eim) == spare
    assert _rollbacks(timeline.events()) == 0


@needs("card-bench")
@case("3.3.2", "3.4.1", title="A network that is found late, but in time, is no reason for a rollback")
def test_late_network_is_no_reason(eim: Eim, card: Card, network: Network, limits: Limits, timeline: Timeline) -> None:
    spare = card.spare()
    network.service(spare, search_time=2 * limits.settle)
    (package,) = eim.settle(_switch(eim, spare))
    assert signed_results(package) == [("enableResult", 0)]
    assert _rollbacks(timeline.events()) == 0


@needs("card-bench")
@case(
    "3.3.2",
    "5.9.16",
    title="Without rollbackFlag there is no rollback; the result is delivered over any way",
)
def test_switch_without_permission_is_not_rolled_back(
    eim: Eim, card: Card, network: Network, limits: Limits, timeline: Timeline
) -> None:
    spare = card.spare()
    network.coverage(on=False, iccid=spare)
    number = eim.queue(psmo(content.enable(spare)))
    (package,) = eim.settle(number, within=limits.fallback)
    assert signed_results(package) == [("enableResult", 0)]
    assert _rollbacks(timeline.events()) == 0
    _end_fallback(eim, network, spare)


@needs("card-bench")
@case("3.3.1", "5.9.16", title="The next package ends the right to undo the switch before it")
def test_next_package_ends_the_right_to_a_rollback(eim: Eim, card: Card, card_bench: CardBench) -> None:
    eim.settle(_switch(eim, card.spare()))
    assert card_bench.truth()["rollbackPossible"]
    assert is_ok(eim.run(listing()))
    assert not card_bench.truth()["rollbackPossible"]


@needs("card-bench")
@case("3.3.2", "5.9.16", title="If the eUICC refuses the rollback, the first result is kept and delivered")
def test_refused_rollback_keeps_the_first_result(
    eim: Eim, card: Card, card_bench: CardBench, network: Network, limits: Limits, timeline: Timeline
) -> None:
    spare = card.spare()
    card_bench.knobs(forced_codes={"cmdResult": 1})
    network.reject(8, spare)
    (package,) = eim.settle(_switch(eim, spare), within=limits.fallback)
    assert _rollbacks(timeline.events()) >= 1
    assert signed_results(package) == [("enableResult", 0)]
    assert package.outcome is Outcome.OK
    _end_fallback(eim, network, spare)


@needs("card-bench")
@case("3.3.2", "5.9.16", title="An eUICC that is busy is asked again: catBusy(5) is no refusal")
def test_busy_card_is_asked_again(
    eim: Eim, card: Card, card_bench: CardBench, network: Network, gateway: Gateway, limits: Limits
) -> None:
    spare, before = card.spare(), card.enabled()
    network.reject(8, spare)
    number = _switch(eim, spare)
    gateway.restart()
    network.online(up=False, within=limits.switch)
    card_bench.knobs(cat_busy=True)
    until(lambda: card_bench.executed().get(f"{ROLLBACK:X}", 0) > 0, limits.rollback, "a rollback is tried")
    card_bench.knobs(cat_busy=False)
    (package,) = eim.wait(number, within=limits.rollback)
    assert signed_results(package) == ROLLED_BACK
    assert enabled(eim) == before


# Interrupted


@needs("kill")
@case("3.3.2", "5.9.16", title="The decision outlives the agent: after a restart the switch is undone")
def test_decision_outlives_the_agent(eim: Eim, card: Card, network: Network, gateway: Gateway, limits: Limits) -> None:
    spare, before = card.spare(), card.enabled()
    network.reject(8, spare)
    number = _switch(eim, spare)
    gateway.restart()
    network.online(up=False, within=limits.switch)
    gateway.kill()
    gateway.start()
    (package,) = eim.wait(number, within=limits.rollback)
    assert package.outcome is Outcome.ROLLED_BACK
    assert enabled(eim) == before


@needs("power")
@case("3.3.2", "5.9.16", title="The right to undo a switch outlives a power cut of modem and eUICC")
def test_decision_outlives_a_power_cut(
    eim: Eim, card: Card, network: Network, gateway: Gateway, power: Power, limits: Limits
) -> None:
    spare, before = card.spare(), card.enabled()
    network.coverage(on=False, iccid=spare)
    number = _switch(eim, spare)
    gateway.restart()
    network.online(up=False, within=limits.switch)
    power.cycle()
    (package,) = eim.wait(number, within=limits.rollback)
    assert package.outcome is Outcome.ROLLED_BACK
    assert enabled(eim) == before
