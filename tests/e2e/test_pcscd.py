"""The main job through the real PC/SC service: pcscd, the vpcd reader, pyscard."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.reader_session import ONE, THREE, TWO
from tests.hil.test_vpcd import pcscd_obstacle

pytestmark = pytest.mark.timeout(120)


def obstacle() -> str | None:
    """Why the job cannot be done here; None if it can."""
    if importlib.util.find_spec("smartcard") is None:
        return "pyscard is not installed"
    return pcscd_obstacle()


@pytest.mark.skipif(obstacle() is not None, reason=obstacle() or "")
def test_card_in_a_real_reader_carries_the_main_job(tmp_path: Path) -> None:
    done = subprocess.run(
        ["unshare", "--net", "--mount", sys.executable, "-m", "tests.e2e.reader_session", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    found = json.loads(done.stdout)
    assert found["card"]["eid"] == found["eid"]
    assert (found["run"]["outcome"], found["run"]["undelivered"]) == ("done", 0)
    assert [package["result"] for package in found["run"]["packages"]] == [
        None,
        "enable ok(0)",
        "delete ok(0)",
        "disable ok(0), enable ok(0)",
        "add eim ok",
    ]
    assert len(found["queue"]) == 5
    assert all(" closed " in line and " ok " in line for line in found["queue"])
    assert all(record["verified"] for record in found["results"])
    states = {profile["iccid"]: profile["state"] for profile in found["profiles"]}
    assert (states[ONE], states[TWO]) == ("enabled", "disabled")
    assert THREE not in states
    assert found["again"]["outcome"] == "nothingToDo"
