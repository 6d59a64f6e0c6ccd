"""The table inside docs/sweep.md: between two marks, the rest stays."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from hil.sweep.errors import SweepError

BEGIN: Final = "<!-- begin: ipad-hil sweep --write -->"
END: Final = "<!-- end -->"


def write(path: Path, table: str) -> None:
    """Replace what is between the marks. Raises SweepError for a document without them."""
    path.write_text(_replaced(path, read(path), table), encoding="utf-8")


def read(path: Path) -> str:
    """The document. Raises SweepError when it cannot be read or has no place for a table."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise SweepError(f"{path}: {error.strerror}") from error
    _replaced(path, text, "")
    return text


def _replaced(path: Path, text: str, table: str) -> str:
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SweepError(f"{path}: expected a table between {BEGIN!r} and {END!r}")
    return f"{before}{BEGIN}\n\n{table}\n\n{END}{after}"
