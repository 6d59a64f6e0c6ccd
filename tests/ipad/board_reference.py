"""The tables of docs/board.md, made from the schema: `python -m tests.ipad.board_reference` writes them anew."""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from ipad.board import Board
from ipad.toml import Check, Within

PAGE: Final = Path(__file__).parents[2] / "docs" / "board.md"
_BEGIN: Final = "<!-- keys -->"
_END: Final = "<!-- end of keys -->"


def reference() -> str:
    """The section of the page between its marks."""
    blocks = [_block("", Board, Board.__doc__ or "")]
    for item in fields(Board):
        record, several = _record(get_type_hints(Board, include_extras=True)[item.name])
        if record is not None:
            heading = f"[[{item.name}]]" if several else f"[{item.name}]"
            blocks.append(f"### {heading}\n\n" + _block(f"{item.name}.", record, record.__doc__ or ""))
    return "\n\n".join(blocks)


def page_with(section: str) -> str:
    """The page with this section in place of its own."""
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return f"{before}{_BEGIN}\n\n{section}\n\n{_END}{after}"


def _block(prefix: str, record: type, text: str) -> str:
    rows = "\n".join(
        f"| `{key}` | {kind} | {default} | {meaning} |" for key, kind, default, meaning in _rows(prefix, record)
    )
    return f"{inspect.cleandoc(text)}\n\n| key | value | default | meaning |\n|---|---|---|---|\n{rows}"


def _rows(prefix: str, record: type) -> Iterator[tuple[str, str, str, str]]:
    hints, meanings = get_type_hints(record, include_extras=True), _meanings(record)
    for item in fields(record):
        inner, several = _record(hints[item.name])
        key = prefix + item.name
        if inner is None:
            assert item.name in meanings, f"{record.__name__}.{item.name} has no docstring"
            yield key, _kind(hints[item.name]), _default(item), meanings[item.name].replace("|", "\\|")
        elif prefix and not several:
            summary = meanings.get(item.name) or inspect.cleandoc(inner.__doc__ or "").split("\n\n")[0]
            yield key, "table", "", " ".join(summary.split())
            yield from _rows(f"{key}.", inner)


def _meanings(record: type) -> Mapping[str, str]:
    """The text below each field."""
    body = ast.parse(inspect.cleandoc(inspect.getsource(record))).body[0]
    assert isinstance(body, ast.ClassDef)
    found: dict[str, str] = {}
    for one, two in zip(body.body, body.body[1:], strict=False):
        if isinstance(one, ast.AnnAssign) and isinstance(two, ast.Expr) and isinstance(two.value, ast.Constant):
            assert isinstance(one.target, ast.Name)
            found[one.target.id] = str(two.value.value)
    return found


def _record(hint: Any) -> tuple[type | None, bool]:
    """The dataclass behind a type, and whether there is a list of them."""
    origin = get_origin(hint)
    if origin is Annotated:
        return _record(get_args(hint)[0])
    if origin in (Union, UnionType):
        return _record(next(arg for arg in get_args(hint) if arg is not NoneType))
    if origin is tuple:
        return _record(get_args(hint)[0])[0], True
    return (hint, False) if is_dataclass(hint) and isinstance(hint, type) else (None, False)


def _kind(hint: Any) -> str:
    origin = get_origin(hint)
    if origin is Annotated:
        base, *conditions = get_args(hint)
        limits = [text for condition in conditions if (text := _limit(condition))]
        return limits[0] if limits and base is str else ", ".join([_kind(base), *limits])
    if origin in (Union, UnionType):
        return _kind(next(arg for arg in get_args(hint) if arg is not NoneType))
    if origin is Literal:
        return ", ".join(f"`{value!r}`".replace("'", '"') for value in get_args(hint))
    if origin is tuple:
        return f"list of: {_kind(get_args(hint)[0])}"
    if origin is Mapping:
        return f"table of: {_kind(get_args(hint)[1])}"
    return {str: "text", int: "number", float: "number", bool: "`true`, `false`", bytes: "hexadecimal"}[hint]


def _limit(condition: object) -> str:
    if isinstance(condition, Within):
        unit = f" {condition.unit}" if condition.unit else ""
        return f"{condition.low:.10g} to {condition.high:.10g}{unit}"
    assert isinstance(condition, Check)
    return condition.expected


def _default(item: Field[Any]) -> str:
    if item.default_factory is not MISSING:
        value: Any = item.default_factory()
    elif item.default is MISSING:
        return "needed"
    else:
        value = item.default
    if value in (None, "", (), b"") or value == {}:
        return ""
    return f"`{_toml(value)}`"


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        escaped = re.sub(r"[\r\n]", lambda match: {"\r": "\\r", "\n": "\\n"}[match[0]], value)
        return f'"{escaped}"'
    if isinstance(value, bytes):
        return f'"{value.hex().upper()}"'
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return f"{value:g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    sys.stdout.write(f"{PAGE}\n")
    PAGE.write_text(page_with(reference()), encoding="utf-8")
