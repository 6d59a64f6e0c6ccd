"""Delivery of results and their acknowledgement (SGP.32 3.3.1 steps 9 to 17, 5.14.6, 5.9.11, 5.9.12)."""

from __future__ import annotations

import pytest

from hil import tlv
from hil.eim import content
from hil.eim.association import Outcome, PackageState
from hil.suite.abilities import Card, CardBench, Eim, Gateway, Timeline
from hil.suite.chapters.packages import (
    DELIVER,
    LOAD,
    NOTIFY,
    POLL,
    delivered_result,
    enabled,
    is_delivery_of_package,
    is_ok,
    listing,
    loaded,
    psmo,
    result_of,
)
from hil.suite.es10 import calls, removed
from hil.suite.exchanges import esipa, functions, notification_number
from hil.suite.marks import case, needs

UNREACHABLE = 50
"""More attempts than any agent makes in one run."""


def _stored(card: Card) -> list[int]:
    """Sequence numbers of the package results that wait on the eUICC."""
    return [int(item["seq"]) for item in card.notifications() if item["type"] == "package_result"]


def _sequence(eim: Eim, number: int) -> int:
    """seqNumber of the result of a package."""
    found = result_of(eim.package(number)).seq_number
    assert found is not None
    return found


# The message


@case("5.14.6", "6.3.2.7", title="ProvideEimPackageResult names the EID, then one result")
def test_result_is_delivered_with_the_eid(eim: Eim, card: Card, timeline: Timeline) -> None:
    assert is_ok(eim.run(listing()))
    (delivered,) = esipa(timeline.events(), DELIVER)
    eid, result = tlv.children(tlv.single(delivered.request, 0xBF50).value)
    assert (eid.tag, eid.value.hex()) == (0x5A, card.eid)
    assert result.tag == LOAD


@needs("card-bench")
@case("3.3.1", "5.14.6", title="The result is delivered byte for byte as the eUICC gave it")
def test_result_is_delivered_as_the_card_gave_it(eim: Eim, timeline: Timeline) -> None:
    assert is_ok(eim.run(listing()))
    (delivered,) = esipa(timeline.events(), DELIVER)
    (call,) = calls(timeline.events(), LOAD)
    assert delivered_result(delivered) == call.answer


@needs("card-bench", "second-profile")
@case("3.3.1", "5.14.6", title="Notifications of a switch go with its result, in the order of their numbers")
def test_notifications_go_with_the_result(eim: Eim, card: Card, timeline: Timeline) -> None:
    assert is_ok(eim.run(psmo(content.enable(card.spare()))))
    delivered = next(item for item in esipa(timeline.events(), DELIVER) if is_delivery_of_package(item))
    both = tlv.children(tlv.single(delivered.request, 0xBF50).value)[1]
    result, notifications = tlv.children(both.value)
    assert (both.tag, result.tag, notifications.tag) == (0x30, LOAD, 0xA0)
    numbers = [notification_number(item.raw) for item in tlv.children(notifications.value)]
    assert len(numbers) == 2
    assert numbers == sorted(numbers)
    assert NOTIFY not in functions(esipa(timeline.events()))


@needs("card-bench", "second-profile")
@case("3.3.1", title="The result of a switch goes out over the connection of the new profile")
def test_result_of_a_switch_goes_over_the_new_connection(eim: Eim, card: Card, timeline: Timeline) -> None:
    assert is_ok(eim.run(psmo(content.enable(card.spare()))))
    events = timeline.events()
    delivered = next(item for item in esipa(events, DELIVER) if is_delivery_of_package(item))
    radio = [
        (position, event.text)
        for position, event in enumerate(events)
        if event.interface == "RADIO" and position < delivered.position
    ]
    assert "bearer lost" in [text for _, text in radio]
    assert radio[-1][1] == "bearer up"


# Acknowledgement


@needs("card-bench")
@case("5.14.6", "5.9.12", title="What is acknowledged is removed from the eUICC, nothing else")
def test_acknowledged_result_is_removed(eim: Eim, card: Card, timeline: Timeline) -> None:
    number = eim.queue(listing())
    eim.settle(number)
    assert removed(timeline.events()) == [_sequence(eim, number)]
    assert card.notifications() == []


