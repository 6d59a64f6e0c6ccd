"""Writes roff with the macros of man(7), those that groff and mandoc both know."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from tools.manual.markdown import Span, Style, spans

_WIDTH: Final = 78
_SENTENCE_END: Final = re.compile(r"(?<=[a-z0-9)\"\]][.:!?]) (?=[A-Z`\\])")
_MANUALS: Final = {
    "cli.md": "ipad(8)",
    "ipad.toml.md": "ipad.toml(5)",
    "board.md": "ipad-board(5)",
    "bench.md": "ipad-hil(1)",
}
"""Documents that are manual pages as well."""


def escape(text: str, *, literal: bool = False) -> str:
    """Text as roff shows it; in `literal` text a hyphen is the ASCII character that can be typed."""
    plain = text.replace("\\", "\\e")
    if literal:
        plain = plain.replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga")
    plain = plain.replace("^", "\\(ha").replace("~", "\\(ti")
    return "".join(char if char.isascii() else f"\\[u{ord(char):04X}]" for char in plain)


def bold(text: str) -> str:
    """Words to be typed as they are."""
    return f"\\fB{escape(text, literal=True)}\\fR"


def italic(text: str) -> str:
    """Words that stand for others, names of pages and files."""
    return f"\\fI{escape(text, literal=True)}\\fR"


def inline(text: str) -> str:
    """Marked-up text of one paragraph."""
    return "".join(_span(span) for span in spans(text))


def _span(span: Span) -> str:
    match span.style:
        case Style.CODE | Style.STRONG:
            return bold(span.text)
        case Style.EMPHASIS:
            return italic(span.text)
        case Style.LINK:
            return _link(span.text, span.target)
        case _:
            return escape(span.text)


def _link(label: str, target: str) -> str:
    document, _, _ = target.rpartition("/")[2].partition("#")
    if "://" in target:
        return f"{escape(label)} ({italic(target)})"
    shown = _MANUALS.get(document, document)
    if not document or label == shown:
        return italic(label)
    return italic(shown) if label == document else f"{escape(label)} ({italic(shown)})"


class Page:
    """Collects the lines of one page."""

    def __init__(self, name: str, section: int, date: str, source: str, volume: str) -> None:
        title = f'.TH {escape(name.upper(), literal=True)} {section} "{date}" "{source}" "{volume}"'
        self._lines = [title, ".nh", ".ad l"]
        self._fresh = True

    def text(self) -> str:
        """The whole page."""
        return "\n".join(self._lines) + "\n"

    def section(self, title: str) -> None:
        """A heading of the first level."""
        self._macro("SH", title)

    def subsection(self, title: str) -> None:
        """A heading of the second level."""
        self._macro("SS", title)

    def subheading(self, title: str) -> None:
        """A heading of the third level: a line in bold type, as man(7) has no macro for it."""
        self.paragraph(bold(title), marked=True)

    def paragraph(self, text: str, *, marked: bool = False) -> None:
        """A filled paragraph; `marked` text is roff already."""
        if not self._fresh:
            self._lines.append(".PP")
        self._fill(text if marked else inline(text))
        self._fresh = False

    def tagged(self, tags: Iterable[str], bodies: Iterable[str]) -> None:
        """Paragraphs under one or several tags; all of it is roff already."""
        for number, tag in enumerate(tags):
            self._lines.append(".TQ" if number else ".TP")
            self._lines.append(_guarded(tag))
        for number, body in enumerate(body for body in bodies if body):
            if number:
                self._lines.append(".IP")
            self._fill(body)
        self._fresh = False

    def indent(self) -> None:
        """What follows belongs to the tagged paragraph before it, until `outdent`."""
        self._lines.append(".RS")

    def outdent(self) -> None:
        """The end of `indent`."""
        self._lines.append(".RE")

    def item(self, mark: str, text: str) -> None:
        """An entry of a list."""
        self._lines.append(f".IP {mark} 4")
        self._fill(inline(text))
        self._fresh = False

    def code(self, lines: Iterable[str]) -> None:
        """Lines as they are."""
        if not self._fresh:
            self._lines.append(".PP")
        self._lines += [".RS 4", ".EX", *(_guarded(escape(line, literal=True)) for line in lines), ".EE", ".RE"]
        self._fresh = False

    def _macro(self, name: str, title: str) -> None:
        quoted = escape(title, literal=True).replace('"', "\\(dq")
        self._lines.append(f'.{name} "{quoted}"' if " " in quoted else f".{name} {quoted}")
        self._fresh = True

    def _fill(self, text: str) -> None:
        for sentence in _SENTENCE_END.split(text):
            line = ""
            for word in sentence.split():
                if line and len(line) + 1 + len(word) > _WIDTH:
                    self._lines.append(_guarded(line))
                    line = word
                else:
                    line = f"{line} {word}".strip()
            if line:
                self._lines.append(_guarded(line))


def _guarded(line: str) -> str:
    """A line of text is no request, whatever it begins with."""
    return f"\\&{line}" if line.startswith((".", "'")) else line
