"""`ipad-hil fleet`: a staged roll-out to many devices at once."""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hil.cli.rsp import Commands

if TYPE_CHECKING:
    from hil.fleet.plan import FleetPlan
    from hil.fleet.result import FleetResult

_BAD: Final = 1


def add_fleet(commands: "Commands[argparse.ArgumentParser]") -> None:
    """Add the command."""
    text = "roll a profile out to many virtual devices, served by real agents, and print how it went"
    fleet = commands.add_parser("fleet", help=text, description=text)
    fleet.add_argument("devices", type=int, metavar="N", help="how many devices")
    fleet.add_argument(
        "--batches", default="5%,25%,100%", metavar="SHARES", help="stages of the roll-out (default: 5%%,25%%,100%%)"
    )
    fleet.add_argument("--pause", type=float, default=5.0, metavar="S", help="seconds between two batches (5)")
    fleet.add_argument(
        "--abort", type=float, default=0.1, metavar="RATE", help="end when more than this share failed (0.1)"
    )
    fleet.add_argument("--settle", type=float, default=300.0, metavar="S", help="seconds that a batch has (300)")
    fleet.add_argument(
        "--radio",
        metavar="DISTRIBUTION",
        help="radio conditions with their weights (default: good:70,lte-m:20,gsm:7,nb-iot:3)",
    )
    fleet.add_argument(
        "--storm",
        action="append",
        default=[],
        metavar="AT:SECONDS[:RETRY]",
        help="from AT seconds of the roll-out on the eIM answers 503 with Retry-After RETRY (60)",
    )
    fleet.add_argument(
        "--outage", type=float, default=180.0, metavar="S", help="common outage after the roll-out, 0: none (180)"
    )
    fleet.add_argument("--eim-too", action="store_true", help="in the outage the eIM is away as well")
    fleet.add_argument("--poll", type=float, default=0.0, metavar="S", help="poll interval (default: by the number)")
    fleet.add_argument(
        "--per-agent", type=int, default=100, metavar="N", help="devices served by one process of the agent (100)"
    )
    fleet.add_argument("--wake", action="store_true", help="the devices of a batch poll at once, woken by the network")
    fleet.add_argument("--scheduler", metavar="ADDRESS", help="spread it over the workers of this Dask scheduler")
    fleet.add_argument("--report", type=Path, metavar="FILE", help="write one HTML page")
    fleet.add_argument("--json", action="store_true", help="print everything as JSON")
    fleet.add_argument("--seed", type=int, default=1, help="of what is left to chance (1)")
    fleet.add_argument("--agent", metavar="COMMAND", help="command that runs the agent (default: this Python -m ipad)")


def run_fleet(options: argparse.Namespace) -> int:
    """Run it; 0 when all that was tried succeeded and the load after an outage was even. Raises FleetError."""
    from hil.fleet.figures import figures  # noqa: PLC0415 - the other commands do not need it
    from hil.fleet.page import page  # noqa: PLC0415 - as above
    from hil.fleet.text import as_json, table  # noqa: PLC0415 - as above

    plan = _plan(options)
    result = _result(plan, options.scheduler)
    found = figures(plan, result)
    if options.report is not None:
        options.report.write_text(page(plan, result, found), encoding="utf-8")
    print(as_json(plan, result, found) if options.json else table(plan, result, found))  # noqa: T201 - the result
    return 0 if found.tried == found.succeeded and not result.aborted and found.even else _BAD


def _plan(options: argparse.Namespace) -> "FleetPlan":
    from hil.fleet.conditions import DEFAULT  # noqa: PLC0415 - as above
    from hil.fleet.plan import FleetPlan, parse_batches, parse_storm  # noqa: PLC0415 - as above

    return FleetPlan(
        devices=options.devices,
        batches=parse_batches(options.batches),
        pause=options.pause,
        abort=options.abort,
        settle=options.settle,
        radio=options.radio or DEFAULT,
        storms=tuple(parse_storm(text) for text in options.storm),
        outage=options.outage,
        eim_too=options.eim_too,
        poll=options.poll,
        per_agent=options.per_agent,
        seed=options.seed,
        wake=options.wake,
        agent=options.agent,
    )


def _result(plan: "FleetPlan", scheduler: str | None) -> "FleetResult":
    from hil.fleet.cluster import run_on  # noqa: PLC0415 - as above
    from hil.fleet.share import run_share  # noqa: PLC0415 - as above

    if scheduler is not None:
        return asyncio.run(run_on(scheduler, plan, _tell))
    with tempfile.TemporaryDirectory(prefix="ipad-fleet-") as folder:
        return asyncio.run(run_share(plan, Path(folder), _tell))


def _tell(text: str) -> None:
    print(f"fleet: {text}", file=sys.stderr, flush=True)  # noqa: T201 - progress, beside the result
