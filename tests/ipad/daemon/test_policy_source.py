"""The policy file, and the file of hints that is watched."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ipad.daemon.policy_source import HintsFile, load_policy
from ipad.errors import ConfigError
from ipad.policy.events import Hints, Power
from ipad.policy.settings import Settings


def write(file: Path, text: str, *, age: int) -> None:
    """A file with a time of its own, however coarse those of the file system are."""
    file.write_text(text)
    os.utime(file, ns=(age * 10**9, age * 10**9))


def test_without_a_file_the_defaults_hold() -> None:
    policy = load_policy(None)
    assert policy.settings == Settings()
    assert policy.document.path is None
    assert policy.digest


def test_policy_file_is_read_and_known_by_its_content(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text("[supervision]\ndeadline = 700\n")
    policy = load_policy(file)
    assert policy.settings.supervision.deadline == 700
    file.write_text("# a comment\n[supervision]\ndeadline = 700\n")
    assert load_policy(file).digest == policy.digest
    file.write_text("[supervision]\ndeadline = 701\n")
    assert load_policy(file).digest != policy.digest


def test_error_names_file_and_line(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text("[supervision]\n\ndeadlin = 700\n")
    with pytest.raises(ConfigError, match=r"policy\.toml:3: unknown key supervision\.deadlin"):
        load_policy(file)


def test_rung_that_the_board_does_not_have(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text('[rule.x]\nwhen = "loss-of-service"\ndo = "recover"\nrung = "power"\n')
    assert load_policy(file).settings.rules
    with pytest.raises(ConfigError, match="the board has no rung 'power'"):
        load_policy(file, rungs=("wait", "cfun4"))


def test_hints_are_told_when_they_change(tmp_path: Path) -> None:
    file = tmp_path / "hints.toml"
    hints = HintsFile(file)
    assert hints.look() is None
    write(file, "metered = true\n", age=1)
    assert hints.look() == Hints(metered=True)
    assert hints.look() is None
    write(file, 'metered = true\npower = "low"\n', age=2)
    assert hints.look() == Hints(metered=True, power=Power.LOW)
    write(file, '# the same\nmetered = true\npower = "low"\n', age=3)
    assert hints.look() is None
    file.unlink()
    assert hints.look() == Hints(), "a file that is gone takes its hints back"
    assert hints.look() is None


@pytest.mark.parametrize("text", ["metered = 1\n", "meterd = true\n", "no toml", "metered = true\n" + "#" * 5000])
def test_damaged_hints_are_reported_once_and_change_nothing(
    text: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "hints.toml"
    hints = HintsFile(file)
    write(file, "metered = true\n", age=1)
    assert hints.look() == Hints(metered=True)
    write(file, text, age=2)
    assert [hints.look(), hints.look()] == [None, None]
    assert caplog.text.count("the hints of before go on to hold") == 1
    assert str(file) in caplog.text


def test_no_file_of_hints() -> None:
    assert HintsFile(None).look() is None
