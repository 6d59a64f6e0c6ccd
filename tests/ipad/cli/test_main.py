"""The command line from arguments to exit code, as far as no card is needed."""

import asyncio
import json
import logging
import os
import re
import signal
from pathlib import Path

import pytest

from ipad import __version__
from ipad.cli import parser
from ipad.cli.invocation import Invocation, log_level, prepare
from ipad.cli.main import run
from ipad.config import ModemConfig
from ipad.daemon.log import TRACE
from ipad.errors import UsageError


def parse(*argv: str) -> ModemConfig:
    return prepare(parser.build().parse_args(argv)).config.modem()


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"ipad {__version__}\n"


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    text = capsys.readouterr().out
    for noun in ("run", "euicc", "profile", "eim", "notification", "modem", "config"):
        assert re.search(rf"^ +{noun} ", text, re.MULTILINE)


@pytest.mark.parametrize(
    "argv",
    [[], ["euicc"], ["nonsense"], ["euicc", "inf"], ["profile", "info"], ["notification", "remove", "x"], ["--jso"]],
)
def test_wrong_usage_is_one_line_on_standard_error(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(argv) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    message, hint = captured.err.splitlines()
    assert message.startswith("ipad: ")
    assert hint.startswith("hint: usage: ipad")


def test_wrong_usage_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--json", "euicc"]) == 2
    captured = capsys.readouterr()
    assert captured.err == ""
    error = json.loads(captured.out)["error"]
    assert (error["class"], error["exit_code"]) == ("usage", 2)


def test_config_check_of_a_good_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.toml"
    path.write_text("[modem]\nport = '/dev/x'\n")
    assert run(["config", "check", "--config", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"ok": True, "schema": 1, "file": str(path), "valid": True}


@pytest.mark.parametrize("command", [["config", "check"], ["run"], ["run", "--once"], ["euicc", "info"]])
def test_typo_in_the_configuration_ends_every_command(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.toml"
    path.write_text("[modem]\n\nprot = '/dev/x'\n")
    assert run([*command, "--config", str(path)]) == 78
    assert capsys.readouterr().err.splitlines()[0] == (
        f"ipad: {path}:3: unknown key modem.prot; did you mean modem.port?"
    )


def test_config_show_names_the_origin_of_each_setting(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.toml"
    path.write_text("[modem]\nport = '/dev/x'\nterminal_capability = '80aa00'\n")
    assert run(["config", "show", "--config", str(path), "--json"]) == 0
    rows = {row["key"]: row for row in json.loads(capsys.readouterr().out)["settings"]}
    assert rows["modem.port"] == {"key": "modem.port", "value": "/dev/x", "origin": f"{path}:2"}
    assert rows["modem.terminal_capability"]["value"] == "80AA00"
    assert rows["esipa.poll_interval"]["origin"] == "default"


def test_global_options_may_stand_before_and_after_the_command() -> None:
    for argv in (("--port", "/dev/x", "euicc", "info"), ("euicc", "info", "--port", "/dev/x")):
        assert parse(*argv).port == "/dev/x"


def test_link_of_the_command_line_replaces_the_configured_one_only(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text("[modem]\nport = '/dev/x'\nboard = 'b'\nmax_data = 60\n")
    config = ("--config", str(path))
    assert parse("euicc", "info", *config, "--card", "pcsc:R") == ModemConfig(card="pcsc:R", board="b", max_data=60)
    assert parse("euicc", "info", *config, "--port", "/dev/y", "--board", "c") == ModemConfig(
        port="/dev/y", board="c", max_data=60
    )


def test_one_of_several_modems_is_chosen_by_name(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text("[modem.a]\nport = '/dev/x'\n[modem.b]\nport = '/dev/y'\n")
    assert parse("euicc", "info", "--config", str(path), "--modem", "b").port == "/dev/y"
    assert parse("euicc", "info", "--config", str(path), "--port", "/dev/z").port == "/dev/z"


@pytest.mark.parametrize(
    "argv",
    [
        ("--port", "x", "euicc", "info", "--card", "pcsc:"),
        ("euicc", "info", "--card", "reader"),
        ("euicc", "info", "--port", "x", "--card", "pcsc:"),
        ("euicc", "info", "--modem", "nobody"),
    ],
)
def test_links_that_contradict_are_refused(argv: tuple[str, ...]) -> None:
    with pytest.raises(UsageError):
        parse(*argv)


@pytest.mark.parametrize(
    ("options", "level"),
    [
        ([], logging.WARNING),
        (["-v"], logging.INFO),
        (["-vv"], logging.DEBUG),
        (["-vvvv"], TRACE),
        (["-q"], logging.ERROR),
    ],
)
def test_verbosity(options: list[str], level: int) -> None:
    args = parser.build().parse_args([*options, "euicc", "info"])
    assert log_level(args, logging.WARNING) == level


def test_verbosity_never_silences_what_is_configured() -> None:
    args = parser.build().parse_args(["-v", "run"])
    assert log_level(args, logging.DEBUG) == logging.DEBUG


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_signal_unwinds_a_command_before_it_ends(
    number: signal.Signals, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    unwound: list[bool] = []

    async def interrupted(_call: Invocation) -> None:
        try:
            os.kill(os.getpid(), number)
            await asyncio.get_running_loop().create_future()
        finally:
            unwound.append(True)

    monkeypatch.setattr("ipad.cli.config.check", interrupted)
    # A shell that puts a test run into the background lets it ignore SIGINT.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        assert run(["config", "check"]) == code
    finally:
        signal.signal(signal.SIGINT, before)
    assert unwound == [True]
