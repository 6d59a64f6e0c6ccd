"""The suite as a user runs it, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from hil.suite.record import Run, read

CHAPTERS = Path(__file__).parent.parent.parent / "hil" / "suite" / "chapters"
CASES = Path(__file__).parent / "cases_of_protection.py"
_LIMIT = 300.0


@dataclass(frozen=True)
class SuiteRun:
    """How it ended, with what is below `report`. `record` None: it never came to a case."""

    code: int
    output: str
    record: Run | None
    report: Path | None = None

    def results(self) -> dict[str, str]:
        """Name of the test function -> result."""
        cases = self.record.cases if self.record is not None else ()
        return {case.id.rpartition("::")[2]: case.result for case in cases}

    def reason(self, name: str) -> str:
        """Why a case did not pass."""
        assert self.record is not None, self.output
        return next(case.reason for case in self.record.cases if case.id.endswith(f"::{name}"))


def run_suite(board: Path, *words: str, within: float | None = _LIMIT, **variables: str) -> SuiteRun:
    """`pytest --target BOARD WORDS...`, far from this project's own pytest options; seconds that it may take."""
    report = board.parent / f"report-{board.stem}"
    written = report / "record.json"
    written.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "-c", os.devnull, "-p", "no:cacheprovider", "-W", "ignore"]
    done = subprocess.run(
        [*command, "--rootdir", str(CHAPTERS), "--target", str(board), "--report", str(report), *words],
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=board.parent,
        env={**os.environ, **variables},
        timeout=within,
    )
    return SuiteRun(done.returncode, done.stdout, read(written) if written.exists() else None, report)
