"""`ipad-hil bench commands`: what an agent says to modem and eUICC for each procedure, and the least."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hil.bench import marked
from hil.bench.commands.measure import Counted, measure
from hil.bench.commands.needs import Procedure
from hil.bench.errors import BenchError
from hil.cli.show import print_json, print_line

PART: Final = "ipad-hil bench commands --write"


@dataclass(frozen=True)
class CommandOptions:
    """`agent`: the command that runs it, None for this interpreter; `write`: the document that gets the table."""

    procedures: Sequence[Procedure] = tuple(Procedure)
    agent: str | None = None
    json: bool = False
    write: Path | None = None


def chosen(names: Sequence[str]) -> tuple[Procedure, ...]:
    """The procedures of these names, all without any. Raises BenchError for one that does not exist."""
    try:
        return tuple(Procedure(name) for name in names) or tuple(Procedure)
    except ValueError as error:
        raise BenchError(f"{error}; there are {', '.join(Procedure)}") from None


def run_commands(options: CommandOptions) -> int:
    """Measure and print; 0 when no procedure takes more than `LIMITS` allows. Raises BenchError, RigError."""
    with tempfile.TemporaryDirectory(prefix="ipad-commands-") as folder:
        found = asyncio.run(measure(options.procedures, Path(folder), options.agent))
    if options.json:
        print_json([to_json(one) for one in found])
    else:
        print_line(text(found))
    if options.write is not None:
        marked.write(options.write, PART, text(found))
    return 0 if all(within_limits(one) for one in found) else 1


LIMITS: Final = {
    Procedure.START: (14, 60),
    Procedure.IDLE: (0, 0),
    Procedure.LIST: (8, 10),
    Procedure.DATA: (10, 12),
    Procedure.ECO: (6, 8),
    Procedure.DIRECT: (42, 44),
    Procedure.DELETE: (14, 16),
    Procedure.ENABLE: (26, 66),
    Procedure.INDIRECT: (42, 44),
}
"""APDUs and command lines that are not to be exceeded, so that nothing is added unnoticed. Where time decides how often
a modem is asked, with some room."""


def within_limits(one: Counted) -> bool:
    """Whether it is no more than it was, and all that is needed was done."""
    apdus, commands = LIMITS[one.procedure]
    return one.apdus <= apdus and one.commands <= commands and not one.floor.missing


def text(found: Sequence[Counted]) -> str:
    """The table in Markdown."""
    rows: list[tuple[str, ...]] = [
        ("procedure", "not needed by the protocols", "APDUs", "least", "AT commands", "least")
    ]
    for one in found:
        surplus = ", ".join(f"{count} {name}" if count > 1 else name for name, count in one.surplus.items())
        floor = one.floor
        rows.append(
            (one.procedure.heading, surplus, str(one.apdus), str(floor.apdus), str(one.commands), str(floor.commands))
        )
    return marked.table(rows, left=2)


def to_json(one: Counted) -> dict[str, Any]:
    """Plain JSON values."""
    return {
        "procedure": one.procedure.value,
        "apdus": one.apdus,
        "least_apdus": one.floor.apdus,
        "commands": one.commands,
        "least_commands": one.floor.commands,
        "surplus": one.surplus,
        "lines": list(one.lines),
        "needs": [
            {"function": need.function, "times": need.times, "source": need.source}
            for need in one.procedure.needs.calls
        ]
        + [{"command": name, "source": source} for name, source in one.procedure.needs.others],
    }
