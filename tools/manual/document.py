"""Sets the blocks of a document as a manual page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from tools.manual.commands import Argument, Command, Option
from tools.manual.markdown import Block, Code, Heading, Items, Paragraph, Table, codes
from tools.manual.roff import Page, bold, escape, inline, italic

COMMON_FROM: Final = 5
"""An option that so many commands have alike is described once."""
_MAIN_COLUMNS: Final = ("meaning", "does", "effect")
_USAGE_OPTIONS: Final = 3
_COMMAND_COLUMN: Final = "command"


class DocumentError(Exception):
    """Parser and document do not fit together."""


def title(text: str) -> str:
    """A heading of the first level, in capitals where it has no names in it."""
    plain = text.replace("`", "")
    return plain if "`" in text or "[" in text else plain.upper()


def body(page: Page, blocks: Iterable[Block], table: Callable[[Table], None] | None = None) -> None:
    """Set blocks; headings of level 2 are sections. `table` sets tables in another way."""
    for block in blocks:
        match block:
            case Heading(2, text):
                page.section(title(text))
            case Heading(3, text):
                page.subsection(text.replace("`", ""))
            case Heading(_, text):
                page.subheading(text.replace("`", ""))
            case Paragraph(text):
                page.paragraph(text)
            case Code(lines):
                page.code(lines)
            case Items(numbered, entries):
                for number, entry in enumerate(entries, 1):
                    page.item(f"{number}." if numbered else r"\(bu", entry)
            case Table():
                (table or (lambda one: set_table(page, one)))(block)


def set_table(page: Page, table: Table) -> None:
    """A table as tagged paragraphs: the first column is the tag."""
    columns = [name.lower() for name in table.header]
    main = next((columns.index(name) for name in _MAIN_COLUMNS if name in columns), 1)
    for row in table.rows:
        tag = inline(row[0])
        bodies = [inline(row[main])] if len(row) > 1 else []
        for name, cell in zip(columns[1:], row[1:], strict=True):
            if name == "default" and cell:
                tag += f" ({'' if cell == 'needed' else 'default: '}{inline(cell)})"
            elif cell and name not in ("default", columns[main]):
                bodies.append(f"{escape(name.capitalize())}: {inline(cell)}")
        page.tagged([tag], bodies)


class CommandSection:
    """Sets tables of commands: usage and options from the parser, the description from the document."""

    def __init__(self, page: Page, root: Command) -> None:
        self._page = page
        self._root = root
        self._shown: set[tuple[str, ...]] = set()
        self._hidden = {*root.options, *common_options(root)}

    def table(self, table: Table) -> None:
        """Set a table, in this way if its first column is called `command`."""
        if table.header[0].lower() != _COMMAND_COLUMN:
            set_table(self._page, table)
            return
        if not self._shown:
            self._common()
        for row in table.rows:
            new = [leaf for leaf in covered(self._root, row[0]) if leaf.path not in self._shown]
            self._shown.update(leaf.path for leaf in new)
            self._page.tagged([usage(leaf, self._hidden) for leaf in new] or [inline(row[0])], map(inline, row[1:]))
            self._details(new)

    def missing(self) -> list[str]:
        """Commands that no table had."""
        return [" ".join(leaf.path) for leaf in self._root.leaves() if leaf.path not in self._shown]

    def _common(self) -> None:
        for option in common_options(self._root):
            self._page.tagged([option_tag(option)], [inline(option.text)])

    def _details(self, leaves: list[Command]) -> None:
        arguments = dict.fromkeys(one for leaf in leaves for one in leaf.arguments if one.text)
        options = dict.fromkeys(one for leaf in leaves for one in leaf.options if one not in self._hidden)
        if not arguments and not options:
            return
        self._page.indent()
        for argument in arguments:
            self._page.tagged([italic(argument.name)], [inline(argument.text)])
        for option in options:
            self._page.tagged([option_tag(option)], [inline(option.text)])
        self._page.outdent()


def common_options(root: Command) -> list[Option]:
    """Options that many commands have in the same form, besides those of the program itself."""
    counts: dict[Option, int] = {}
    for leaf in root.leaves():
        for option in leaf.options:
            counts[option] = counts.get(option, 0) + 1
    return [option for option, count in counts.items() if count >= COMMON_FROM and option not in root.options]


def covered(root: Command, cell: str) -> Iterator[Command]:
    """The commands that the code in a cell names: `eim list`, `add FILE` is `eim list` and `eim add`."""
    before = root
    for code in codes(cell):
        words = code.split()
        start = root if root.find(words[0]) else before
        found = start
        while words and (next_one := found.find(words[0])):
            found, words = next_one, words[1:]
        if found is start and (found is root or start is before):
            continue
        before = root.find(found.path[1]) or root
        yield from found.leaves()


def usage(command: Command, hidden: Iterable[Option] = ()) -> str:
    """The command with its arguments, and its options if they are few."""
    own = [option for option in command.options if option not in hidden]
    parts = [bold(" ".join(command.path[1:]))]
    if len(own) > _USAGE_OPTIONS:
        parts.append(f"[{italic('OPTIONS')}]")
    else:
        parts += [f"[{option_tag(option, short=True)}]" for option in own]
    return " ".join([*parts, *map(_argument_tag, command.arguments)])


def option_tag(option: Option, *, short: bool = False) -> str:
    """The names of an option with its value; `short`: the last name only."""
    value = italic(option.value) if option.value else ""
    if option.optional_value:
        value = f"[{value}]"
    names = option.names[-1:] if short else option.names
    return ", ".join(map(bold, names)) + (f" {value}" if value else "")


def _argument_tag(argument: Argument) -> str:
    several = "..." if argument.most is None else ""
    text = italic(argument.name) + several
    return text if argument.least else f"[{text}]"
