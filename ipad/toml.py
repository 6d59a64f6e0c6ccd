"""Strict TOML: a file becomes frozen dataclasses, or an error that names file, line and key.

The dataclass is the schema: a field is a key, its annotation the type, its default what holds when the key is absent.
`Annotated` adds a limit (`Within`) or a condition (`Check`). A key that no field names is an error, because a
misspelt key that is silently ignored is worse than a program that does not start.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, cast, get_args, get_origin

from ipad.credentials import PREFIX, credential_file, read_credential
from ipad.errors import ConfigError
from ipad.records import MISSING, dataclass, field, fields, hints, is_dataclass

T = TypeVar("T")
Keys = tuple[str, ...]

_SPACE = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_KEY = re.compile(r"\"(?:\\.|[^\"\\])*\"|'[^']*'|[A-Za-z0-9_-]+")
_DOT = re.compile(r"[ \t]*\.[ \t]*")
_TOKEN = re.compile(
    r"\"\"\"(?:\\.|[^\\])*?\"{3,5}|'''.*?'{3,5}|\"(?:\\.|[^\"\\\n])*\"|'[^'\n]*'|#[^\n]*|[\[\]{}]|\n|[^\"'#\[\]{}\n]+",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Within:
    """Limits of a number, both included."""

    low: float
    high: float
    unit: str = ""

    def problem(self, value: float) -> str | None:
        """What is wrong with the value, if anything."""
        if self.low <= value <= self.high:
            return None
        unit = f" {self.unit}" if self.unit else ""
        return f"{value:g} is out of range, expected {self.low:g} to {self.high:g}{unit}"


@dataclass(frozen=True, slots=True)
class Check:
    """A condition on a value; `expected` completes "expected …"."""

    ok: Callable[[Any], bool]
    expected: str

    def problem(self, value: object) -> str | None:
        """What is wrong with the value, if anything."""
        shown = value.hex().upper() if isinstance(value, bytes) else repr(value)
        return None if self.ok(value) else f"{shown}: expected {self.expected}"


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file and the line of each of its keys. `path` is None for settings that came from no file."""

    path: Path | None = None
    table: Mapping[str, Any] = field(default_factory=dict)
    lines: Mapping[Keys, int] = field(default_factory=dict)

    def place(self, keys: Keys) -> str:
        """`file:line` of a key, or of the nearest table around it."""
        for size in range(len(keys), 0, -1):
            line = self.lines.get(keys[:size])
            if line is not None:
                return f"{self.path}:{line}"
        return str(self.path)

    def error(self, keys: Keys, problem: str, *, hint: str | None = None) -> ConfigError:
        """An error about the value of a key."""
        return ConfigError(f"{self.place(keys)}: {dotted(keys)}: {problem}", hint=hint)


class Position(str):
    """The number of a table in a list of tables, among keys: it finds the line, and messages leave it out."""

    __slots__ = ()


def dotted(keys: Iterable[str]) -> str:
    """The keys as TOML writes them."""
    named = (key for key in keys if not isinstance(key, Position))
    return ".".join(key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else f'"{key}"' for key in named)


def read(path: Path) -> Document:
    """Parse a file. Raises ConfigError when it is missing, unreadable or no TOML."""
    try:
        text = path.read_bytes().decode()
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigError(f"{path}:{line}: not UTF-8") from error
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        stated = re.search(r"at line (\d+)", str(error))
        last = len(text.splitlines()) or 1  # the parser says "at end of document" there
        raise ConfigError(f"{path}:{stated[1] if stated else last}: not valid TOML: {error}") from error
    return Document(path, table, key_lines(text))


