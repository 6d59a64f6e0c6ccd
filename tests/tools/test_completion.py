"""The completion scripts, run by the bash of this machine as a shell would call them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tools.manual.pages import ROOT

BASH = shutil.which("bash")
pytestmark = pytest.mark.skipif(BASH is None, reason="bash is not installed")

_AGENT = """#!/bin/sh
[ "$*" = "board list --json" ] && echo '{"ok":true,"boards":[{"name": "quectel-eg25"},{"name":"generic-3gpp"}]}'
"""


def complete(line: list[str], folder: Path) -> list[str]:
    """What is offered for the last of the words, in a shell whose working directory is the folder."""
    agent = folder / ".bin" / "ipad"
    agent.parent.mkdir(exist_ok=True)
    agent.write_text(_AGENT, encoding="utf-8")
    agent.chmod(0o755)
    function = f"_{line[0].replace('-', '_')}"
    command = str(agent) if line[0] == "ipad" else line[0]
    calls = f"""
        source "$1"; shift
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        {function} {command} "${{COMP_WORDS[COMP_CWORD]}}" "${{COMP_WORDS[COMP_CWORD - 1]}}"
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    assert BASH is not None
    ran = subprocess.run(
        [BASH, "--norc", "-uc", calls, "bash", str(ROOT / "completion" / line[0]), *line],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    assert not ran.stderr
    return sorted(ran.stdout.split("\n"))[1:] if ran.stdout.strip() else []


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("ipad pro", ["profile"]),
        ("ipad -v profile d", ["delete", "disable", "discover", "download"]),
        ("ipad --config x.toml --json euicc ", ["info", "reset"]),
        ("ipad euicc reset --field", ["--field-test"]),
        ("ipad --modem=a board ch", ["check"]),
        ("ipad --board q", ["quectel-eg25"]),
        ("ipad board show gen", ["generic-3gpp"]),
        ("ipad profile delete ", []),
        ("ipad run --o", ["--once"]),
        ("ipad-hil eim queue imm", ["immediate-enable"]),
        ("ipad-hil eim queue immediate-enable ", ["off", "on"]),
        ("ipad-hil rig --euicc=c", ["consumer"]),
        ("ipad-hil rig --euicc i", ["iot"]),
        ("ipad-hil link set --preset n", ["nb-iot", "none"]),
        ("ipad-hil modem power o", ["off", "on"]),
        ("ipad-hil eim tls --max 1", ["1.2", "1.3"]),
    ],
)
def test_words_that_go_on_a_line(line: str, offered: list[str], tmp_path: Path) -> None:
    assert complete(cut(line), tmp_path) == offered


@pytest.mark.parametrize(
    "line", ["ipad --config ", "ipad --config=", "ipad board check ", "ipad-hil eim inject u --ca "]
)
def test_files_are_offered_where_a_file_is_wanted(line: str, tmp_path: Path) -> None:
    (tmp_path / "my file.toml").touch()
    (tmp_path / "folder").mkdir()
    offered = complete(cut(line), tmp_path)
    assert {"my file.toml", "folder"} <= set(offered)


def test_folders_only_are_offered_where_a_folder_is_wanted(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    assert complete(["ipad-hil", "rig", "--state", "f"], tmp_path) == ["folder"]


def cut(line: str) -> list[str]:
    """The words as bash cuts them: `=` is one of its own."""
    words: list[str] = []
    for word in line.split(" "):
        name, equals, value = word.partition("=")
        words += [name] if not equals else [name, equals, value] if value else [name, equals]
    return words
