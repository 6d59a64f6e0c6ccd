"""`ipad-hil bench recovery`: one case after the other, each on a fresh device."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hil.bench.errors import BenchError
from hil.bench.recovery import table
from hil.bench.recovery.cases import Case
from hil.bench.recovery.measure import measure
from hil.bench.recovery.split import IncompleteError, Split

_FAILED = 1


@dataclass(frozen=True)
class RecoveryOptions:
    """`agent`: the command that runs it, None for this interpreter; `write`: the document that gets the table."""

    cases: Sequence[Case] = tuple(Case)
    personality: str = "quectel-eg25"
    agent: str | None = None
    json: bool = False
    write: Path | None = None


def chosen(names: Sequence[str]) -> tuple[Case, ...]:
    """The cases of these names, all without any. Raises BenchError for one that does not exist."""
    try:
        return tuple(Case(name) for name in names) or tuple(Case)
    except ValueError as error:
        raise BenchError(f"{error}; there are {', '.join(Case)}") from None


def run_recovery(options: RecoveryOptions) -> int:
    """Measure and print; 0 when every device came online, and the agent's own share is below the limit.

    Raises BenchError for a document that cannot be written.
    """
    found: dict[Case, Split] = {}
    wrong: list[str] = []
    for case in options.cases:
        with tempfile.TemporaryDirectory(prefix="ipad-recovery-") as folder:
            _tell(f"{case}: {case.plan.title}")
            try:
                found[case] = asyncio.run(measure(case, Path(folder), options.personality, options.agent))
            except IncompleteError as error:
                wrong.append(f"{case}: {error}")
    wrong += table.too_slow(found)
    lines = [json.dumps(table.to_json(found), indent=2)] if options.json else table.text(found)
    print("\n".join(lines))  # noqa: T201
    if options.write is not None and not wrong:
        table.write(options.write, found)
    for text in wrong:
        _tell(text)
    return _FAILED if wrong else 0


def _tell(text: str) -> None:
    print(text, file=sys.stderr)  # noqa: T201
