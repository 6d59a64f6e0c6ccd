"""A part of a document that is generated: between two marks that name it, the rest stays."""

from __future__ import annotations

from pathlib import Path

from hil.bench.errors import BenchError

DOCUMENT = Path("docs/benchmarks.md")


def marks(name: str) -> tuple[str, str]:
    """The lines before and after the part of that name."""
    return f"<!-- begin: {name} -->", f"<!-- end: {name} -->"


def replaced(text: str, name: str, part: str) -> str:
    """The text with another part of that name. Raises BenchError when the marks are not there."""
    first, last = marks(name)
    before, begin, rest = text.partition(first)
    _, end, after = rest.partition(last)
    if not begin or not end:
        raise BenchError(f"expected a part between {first!r} and {last!r}")
    return f"{before}{first}\n\n{part.strip()}\n\n{last}{after}"


def write(path: Path, name: str, part: str) -> None:
    """Replace the part in the document. Raises BenchError when it cannot be read or has no such part."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise BenchError(f"{path}: {error.strerror}") from error
    path.write_text(replaced(text, name, part), encoding="utf-8")


def table(rows: list[tuple[str, ...]], *, left: int = 1) -> str:
    """A table in Markdown: the first row is the head, the first `left` columns hold text. ValueError for odd rows."""
    if len({len(row) for row in rows}) != 1:
        raise ValueError(f"rows of {sorted({len(row) for row in rows})} cells in one table")
    rule = tuple("---" if number < left else "---:" for number in range(len(rows[0])))
    return "\n".join(f"| {' | '.join(row)} |" for row in (rows[0], rule, *rows[1:]))