def build(cls: type[T], document: Document, table: object, keys: Keys = ()) -> T:
    """Make an instance of a dataclass from a table that stands at `keys` of the document.

    Raises ConfigError at the first thing that does not fit.
    """
    if not isinstance(table, Mapping):
        raise document.error(keys, f"expected a table, got {_name(table)}")
    hints = _hints(cast("Hashable", cls))
    known = {item.name: item for item in fields(cls)}  # type: ignore[arg-type]
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in known:
            raise _unknown(document, (*keys, key), known)
        convert = _convert_secret if known[key].metadata.get("secret") else _convert
        values[key] = convert(hints[key], document, (*keys, key), value)
    for name, item in known.items():
        if name not in values and item.default is MISSING and item.default_factory is MISSING:
            raise ConfigError(f"{document.place(keys)}: {dotted((*keys, name))} is missing")
    return cls(**values)


@cache
def _hints(cls: Hashable) -> dict[str, Any]:
    """The types of the fields; resolving them costs more than reading a small file."""
    return hints(cls)


def _unknown(document: Document, keys: Keys, known: Iterable[str]) -> ConfigError:
    import difflib  # noqa: PLC0415 - only where something is misspelt

    near = difflib.get_close_matches(keys[-1], known, n=1, cutoff=0.5)
    guess = f"; did you mean {dotted((*keys[:-1], near[0]))}?" if near else ""
    return ConfigError(
        f"{document.place(keys)}: unknown key {dotted(keys)}{guess}", hint=f"known keys: {', '.join(sorted(known))}"
    )


def _convert_secret(hint: Any, document: Document, keys: Keys, value: object) -> Any:
    """As `_convert`, for a field whose metadata call it secret: the refusal does not repeat it.

    It may be in a file of its own: `credential:NAME`.
    """
    if isinstance(value, str) and value.startswith(PREFIX):
        path = _credential(document, keys, value)
        try:
            value = read_credential(path)
        except (OSError, ValueError) as error:
            raise document.error(keys, f"{path}: {getattr(error, 'strerror', None) or 'no short text'}") from error
    try:
        return _convert(hint, document, keys, value)
    except ConfigError:
        raise document.error(keys, "is no text that is allowed here (it is not shown)") from None


def _convert(hint: Any, document: Document, keys: Keys, value: object) -> Any:
    origin = get_origin(hint)
    if origin is Annotated:
        base, *conditions = get_args(hint)
        return _checked(_convert(base, document, keys, value), conditions, document, keys)
    if origin in (Union, UnionType):
        return _convert(next(arg for arg in get_args(hint) if arg is not NoneType), document, keys, value)
    if origin is Literal:
        return _one_of(get_args(hint), document, keys, value)
    if origin in (tuple, Mapping):
        return _collection(hint, document, keys, value)
    if is_dataclass(hint) and isinstance(hint, type):
        return build(hint, document, value, keys)
    return _scalar(hint, document, keys, value)


def _checked(value: Any, conditions: list[Any], document: Document, keys: Keys) -> Any:
    for condition in conditions:
        problem = condition.problem(value)
        if problem is not None:
            raise document.error(keys, problem)
    return value


def _collection(hint: Any, document: Document, keys: Keys, value: object) -> Any:
    if get_origin(hint) is tuple:
        if not isinstance(value, list):
            raise document.error(keys, f"expected a list, got {_name(value)}")
        entry = get_args(hint)[0]
        return tuple(_convert(entry, document, (*keys, Position(number)), item) for number, item in enumerate(value))
    if not isinstance(value, dict):
        raise document.error(keys, f"expected a table, got {_name(value)}")
    return {key: _convert(get_args(hint)[1], document, (*keys, key), item) for key, item in value.items()}


def _one_of(allowed: tuple[Any, ...], document: Document, keys: Keys, value: object) -> Any:
    for item in allowed:
        if value == item and type(value) is type(item):
            return item
    raise document.error(keys, f"{value!r}: expected one of {', '.join(map(repr, allowed))}")


