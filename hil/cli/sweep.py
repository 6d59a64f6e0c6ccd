"""`ipad-hil sweep`: kill an agent at every point of its main scenarios."""

import argparse
from pathlib import Path
from typing import Final

from hil.cli.rsp import Commands

DOCUMENT: Final = Path("docs/sweep.md")


def add_sweep(commands: "Commands[argparse.ArgumentParser]") -> None:
    """Add the command."""
    text = "kill an agent at every point of its main scenarios, start it again, and look what came of it"
    sweep = commands.add_parser("sweep", help=text, description=text)
    sweep.add_argument("scenarios", nargs="*", metavar="SCENARIO", help="only these, such as rollback (default: all)")
    sweep.add_argument("--points", type=_points, default=(None, None), metavar="A-B", help="only these points")
    sweep.add_argument("--jobs", type=_jobs, default=4, metavar="N", help="devices at a time (default: 4)")
    sweep.add_argument(
        "--pause", type=float, default=0.0, metavar="SECONDS", help="how long the agent is away (default: 0)"
    )
    sweep.add_argument(
        "--agent", default=None, metavar="COMMAND", help="command that runs the agent (default: this Python -m ipad)"
    )
    sweep.add_argument("--json", action="store_true", help="as JSON")
    sweep.add_argument(
        "--write",
        type=Path,
        nargs="?",
        const=DOCUMENT,
        metavar="FILE",
        help=f"put the table into this document (default: {DOCUMENT})",
    )


def run_sweep(options: argparse.Namespace) -> int:
    """The chosen runs; returns the exit code. Raises SweepError."""
    from hil.sweep.scenarios import SCENARIOS, scenario  # noqa: PLC0415 - the other commands do not need it
    from hil.sweep.sweep import Plan, run_plan  # noqa: PLC0415 - as above

    chosen = [scenario(name) for name in options.scenarios] or SCENARIOS
    first, last = options.points
    plan = Plan(chosen, first, last, options.jobs, options.pause, options.agent)
    return run_plan(plan, as_json=options.json, write=options.write)


def _points(text: str) -> tuple[int, int]:
    first, _, last = text.partition("-")
    try:
        found = int(first), int(last or first)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: expected A-B or one number") from None
    if not 1 <= found[0] <= found[1]:
        raise argparse.ArgumentTypeError(f"{text!r}: the first point is 1")
    return found


def _jobs(text: str) -> int:
    jobs = int(text)
    if not 1 <= jobs <= 64:
        raise argparse.ArgumentTypeError("1 to 64")
    return jobs
