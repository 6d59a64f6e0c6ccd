"""All chapters of the suite on a board in a farm: half an hour, so they run when they are asked for (`make lab-suite`).

IPAD_LAB_CHAPTERS: "all", or numbers with commas between.
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest

pytest.importorskip("labgrid")

from tests.lab.board_file import AGENT, BENCH, operated, switched, write_board
from tests.lab.farm import REMOTE_PLACE, farmed
from tests.lab.suite_run import CHAPTERS, SuiteRun, run_suite
from tests.lab.virtual_board import VirtualBoard

WANTED = os.environ.get("IPAD_LAB_CHAPTERS", "")
NUMBERS = sorted({int(path.name[5:7]) for path in CHAPTERS.glob("test_[0-9][0-9]_*.py")})
CHOSEN = NUMBERS if WANTED == "all" else [int(number) for number in WANTED.split(",") if number]
ABILITIES = ["test-profile", "fallback", "emergency"]
LIMITS = {
    "command": 30,
    "poll": 30,
    "start": 30,
    "switch": 60,
    "rollback": 90,
    "download": 60,
    "recovery": 60,
    "fallback": 90,
    "settle": 0.3,
}
CONFIRMATION = "90210-774"
CODES = 6

pytestmark = [
    pytest.mark.timeout(0),
    pytest.mark.skipif(AGENT is None, reason="needs an agent of the main environment: IPAD_LAB_AGENT"),
    pytest.mark.skipif(not WANTED, reason="takes half an hour: make lab-suite"),
]


def activation_codes(board: VirtualBoard) -> list[object]:
    """Of the SM-DP+ of the rig, which is not the one of the suite's bench. The last needs a confirmation code."""
    orders = [{"matchingId": f"OWNER-{number}"} for number in range(CODES)]
    orders[-1]["confirmationCode"] = CONFIRMATION
    codes: list[object] = [board.call("/smdp/orders", order)["activationCode"] for order in orders]
    return [*codes[:-1], {"code": codes[-1], "confirmation_code": CONFIRMATION}]


def row(chapter: int, run: SuiteRun, seconds: float) -> str:
    """A row of the table in docs/lab.md."""
    counts = Counter(run.results().values())
    failed = counts["failed"] + counts["error"]
    return f"| {chapter} | {counts.total()} | {counts['passed']} | {counts['skipped']} | {failed} | {seconds:.0f} s |"


@pytest.mark.parametrize("chapter", CHOSEN)
def test_chapter_holds_on_a_board_in_a_farm(tmp_path: Path, stack: ExitStack, chapter: int) -> None:
    board, farm = farmed(tmp_path, stack, trusts=True)
    file = write_board(
        tmp_path / "board.yaml",
        board.config,
        [REMOTE_PLACE],
        drivers=[
            operated(board.network_program),
            *switched(board.power_command("on"), board.power_command("off")),
        ],
        coordinator=farm.address,
        bench={**BENCH, **board.over_the_air("eim", "eim2", "smdp")},
        abilities=ABILITIES,
        activation_codes=activation_codes(board),
        limits=LIMITS,
    )
    before, token, begun = board.profiles(), farm.reserve(), time.monotonic()
    words = (str(CHAPTERS), "--chapter", str(chapter))
    run = run_suite(file, *words, within=None, LG_PLACE="+", LG_TOKEN=token)
    sys.stdout.write(f"\n{row(chapter, run, time.monotonic() - begun)}\n")
    assert run.code == 0, run.output
    assert set(run.results().values()) <= {"passed", "skipped"}
    assert board.profiles() == before
