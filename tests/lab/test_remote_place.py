"""The suite on a board in a farm: coordinator, exporter and place on loopback, the same cases as anywhere."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

pytest.importorskip("labgrid")

from tests.lab.board_file import AGENT, write_board
from tests.lab.farm import PLACE, REMOTE_PLACE, farmed
from tests.lab.suite_run import CHAPTERS, run_suite


@pytest.mark.timeout(180)
@pytest.mark.skipif(AGENT is None, reason="needs an agent of the main environment: IPAD_LAB_AGENT")
def test_suite_runs_on_a_place_that_was_acquired(tmp_path: Path, stack: ExitStack) -> None:
    board, farm = farmed(tmp_path, stack)
    file = write_board(tmp_path / "board.yaml", board.config, [REMOTE_PLACE], coordinator=farm.address)

    refused = run_suite(file, str(CHAPTERS / "test_00_smoke.py"), LG_PLACE=PLACE)
    assert refused.results() == {}
    assert f"place {PLACE} is not acquired" in refused.output

    enabled = board.enabled()
    token = farm.reserve()
    run = run_suite(file, str(CHAPTERS / "test_00_smoke.py"), LG_PLACE="+", LG_TOKEN=token)
    assert run.code == 0, run.output
    assert run.results() == {"test_package_goes_through": "passed", "test_switch_goes_through": "passed"}
    assert run.record is not None
    assert run.record.board["board"] == "quectel-eg25"
    assert "ESIPA" in {event.interface for event in run.record.cases[0].events}
    assert board.enabled() == enabled

    farm.client("-p", "+", "release", LG_TOKEN=token)
    assert "acquired: None" in farm.client("-p", PLACE, "show")
