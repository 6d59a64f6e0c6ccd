"""Several commands in one eUICC Package: order, the end at the first failure, marks (SGP.32 3.3.1, 2.11.2.1)."""

from __future__ import annotations

import pytest

from hil.eim import content
from hil.eim.association import Outcome
from hil.suite.abilities import Card, CardBench, Eim, Timeline
from hil.suite.chapters.packages import (
    LOAD,
    UNKNOWN_ICCID,
    code_of,
    enabled,
    is_ok,
    psmo,
    result_of,
    run,
    signed_results,
)
from hil.suite.es10 import calls
from hil.suite.marks import case, needs

OK = 0
ADDRESS = {"setDefaultDpAddressResult": OK}


@case("3.3.1", "2.11.2.1", title="Each command has one result, in the order of the commands")
def test_results_are_in_the_order_of_the_commands(eim: Eim) -> None:
    results = run(
        eim,
        content.get_rat(),
        content.list_profile_info(tags=(0x5A,)),
        content.set_default_dp("order.example.com"),
        content.list_profile_info(iccid=UNKNOWN_ICCID),
        content.get_rat(),
    )
    assert [name for name, _ in results] == [
        "getRATResult",
        "listProfileInfoResult",
        "setDefaultDpAddressResult",
        "listProfileInfoResult",
        "getRATResult",
    ]


@case("3.3.1", title="The first command that fails is the last one that is executed")
def test_processing_stops_at_the_first_failure(eim: Eim) -> None:
    results = run(
        eim,
        content.set_default_dp("before.example.com"),
        content.enable(UNKNOWN_ICCID),
        content.set_default_dp("after.example.com"),
    )
    assert results == [("setDefaultDpAddressResult", ADDRESS), ("enableResult", 1)]
    package = eim.run(content.data_request((0x81,)))
    assert package.results[0]["ipaEuiccData"]["defaultSmdpAddress"] == "before.example.com"


@case("3.3.1", "2.11.2.1", title="A failure of the first command is the only result")
def test_failure_of_the_first_command_is_the_only_result(eim: Eim) -> None:
    package = eim.run(psmo(content.delete(UNKNOWN_ICCID), content.list_profile_info(), content.get_rat()))
    assert signed_results(package) == [("deleteResult", 1)]
    assert (package.closed, package.outcome) == (True, Outcome.FAILED)


@case("3.3.1", title="A list without a match is no failure: the next command is executed")
def test_empty_list_does_not_stop_the_processing(eim: Eim) -> None:
    results = run(eim, content.list_profile_info(iccid=UNKNOWN_ICCID), content.get_rat())
    assert [name for name, _ in results] == ["listProfileInfoResult", "getRATResult"]


@needs("second-profile")
@case("3.4.1", "3.3.1", title="A second enable in one package is refused: undefinedError(127), the first one is done")
def test_second_enable_is_refused(eim: Eim, card: Card) -> None:
    spare, before = card.spare(), card.enabled()
    assert before is not None
    results = run(eim, content.enable(spare), content.enable(before), content.list_profile_info())
    assert results[:2] == [("enableResult", OK), ("enableResult", 127)]
    assert results[2:] in ([], [("processingTerminated", 2)])
    assert enabled(eim) == spare


@needs("second-profile")
@case("3.4.2", "3.3.1", title="disable after enable is refused: undefinedError(127), the enable is done")
def test_disable_after_enable_is_refused(eim: Eim, card: Card) -> None:
    spare = card.spare()
    results = run(eim, content.enable(spare), content.disable(spare))
    assert results[:2] == [("enableResult", OK), ("disableResult", 127)]
    assert enabled(eim) == spare


@needs("second-profile")
@case("3.3.1", "5.9.14", title="listProfileInfo after enable: profileChangeOngoing(11), the switch is done")
def test_list_after_enable_is_refused(eim: Eim, card: Card) -> None:
    spare = card.spare()
    results = run(eim, content.enable(spare), content.list_profile_info())
    assert results == [("enableResult", OK), ("listProfileInfoResult", ("profileInfoListError", 11))]
    assert enabled(eim) == spare


@needs("card-bench")
@case("3.3.1", "5.9.14", title="listProfileInfo after delete: profileChangeOngoing(11), the deletion is done")
def test_list_after_delete_is_refused(eim: Eim, card: Card, card_bench: CardBench) -> None:
    iccid = card_bench.install()
    results = run(eim, content.delete(iccid), content.list_profile_info())
    assert results == [("deleteResult", OK), ("listProfileInfoResult", ("profileInfoListError", 11))]
    assert iccid not in [profile.iccid for profile in card.profiles()]


@needs("second-profile")
@case("3.3.1", title="listProfileInfo before enable tells the state of before")
def test_list_before_enable_tells_the_state_of_before(eim: Eim, card: Card) -> None:
    spare, before = card.spare(), card.enabled()
    assert before is not None
    (_, (arm, items)), switched = run(
        eim, content.list_profile_info(iccid=before, tags=(0x5A, 0x9F70)), content.enable(spare)
    )
    assert arm == "profileInfoListOk"
    assert items[0]["profileState"] == 1
    assert switched == ("enableResult", OK)


