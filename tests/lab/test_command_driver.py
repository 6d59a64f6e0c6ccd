"""Commands of this machine."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

pytest.importorskip("labgrid")

from labgrid import Target
from labgrid.driver.exception import ExecutionError
from labgrid.protocol import CommandProtocol

from hil.lab.command_driver import IpadLocalCommandDriver
from hil.lab.remote_file import read_text, write_octets, write_text
from tests.lab.fakes import active


@pytest.fixture
def shell() -> IpadLocalCommandDriver:
    target = Target("main")
    return active(target, IpadLocalCommandDriver(target, None))


def test_lines_and_exit_code_are_told_apart(shell: IpadLocalCommandDriver) -> None:
    assert shell.run("echo one; echo two; echo three >&2; exit 4") == (["one", "two"], ["three"], 4)


def test_failed_command_is_an_error_where_success_is_wanted(shell: IpadLocalCommandDriver) -> None:
    assert shell.run_check("echo one") == ["one"]
    with pytest.raises(ExecutionError) as caught:
        shell.run_check("echo one; echo why >&2; false")
    assert (caught.value.stdout, caught.value.stderr) == (["one"], ["why"])


def test_command_that_hangs_is_ended_with_its_children(shell: IpadLocalCommandDriver, tmp_path: Path) -> None:
    begun = time.monotonic()
    with pytest.raises(ExecutionError) as caught:
        shell.run(f"(echo $$ >{tmp_path}/pid; exec sleep 60) & sleep 60", timeout=0.2)
    assert "not done within 0.2 s" in caught.value.msg
    assert time.monotonic() - begun < 10


def test_process_in_the_background_does_not_hold_the_command(shell: IpadLocalCommandDriver) -> None:
    begun = time.monotonic()
    assert shell.run("setsid sleep 1 </dev/null >/dev/null 2>&1 & echo done") == (["done"], [], 0)
    assert time.monotonic() - begun < 0.9


def test_it_is_what_drivers_over_a_shell_bind_to() -> None:
    target = Target("main")
    driver = IpadLocalCommandDriver(target, None)
    assert target.get_driver(CommandProtocol) is driver
    assert driver.get_status() == 1
    assert driver.poll_until_success("true", timeout=5.0)


TEXTS = ("", "one line\n", "# 100 % \\n of 'it'\n\ttabbed = \"\\\\ u00e4 \u00e4\"\n" * 300)


@pytest.mark.parametrize("text", TEXTS)
def test_text_files_come_over_a_shell_unchanged(shell: IpadLocalCommandDriver, tmp_path: Path, text: str) -> None:
    path = tmp_path / "it's a file"
    write_text(shell, str(path), text)
    assert path.read_text() == text
    assert read_text(shell, str(path)) == text


def test_any_octets_come_over_a_shell_unchanged(shell: IpadLocalCommandDriver, tmp_path: Path) -> None:
    data = bytes(range(256)) * 5
    write_octets(shell, str(tmp_path / "file"), data)
    assert (tmp_path / "file").read_bytes() == data


def test_file_that_is_replaced_keeps_its_mode(shell: IpadLocalCommandDriver, tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("before")
    path.chmod(0o600)
    write_text(shell, str(path), "after\n")
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("after\n", 0o600)
    assert [item.name for item in tmp_path.iterdir()] == ["secret"]
