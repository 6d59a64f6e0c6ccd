"""A small fleet of real agents, from the command line to the page."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hil.cli.main import main
from hil.fleet.errors import FleetError
from hil.fleet.plan import FleetPlan
from hil.fleet.share import allow_files, share_here


@pytest.mark.timeout(120)
def test_staged_roll_out_reaches_every_device(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = tmp_path / "fleet.html"
    words = "--wake --radio wire --batches 40%,100% --pause 0 --outage 0 --json --report"
    assert main(["fleet", "3", *words.split(), str(report)]) == 0
    printed = capsys.readouterr()
    document = json.loads(printed.out)
    assert document["figures"]["success_rate"] == 1.0
    durations = {one["name"]: one for one in document["figures"]["durations"]}
    for name in ("download", "activation", "post-activation connectivity"):
        assert durations[name]["count"] == 3
        assert 0 < durations[name]["median"] < 60
    assert [span["name"] for span in document["result"]["spans"]] == ["batch 1", "batch 2"]
    assert document["result"]["cost"]["agents"] == 1
    assert "batch 2 of 2: 2 of 2" in printed.err
    assert "3 of 3 devices rolled out" in report.read_text(encoding="utf-8")


@pytest.mark.timeout(120)
def test_roll_out_ends_when_too_many_fail() -> None:
    told: list[str] = []
    plan = FleetPlan(2, batches=(0.5, 1.0), abort=0.2, settle=0.1, radio="wire", outage=0.0)
    result = share_here(plan, told.append)
    assert result.aborted == "1 of 1 failed, more than 20%"
    assert [record.tried for record in result.devices] == [True, False]
    assert result.devices[0].failure == "not done in time"


def test_agent_that_cannot_be_started_is_told() -> None:
    with pytest.raises(FleetError, match="no-such-agent"):
        share_here(FleetPlan(1, agent="no-such-agent", radio="wire"))


def test_agent_that_ends_by_itself_is_told_with_its_words() -> None:
    with pytest.raises(FleetError, match=r"(?s)exit code 3.*no memory"):
        share_here(FleetPlan(1, agent="sh -c 'echo no memory; exit 3' --", radio="wire"))


def test_more_devices_than_the_system_has_sockets_for_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hil.fleet.share.resource.getrlimit", lambda _which: (1024, 4096))
    with pytest.raises(FleetError, match="open files"):
        allow_files(1000)


def test_wrong_use_is_a_message_and_no_trace(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fleet", "0"]) == 1
    assert main(["fleet", "5", "--radio", "moon"]) == 1
    assert "there is no radio condition 'moon'" in capsys.readouterr().err
