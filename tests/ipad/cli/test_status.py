"""`ipad status`, `ipad audit` and `ipad traffic` as they are printed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ipad.cli.main import run
from ipad.cli.output import to_text
from ipad.cli.status import render
from ipad.observe.audit import AuditEntry, AuditTrail
from ipad.observe.status import ServiceState, Status, as_plain
from ipad.observe.traffic import TrafficRing
from tests.ipad.observe.facts import EID, FULL, ONE

NOON = 1_800_000_000.0


def test_status_for_people_has_what_matters() -> None:
    text = to_text(render(as_plain(FULL, masked=False)))
    for part in (
        "Quectel EG25",
        "idle, next poll 12:00",
        "onTrial",
        EID,
        "roaming, 26201, DE, lte, -95 dBm",
        "up, proven, proven 12 s ago",
        f"{ONE} for 0 s, else rollback, then fallback",
        "for 31 s, what fails: dns",
        "refused, 2027-01-15T07:58:00Z",
        "4 writes, 2048 bytes",
        "eim.example.com",
        "1 min",
    ):
        assert part in text, part


def test_status_that_knows_nothing_is_short() -> None:
    text = to_text(render(as_plain(Status(modem="modem", state=ServiceState.STARTING, version="1"), masked=False)))
    assert "starting" in text
    assert "profiles" not in text.lower().splitlines()


def test_text_of_peers_cannot_reach_a_terminal() -> None:
    plain = as_plain(FULL, masked=False)
    plain["profiles"][0]["name"] = "\x1b[2J"
    plain["last_error"]["message"] = "a\x1b]0;b"
    assert "\x1b" not in to_text(render(plain))


@pytest.fixture(name="configured")
def _configured(tmp_path: Path) -> Path:
    file = tmp_path / "ipad.toml"
    file.write_text(f"[state]\ndirectory = '{tmp_path}'\n[log]\nevents = ''\n[control]\nsocket = ''\n")
    return file


def test_audit_prints_the_changes(configured: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trail = AuditTrail(configured.parent / "audit.jsonl", lambda: NOON)
    trail.record(AuditEntry(who="eim:e\x1b/A1", what=f"enable {ONE}", before="disabled", after="enabled", result="ok"))
    assert run(["audit", "--config", str(configured)]) == 0
    out = capsys.readouterr().out
    assert "2027-01-15T08:00:00Z" in out
    assert "enable 894900…0015" in out
    assert "\x1b" not in out
    assert run(["audit", "--full", "--json", "--config", str(configured)]) == 0
    (change,) = json.loads(capsys.readouterr().out)["changes"]
    assert change == {
        "time": "2027-01-15T08:00:00Z",
        "clock": True,
        "who": "eim:e\x1b/A1",
        "what": f"enable {ONE}",
        "before": "disabled",
        "after": "enabled",
        "result": "ok",
    }


def test_audit_since_leaves_out_what_is_older_but_not_what_has_no_time(
    configured: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for now, what in ((NOON, "old"), (5.0, "no clock"), (NOON + 7200, "new")):
        trail = AuditTrail(configured.parent / "audit.jsonl", lambda moment=now: moment)  # type: ignore[misc]
        trail.record(AuditEntry(who="user:root", what=what, before=None, after=None, result="ok"))
    since = "2027-01-15T09:00"
    assert run(["audit", "--since", since, "--json", "--config", str(configured)]) == 0
    found = json.loads(capsys.readouterr().out)["changes"]
    assert [(change["what"], change["clock"]) for change in found] == [("no clock", False), ("new", True)]
    assert found[0]["time"] is None


def test_without_a_trail_there_is_no_change(configured: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["audit", "--config", str(configured)]) == 0
    assert capsys.readouterr().out.strip() == "no changes"


def test_traffic_show_prints_a_recording(configured: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ring = TrafficRing(tmp_path / "t", lambda: NOON)
    ring.start()
    ring.note("at", ">", "/dev/ttyUSB2", "AT+QCCID\x1b")
    ring.note("at", "<", "", f"+QCCID: {ONE}")
    ring.stop()
    assert run(["traffic", "show", str(tmp_path / "t"), "--config", str(configured)]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[1] == "2027-01-15T08:00:00.000Z  at    > /dev/ttyUSB2: AT+QCCID\N{REPLACEMENT CHARACTER}"
    assert out[2].endswith("+QCCID: 894900…0015")
    assert run(["traffic", "show", "--full", "--json", str(tmp_path / "t"), "--config", str(configured)]) == 0
    rows = json.loads(capsys.readouterr().out)["traffic"]
    assert rows[2] == {
        "time": "2027-01-15T08:00:00.000Z",
        "layer": "at",
        "way": "<",
        "with": "",
        "text": f"+QCCID: {ONE}",
    }


def test_a_recording_that_is_not_there_is_an_error(
    configured: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["traffic", "show", str(tmp_path / "t"), "--config", str(configured)]) == 10
    assert "there is no recording" in capsys.readouterr().err
