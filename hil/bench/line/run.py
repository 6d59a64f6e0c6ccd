"""`ipad-hil bench line`: one download after the other over a paced line, and the table."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hil.bench import marked
from hil.bench.line.measure import RATE, Loaded, Setting, measure
from hil.cli.show import print_json, print_line

PART: Final = "ipad-hil bench line --write"
GOAL: Final = 0.88
"""Of the line's limit, with blocks of 255 bytes at 115,200 bit/s; the framing of AT+CGLA leaves about 0.90."""

SETTINGS: Final = (Setting(255), Setting(120), Setting(255, 230400), Setting(255, 460800), Setting(255, 921600))
_RUNS: Final = 3
"""Of the row with a goal: what else runs on the machine only ever makes it worse, so the best one counts."""


@dataclass(frozen=True)
class LineOptions:
    """`agent`: the command that runs it, None for this interpreter; `write`: the document that gets the table."""

    settings: Sequence[Setting] = SETTINGS
    personality: str = "quectel-eg25"
    agent: str | None = None
    json: bool = False
    write: Path | None = None


def run_line(options: LineOptions) -> int:
    """Measure and print; 0 when the goal is met. Raises BenchError, RigError."""
    with preferred():
        found = [_best(setting, options) for setting in options.settings]
    if options.json:
        print_json([to_json(one) for one in found])
    else:
        print_line(text(found))
    if options.write is not None:
        marked.write(options.write, PART, text(found))
    return 0 if all(met(one) for one in found) else 1


@contextmanager
def preferred() -> Iterator[None]:
    """Let bench and agent run before everything else on the machine, where the user may: only root may."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except PermissionError:
        yield
        return
    try:
        yield
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def met(one: Loaded) -> bool:
    """Whether the goal is reached, where there is one; and nothing was sent that is not needed."""
    measured = one.setting == Setting(255)
    return (not measured or one.usual_efficiency >= GOAL) and not one.other


def _best(setting: Setting, options: LineOptions) -> Loaded:
    found: list[Loaded] = []
    for _ in range(_RUNS if setting == Setting(255) else 1):
        print(f"{setting.name}", file=sys.stderr)  # noqa: T201
        with tempfile.TemporaryDirectory(prefix="ipad-line-") as folder:
            found.append(asyncio.run(measure(setting, Path(folder), options.personality, options.agent)))
        if met(found[-1]):
            break
    return max(found, key=lambda one: one.usual_efficiency)


def text(found: Sequence[Loaded]) -> str:
    """The table in Markdown."""
    head = (
        "line",
        "APDUs",
        "least",
        "seconds",
        "of 5,760 B/s",
        "without other work",
        "gap of the agent",
        "agent in all",
        "card in all",
        "AT+IPR",
    )
    rows: list[tuple[str, ...]] = [head]
    first = found[0].seconds if found else 0.0
    for one in found:
        traffic = one.traffic
        rate = one.setting.faster or RATE
        digits = 3 if rate == RATE else 2
        rows.append(
            (
                one.setting.name,
                str(one.apdus),
                str(one.least),
                f"{one.seconds:.2f}" + (f" ({first / one.seconds:.1f} times as fast)" if one.setting.faster else ""),
                f"{one.efficiency:.{digits}f}",
                f"{one.usual_efficiency:.{digits}f}",
                f"{traffic.usual_gap * 1000:.2f} ms",
                f"{traffic.agent:.2f} s",
                f"{traffic.card:.2f} s",
                f"{one.switching:.2f} s" if one.setting.faster else "",
            )
        )
    return marked.table(rows)


def to_json(one: Loaded) -> dict[str, Any]:
    """Plain JSON values; seconds and bytes."""
    return {
        "name": one.setting.name,
        "size": one.size,
        "apdus": one.apdus,
        "least": one.least,
        "others": one.other,
        "seconds": round(one.seconds, 3),
        "efficiency": round(one.efficiency, 4),
        "usual_efficiency": round(one.usual_efficiency, 4),
        "agent_seconds": round(one.traffic.agent, 4),
        "usual_gap": round(one.traffic.usual_gap, 6),
        "card_seconds": round(one.traffic.card, 4),
        "switching_seconds": round(one.switching, 3),
        "characters": one.traffic.characters,
    }
