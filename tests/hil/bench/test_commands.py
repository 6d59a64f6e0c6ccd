"""The floor of a dialogue, functions from APDUs, and the table of both."""

from __future__ import annotations

import json

import pytest

from hil.bench.commands import run
from hil.bench.commands.calls import calls
from hil.bench.commands.measure import Counted
from hil.bench.commands.needs import Procedure
from hil.bench.commands.run import LIMITS, chosen, text, to_json, within_limits
from hil.bench.errors import BenchError
from hil.bench.floor.dialogue import Call, Need, Needs, floor_of
from hil.cli.bench import run_bench
from hil.cli.parser import build_parser
from hil.es10_names import LOAD_BOUND_PROFILE_PACKAGE
from hil.rig.timeline import Event, Interface


def apdus(*data: str) -> list[Event]:
    """Commands and answers in turn."""
    return [
        Event(number, 0.0, Interface.APDU, "<" if number % 2 else ">", "", 0, item) for number, item in enumerate(data)
    ]


def test_function_is_a_chain_of_blocks_and_the_fetching_of_its_answer() -> None:
    found = calls(
        apdus(
            "81E2110003BF5100",
            "9000",
            "81E2910101AA",
            "6105",
            "81C0000005",
            "BF5102A0009000",
            "81E2910003BF5500",
            "6102",
            "81C0000002",
            "BF559000",
        )
    )
    assert found == (Call("LoadEuiccPackage", 4, 5, 3), Call("GetEimConfigurationData", 3, 2, 2))


def test_segments_of_a_package_are_functions_of_their_own() -> None:
    found = calls(apdus("81E2910002BF36", "9000", "81E29100018C", "9000", "81E291000286AA", "9000"))
    assert [call.function for call in found] == [LOAD_BOUND_PROFILE_PACKAGE, "8C", LOAD_BOUND_PROFILE_PACKAGE]


def test_commands_of_the_modem_end_a_function() -> None:
    found = calls(apdus("81E2910003BF5500", "9000", "00A40004022FE2", "9000", "00C0000004", "62009000"))
    assert found == (Call("GetEimConfigurationData", 3, 0, 1),)


@pytest.mark.parametrize(
    ("request_", "answer", "least"),
    [(10, 0, 1), (255, 10, 2), (256, 256, 3), (600, 257, 5)],
)
def test_least_of_a_function(request_: int, answer: int, least: int) -> None:
    assert Call("x", request_, answer, 99).least == least


def test_floor_takes_each_function_as_often_as_it_is_needed() -> None:
    seen = (Call("a", 10, 10, 2), Call("a", 300, 10, 4), Call("b", 10, 0, 1), Call("b", 10, 0, 1), Call("c", 1, 1, 2))
    needs = Needs((Need("a", "x"), Need("b", "x", times=0)), channels=1, closed=1, others=(("AT", "x"),))
    floor = floor_of(needs, seen)
    assert (floor.apdus, floor.commands, floor.missing) == (4, 7, ())


def test_empty_list_is_not_what_was_to_be_fetched() -> None:
    seen = (Call("a", 3, 5, 2), Call("a", 3, 600, 4))
    assert floor_of(Needs((Need("a", "x", filled=True),)), seen).apdus == 4
    assert floor_of(Needs((Need("a", "x", filled=True),)), seen[:1]).missing == ("a",)
    assert floor_of(Needs((Need("a", "x"),)), seen).apdus == 2


def test_function_that_was_not_seen_is_missing() -> None:
    assert floor_of(Needs((Need("a", "x", times=2),)), (Call("a", 1, 1, 2),)).missing == ("a",)


def test_poll_without_a_package_needs_nothing_at_all() -> None:
    floor = floor_of(Procedure.IDLE.needs, ())
    assert (floor.apdus, floor.commands) == (0, 0)
    assert LIMITS[Procedure.IDLE] == (0, 0)


@pytest.mark.parametrize("procedure", Procedure)
def test_each_need_has_its_source(procedure: Procedure) -> None:
    sources = [need.source for need in procedure.needs.calls] + [why for _, why in procedure.needs.others]
    assert all(sources)
    assert procedure.heading
    assert procedure in LIMITS


LIST = Counted(
    Procedure.LIST,
    (
        Call("LoadEuiccPackage", 120, 100, 2),
        Call("RemoveNotificationFromList", 6, 6, 2),
        Call("GetProfilesInfo", 10, 20, 1),
        Call("GetProfilesInfo", 10, 20, 1),
    ),
    8,
    ("AT+CCHO", "AT+CCHC"),
)


def test_row_names_what_is_not_needed() -> None:
    assert LIST.apdus == 6
    assert (LIST.floor.apdus, LIST.floor.commands) == (4, 6)
    assert LIST.surplus == {"GetProfilesInfo": 2}
    assert text([LIST]).splitlines()[2] == "| package: listProfileInfo | 2 GetProfilesInfo | 6 | 4 | 8 | 6 |"
    assert to_json(LIST)["surplus"] == {"GetProfilesInfo": 2}


def test_row_beyond_its_limit_or_without_a_needed_function_is_wrong() -> None:
    assert within_limits(LIST)
    assert not within_limits(Counted(Procedure.LIST, LIST.calls, 99, ()))
    assert not within_limits(Counted(Procedure.LIST, LIST.calls[:1], 4, ()))


def test_command_prints_what_was_chosen(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[object] = []

    async def measure(procedures: object, *_: object) -> list[Counted]:
        asked.append(procedures)
        return [LIST]

    monkeypatch.setattr(run, "measure", measure)
    assert run_bench(build_parser().parse_args(["bench", "commands", "list", "--json"])) == 0
    assert asked == [(Procedure.LIST,)]
    assert json.loads(capsys.readouterr().out)[0]["least_apdus"] == 4


def test_procedure_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(BenchError, match="there are start, idle"):
        chosen(["nothing"])