@needs("card-bench", "second-profile")
@case("5.14.6", "5.9.12", title="Numbers of notifications in an acknowledgement are removed as those of results")
def test_acknowledged_notifications_are_removed(eim: Eim, card: Card, timeline: Timeline) -> None:
    number = eim.queue(psmo(content.enable(card.spare())))
    eim.settle(number)
    (acknowledged,) = [record.details["numbers"] for record in eim.records("acknowledged")]
    assert len(acknowledged) == 3
    assert removed(timeline.events()) == acknowledged
    assert card.notifications() == []


@needs("card-bench")
@pytest.mark.parametrize("answer", ["none", "empty-list"])
@case("5.14.6", title="A result that is not acknowledged stays on the eUICC, until the eIM reads it there")
def test_result_without_acknowledgement_stays(
    eim: Eim, card: Card, gateway: Gateway, timeline: Timeline, answer: str
) -> None:
    eim.knob(acknowledge=answer)
    number = eim.queue(listing())
    gateway.poll(eim.eim_id)
    sequence = _sequence(eim, number)
    assert eim.package(number).state is PackageState.RESULT_RECEIVED
    assert removed(timeline.events()) == []
    assert _stored(card) == [sequence]
    eim.knob(acknowledge="all")
    data = eim.run(content.data_request((0xA2,), result_seq=sequence))
    assert data.outcome is Outcome.OK
    assert eim.package(number).closed
    assert removed(timeline.events()) == [sequence]
    assert _stored(card) == []


@needs("card-bench", "second-profile")
@case("5.14.6", "3.7", title="If only the result is acknowledged, its notifications are delivered on their own")
def test_notifications_without_acknowledgement_are_delivered(
    eim: Eim, card: Card, gateway: Gateway, timeline: Timeline
) -> None:
    eim.knob(acknowledge="partial")
    number = eim.queue(psmo(content.enable(card.spare())))
    eim.settle(number)
    gateway.poll(eim.eim_id)
    assert NOTIFY in functions(esipa(timeline.events()))
    assert card.notifications() == []


@case("5.14.6", "5.9.12", title="Numbers that the eUICC does not have remove nothing and disturb nothing")
def test_wrong_numbers_remove_nothing(eim: Eim, card: Card, gateway: Gateway) -> None:
    eim.knob(acknowledge="wrong")
    number = eim.queue(listing())
    gateway.poll(eim.eim_id)
    assert _stored(card) == [_sequence(eim, number)]
    eim.knob(acknowledge="all")
    assert is_ok(eim.run(listing()))
    eim.run(content.data_request((0xA2,)))
    assert _stored(card) == []


@case("5.14.6", "5.9.12", title="A number that is named twice is removed once and disturbs nothing")
def test_number_named_twice(eim: Eim, card: Card) -> None:
    eim.knob(acknowledge="duplicate")
    first, second = eim.settle(eim.queue(listing()), eim.queue(listing()))
    assert is_ok(first)
    assert is_ok(second)
    assert card.notifications() == []


# Errors of the eIM


@needs("card-bench")
@case("5.14.6", "6.3.2.7", title="An error in answer to a result: the result stays on the eUICC, and is executed once")
def test_error_in_answer_to_a_result_keeps_it(eim: Eim, card: Card, gateway: Gateway, timeline: Timeline) -> None:
    eim.knob(result_error=127)
    number = eim.queue(psmo(content.set_default_dp("error.example.com")))
    gateway.poll(eim.eim_id)
    assert removed(timeline.events()) == []
    assert len(_stored(card)) == 1
    eim.knob(result_error=None)
    (package,) = eim.settle(number)
    assert is_ok(package)
    assert len([record for record in eim.records("result") if record.news and record.summary.endswith(" ok")]) == 1


