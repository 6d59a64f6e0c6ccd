"""The parts of a recovery, from what rig and agent saw; and the table that is made of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hil.agent_log import AgentLog, Entry, parse
from hil.bench.errors import BenchError
from hil.bench.recovery import table
from hil.bench.recovery.cases import PATIENT_POLICY, Case
from hil.bench.recovery.run import chosen
from hil.bench.recovery.split import PARTS, Detection, Expected, IncompleteError, Part, Split, split
from hil.cli.bench import RECOVERY_DOCUMENT, run_bench
from hil.cli.parser import build_parser
from hil.rig.timeline import Event, Interface

FALLBACK = Expected("execute-fallback", "89A", waits=3.0)


def event(seconds: float, interface: Interface, text: str, direction: str = "") -> Event:
    return Event(round(seconds * 1000), seconds, interface, direction, text)


def entry(seconds: float, name: str, *, decision: bool = False, **fields: object) -> Entry:
    return Entry(seconds, name, decision, fields)


EVENTS = [
    event(9.0, Interface.RADIO, "bearer up"),
    event(10.1, Interface.AT, "+CEREG: 2", "<"),
    event(10.1, Interface.RADIO, "bearer lost"),
    event(13.4, Interface.CARD, "profile 89A: enabled"),
    event(13.5, Interface.APDU, "reset"),
    event(15.0, Interface.RADIO, "bearer up"),
]
ENTRIES = [
    entry(8.0, "commit", decision=True),
    entry(10.2, "registration", state="searching"),
    entry(13.25, "execute-fallback", decision=True),
    entry(15.3, "commit", decision=True),
]


def parts(found: Split) -> list[tuple[float, float]]:
    return [(round(part.seconds, 3), round(part.own, 3)) for part in found.parts]


def test_parts_add_up_from_loss_to_proof() -> None:
    found = split(FALLBACK, 10.0, EVENTS, ENTRIES)
    assert parts(found) == [(0.2, 0.1), (3.05, 0.05), (0.15, 0.15), (1.6, 0.1), (0.3, 0.3)]
    assert found.total == pytest.approx(5.3)
    assert found.own == pytest.approx(0.7)


def test_time_that_policy_counts_from_the_loss_is_no_share_of_the_agent() -> None:
    expected = Expected("execute-fallback", "89A", waits=3.25, from_loss=True)
    assert parts(split(expected, 10.0, EVENTS, ENTRIES))[1] == (3.05, 0.0)


def test_state_of_a_loss_may_be_named() -> None:
    expected = Expected("execute-fallback", "89A", waits=2.0, state="denied")
    events = [*EVENTS[:3], event(10.9, Interface.AT, "+CEREG: 3", "<"), *EVENTS[3:]]
    entries = [*ENTRIES[:2], entry(11.0, "registration", state="denied"), *ENTRIES[2:]]
    assert parts(split(expected, 10.0, events, entries))[:2] == [(1.0, 0.1), (2.25, 0.25)]


def test_lost_bearer_is_a_loss_as_well() -> None:
    entries = [entry(10.3, "bearer", session=None), *ENTRIES[2:]]
    assert parts(split(FALLBACK, 10.0, EVENTS, entries))[0] == (0.3, 0.2)


def test_looks_are_waited_for_by_policy() -> None:
    expected = Expected("execute-fallback", "89A", waits=1.0, detection=Detection.LOOK)
    looks = [entry(10.5, "probe-result", packets=True), entry(12.0, "probe-result", reached="nothing")]
    assert parts(split(expected, 10.0, EVENTS, [*looks, *ENTRIES]))[:2] == [(2.0, 0.0), (1.25, 0.25)]


def test_ladder_within_a_package_is_a_wait_of_the_board() -> None:
    expected = Expected(detection=Detection.SWITCH, card_wait=3.0)
    entries = [entry(10.05, "profile-changed"), *ENTRIES[3:]]
    found = parts(split(expected, 10.0, EVENTS, entries))
    assert found == [(0.05, 0.05), (0.0, 0.0), (0.0, 0.0), (4.95, 0.45), (0.3, 0.3)]


def test_return_begins_with_its_decision() -> None:
    expected = Expected("return-from-fallback", "89A", detection=Detection.NONE)
    entries = [entry(13.3, "return-from-fallback", decision=True), *ENTRIES[3:]]
    found = split(expected, 0.0, EVENTS, entries)
    assert parts(found)[:3] == [(0.0, 0.0), (0.0, 0.0), (0.1, 0.1)]
    assert found.total == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("without", "message"),
    [
        ("execute-fallback", "did not decide: execute-fallback"),
        ("registration", "a loss is not in"),
        ("commit", "did not commit"),
        ("profile 89A: enabled", "the eUICC with profile 89A"),
        ("reset", "reads the card anew"),
        ("bearer up", "a bearer was not seen"),
    ],
)
def test_moment_that_is_missing_is_named(without: str, message: str) -> None:
    events = [one for one in EVENTS if one.text != without]
    entries = [one for one in ENTRIES if one.name != without]
    with pytest.raises(IncompleteError, match=message):
        split(FALLBACK, 10.0, events, entries)


# --- the log of the agent ---------------------------------------------------------------------------------------------


def test_log_is_read_by_whole_lines(tmp_path: Path) -> None:
    log = AgentLog(tmp_path / "events.jsonl")
    assert log.entries() == []
    log.path.write_text('{"t":1.5,"event":"boot","time":"x"}\n{"t":2,"decision":"rollback","reason":"r"}\n{"t":3,"ev')
    first, second = log.entries()
    assert (first.seconds, first.name, first.decision, first.fields) == (1.5, "boot", False, {})
    assert (second.seconds, second.decision, second.text("reason"), second.text("none")) == (2.0, True, "r", "")
    assert log.entries(since=1.9) == [second]


@pytest.mark.parametrize("line", ["[]", "{}", '{"t":"1","event":"boot"}', '{"t":1}', '{"t":1,"event":7}'])
def test_damaged_line_of_the_log_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="expect"):
        parse(line)


# --- table and arguments ----------------------------------------------------------------------------------------------


def result(own: float) -> Split:
    part = Part(1.0, own / len(PARTS))
    return Split((part, part, part, part, part))


def test_table_shows_parts_total_and_share() -> None:
    found = {Case.DEAD_HOME: result(0.5)}
    assert table.rows(found) == [(Case.DEAD_HOME.plan.title, *["1.00"] * 5, "5.00", "0.50")]
    head, line = table.text(found)
    assert len(head) == len(line)
    assert json.loads(json.dumps(table.to_json(found)))["dead-home"]["parts"]["proof"] == {"seconds": 1.0, "own": 0.1}


def test_agent_that_takes_two_seconds_itself_is_too_slow() -> None:
    assert table.too_slow({Case.DEAD_HOME: result(1.9)}) == []
    (text,) = table.too_slow({Case.DEAD_HOME: result(2.0)})
    assert text.startswith("dead-home: 2.00 s")


def test_table_is_put_between_its_marks(tmp_path: Path) -> None:
    file = tmp_path / "document.md"
    file.write_text(f"before\n{table.BEGIN}\nold\n{table.END}\nafter\n")
    table.write(file, {Case.RETURN: result(0.5)})
    text = file.read_text()
    assert text.startswith(f"before\n{table.BEGIN}\n| seconds | detection |")
    assert text.endswith(f"|\n{table.END}\nafter\n")
    assert "old" not in text
    file.write_text("nothing")
    with pytest.raises(BenchError, match="between which the table belongs"):
        table.write(file, {})


def test_document_of_the_project_has_a_row_for_each_case() -> None:
    text = (Path(__file__).parents[3] / RECOVERY_DOCUMENT).read_text(encoding="utf-8")
    _, _, rest = text.partition(table.BEGIN)
    generated, end, _ = rest.partition(table.END)
    assert end
    assert all(f"| {case.plan.title} |" in generated for case in Case)


def test_policy_for_a_modem_that_does_not_obey_is_a_patient_one() -> None:
    assert "registration = 20\ndeadline = 20\n" in PATIENT_POLICY


def test_cases_are_chosen_by_name() -> None:
    assert chosen([]) == tuple(Case)
    assert chosen(["return", "dead-home"]) == (Case.RETURN, Case.DEAD_HOME)
    options = build_parser().parse_args(["bench", "recovery", "alive"])
    with pytest.raises(BenchError, match=r"alive.*there are no-service"):
        run_bench(options)
    assert build_parser().parse_args(["bench", "recovery", "--write"]).write == RECOVERY_DOCUMENT
