"""The commands and settings that the chapters of the operating guide tell people to use exist."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from ipad.board import BoardLibrary
from ipad.cli import parser
from ipad.config import load

DOCS = Path(__file__).parents[3] / "docs"
CHAPTERS = ("install", "first-profile", "operate", "fleet", "security", "extend")
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
_INLINE = re.compile(r"`(ipad (?:--?[a-z]|[a-z])[^`…]*)`")
_PLACES = {
    "FILE": "x",
    "NAME": "x",
    "ICCID": "89490000000000000015",
    "SEQ": "1",
    "NUMBER": "1",
    "LOG": "x",
    "CODE": "x",
}


def blocks(chapter: str, language: str) -> Iterator[str]:
    text = (DOCS / f"{chapter}.md").read_text(encoding="utf-8")
    return (body for kind, body in _BLOCK.findall(text) if kind == language)


def commands(chapter: str) -> Iterator[str]:
    for block in blocks(chapter, ""):
        yield from (line.partition("#")[0].strip() for line in block.splitlines() if line.startswith("ipad "))
    text = _BLOCK.sub("", (DOCS / f"{chapter}.md").read_text(encoding="utf-8"))
    yield from (" ".join(found.split()) for found in _INLINE.findall(text))


COMMANDS = sorted({command for chapter in CHAPTERS for command in commands(chapter)})


def test_chapters_name_commands() -> None:
    assert len(COMMANDS) > 40


@pytest.mark.parametrize("command", COMMANDS)
def test_documented_command_exists(command: str) -> None:
    words = [_PLACES.get(word, word) for word in shlex.split(command)[1:]]
    args = parser.build().parse_args(words)
    assert args.handler


def configurations() -> Iterator[str]:
    for chapter in CHAPTERS:
        yield from (block for block in blocks(chapter, "toml") if "kind =" not in block)


@pytest.mark.parametrize("block", tuple(configurations()))
def test_documented_configuration_is_accepted(block: str, tmp_path: Path) -> None:
    (tmp_path / "ipad.toml").write_text(block, encoding="utf-8")
    load(tmp_path / "ipad.toml")


def test_documented_board_is_accepted(tmp_path: Path) -> None:
    (board,) = (block for block in blocks("extend", "toml") if "kind =" in block)
    (tmp_path / "acme-gw7.toml").write_text(board, encoding="utf-8")
    assert BoardLibrary((tmp_path,)).load("acme-gw7").module == "quectel-eg25"


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_links_of_the_chapters_lead_somewhere(chapter: str) -> None:
    text = (DOCS / f"{chapter}.md").read_text(encoding="utf-8")
    for target, _, anchor in (link.partition("#") for link in re.findall(r"\]\(([^)]+)\)", text)):
        place = DOCS / target if target else DOCS / f"{chapter}.md"
        assert place.exists(), target
        if anchor:
            heads = re.findall(r"^#+ (.*)$", place.read_text(encoding="utf-8"), re.MULTILINE)
            slugs = {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}
            assert anchor in slugs, f"{target}#{anchor}"