def _scalar(hint: Any, document: Document, keys: Keys, value: object) -> Any:
    if hint is Any:
        return value
    if hint is float and type(value) in (int, float):
        number = float(value)  # type: ignore[arg-type]
        if math.isfinite(number):
            return number
    elif hint in (bool, int) and type(value) is hint:
        return value
    elif hint in (str, Path, bytes) and isinstance(value, str):
        return _text(hint, document, keys, value)
    expected = {bool: "true or false", int: "an integer", float: "a number", bytes: "hexadecimal text"}
    raise document.error(keys, f"expected {expected.get(hint, 'text')}, got {_name(value)}")


def _text(hint: type, document: Document, keys: Keys, value: str) -> str | Path | bytes:
    if any(ord(char) < 32 or ord(char) == 127 for char in value):
        raise document.error(keys, f"{value!r} contains control characters")
    if hint is bytes:
        try:
            return bytes.fromhex(value)
        except ValueError as error:
            raise document.error(keys, f"{value!r}: expected hexadecimal text") from error
    if hint is Path:
        if not value:
            raise document.error(keys, "expected a path, got empty text")
        if value.startswith(PREFIX):
            return _credential(document, keys, value)
        return document.path.parent / value if document.path is not None else Path(value)
    return value


def _credential(document: Document, keys: Keys, value: str) -> Path:
    path = credential_file(value, document.path)
    if path is None:
        raise document.error(keys, f"{value!r}: expected {PREFIX} and a name")
    return path


def _name(value: object) -> str:
    names = {bool: "a boolean", int: "an integer", float: "a number", str: "text", list: "a list", dict: "a table"}
    described = names.get(type(value), type(value).__name__)
    return described if isinstance(value, (list, dict)) else f"{described} ({value!r})"


def key_lines(text: str) -> dict[Keys, int]:
    """The line of every table header and key of a valid TOML text; keys of inline tables are not listed.

    A table of a list (`[[key]]`) is listed by its number as well; without it its keys stand for the first table that
    has them.
    """
    lines: dict[Keys, int] = {}
    counts: Counter[Keys] = Counter()
    numbered: Keys = ()
    table: Keys = ()
    position = _skip(_SPACE, text, 0)
    while position < len(text):
        line = text.count("\n", 0, position) + 1
        start, header = position, text[position] == "["
        if header:
            position = _skip(re.compile(r"\[{1,2}[ \t]*"), text, position)
        keys, position = _read_keys(text, position)
        if header:
            table = keys
            numbered = _numbered(keys, counts, several=text.startswith("[[", start))
            own = numbered
            position = _skip(re.compile(r"[ \t]*\]{1,2}"), text, position)
        else:
            own = (*numbered, *keys)
            keys = (*table, *keys)
            position = _skip_value(text, position)
        for known in (keys, own):
            for size in range(1, len(known) + 1):
                lines.setdefault(known[:size], line)
        position = _skip(_SPACE, text, position)
    return lines


def _numbered(keys: Keys, counts: Counter[Keys], *, several: bool) -> Keys:
    """The keys of a table header with the number behind each list of tables among them; `several`: it begins one."""
    found: Keys = ()
    for key in keys[:-1]:
        found = (*found, key)
        found = (*found, str(counts[found] - 1)) if counts[found] else found
    found = (*found, *keys[-1:])
    counts[found] += several
    return (*found, str(counts[found] - 1)) if counts[found] else found


def _skip(pattern: re.Pattern[str], text: str, position: int) -> int:
    match = pattern.match(text, position)
    return match.end() if match else position


def _read_keys(text: str, position: int) -> tuple[Keys, int]:
    keys: list[str] = []
    while match := _KEY.match(text, position):
        token = match[0]
        keys.append(tomllib.loads(f"key = {token}")["key"] if token[0] in "\"'" else token)
        position = match.end()
        dot = _DOT.match(text, position)
        if not dot:
            break
        position = dot.end()
    return tuple(keys), position


def _skip_value(text: str, position: int) -> int:
    depth = 0
    while match := _TOKEN.match(text, position):
        lexeme = match[0]
        if lexeme == "\n" and depth == 0:
            break
        depth += (lexeme in "[{") - (lexeme in "]}")
        position = match.end()
    return position
