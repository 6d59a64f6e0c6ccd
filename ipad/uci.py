"""The configuration of OpenWrt (UCI) as TOML: sections are tables, options keys, and the schema knows their types.

A section type is the name of a table, `bearer_apn` one of a table in a table. `config modem 'wan'` is `[modem.wan]`,
and a name that UCI does not allow is in the option `id`. An option `modemmanager_inhibit` is `modemmanager.inhibit`.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from ipad.config import Config
from ipad.errors import ConfigError
from ipad.records import dataclass, field, fields, is_dataclass
from ipad.toml import dotted

_OWN: Final = "ipad"
"""The section type that the init script reads itself."""
_TRUE: Final = frozenset({"1", "true", "on", "yes", "enabled"})
_FALSE: Final = frozenset({"0", "false", "off", "no", "disabled"})
_NUMBER: Final = re.compile(r"[+-]?\d+(?:\.\d+)?")


@dataclass(slots=True)
class _Section:
    kind: str
    name: str
    line: int
    options: dict[str, tuple[str | list[str], int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Table:
    """Where sections of a kind go: `named` tables have a name behind the keys, `several` make a list of tables."""

    keys: tuple[str, ...]
    record: type
    named: bool = False
    several: bool = False


def toml_of(path: Path) -> str:
    """The text of a UCI file as TOML. Raises ConfigError with file and line."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {getattr(error, 'strerror', None) or 'not UTF-8'}") from error
    tables = {"_".join(table.keys): table for table in _tables(Config, ())}
    blocks = [f"# Made from {path}; changes are lost."]
    for section in _sections(text, path):
        if section.kind == _OWN:
            continue
        table = tables.get(section.kind)
        if table is None:
            raise ConfigError(
                f"{path}:{section.line}: there is no section type {section.kind!r}; known: {', '.join(tables)}"
            )
        blocks.append("\n".join(_block(section, table, path)))
    return "\n\n".join(blocks) + "\n"


def _block(section: _Section, table: _Table, path: Path) -> Iterator[str]:
    own = section.options.pop("id", None) if table.named else None
    name = own[0] if own is not None and isinstance(own[0], str) else section.name
    keys = (*table.keys, name) if table.named and name else table.keys
    yield f"[[{dotted(keys)}]]" if table.several else f"[{dotted(keys)}]"
    for option, (value, line) in section.options.items():
        found = _key(table.record, option)
        if found is None:
            raise ConfigError(f"{path}:{line}: a section {section.kind} has no option {option!r}")
        try:
            yield f"{dotted(found[0])} = {_value(found[1], value)}"
        except ValueError as error:
            raise ConfigError(f"{path}:{line}: {option}: {error}") from error


def _sections(text: str, path: Path) -> Iterator[_Section]:
    """The file format of UCI: `config TYPE [NAME]`, `option KEY VALUE`, `list KEY VALUE`."""
    section: _Section | None = None
    for number, line in enumerate(text.splitlines(), 1):
        try:
            words = shlex.split(line, comments=True)
        except ValueError as error:
            raise ConfigError(f"{path}:{number}: {error}") from error
        match words:
            case [] | ["package", _]:
                continue
            case ["config", kind, *rest] if len(rest) <= 1:
                if section is not None:
                    yield section
                section = _Section(kind, rest[0] if rest else "", number)
            case ["option", key, value] if section is not None:
                section.options[key] = (value, number)
            case ["list", key, value] if section is not None:
                present = section.options.get(key, ([], number))[0]
                section.options[key] = ([*(present if isinstance(present, list) else [present]), value], number)
            case _:
                raise ConfigError(f"{path}:{number}: expected config, option or list, got {line.strip()!r}")
    if section is not None:
        yield section


def _tables(record: type, keys: tuple[str, ...]) -> Iterator[_Table]:
    """All tables that can be a section."""
    hints = get_type_hints(record, include_extras=True)
    for item in fields(record):
        hint = _plain(hints[item.name])
        own = (*keys, "modem" if record is Config and item.name == "modems" else item.name)
        inner = get_args(hint)[-1] if get_origin(hint) is Mapping else get_args(hint)[0] if _is_list(hint) else hint
        inner = _plain(inner)
        if not (is_dataclass(inner) and isinstance(inner, type)):
            continue
        if get_origin(hint) is Mapping or _is_list(hint) or not keys:
            yield _Table(own, inner, named=get_origin(hint) is Mapping, several=_is_list(hint))
        if not _is_list(hint) and get_origin(hint) is not Mapping:
            yield from _tables(inner, own)


def _key(record: type, option: str) -> tuple[tuple[str, ...], Any] | None:
    """The keys of an option and the type of its value."""
    hints = get_type_hints(record, include_extras=True)
    for item in fields(record):
        hint = _plain(hints[item.name])
        if item.name == option and not is_dataclass(hint):
            return (item.name,), hint
        if option.startswith(f"{item.name}_") and is_dataclass(hint) and isinstance(hint, type):
            found = _key(hint, option.removeprefix(f"{item.name}_"))
            if found is not None:
                return (item.name, *found[0]), found[1]
    return None


def _plain(hint: Any) -> Any:
    """The type without conditions and without None."""
    while get_origin(hint) in (Annotated, Union, UnionType):
        hint = next(argument for argument in get_args(hint) if argument is not NoneType)
    return hint


def _is_list(hint: Any) -> bool:
    return get_origin(hint) is tuple


def _value(hint: Any, value: str | list[str]) -> str:
    """The value as TOML writes it. Raises ValueError."""
    hint = _plain(hint)
    if _is_list(hint):
        entries = value if isinstance(value, list) else [value]
        return f"[{', '.join(_value(get_args(hint)[0], entry) for entry in entries)}]"
    if get_origin(hint) is Mapping:
        pairs = [entry.partition("=") for entry in (value if isinstance(value, list) else [value])]
        return f"{{ {', '.join(f'{_text(key)} = {_text(entry)}' for key, _, entry in pairs)} }}"
    if isinstance(value, list):
        raise ValueError("expected one value, not a list")
    if hint is bool:
        if value not in _TRUE | _FALSE:
            raise ValueError(f"{value!r}: expected 0 or 1")
        return "true" if value in _TRUE else "false"
    if hint in (int, float) or (get_origin(hint) is Literal and isinstance(get_args(hint)[0], int)):
        if not _NUMBER.fullmatch(value):
            raise ValueError(f"{value!r}: expected a number")
        return value
    return _text(value)


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)
