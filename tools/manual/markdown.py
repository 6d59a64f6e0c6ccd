"""The subset of Markdown that docs/ uses, as a list of blocks.

Headings, paragraphs, fenced code, tables, lists of one level; in text: code, bold, italic and links. Anything else is
an error, so that nothing gets lost on the way into a manual page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import Final

_HEADING: Final = re.compile(r"(#{1,4}) +(.+?) *$")
_ITEM: Final = re.compile(r"(?:[-*]|(\d+)\.) +(.*)")
_SEPARATOR: Final = re.compile(r"\|(?: *:?-+:? *\|)+ *$")
_CELL_END: Final = re.compile(r"(?<!\\)\|")
_COMMENT: Final = re.compile(r"<!--.*?--> *$")
_INLINE: Final = re.compile(
    r"(?P<tick>`+)(?P<code>.+?)(?P=tick)|\*\*(?P<strong>[^*]+)\*\*|\*(?P<emphasis>[^*\s][^*]*)\*"
    r"|\[(?P<label>(?:`[^`]*`|[^\]`])+)\]\((?P<target>[^)\s]+)\)"
)


class MarkdownError(Exception):
    """A construct that is not part of the subset; the message has file and line."""


class Style(Enum):
    """How a piece of text is set."""

    PLAIN = auto()
    CODE = auto()
    STRONG = auto()
    EMPHASIS = auto()
    LINK = auto()


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of text in one style; `target` of a link."""

    style: Style
    text: str
    target: str = ""


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of level 1 to 4."""

    level: int
    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Text that is filled."""

    text: str


@dataclass(frozen=True, slots=True)
class Code:
    """Lines that are shown as they are."""

    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Cells as text; every row has as many as the header."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Items:
    """A list; `numbered` entries are counted from 1."""

    numbered: bool
    entries: tuple[str, ...]


Block = Heading | Paragraph | Code | Table | Items


def read(path: Path) -> tuple[Block, ...]:
    """The blocks of a file. Raises MarkdownError."""
    return parse(path.read_text(encoding="utf-8"), path.name)


def parse(text: str, name: str = "text") -> tuple[Block, ...]:
    """The blocks of a text; `name` is what errors call it. Raises MarkdownError."""
    return tuple(_Reader(text.splitlines(), name).blocks())


def spans(text: str) -> Iterator[Span]:
    """The pieces of a paragraph, a cell or a list entry."""
    position = 0
    for match in _INLINE.finditer(text):
        if match.start() > position:
            yield Span(Style.PLAIN, text[position : match.start()])
        position = match.end()
        if match["code"] is not None:
            yield Span(Style.CODE, match["code"].strip())
        elif match["strong"] is not None:
            yield Span(Style.STRONG, match["strong"])
        elif match["emphasis"] is not None:
            yield Span(Style.EMPHASIS, match["emphasis"])
        else:
            yield Span(Style.LINK, match["label"].replace("`", ""), match["target"])
    if position < len(text):
        yield Span(Style.PLAIN, text[position:])


def codes(text: str) -> tuple[str, ...]:
    """The pieces of code in a text."""
    return tuple(span.text for span in spans(text) if span.style is Style.CODE)


class _Reader:
    """Takes lines from the front, one block at a time."""

    def __init__(self, lines: list[str], name: str) -> None:
        self._lines = lines
        self._name = name
        self._at = 0

    def blocks(self) -> Iterator[Block]:
        while self._at < len(self._lines):
            line = self._lines[self._at]
            if not line.strip() or _COMMENT.match(line):
                self._at += 1
            elif heading := _HEADING.match(line):
                self._at += 1
                yield Heading(len(heading[1]), heading[2])
            elif line.startswith("```"):
                yield self._code()
            elif line.startswith("|"):
                yield self._table()
            elif _ITEM.match(line):
                yield self._items()
            elif line[0] in " \t>#<!=":
                raise self._error("expected a heading, a paragraph, code, a table or a list")
            else:
                yield Paragraph(" ".join(self._filled()))

    def _code(self) -> Code:
        start = self._at
        self._at += 1
        while self._at < len(self._lines) and not self._lines[self._at].startswith("```"):
            self._at += 1
        if self._at == len(self._lines):
            self._at = start
            raise self._error("the code has no end")
        self._at += 1
        return Code(tuple(self._lines[start + 1 : self._at - 1]))

    def _table(self) -> Table:
        header = self._row()
        if self._at == len(self._lines) or not _SEPARATOR.match(self._lines[self._at]):
            raise self._error("expected the line of dashes below the head of a table")
        self._at += 1
        rows = []
        while self._at < len(self._lines) and self._lines[self._at].startswith("|"):
            row = self._row()
            if len(row) != len(header):
                self._at -= 1
                raise self._error(f"a row of {len(row)} cells in a table of {len(header)} columns")
            rows.append(row)
        return Table(header, tuple(rows))

    def _row(self) -> tuple[str, ...]:
        line = self._lines[self._at].rstrip()
        self._at += 1
        cells = _CELL_END.split(line.removeprefix("|").removesuffix("|"))
        return tuple(cell.strip().replace("\\|", "|") for cell in cells)

    def _items(self) -> Items:
        first = _ITEM.match(self._lines[self._at])
        assert first is not None
        entries: list[str] = []
        while self._at < len(self._lines) and (item := _ITEM.match(self._lines[self._at])):
            if bool(item[1]) is not bool(first[1]):
                break
            self._at += 1
            entries.append(" ".join([item[2].strip(), *self._indented()]))
        return Items(bool(first[1]), tuple(entries))

    def _indented(self) -> Iterator[str]:
        while self._at < len(self._lines) and re.match(r" {2,}\S", self._lines[self._at]):
            line = self._lines[self._at].strip()
            if _ITEM.match(line) or line.startswith(("```", "|")):
                raise self._error("a list has one level, and text only")
            self._at += 1
            yield line

    def _filled(self) -> Iterator[str]:
        while self._at < len(self._lines):
            line = self._lines[self._at]
            if not line.strip() or line.startswith(("```", "|", "#", "<!--")) or _ITEM.match(line):
                return
            self._at += 1
            yield line.strip()

    def _error(self, problem: str) -> MarkdownError:
        return MarkdownError(f"{self._name}:{self._at + 1}: {problem}")
