"""Which manual pages there are, and what each is made of."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hil.cli.parser import build_parser as build_bench
from ipad import __version__
from ipad.cli.parser import build as build_agent
from tools.manual.commands import Command, tree
from tools.manual.document import CommandSection, DocumentError, body
from tools.manual.markdown import Block, Code, Heading, read
from tools.manual.roff import Page, bold, italic

ROOT: Final = Path(__file__).parents[2]
_CHANGELOG_DATE: Final = re.compile(r"^ -- .*>  \w{3}, (\d\d) (\w{3}) (\d{4}) ", re.MULTILINE)
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class Manual:
    """One page: the document that it is made of, what it says at its head and its end."""

    name: str
    section: int
    summary: str
    document: str
    volume: str
    synopsis: tuple[str, ...] = ()
    files: tuple[tuple[str, str], ...] = ()
    see_also: tuple[str, ...] = ()
    root: Command | None = None

    @property
    def file(self) -> str:
        """Name of the file below man/."""
        return f"{self.name}.{self.section}"


_CONFIGURATION: Final = ("/etc/ipad/ipad.toml", "the configuration")
_BOARDS: Final = ("/etc/ipad/boards/*.toml", "definitions of this device; they replace shipped ones of the same name")


def manuals() -> tuple[Manual, ...]:
    """All pages."""
    return (
        Manual(
            "ipad",
            8,
            "IoT Profile Assistant in the device (GSMA SGP.32)",
            "cli.md",
            "System administration",
            files=(
                _CONFIGURATION,
                _BOARDS,
                ("/var/lib/ipad/", "the journal: what must survive a power cut"),
                ("/run/ipad/", "the log of events, and what else is gone after a restart"),
            ),
            see_also=("ipad.toml(5)", "ipad-board(5)", "ipad-hil(1)", "systemctl(1)", "ModemManager(8)"),
            root=agent_tree(),
        ),
        Manual(
            "ipad.toml",
            5,
            "configuration of the IoT Profile Assistant",
            "ipad.toml.md",
            "File formats",
            synopsis=(_CONFIGURATION[0],),
            files=(_CONFIGURATION,),
            see_also=("ipad(8)", "ipad-board(5)"),
        ),
        Manual(
            "ipad-board",
            5,
            "definitions of modems and gateways",
            "board.md",
            "File formats",
            synopsis=(_BOARDS[0],),
            files=(_BOARDS,),
            see_also=("ipad(8)", "ipad.toml(5)", "ipad-hil(1)"),
        ),
        Manual(
            "ipad-hil",
            1,
            "virtual eUICC, modem, network, eIM, SM-DP+ and SM-DS",
            "bench.md",
            "User commands",
            see_also=("ipad(8)", "ipad-board(5)"),
            root=bench_tree(),
        ),
    )


def agent_tree() -> Command:
    """The commands of `ipad`."""
    return tree(build_agent())


def bench_tree() -> Command:
    """The commands of `ipad-hil`."""
    return tree(build_bench())


def document(manual: Manual) -> tuple[Block, ...]:
    """The blocks of the document behind a page."""
    return read(ROOT / "docs" / manual.document)


def write(manual: Manual) -> str:
    """The page as roff. Raises MarkdownError, and DocumentError for a command that the document does not have."""
    page = Page(manual.name, manual.section, release_date(), f"ipad {__version__}", manual.volume)
    page.section("NAME")
    page.paragraph(f"{manual.name} \\- {manual.summary}", marked=True)
    page.section("SYNOPSIS")
    for line in _synopsis(manual.root) if manual.root else map(italic, manual.synopsis):
        page.paragraph(line, marked=True)
    page.section("DESCRIPTION")
    blocks = [block for block in document(manual) if not (isinstance(block, Heading) and block.level == 1)]
    if manual.root and blocks and isinstance(blocks[0], Code):
        blocks = blocks[1:]  # the synopsis, which the parser knows better
    if manual.root:
        commands = CommandSection(page, manual.root)
        body(page, blocks, commands.table)
        if commands.missing():
            raise DocumentError(f"docs/{manual.document} does not have: {', '.join(commands.missing())}")
    else:
        body(page, blocks)
    if manual.files:
        page.section("FILES")
        for name, text in manual.files:
            page.tagged([italic(name)], [text])
    page.section("SEE ALSO")
    page.paragraph(",\n".join(f"{bold(one[:-3])}{one[-3:]}" for one in manual.see_also), marked=True)
    return page.text()


def _synopsis(root: Command) -> list[str]:
    options = f" [{italic('OPTIONS')}]"
    own = options if len(root.options) > 1 else ""  # --help is no reason to mention them
    lines = []
    for command in root.commands:
        verbs = "|".join(verb.name for verb in command.commands)
        rest = f" {{{bold(verbs)}}} ..." if verbs else options
        lines.append(f"{bold(root.name)}{own} {bold(command.name)}{rest}")
    return lines


def release_date() -> str:
    """The date of the newest entry of debian/changelog, ISO 8601: a page says the same whenever it is made."""
    match = _CHANGELOG_DATE.search((ROOT / "debian" / "changelog").read_text(encoding="utf-8"))
    if match is None:
        raise DocumentError("debian/changelog: no entry with a date")
    return f"{match[3]}-{_MONTHS.index(match[2]) + 1:02}-{match[1]}"
