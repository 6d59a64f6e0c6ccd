"""Programs of rules: told what they must know, bounded in time."""

from __future__ import annotations

from pathlib import Path

import pytest

from ipad.daemon.guard.hooks import run_hook
from ipad.policy.decisions import RunHook
from tests.ipad.daemon.fakes import BriskClock, HeldClock


def program(folder: Path, text: str) -> str:
    file = folder / "hook"
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    return str(file)


@pytest.mark.asyncio
async def test_program_is_told_rule_reason_and_facts_without_a_shell(tmp_path: Path) -> None:
    hook = RunHook(
        program=program(tmp_path, f'echo "$1|$IPAD_REASON|$IPAD_PLMN" > {tmp_path}/out; exit 3'),
        rule="a",
        reason="$(b); c",
    )
    assert await run_hook(hook, HeldClock(), {"PLMN": "00101"}) == 3
    assert (tmp_path / "out").read_text() == "a|$(b); c|00101\n"


@pytest.mark.asyncio
async def test_program_that_does_not_end_is_ended(tmp_path: Path) -> None:
    hook = RunHook(program=program(tmp_path, "sleep 60"), rule="a", reason="")
    assert await run_hook(hook, BriskClock(), {}) == -9


@pytest.mark.asyncio
async def test_program_that_is_not_there_is_reported(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert await run_hook(RunHook(program=str(tmp_path / "none"), rule="a", reason=""), HeldClock(), {}) is None
    assert "cannot be started" in caplog.text