@case(
    "2.11.1.1", "2.11.2.1", title="An unknown command ends the package: unknownOrDamagedCommand(2) behind the results"
)
def test_unknown_command_ends_the_package(eim: Eim) -> None:
    package = eim.run(psmo(content.get_rat(), content.unknown_command(), content.set_default_dp("never.example.com")))
    names = [name for name, _ in signed_results(package)]
    assert names == ["getRATResult", "processingTerminated"]
    assert signed_results(package)[1] == ("processingTerminated", 2)
    assert (package.closed, package.outcome) == (True, Outcome.FAILED)


@case("2.11.1.1", "2.11.2.1", title="An unknown command alone: unknownOrDamagedCommand(2) is the only result")
def test_unknown_command_alone(eim: Eim) -> None:
    assert signed_results(eim.run(psmo(content.unknown_command()))) == [("processingTerminated", 2)]


@needs("card-bench")
@pytest.mark.parametrize(
    ("knob", "results"),
    [
        ({"interrupt_after_commands": 1}, [("processingTerminated", 3)]),
        ({"failing_command": 1}, [("processingTerminated", 127)]),
        ({"maximum_result_bytes": 16}, [("processingTerminated", 1)]),
    ],
    ids=["interruption", "undefinedError", "resultSizeOverflow"],
)
@case("2.11.2.1", "5.14.6", title="A package that the eUICC breaks off is a result that is delivered and acknowledged")
def test_broken_off_package_is_delivered(
    eim: Eim,
    card: Card,
    card_bench: CardBench,
    knob: dict[str, int],
    results: list[tuple[str, int]],
) -> None:
    card_bench.knobs(**knob)
    package = eim.run(psmo(content.set_default_dp("part.example.com"), content.list_profile_info()))
    assert signed_results(package) == [("setDefaultDpAddressResult", ADDRESS), *results]
    assert package.closed
    assert card.notifications() == []


@case("3.3.1", "2.11.2.1", title="A result names eIM, counterValue and eimTransactionId of its package")
def test_result_names_its_package(eim: Eim) -> None:
    package = eim.run(psmo(content.get_rat()))
    result = result_of(package)
    assert result.fields["eimId"] == eim.eim_id
    assert result.counter == package.counter
    assert result.transaction_id == package.transaction_id


@case("3.3.1", "2.11.1.1", title="A package without eimTransactionId has a result without one")
def test_package_without_transaction_has_a_result_without_one(eim: Eim) -> None:
    package = eim.run(psmo(content.get_rat()), no_transaction_id=True)
    assert is_ok(package)
    assert result_of(package).transaction_id is None


@case("3.3.1", "2.11.2.1", title="Sequence numbers of results grow")
def test_sequence_numbers_grow(eim: Eim) -> None:
    packages = eim.settle(*[eim.queue(psmo(content.get_rat())) for _ in range(3)])
    numbers = [result_of(package).seq_number or 0 for package in packages]
    assert numbers[0] < numbers[1] < numbers[2]


@case("3.3.1", "2.11.1.1", title="The counterValue need not follow the last one, it has to be higher")
def test_counter_may_leap(eim: Eim) -> None:
    first = eim.run(psmo(content.get_rat()))
    assert first.counter is not None
    assert is_ok(eim.run(psmo(content.get_rat()), counter=first.counter + 7))
    replayed = eim.run(psmo(content.get_rat()), counter=first.counter + 6)
    assert replayed.outcome is Outcome.REFUSED
    assert is_ok(eim.run(psmo(content.get_rat()), counter=first.counter + 8))


@needs("card-bench")
@case("5.9.1", "SGP.22 5.7.2", title="A package longer than one block is sent in a chain that counts from 0")
def test_long_package_is_a_chain(eim: Eim, timeline: Timeline) -> None:
    assert is_ok(eim.run(psmo(*[content.list_profile_info(iccid=UNKNOWN_ICCID, tags=(0x5A,)) for _ in range(24)])))
    (call,) = calls(timeline.events(), LOAD)
    assert call.complete
    assert len(call.blocks) > 1
    assert [number for _, number in call.blocks] == list(range(len(call.blocks)))
    assert [last >> 7 for last, _ in call.blocks] == [0] * (len(call.blocks) - 1) + [1]


@needs("card-bench")
@case("5.9.1", "SGP.22 5.7.2", title="An answer longer than 256 bytes is fetched to its end")
def test_long_answer_is_complete(eim: Eim, timeline: Timeline) -> None:
    assert is_ok(eim.run(psmo(*[content.list_profile_info() for _ in range(4)])))
    (call,) = calls(timeline.events(), LOAD)
    assert len(call.answer) > 512
    assert call.status == 0x9000


@needs("card-bench")
@case("3.3.1", title="One package is loaded once")
def test_package_is_loaded_once(eim: Eim, card_bench: CardBench) -> None:
    assert code_of(eim, content.set_default_dp("once.example.com")) == ADDRESS
    assert card_bench.executed()[f"{LOAD:X}"] == 1
