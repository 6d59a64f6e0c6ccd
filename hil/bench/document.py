"""The table inside a document that people write: between two marks, the rest stays."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from hil.bench.errors import BenchError

BEGIN: Final = "<!-- begin: ipad-hil bench bytes --write -->"
END: Final = "<!-- end -->"


def write(path: Path, table: str) -> None:
    """Replace what is between the marks. Raises BenchError for a document without them."""
    path.write_text(replaced(read(path), table), encoding="utf-8")


def read(path: Path) -> str:
    """The document. Raises BenchError when it cannot be read or has no place for a table."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise BenchError(f"{path}: {error.strerror}") from error
    replaced(text, "")
    return text


def replaced(text: str, table: str) -> str:
    """The text with another table. Raises BenchError when the marks are not there."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise BenchError(f"expected a table between {BEGIN!r} and {END!r}")
    return f"{before}{BEGIN}\n\n{table}\n{END}{after}"
