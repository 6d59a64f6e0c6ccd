"""A board in a farm whose owner has a test network: cases change what it grants, and it is as it was afterwards."""

from __future__ import annotations

import shlex
from contextlib import ExitStack
from pathlib import Path

import pytest

pytest.importorskip("labgrid")

from tests.lab.board_file import AGENT, BENCH, LIMITS, SPARE, operated, write_board
from tests.lab.farm import REMOTE_PLACE, farmed
from tests.lab.suite_run import CHAPTERS, run_suite

ROLLBACK = CHAPTERS / "test_04_rollback.py"
REFUSED, NO_DATA = "test_switch_that_the_network_refuses_is_undone", "test_switch_without_data_is_undone"


def noting(program: str, told: Path) -> str:
    """The program, with what it is told written to a file."""
    script = f'echo "$*" >>{shlex.quote(str(told))}; exec {program} "$@"'
    return shlex.join(["sh", "-c", script, "network"])


@pytest.mark.timeout(240)
@pytest.mark.skipif(AGENT is None, reason="needs an agent of the main environment: IPAD_LAB_AGENT")
def test_case_has_the_network_refuse_a_profile(tmp_path: Path, stack: ExitStack) -> None:
    board, farm = farmed(tmp_path, stack)
    told = tmp_path / "told"
    file = write_board(
        tmp_path / "board.yaml",
        board.config,
        [REMOTE_PLACE],
        drivers=[operated(noting(board.network_program, told), actions=["reject"])],
        coordinator=farm.address,
        limits={**LIMITS, "rollback": 90},
        bench={**BENCH, **board.over_the_air("eim", "eim2", "smdp")},
    )
    imsi = next(profile["imsi"] for profile in board.profiles() if profile["iccid"] == SPARE)
    before = board.call(f"/network/service?imsi={imsi}")

    token = farm.reserve()
    cases = (f"{ROLLBACK}::{REFUSED}", f"{ROLLBACK}::{NO_DATA}")
    run = run_suite(file, *cases, LG_PLACE="+", LG_TOKEN=token)
    assert run.code == 0, run.output
    assert run.results() == {REFUSED: "passed", NO_DATA: "skipped"}
    assert "cannot be told `data`" in run.reason(NO_DATA)
    assert run.record is not None
    assert {"network", "second-profile"} <= set(run.record.ability)
    assert "rf-block" not in run.record.ability
    assert f"network reject: cause=8 iccid='{SPARE}'" in {event.text for event in run.record.cases[0].events}
    whole = ["reset", f"reject 8 {SPARE}", "reset", "reset"]
    assert told.read_text().splitlines() == whole, "before the run, after the case, and in the end"
    assert board.call(f"/network/service?imsi={imsi}") == before