@needs("second-profile")
@case("5.14.6", "3.3.2", title="An error in answer to the result of a switch does not undo the switch")
def test_error_in_answer_to_a_result_undoes_nothing(eim: Eim, card: Card, gateway: Gateway) -> None:
    spare = card.spare()
    eim.knob(result_error=127)
    number = eim.queue(psmo(content.enable(spare, rollback=True)))
    gateway.poll(eim.eim_id)
    eim.knob(result_error=None)
    (package,) = eim.settle(number)
    assert is_ok(package)
    assert enabled(eim) == spare


# Lost on the way

LOST = ["drop-before", "drop-after", "truncated", "content-length", "wrong-tag", "trailing-bytes", "html"]


@needs("card-bench")
@pytest.mark.parametrize("kind", LOST)
@case("3.3.1", "5.14.6", title="A delivery without a good answer is repeated with the same result")
def test_delivery_without_an_answer_is_repeated(eim: Eim, card: Card, timeline: Timeline, kind: str) -> None:
    eim.fault(kind, DELIVER)
    assert is_ok(eim.run(listing()))
    deliveries = [delivered_result(item) for item in esipa(timeline.events(), DELIVER)]
    assert len(deliveries) == 2
    assert deliveries[0] == deliveries[1]
    assert len(loaded(timeline.events())) == 1
    assert card.notifications() == []


@pytest.mark.parametrize("status", [500, 503])
@case("5.14.6", "RFC 9110 15.6", title="A delivery that meets an HTTP error is made up for")
def test_delivery_with_an_http_error_is_made_up_for(eim: Eim, card: Card, status: int) -> None:
    eim.fault("status", DELIVER, value=status)
    assert is_ok(eim.run(listing()))
    assert card.notifications() == []


@case("5.14.6", title="The eIM counts a result that comes twice once")
def test_repeated_result_is_news_once(eim: Eim) -> None:
    eim.fault("drop-after", DELIVER, times=2)
    package = eim.run(listing())
    assert is_ok(package)
    results = eim.records("result")
    assert [record.news for record in results] == [True] + [False] * (len(results) - 1)
    assert len(results) >= 2
    assert len({record.raw for record in results}) == 1


@needs("card-bench")
@case("3.3.1", "5.14.6", title="A result that cannot be delivered waits, and is delivered when the eIM is back")
def test_undelivered_result_waits_for_the_eim(eim: Eim, card: Card, gateway: Gateway, timeline: Timeline) -> None:
    eim.fault("drop-before", DELIVER, times=UNREACHABLE)
    number = eim.queue(listing())
    gateway.poll(eim.eim_id)
    assert eim.package(number).state is PackageState.HANDED_OUT
    assert len(_stored(card)) == 1
    eim.clear_faults()
    (package,) = eim.settle(number)
    assert is_ok(package)
    assert card.notifications() == []
    assert package.handed_out == 1
    assert len(loaded(timeline.events())) == 1


@case("3.3.1", "5.14.6", title="What is owed goes before the next GetEimPackage")
def test_owed_result_goes_before_the_next_request(eim: Eim, gateway: Gateway, timeline: Timeline) -> None:
    eim.fault("drop-before", DELIVER, times=UNREACHABLE)
    number = eim.queue(listing())
    gateway.poll(eim.eim_id)
    eim.clear_faults()
    before = len(timeline.events())
    gateway.poll(eim.eim_id)
    assert functions(esipa(timeline.events()[before:]))[:2] == [DELIVER, POLL]
    assert is_ok(eim.package(number))


@needs("kill")
@case("3.3.1", "5.9.11", title="A result outlives the agent: after a restart it is delivered, and executed once")
def test_result_outlives_the_agent(eim: Eim, card: Card, gateway: Gateway) -> None:
    eim.fault("drop-before", DELIVER, times=UNREACHABLE)
    number = eim.queue(psmo(content.set_default_dp("killed.example.com")))
    gateway.poll(eim.eim_id)
    gateway.kill()
    eim.clear_faults()
    gateway.start()
    (package,) = eim.settle(number)
    assert is_ok(package)
    assert package.handed_out == 1
    assert card.notifications() == []


