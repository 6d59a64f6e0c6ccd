"""A card that does not load profiles of the bench: its owner names activation codes of the operator's SM-DP+."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("labgrid")

from tests.lab.board_file import AGENT, wired, write_board
from tests.lab.suite_run import CHAPTERS, SuiteRun, run_suite
from tests.lab.virtual_board import VirtualBoard

EXTERNAL = str(CHAPTERS / "test_06_download_external.py")
CONFIRMATION = "90210-774"
LIMITS = {"command": 60, "poll": 60, "start": 60, "switch": 90, "download": 90, "recovery": 60, "settle": 0.2}

pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.skipif(AGENT is None, reason="needs an agent of the main environment: IPAD_LAB_AGENT"),
]


class Operator:
    """The SM-DP+ of the rig that plays the board: the bench of the suite, another process, has never heard of it."""

    def __init__(self, board: VirtualBoard) -> None:
        self._board = board

    def order(self, matching_id: str, confirmation_code: str | None = None) -> str:
        """The activation code of a new order."""
        extra = {} if confirmation_code is None else {"confirmationCode": confirmation_code}
        return str(self._board.call("/smdp/orders", {"matchingId": matching_id, **extra})["activationCode"])

    def installed(self) -> int:
        """How many of its profiles were installed, as the eUICC has signed it."""
        reports = self._board.call("/smdp/reports")["installations"]
        return sum(report["verified"] and report["errorReason"] is None for report in reports)


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VirtualBoard]:
    folder = tmp_path_factory.mktemp("foreign")
    made = VirtualBoard(folder, folder / "operator", trusts=True)
    yield made
    made.close()


def board_file(board: VirtualBoard, codes: list[object]) -> Path:
    path = board.config.parent / "board.yaml"
    resources = wired(board.ready["tty"], board.eid)
    return write_board(path, board.config, resources, activation_codes=codes, limits=LIMITS)


def leaks(run: SuiteRun, secrets: list[str]) -> list[str]:
    """Where something secret stands, as text or in hexadecimal."""
    assert run.report is not None
    places = {path.name: path.read_text(errors="replace") for path in run.report.iterdir()} | {"terminal": run.output}
    forms = [form for secret in secrets for form in (secret, secret.encode().hex(), secret.encode().hex().upper())]
    return [f"{form} in {place}" for place, text in places.items() for form in forms if form in text]


def test_owners_codes_take_the_place_of_the_bench(board: VirtualBoard) -> None:
    operator = Operator(board)
    secrets = [CONFIRMATION, *(f"OWNER-{number}-X7Q" for number in range(5))]
    codes: list[object] = [operator.order(name) for name in secrets[1:-1]]
    codes.append({"code": operator.order(secrets[-1], CONFIRMATION), "confirmation_code": CONFIRMATION})
    before = board.profiles()
    file = board_file(board, codes)

    bench = f"{CHAPTERS / 'test_06_download_direct.py'}::test_profile_is_installed_and_stays_disabled"
    run = run_suite(file, EXTERNAL, bench, "-vv", "-rA")
    assert run.code == 0, run.output
    results = run.results()
    assert results.pop("test_profile_is_installed_and_stays_disabled") == "skipped"
    assert "test-profile: the eUICC is not known to load" in run.reason("test_profile_is_installed_and_stays_disabled")
    assert set(results.values()) == {"passed"}, results
    assert board.profiles() == before
    assert operator.installed() == len(codes)
    assert leaks(run, secrets) == []


def test_code_is_used_once_also_by_later_runs(board: VirtualBoard) -> None:
    operator = Operator(board)
    file = board_file(board, [operator.order("OWNER-ONCE-X7Q")])
    first, again = (run_suite(file, f"{EXTERNAL}::test_download_at_the_device", "--tb", "long") for _ in range(2))
    assert first.results() == {"test_download_at_the_device": "passed"}, first.output
    assert again.results() == {"test_download_at_the_device": "skipped"}, again.output
    assert "0 of 1 named are left" in again.reason("test_download_at_the_device")


def test_code_that_fails_is_told_nowhere(board: VirtualBoard) -> None:
    secrets = ["OWNER-NOBODY-X7Q", "ANOTHER-SECRET-1"]
    codes = board.config.parent / "codes.txt"
    codes.write_text(f"# of nobody\n1${board.ready['smdp_fqdn']}${secrets[0]} {secrets[1]}\n")
    run = run_suite(
        board_file(board, []), f"{EXTERNAL}::test_download_at_the_device", "-vv", "-l", "--activation-codes", str(codes)
    )
    assert run.results() == {"test_download_at_the_device": "failed"}, run.output
    assert "exit code" in run.reason("test_download_at_the_device")
    assert "***" in run.reason("test_download_at_the_device")
    assert leaks(run, secrets) == []
