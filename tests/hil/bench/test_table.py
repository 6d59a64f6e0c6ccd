"""The table, its document and its goals; the recorder behind the figures."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from hil.bench import document
from hil.bench.command import chosen
from hil.bench.errors import BenchError
from hil.bench.floor import Floor, Term
from hil.bench.floor.terms import Script
from hil.bench.goals import verdicts
from hil.bench.phases import Measured
from hil.bench.recorder import Recorder, count, next_step
from hil.bench.rows import Procedure, Row, Start, Transport
from hil.bench.table import Results, markdown, plain, time_floor
from hil.cli.bench import DOCUMENT, run_bench
from hil.cli.parser import build_parser
from hil.link import PRESETS, Flow, Traffic
from hil.link.meter import Heading, Meter

LIVE = Row(Procedure.IDLE, Transport.COAPS, Start.LIVE)
RESUMED = Row(Procedure.IDLE, Transport.COAPS, Start.RESUMED)


def least(up: int, down: int) -> Floor:
    script = Script()
    script.up(Term("a", up, "RFC 1"))
    script.down(Term("b", down, "RFC 2"))
    return script.floor()


def measured(row: Row, up: int, down: int, *, commands: int = 0, span: float = 0.0) -> Measured:
    traffic = Traffic(Flow(up, 1, up + 28), Flow(down, 1, down + 28), round_trips=1, first=5.0, last=5.0 + span)
    return Measured(row, traffic, commands, least(80, 50), ("GetEimPackage",))


def results(*counted: Measured, timed: tuple[Measured, ...] = (), tuned: tuple[Measured, ...] = ()) -> Results:
    by_row = [{one.row: one for one in rows} for rows in (counted, timed, tuned)]
    return Results(by_row[0], by_row[1], by_row[2], "nb-iot", 10.0)


def test_figures_stand_beside_their_floors_in_the_order_of_the_table() -> None:
    text = markdown(
        results(measured(LIVE, 85, 50), measured(RESUMED, 500, 300), timed=(measured(LIVE, 85, 50, span=2.25),))
    )
    lines = [line for line in text.splitlines() if line.startswith("| CoAPS")]
    start = "| CoAPS, DTLS 1.2 |"
    assert lines == [
        f"{start} resumed | 500 / 80 | 300 / 50 | 800 / 130 | 6.154 | 856 / 186 | 2 / 2 | 1 / 1 |  |  |",
        f"{start} live | 85 / 80 | 50 / 50 | 135 / 130 | 1.038 | 191 / 186 | 2 / 2 | 1 / 1 | 2.2 / 1.7 | 135 |",
    ]
    assert "### Idle poll" in text


def test_column_of_a_longer_timer_is_there_where_it_was_measured() -> None:
    one = measured(LIVE, 85, 50)
    text = markdown(results(one, measured(RESUMED, 85, 50), timed=(one,), tuned=(measured(LIVE, 80, 50),)))
    lines = [line for line in text.splitlines() if line.startswith(("| transport", "| CoAPS"))]
    assert lines[0].endswith("| seconds, nb-iot | bytes, nb-iot | bytes, timer 10 s |")
    assert [line.rsplit("|", 3)[1:3] for line in lines[1:]] == [["  ", "  "], [" 135 ", " 130 "]]
    assert {line.count("|") for line in lines} == {13}


def test_without_a_radio_there_are_no_columns_for_it() -> None:
    assert "nb-iot" not in markdown(results(measured(LIVE, 85, 50)))


def test_time_floor_is_round_trips_and_bytes_at_their_rate() -> None:
    profile = PRESETS["nb-iot"]
    expected = profile.round_trip + (80 + 28) * 8 / 20_000 + (50 + 28) * 8 / 25_000
    assert time_floor(least(80, 50), profile) == pytest.approx(expected, rel=0.05)
    assert time_floor(least(80, 50), PRESETS["none"]) == 0.0


def test_json_has_the_terms_of_every_floor() -> None:
    (row,) = plain(results(measured(LIVE, 85, 50)))["rows"]
    assert row["floor"]["terms"] == [
        {"name": "a", "size": 80, "source": "RFC 1"},
        {"name": "b", "size": 50, "source": "RFC 2"},
    ]
    assert (row["measured"]["bytes"], row["ratio"], row["radio"]) == (135, 1.0385, None)


@pytest.mark.parametrize(
    ("one", "missed"),
    [
        (measured(LIVE, 85, 50), []),
        (measured(LIVE, 100, 50), ["every row at most 1.15 times its floor"]),
        (measured(LIVE, 100, 51), ["every row at most 1.15 times its floor", "idle/coaps/live: at most 150 bytes"]),
        (measured(RESUMED, 80, 50, commands=1), ["an idle poll costs no APDU"]),
        (measured(LIVE, 85, 50, commands=1), []),
    ],
)
def test_goals(one: Measured, missed: list[str]) -> None:
    assert [verdict.goal for verdict in verdicts([one]) if not verdict.met] == missed


def test_goals_of_nothing() -> None:
    assert list(verdicts([])) == []


# --- document ---------------------------------------------------------------------------------------------------------


def test_only_what_is_between_the_marks_is_replaced(tmp_path: Path) -> None:
    file = tmp_path / "bytes.md"
    file.write_text(f"before\n{document.BEGIN}\nold\n{document.END}\nafter\n")
    for _ in range(2):
        document.write(file, "new\n")
        assert file.read_text() == f"before\n{document.BEGIN}\n\nnew\n\n{document.END}\nafter\n"


def test_document_without_marks_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "bytes.md"
    file.write_text("text")
    with pytest.raises(BenchError, match="expected a table between"):
        document.write(file, "new")
    assert file.read_text() == "text"


def test_document_of_the_project_has_its_place_for_the_table() -> None:
    text = (Path(__file__).parents[3] / DOCUMENT).read_text(encoding="utf-8")
    assert document.replaced(text, "x").count("x\n" + document.END) == 1


# --- arguments --------------------------------------------------------------------------------------------------------


def test_rows_are_chosen_by_name() -> None:
    assert [row.name for row in chosen(["idle/coaps/*"])] == [
        "idle/coaps/cold",
        "idle/coaps/resumed",
        "idle/coaps/live",
    ]
    assert len(chosen(["*/coaps/live", "enable/*"])) == 11 + 2
    assert len(chosen([])) == 33


def test_arguments() -> None:
    options = build_parser().parse_args(["bench", "bytes", "--only", "idle/*", "--quick", "--write"])
    assert (options.command, options.verb, options.only, options.quick) == ("bench", "bytes", ["idle/*"], True)
    assert options.write == DOCUMENT


def test_pattern_that_fits_nothing_is_an_error() -> None:
    options = argparse.Namespace(verb="bytes", only=["poll/*"], quick=True, agent=None, json=False, write=None)
    with pytest.raises(BenchError, match=r"no row fits poll/\*"):
        run_bench(options)


# --- recorder ---------------------------------------------------------------------------------------------------------


def test_recorded_steps_count_as_the_meter_did() -> None:
    meter, touched = Meter(), []
    recorder = Recorder(meter, lambda: touched.append(1))
    meter.connected(1.0)
    for heading, now in ((Heading.UP, 2.0), (Heading.DOWN, 3.0), (Heading.UP, 4.0), (Heading.DOWN, 5.0)):
        meter.sent(heading, now, Flow(10, 1, 62))
        meter.sent(heading, now, Flow(0, 1, 52))
        meter.arrived(now + 0.5)
    meter.lost(Heading.UP, 2)
    meter.was_reset()
    whole = meter.snapshot()
    assert count(recorder.steps) == whole
    assert (whole.round_trips, whole.span, whole.payload, whole.up.lost, whole.resets) == (3, 4.5, 40, 2, 1)
    assert len(touched) == len(recorder.steps) == recorder.position == 15
    part = count(recorder.steps[next_step(recorder.steps, 5, Heading.UP) :])
    assert (part.payload, part.round_trips, part.first) == (20, 1, 4.0)
    recorder.close()
    meter.sent(Heading.UP, 6.0, Flow(1, 1, 1))
    assert recorder.position == 15


def test_next_step_takes_only_payload_in_its_direction() -> None:
    recorder = Recorder(meter := Meter())
    meter.sent(Heading.UP, 1.0, Flow(0, 1, 52))
    meter.sent(Heading.DOWN, 1.0, Flow(5, 1, 57))
    meter.sent(Heading.UP, 1.0, Flow(5, 1, 57))
    assert next_step(recorder.steps, 0, Heading.UP) == 2
    assert next_step(recorder.steps, 0, Heading.DOWN) == 1
    assert next_step(recorder.steps, 2, Heading.DOWN) == 3
