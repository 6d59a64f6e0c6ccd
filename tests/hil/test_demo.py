"""The demo as a whole: two processes, a serial line, TLS; and that it notices when the agent fails."""

import asyncio
import sys
from pathlib import Path

import pytest


async def demo(*arguments: str) -> tuple[int | None, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "hil", "demo", *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    output, errors = await process.communicate()
    return process.returncode, output.decode(), errors.decode()


@pytest.mark.asyncio
async def test_main_job_is_done_verified_and_cleaned_up() -> None:
    code, output, errors = await demo()
    assert (code, errors) == (0, ""), output
    for words in (
        "package 3: enable 89490000000000000023 with rollback",
        "ES9+  smdp getBoundProfilePackage: ",
        "ES9+  smdp getBoundProfilePackage from eim2.example.com: ",
        "IMSI 999710000000012 is registered on 99971",
        "Installed, package of 150,027 B",
        "addEimResult associationToken 2",
        "eim2, package 1: listEim",
        "waiting on the card: 0 results, 0 notifications",
        "agent ROLLBACK: not registered",
        "eIM   result: rollbackResult ok, verified",
        "agent EXECUTE-FALLBACK: not registered",
        "eIM   hears: state change, cause 1, rPLMN 00F110",
        "agent RETURN-FROM-FALLBACK: ",
        "eIM   hears: state change, cause 1, rPLMN 99F917",
        "Everything was done, verified and acknowledged",
    ):
        assert words in output
    assert "FAILED" not in output


@pytest.mark.asyncio
async def test_agent_that_fails_is_a_failed_demo(tmp_path: Path) -> None:
    code, output, _ = await demo("--agent", "false", "--state", str(tmp_path / "demo"))
    assert code == 1
    assert "NOT as it should be" in output
    assert "ended with exit code 1" in output


@pytest.mark.asyncio
async def test_agent_that_does_nothing_is_found_out(tmp_path: Path) -> None:
    code, output, _ = await demo("--agent", "true", "--state", str(tmp_path / "demo"))
    assert code == 1
    assert "eim1: package 1 (data request" in output
    assert "eIMs on the card: []" in output


@pytest.mark.asyncio
async def test_agent_that_does_not_stay_is_found_out(tmp_path: Path) -> None:
    script = tmp_path / "agent"
    script.write_text(f'case "$*" in *" run") exit 0;; esac\nexec {sys.executable} -m ipad "$@"\n', encoding="utf-8")
    code, output, _ = await demo("--agent", f"sh {script}")
    assert code == 1
    assert "the result of the rollback was waited for, and the agent ended" in output
    assert "the agent decided nothing, expected rollback, execute-fallback, return-from-fallback" in output


@pytest.mark.asyncio
async def test_used_state_is_no_fresh_device(tmp_path: Path) -> None:
    (tmp_path / "something").touch()
    code, _, errors = await demo("--state", str(tmp_path))
    assert code == 1
    assert "is not empty" in errors
