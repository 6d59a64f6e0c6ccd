"""What the parsers and the configuration have and the documents do not, and the other way round."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin, get_type_hints

from ipad.config import Config, ModemConfig
from tools.manual.markdown import Block, Heading, Table, codes
from tools.manual.pages import Manual, document, manuals

_SECTION: Final = re.compile(r"\[{1,2}([^\[\]]+)\]{1,2}$")
_FREE_NAME: Final = "*"
"""Stands for a name that the operator chooses, such as that of a modem."""


def complaints() -> list[str]:
    """What is not documented, one sentence each."""
    found: list[str] = []
    for manual in manuals():
        if manual.root is not None:
            found += undocumented_options(manual, document(manual))
    blocks = read_configuration()
    named = documented_keys(blocks)
    known = set(configuration_keys(Config))
    found += [f"docs/ipad.toml.md does not have the key {key}" for key in sorted(known - named)]
    found += [f"docs/ipad.toml.md has the key {key}, which does not exist" for key in sorted(named - known)]
    return found


def undocumented_options(manual: Manual, blocks: tuple[Block, ...]) -> Iterator[str]:
    """Options and arguments without help, and options of the program itself or of an only command not in the tables."""
    assert manual.root is not None
    for command in manual.root.walk():
        for option in command.options:
            if not option.text:
                yield f"{' '.join(command.path)}: the option {option.names[-1]} has no help"
        for argument in command.arguments:
            if not argument.text and not argument.choices:
                yield f"{' '.join(command.path)}: the argument {argument.name} has no help"
    words = {word for block in blocks if isinstance(block, Table) for row in block.rows for word in _words(row)}
    for option in manual.root.options:
        if not words & set(option.names):
            yield f"docs/{manual.document} does not have the option {option.names[-1]}"


def _words(row: tuple[str, ...]) -> Iterator[str]:
    for cell in row:
        for code in codes(cell):
            yield from code.split()


def read_configuration() -> tuple[Block, ...]:
    """The document of the configuration file."""
    return document(next(manual for manual in manuals() if manual.name == "ipad.toml"))


def documented_keys(blocks: tuple[Block, ...]) -> set[str]:
    """The keys in the tables, each with the heading of its section: `modem.port`, `eim.*.binding`."""
    found: set[str] = set()
    section = ""
    for block in blocks:
        if isinstance(block, Heading):
            match = _SECTION.match(block.text.replace("`", ""))
            section = _anonymous(match[1]) if match else ""
        elif isinstance(block, Table) and section and block.header[0] == "key":
            found |= {f"{section}.{key}" for row in block.rows for key in codes(row[0])}
    return found


def _anonymous(section: str) -> str:
    parts = re.findall(r'"[^"]*"|[^.]+', section)
    return ".".join(_FREE_NAME if part.isupper() or part.startswith('"') else part for part in parts)


def configuration_keys(record: type, prefix: str = "") -> Iterator[str]:
    """Every key that a file may have; one that any name may stand for is documented by its section."""
    for name, hint in get_type_hints(record, include_extras=True).items():
        if record is Config and name == "modems":
            yield from configuration_keys(ModemConfig, "modem.")
            continue
        inner, free = _record(hint)
        if inner is not None:
            yield from configuration_keys(inner, f"{prefix}{name}.{_FREE_NAME + '.' if free else ''}")
        elif not _is_table(hint):
            yield prefix + name


def _record(hint: Any) -> tuple[type | None, bool]:
    """The dataclass behind a type, and whether a name of the operator's choice stands before it."""
    origin = get_origin(hint)
    if origin is Annotated:
        return _record(get_args(hint)[0])
    if origin in (Union, UnionType):
        return _record(next(one for one in get_args(hint) if one is not NoneType))
    if origin is tuple:
        return _record(get_args(hint)[0])[0], False
    if _is_table(hint):
        return _record(get_args(hint)[1])[0], True
    return (hint, False) if isinstance(hint, type) and is_dataclass(hint) and fields(hint) else (None, False)


def _is_table(hint: Any) -> bool:
    return isinstance(get_origin(hint), type) and issubclass(get_origin(hint), Mapping)
