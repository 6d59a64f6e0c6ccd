"""The back end that runs a program. The programs are real; only their time limit is virtual."""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path

import pytest

from ipad.bearer.backend import Apn, Auth, BearerReason, BearerRequest, IpType
from ipad.bearer.exec import HookBearer
from ipad.bearer.settings import BearerConfig
from ipad.clock import SystemClock
from ipad.errors import BearerError
from ipad.ids import Iccid
from tests.waiting import ended, seen, turns

ACCESS = Apn("iot.example", IpType.IPV4, "dev", 'hu"sh\\', Auth.PAP)
REQUEST = BearerRequest(Iccid.parse("89490000000000000015"), "262011234567890", ACCESS, BearerReason.PROFILE_CHANGED)


class Waits:
    """A clock whose long waits end when the test says so, and short ones a little later."""

    def __init__(self) -> None:
        self.over = asyncio.Event()

    def monotonic(self) -> float:
        return 0.0

    def time(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        if seconds < 10:
            await asyncio.sleep(seconds / 4)
        else:
            await self.over.wait()


def hook(tmp_path: Path, text: str, **environment: str) -> str:
    path = tmp_path / "hook"
    lines = "".join(f"export {name}='{value}'\n" for name, value in environment.items())
    path.write_text(f"#!/bin/sh\n{lines}{text}\n")
    path.chmod(0o755)
    return str(path)


def bearer_of(program: str, clock: SystemClock | Waits | None = None) -> HookBearer:
    return HookBearer(BearerConfig(backend="exec", hook=program), None, clock or SystemClock(), "wwan0")


@pytest.mark.asyncio
async def test_the_program_is_told_everything_and_the_password_by_its_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("IPAD_CAPTURES", raising=False)  # what else begins so comes from who runs the tests
    program = hook(
        tmp_path, 'IFS= read -r secret\nenv | sort > "$OUT"\necho "$1 $2 $secret" >> "$OUT"', OUT=f"{tmp_path}/o"
    )
    await bearer_of(program).bring_up(REQUEST)
    told = (tmp_path / "o").read_text()
    lines = dict(line.split("=", 1) for line in told.splitlines() if line.startswith("IPAD_"))
    assert lines == {
        "IPAD_ACTION": "up",
        "IPAD_APN": "iot.example",
        "IPAD_AUTH": "pap",
        "IPAD_ICCID": "89490000000000000015",
        "IPAD_IMSI": "262011234567890",
        "IPAD_INTERFACE": "wwan0",
        "IPAD_IP_TYPE": "ipv4",
        "IPAD_REASON": "profile-changed",
        "IPAD_USER": "dev",
    }
    assert told.splitlines()[-1] == 'up profile-changed hu"sh\\'
    assert told.count('hu"sh') == 1


@pytest.mark.asyncio
async def test_down_names_the_profile_of_the_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/notify")
    program = hook(tmp_path, 'echo "$1 $2 $IPAD_ICCID $NOTIFY_SOCKET" >> "$OUT"', OUT=f"{tmp_path}/o")
    bearer = bearer_of(program)
    await bearer.bring_up(REQUEST)
    await bearer.take_down(BearerReason.STOP)
    assert (tmp_path / "o").read_text().splitlines() == [
        "up profile-changed 89490000000000000015 ",
        "down stop 89490000000000000015 ",
    ]


@pytest.mark.asyncio
@pytest.mark.parametrize(("code", "transient"), [(75, True), (1, False), (3, False)])
async def test_exit_codes_say_whether_to_try_again(tmp_path: Path, code: int, transient: bool) -> None:
    with pytest.raises(BearerError, match=f"exit code {code}") as caught:
        await bearer_of(hook(tmp_path, f"exit {code}")).bring_up(REQUEST)
    assert caught.value.transient is transient


@pytest.mark.asyncio
async def test_a_program_that_cannot_be_run_is_named(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("#!/bin/sh\n")
    for path, reason in ((plain, "Permission denied"), (tmp_path / "none", "No such file")):
        with pytest.raises(BearerError, match=reason) as caught:
            await bearer_of(str(path)).bring_up(REQUEST)
        assert not caught.value.transient


@pytest.mark.asyncio
async def test_what_it_says_is_logged_within_bounds(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    text = r"printf 'hello\033[31m\n'; echo trouble >&2; i=0; "
    text += "while [ $i -lt 3000 ]; do echo 0123456789012345; i=$((i+1)); done"
    await bearer_of(hook(tmp_path, text)).bring_up(REQUEST)
    assert ": hello?[31m" in caplog.text
    assert ": trouble" in caplog.text
    assert 3000 < sum(len(record.message) for record in caplog.records) < 40_000
    assert 'hu"sh' not in caplog.text


@pytest.mark.asyncio
async def test_a_program_left_in_the_background_does_not_hold_the_agent_up(tmp_path: Path) -> None:
    program = hook(tmp_path, 'sleep 30 & echo $! > "$OUT"; echo started', OUT=f"{tmp_path}/pid")
    async with asyncio.timeout(10):
        await bearer_of(program).bring_up(REQUEST)
    pid = int((tmp_path / "pid").read_text())
    os.kill(pid, 0)
    os.kill(pid, 9)


STUBBORN = 'trap \'\' TERM\nsleep 60 & echo $! > "$OUT.new"; mv "$OUT.new" "$OUT"\nwhile true; do sleep 0.05; done'


async def started(path: Path) -> int:
    """The process that the program wrote down, as soon as it did."""
    await seen(path.exists, "the program has started")
    return int(path.read_text())  # noqa: ASYNC240 - a few bytes


@pytest.mark.asyncio
async def test_one_that_takes_too_long_is_killed_with_all_it_started(tmp_path: Path) -> None:
    waits = Waits()
    bearer = bearer_of(hook(tmp_path, STUBBORN, OUT=f"{tmp_path}/pid"), waits)
    running = asyncio.ensure_future(bearer.bring_up(REQUEST))
    pid = await started(tmp_path / "pid")
    waits.over.set()
    with pytest.raises(BearerError, match="not done within 60 s") as caught:
        await running
    assert caught.value.transient
    await ended(pid)


@pytest.mark.asyncio
@pytest.mark.parametrize("count", range(0, 12, 3))
async def test_one_whose_caller_gives_up_at_once_leaves_nothing(tmp_path: Path, count: int) -> None:
    text = 'sleep 60 & echo $! > "$OUT.new"; mv "$OUT.new" "$OUT"; wait'
    running = asyncio.ensure_future(bearer_of(hook(tmp_path, text, OUT=f"{tmp_path}/pid")).bring_up(REQUEST))
    await turns(count)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    if (tmp_path / "pid").exists():
        await ended(await started(tmp_path / "pid"))


@pytest.mark.asyncio
async def test_one_whose_caller_gives_up_is_killed(tmp_path: Path) -> None:
    bearer = bearer_of(hook(tmp_path, STUBBORN.replace("trap '' TERM", ""), OUT=f"{tmp_path}/pid"))
    running = asyncio.ensure_future(bearer.bring_up(REQUEST))
    pid = await started(tmp_path / "pid")
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await ended(pid)


@pytest.mark.asyncio
async def test_calls_do_not_overlap(tmp_path: Path) -> None:
    text = 'echo begin >> "$OUT"; sleep 0.05; echo end >> "$OUT"'
    bearer = bearer_of(hook(tmp_path, text, OUT=f"{tmp_path}/o"))
    await asyncio.gather(bearer.bring_up(REQUEST), bearer.take_down(BearerReason.STOP))
    assert (tmp_path / "o").read_text().split() == ["begin", "end"] * 2