@needs("kill")
@case("3.3.1", "2.11.2.1", title="An error, which the eUICC does not keep, outlives the agent too")
def test_error_outlives_the_agent(eim: Eim, gateway: Gateway) -> None:
    eim.fault("drop-before", DELIVER, times=UNREACHABLE)
    number = eim.queue(listing(), bad_signature=True)
    gateway.poll(eim.eim_id)
    gateway.kill()
    eim.clear_faults()
    gateway.start()
    (package,) = eim.settle(number)
    assert package.outcome is Outcome.UNSIGNED
    assert package.handed_out == 1


@needs("kill")
@case("5.14.5", "5.14.6", title="An answer to a package that could not be read outlives the agent too")
def test_error_of_the_agent_outlives_it(eim: Eim, gateway: Gateway) -> None:
    eim.fault("drop-before", DELIVER, times=UNREACHABLE)
    number = eim.queue(content.raw_package(bytes.fromhex("BF6F00")))
    gateway.poll(eim.eim_id)
    gateway.kill()
    eim.clear_faults()
    gateway.start()
    (package,) = eim.settle(number)
    assert package.outcome is Outcome.IPA_ERROR


# Stored results


@case(
    "5.9.11",
    "2.11.1.2",
    title="All results that wait are given to an eIM that asks, and removed when it has them",
)
def test_all_stored_results_are_given(eim: Eim, card: Card, gateway: Gateway) -> None:
    eim.knob(acknowledge="none")
    numbers = [eim.queue(listing()) for _ in range(3)]
    gateway.poll(eim.eim_id)
    sequences = [_sequence(eim, number) for number in numbers]
    assert _stored(card) == sequences
    eim.knob(acknowledge="all")
    data = eim.run(content.data_request((0xA2,)))
    assert len(data.results[0]["ipaEuiccData"]["euiccPackageResultList"]) == 3
    assert all(eim.package(number).closed for number in numbers)
    assert _stored(card) == []


@case("5.9.11", "2.11.1.2", title="One of several results is given by its number, the others stay")
def test_one_stored_result_is_given_by_its_number(eim: Eim, card: Card, gateway: Gateway) -> None:
    eim.knob(acknowledge="none")
    numbers = [eim.queue(listing()) for _ in range(3)]
    gateway.poll(eim.eim_id)
    first, second, third = (_sequence(eim, number) for number in numbers)
    eim.knob(acknowledge="all")
    eim.run(content.data_request((0xA2,), result_seq=second))
    assert [eim.package(number).closed for number in numbers] == [False, True, False]
    assert _stored(card) == [first, third]
    eim.run(content.data_request((0xA2,)))
    assert _stored(card) == []


@needs("card-bench")
@case(
    "2.11.2",
    "5.9.11",
    title="When the eUICC has no room for another result, the oldest one is dropped",
)
def test_oldest_result_is_dropped(eim: Eim, card: Card, card_bench: CardBench, gateway: Gateway) -> None:
    card_bench.knobs(result_capacity=2)
    eim.knob(acknowledge="none")
    numbers = [eim.queue(listing()) for _ in range(3)]
    gateway.poll(eim.eim_id)
    assert _stored(card) == [_sequence(eim, number) for number in numbers[1:]]
    eim.knob(acknowledge="all")
    data = eim.run(content.data_request((0xA2,)))
    assert len(data.results[0]["ipaEuiccData"]["euiccPackageResultList"]) == 2
    assert is_ok(eim.run(listing()))


@needs("card-bench")
@case("5.14.6", "5.9.1", title="A package that is handed out again after its result was lost is not executed again")
def test_package_that_comes_again_is_not_executed_again(eim: Eim, card_bench: CardBench) -> None:
    eim.knob(recover_replays=False)
    first = eim.run(psmo(content.set_default_dp("once.example.com")))
    again = eim.run(psmo(content.set_default_dp("twice.example.com")), counter=first.counter)
    assert again.outcome is Outcome.REFUSED
    assert card_bench.truth()["defaultSmdpAddress"] == "once.example.com"
