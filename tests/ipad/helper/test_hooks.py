"""Programs of root: which ones are run, with what, and how they end."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ipad.clock import SystemClock
from ipad.errors import HelperError
from ipad.helper.hooks import Hooks
from ipad.helper.protocol import RunHook
from tests.ipad.modem.peer import FastClock
from tests.waiting import ended

OURS = frozenset({os.getuid()})


def script(folder: Path, body: str, name: str = "hook") -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


@pytest.mark.asyncio
async def test_a_hook_gets_words_variables_and_its_secret_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", "/x")
    script(
        tmp_path,
        f'read -r secret\necho "$1|$2|$IPAD_APN|$secret|$NOTIFY_SOCKET|$PATH|$(pwd)" >{tmp_path}/said\nexit 75',
    )
    request = RunHook("hook", ("up", "boot"), {"IPAD_APN": "iot"}, "s3cret")
    assert await Hooks(SystemClock(), tmp_path, OURS).run(request) == 75
    assert (tmp_path / "said").read_text() == "up|boot|iot|s3cret||/usr/sbin:/usr/bin:/sbin:/bin|/\n"


@pytest.mark.asyncio
async def test_a_hook_that_does_not_read_is_no_failure(tmp_path: Path) -> None:
    script(tmp_path, "exec <&-; exit 0")
    assert await Hooks(SystemClock(), tmp_path, OURS).run(RunHook("hook", text="x" * 256)) == 0


class Patient(SystemClock):
    """Its time is over when the hook has written its file."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def written(self) -> bool:
        return self.file.exists() and self.file.read_text().endswith("\n")

    async def sleep(self, seconds: float) -> None:
        while not self.written():
            await super().sleep(0.01)


@pytest.mark.asyncio
async def test_a_hook_that_takes_too_long_is_ended_with_its_children(tmp_path: Path) -> None:
    clock = Patient(tmp_path / "child")
    script(tmp_path, f"trap '' TERM\nsleep 1000 & echo $! >{clock.file}\nwait\nwait")
    with pytest.raises(HelperError, match="hook: not done within 5 s, ended"):
        await Hooks(clock, tmp_path, OURS).run(RunHook("hook", limit=5))
    await ended(int(clock.file.read_text()))


@pytest.mark.asyncio
async def test_what_others_could_have_changed_is_not_run(tmp_path: Path) -> None:
    hooks = Hooks(FastClock(), tmp_path, OURS)
    path = script(tmp_path, "exit 0")
    for mode, problem in (
        (0o775, "can be changed by others"),
        (0o757, "can be changed by others"),
        (0o644, "executable"),
    ):
        path.chmod(mode)
        with pytest.raises(HelperError, match=problem):
            await hooks.run(RunHook("hook"))
    link = tmp_path / "link"
    link.symlink_to(path)
    with pytest.raises(HelperError, match="link is not a regular file"):
        await hooks.run(RunHook("link"))
    with pytest.raises(HelperError, match="No such file"):
        await hooks.run(RunHook("missing"))
    with pytest.raises(HelperError, match="no name of a hook"):
        await hooks.run(RunHook("../hook"))
    path.chmod(0o755)
    os.chmod(tmp_path, 0o777)  # noqa: PTH101
    with pytest.raises(HelperError, match="can be changed by others"):
        await hooks.run(RunHook("hook"))


@pytest.mark.asyncio
async def test_a_program_of_somebody_else_is_not_run(tmp_path: Path) -> None:
    path = script(tmp_path, "exit 0")
    if os.getuid() != 0:
        pytest.skip("only root can give a file away")
    os.chown(path, 65534, -1)
    with pytest.raises(HelperError, match="does not belong to root"):
        await Hooks(FastClock(), tmp_path).run(RunHook("hook"))


@pytest.mark.asyncio
async def test_a_hook_that_is_no_program_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "hook").write_text("#!/does/not/exist\n")
    (tmp_path / "hook").chmod(0o755)
    with pytest.raises(HelperError, match="cannot be run"):
        await Hooks(FastClock(), tmp_path, OURS).run(RunHook("hook"))
