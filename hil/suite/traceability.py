"""The table of traceability: section, cases, results. `python -m hil.suite.traceability record.json` prints it."""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from hil.suite.record import CaseRecord, RecordError, Run, read

_OWN: Final = "SGP.32"
_RESULTS: Final = ("passed", "failed", "error", "skipped")


def table(run: Run) -> str:
    """The whole document in Markdown."""
    sections: dict[str, list[CaseRecord]] = {}
    for case in run.cases:
        for section in case.sections:
            sections.setdefault(section, []).append(case)
    counted = Counter(case.result for case in run.cases)
    summary = ", ".join(f"{counted[result]} {result}" for result in _RESULTS if counted[result])
    lines = [
        "# Conformance",
        "",
        f"Target {run.target}, {run.started}: {len(run.cases)} cases, {summary or 'none'}; {len(sections)} sections.",
        *(f"{name} {version}" for name, version in sorted(run.versions.items())),
        "",
        "Sections without a document are of SGP.32 v1.2.",
        "",
        "| section | case | result |",
        "|---|---|---|",
    ]
    for section in sorted(sections, key=_order):
        lines += [
            f"| {section if number == 0 else ''} | {_cell(case)} | {case.result} |"
            for number, case in enumerate(sections[section])
        ]
    return "\n".join(lines) + "\n"


def _cell(case: CaseRecord) -> str:
    name = case.id.rpartition("::")[2]
    return f"{case.title.replace('|', chr(92) + '|')} (`{case.chapter.partition(' ')[0]}::{name}`)"


def _order(section: str) -> tuple[object, ...]:
    """Sections of SGP.32 first, then the other documents; numbers by their value."""
    document, _, number = section.rpartition(" ")
    parts = [int(part) if part.isdigit() else part for part in re.findall(r"\d+|[A-Za-z]+", number)]
    return (document not in ("", _OWN), document, [(isinstance(part, str), str(part).rjust(8)) for part in parts])


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table of a record."""
    parser = argparse.ArgumentParser(prog="python -m hil.suite.traceability", description=__doc__)
    parser.add_argument("record", type=Path, help="record.json of a run")
    options = parser.parse_args(arguments)
    try:
        text = table(read(options.record))
    except (OSError, RecordError) as error:
        print(f"traceability: {error}", file=sys.stderr)  # noqa: T201 - the command line prints
        return 1
    print(text, end="")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
