"""`ipad policy`: show, check, explain, simulate."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ipad.board import GENERIC
from ipad.cli.main import run
from ipad.policy.events import Boot, CardRead, Event, Origin, ProfileChanged, Registration
from ipad.policy.radio import RegistrationState
from ipad.policy.trace import event_record

A, B = "8949000000000000001", "8949000000000000019"
POLICY = """\
[supervision]
reject_hold = 30

[rule.abroad]
when = "permanent-roaming"
countries = ["BR"]
days = 85
do = "poll"

[rule.off]
enabled = false
when = "first-boot"
do = "hook"
program = "/usr/lib/ipad/first"
"""
EVENTS: Sequence[tuple[float, Event]] = (
    (10.0, Boot(chance=0.0)),
    (11.0, CardRead(enabled=A, installed=(A, B))),
    (100.0, ProfileChanged(origin=Origin.PACKAGE, iccid=B, previous=A, rollback=True)),
    (110.0, Registration(state=RegistrationState.DENIED, cause=3)),
    (200.0, Registration(state=RegistrationState.DENIED, cause=3)),
)


@pytest.fixture(name="policy")
def _policy(tmp_path: Path) -> Path:
    file = tmp_path / "policy.toml"
    file.write_text(POLICY)
    return file


@pytest.fixture(name="trace")
def _trace(tmp_path: Path) -> Path:
    file = tmp_path / "trace.jsonl"
    file.write_text("".join(json.dumps(event_record(event, moment)) + "\n" for moment, event in EVENTS))
    return file


def ipad(capsys: pytest.CaptureFixture[str], *argv: str, code: int = 0) -> str:
    assert run(argv) == code
    return capsys.readouterr().out


def as_json(capsys: pytest.CaptureFixture[str], *argv: str, code: int = 0) -> Any:
    return json.loads(ipad(capsys, *argv, "--json", code=code))


def test_show_has_every_number_and_where_it_comes_from(policy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = as_json(capsys, "policy", "show", "--settings", str(policy))
    rows = {row["key"]: row for row in report["settings"]}
    assert rows["supervision.reject_hold"]["value"] == 30
    assert rows["supervision.reject_hold"]["origin"] == f"{policy}:2"
    assert rows["poll.per_day"]["origin"] == "default"
    assert (rows["rule.abroad.countries"]["value"], rows["rule.abroad.countries"]["origin"]) == (["BR"], f"{policy}:6")
    assert rows["euicc"]["value"] == "iot"
    assert "rule.abroad.rung" not in rows


def test_configured_file_is_used(policy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "ipad.toml"
    config.write_text('[policy]\nfile = "policy.toml"\n')
    report = as_json(capsys, "policy", "check", "--config", str(config))
    assert (report["file"], report["valid"], report["rules"], report["euicc"]) == (str(policy), True, 2, "iot")


def test_without_a_file_defaults_hold(capsys: pytest.CaptureFixture[str]) -> None:
    assert "there is no policy file; defaults hold" in ipad(capsys, "policy", "check")


def test_wrong_file_names_the_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "policy.toml"
    file.write_text('[rule.x]\nwhen = "weak-signal"\ndo = "enable"\nprofiles = ["8949000000000000001"]\n')
    assert run(["policy", "check", "--settings", str(file)]) == 78
    assert f"{file}:3: rule.x.do: SGP.32 leaves the choice" in capsys.readouterr().err


def test_rung_is_checked_against_the_configured_board(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "policy.toml"
    file.write_text('[rule.x]\nwhen = "loss-of-service"\ndo = "recover"\nrung = "power"\n')
    ipad(capsys, "policy", "check", "--settings", str(file))
    assert run(["policy", "check", "--settings", str(file), "--board", GENERIC]) == 78
    assert "the board has no rung 'power'" in capsys.readouterr().err


def test_explanation_has_sentences_with_their_lines(policy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = ipad(capsys, "policy", "explain", "--settings", str(policy))
    assert "abroad: when the device roams in BR for 85 days, poll the eIM early with cause undefined" in text
    assert f"; not again within 6 h. [{policy}:4]" in text
    assert f"off (disabled): at the first start of the device, start /usr/lib/ipad/first. [{policy}:10]" in text
    assert f"a reject cause that does not pass counts after 30 s [{policy}:2]" in text
    assert "contacts with eIMs are in a day at most 48 [default]" in text


def test_explanation_for_programs(policy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = as_json(capsys, "policy", "explain", "--settings", str(policy))
    assert [(rule["name"], rule["enabled"]) for rule in report["rules"]] == [("abroad", True), ("off", False)]
    assert report["rules"][0]["origin"] == f"{policy}:4"
    assert {number["key"]: number["value"] for number in report["numbers"]}["supervision.reject_hold"] == 30


def test_dry_run_says_what_it_would_decide(policy: Path, trace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = as_json(capsys, "policy", "simulate", str(trace), "--settings", str(policy))
    rollback = next(entry for entry in report["decisions"] if entry["decision"] == "rollback")
    assert (report["events"], rollback["t"]) == (5, 140.0)
    assert rollback["text"].startswith("ROLLBACK: ")
    later = as_json(capsys, "policy", "simulate", str(trace))
    assert next(entry for entry in later["decisions"] if entry["decision"] == "rollback")["t"] == 170.0
    text = ipad(capsys, "policy", "simulate", str(trace))
    assert any(line.startswith("       170.0  ROLLBACK: ") for line in text.splitlines())


def test_identifiers_are_masked_for_people(trace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert B not in ipad(capsys, "policy", "simulate", str(trace))


def test_dry_run_of_the_standard_input(
    trace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(trace.read_text()))
    assert as_json(capsys, "policy", "simulate", "-")["events"] == 5


def test_dry_run_of_the_devices_own_log(
    trace: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    trace.rename(tmp_path / "events.jsonl")
    assert as_json(capsys, "policy", "simulate")["events"] == 5


def test_comparison_with_what_was_recorded(trace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    decided = as_json(capsys, "policy", "simulate", str(trace))["decisions"]
    recorded = [{key: value for key, value in entry.items() if key != "text"} for entry in decided]
    with trace.open("a") as file:
        file.write("".join(json.dumps(entry) + "\n" for entry in recorded))
    report = as_json(capsys, "policy", "simulate", str(trace), "--compare")
    assert (report["same"], report["differences"]) == (len(recorded), [])


def test_differences_are_named_and_are_no_success(
    policy: Path, trace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with trace.open("a") as file:
        file.write('{"t": 170.0, "decision": "rollback", "reason": "illegal UE"}\n')
        file.write('{"t": 170.0, "decision": "wait-until", "at": 180.0}\n')
    report = as_json(capsys, "policy", "simulate", str(trace), "--compare", "--settings", str(policy), code=1)
    found = [(entry["by"], entry["t"]) for entry in report["differences"] if entry["decision"] == "rollback"]
    assert found == [("simulated", 140.0), ("recorded", 170.0)]
    text = ipad(capsys, "policy", "simulate", str(trace), "--compare", "--settings", str(policy), code=1)
    assert "       170.0  only recorded: ROLLBACK: illegal UE" in text


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [('{"t": 1}\n', 2, "line 1 of the trace: unknown event"), (None, 10, "there is no log of events")],
)
def test_trace_that_is_none(
    text: str | None, code: int, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "trace"
    if text is not None:
        file.write_text(text)
    assert run(["policy", "simulate", str(file)]) == code
    assert message in capsys.readouterr().err


def test_no_log_is_configured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "ipad.toml"
    config.write_text('[log]\nevents = ""\n')
    assert run(["policy", "simulate", "--config", str(config)]) == 2
    assert "no log of events is written" in capsys.readouterr().err
