"""`ipad-hil bench`: measurements of an agent."""

import argparse
from pathlib import Path
from typing import Final

from hil.bench.errors import BenchError
from hil.bench.marked import DOCUMENT as BENCHMARKS
from hil.cli.rsp import Commands

DOCUMENT: Final = Path("docs/transport-bytes.md")
RECOVERY_DOCUMENT: Final = Path("docs/recovery.md")


def add_bench(commands: "Commands[argparse.ArgumentParser]") -> None:
    """Add the command with its verbs."""
    bench = commands.add_parser("bench", help="measure an agent").add_subparsers(
        dest="verb", required=True, metavar="VERB"
    )
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--agent", default=None, metavar="COMMAND", help="command that runs the agent (default: this Python -m ipad)"
    )
    common.add_argument("--json", action="store_true", help="as JSON")
    _add_bytes(bench, common)
    _add_recovery(bench, common)
    _add_line(bench, common)
    _add_commands(bench, common)


def _add_bytes(bench: "Commands[argparse.ArgumentParser]", common: argparse.ArgumentParser) -> None:
    text = "bytes, packets, round trips and time of procedures on every transport"
    measured = bench.add_parser("bytes", parents=[common], help=text, description=text)
    measured.add_argument(
        "--only", action="append", default=[], metavar="PATTERN", help="rows whose name fits, such as 'idle/*'"
    )
    measured.add_argument("--quick", action="store_true", help="leave the slow radio out")
    _add_write(measured, DOCUMENT)


def _add_recovery(bench: "Commands[argparse.ArgumentParser]", common: argparse.ArgumentParser) -> None:
    text = "time from loss to online, by parts, and how much of it is the agent's own"
    recovery = bench.add_parser("recovery", parents=[common], help=text, description=text)
    recovery.add_argument("cases", nargs="*", metavar="CASE", help="only these rows, such as dead-home (default: all)")
    recovery.add_argument("--personality", default="quectel-eg25", metavar="NAME", help="modem of the rig")
    _add_write(recovery, RECOVERY_DOCUMENT)


def _add_line(bench: "Commands[argparse.ArgumentParser]", common: argparse.ArgumentParser) -> None:
    text = "efficiency of a profile download on a serial line of 115,200 bit/s, and with a faster rate"
    line = bench.add_parser("line", parents=[common], help=text, description=text)
    line.add_argument("--personality", default="quectel-eg25", metavar="NAME", help="modem of the rig")
    line.add_argument("--quick", action="store_true", help="only the row with a goal")
    _add_write(line, BENCHMARKS)


def _add_commands(bench: "Commands[argparse.ArgumentParser]", common: argparse.ArgumentParser) -> None:
    text = "AT commands and APDUs of procedures, beside the least that the protocols allow"
    counted = bench.add_parser("commands", parents=[common], help=text, description=text)
    counted.add_argument(
        "procedures", nargs="*", metavar="PROCEDURE", help="only these rows, such as idle (default: all)"
    )
    _add_write(counted, BENCHMARKS)


def _add_write(parser: argparse.ArgumentParser, document: Path) -> None:
    parser.add_argument(
        "--write",
        type=Path,
        nargs="?",
        const=document,
        metavar="FILE",
        help=f"put the table into this document (default: {document})",
    )


def run_bench(options: argparse.Namespace) -> int:
    """The chosen measurement; returns the exit code. Raises BenchError."""
    match options.verb:
        case "recovery":
            return _run_recovery(options)
        case "line":
            return _run_line(options)
        case "commands":
            return _run_commands(options)
        case _:
            return _run_bytes(options)


def _run_bytes(options: argparse.Namespace) -> int:
    from hil.bench.command import Plan, chosen, run_bytes  # noqa: PLC0415 - the other commands do not need it

    rows = chosen(options.only)
    if not rows:
        raise BenchError(f"no row fits {', '.join(options.only)}")
    return run_bytes(Plan(rows, not options.quick, options.agent), as_json=options.json, write=options.write)


def _run_recovery(options: argparse.Namespace) -> int:
    from hil.bench.recovery.run import RecoveryOptions, chosen, run_recovery  # noqa: PLC0415 - as above

    cases = chosen(options.cases)
    return run_recovery(RecoveryOptions(cases, options.personality, options.agent, options.json, options.write))


def _run_line(options: argparse.Namespace) -> int:
    from hil.bench.line.run import SETTINGS, LineOptions, run_line  # noqa: PLC0415 - as above

    settings = SETTINGS[:1] if options.quick else SETTINGS
    return run_line(LineOptions(settings, options.personality, options.agent, options.json, options.write))


def _run_commands(options: argparse.Namespace) -> int:
    from hil.bench.commands.run import CommandOptions, chosen, run_commands  # noqa: PLC0415 - as above

    procedures = chosen(options.procedures)
    return run_commands(CommandOptions(procedures, options.agent, options.json, options.write))
