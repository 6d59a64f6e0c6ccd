"""`ipad-hil`: run the bench, operate it, tell its story.

Exit codes: 0 done, 1 failed or refused, 2 wrong usage, 3 a wait ended without its condition.
"""

import asyncio
import logging
import os
import sys
import tempfile
from argparse import Namespace
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from hil.bench.errors import BenchError
from hil.cli.bench import run_bench
from hil.cli.bindings import BINDING_ACTIONS
from hil.cli.client import ControlClient, ControlError
from hil.cli.fleet import run_fleet
from hil.cli.link import LINK_ACTIONS
from hil.cli.order import order_of
from hil.cli.parser import CONTROL_VARIABLE, build_parser
from hil.cli.play import PLAY_ACTIONS
from hil.cli.rsp import ACTIONS as RSP_ACTIONS
from hil.cli.settings import setting
from hil.cli.show import print_json, print_line
from hil.cli.sweep import run_sweep
from hil.eim.tls import TlsKnobs
from hil.rig import RigError, RigOptions
from hil.rig.foreground import run_rig

_FAILED: Final = 1
_NOT_MET: Final = 3
_LEVELS: Final = (logging.WARNING, logging.INFO, logging.DEBUG)

Action = Callable[[ControlClient, Namespace], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    options = build_parser().parse_args(arguments)
    try:
        if options.command in _WITHOUT_RIG:
            return _WITHOUT_RIG[options.command](options)
        url = options.control or os.environ.get(CONTROL_VARIABLE)
        if not url:
            raise ControlError(f"which rig? Give --control URL or set {CONTROL_VARIABLE}")
        action = _ACTIONS[options.command, getattr(options, "verb", None)]
        return action(ControlClient(url), options)
    except (ControlError, RigError, BenchError) as error:
        print(f"ipad-hil: {error}", file=sys.stderr)  # noqa: T201
        return _FAILED


def _rig(options: Namespace) -> int:
    level = _LEVELS[min(options.verbose, len(_LEVELS) - 1)]
    logging.basicConfig(level=level, stream=sys.stderr, format="%(levelname).1s %(name)s: %(message)s")
    with ExitStack() as stack:
        state = options.state or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ipad-hil-")))
        rig = RigOptions(
            state=state.resolve(),
            euicc=options.euicc,
            personality=options.personality,
            pki=options.pki,
            eim_fqdn=options.eim_fqdn,
            tls_trust=options.tls_trust,
            pace=options.pace,
            uart=options.uart,
            vpcd=options.vpcd,
            smdp_fqdn=options.smdp_fqdn,
            smdp_port=options.smdp_port,
            indirect=frozenset(options.indirect),
            link=options.link,
            eim_protocols=options.eim_protocol,
            eim_version=options.eim_version,
            tls=TlsKnobs(options.tls_max, options.tls_tickets, options.tls_tickets > 0),
        )
        asyncio.run(run_rig(rig, print_line))
    return 0


def _demo(options: Namespace) -> int:
    from hil.demo.story import run_demo  # noqa: PLC0415 - the other commands do not need it

    return run_demo(options.state, options.personality, options.agent)


def _queue(client: ControlClient, options: Namespace) -> int:
    package = client.post(f"/eim/{options.eim}/queue", order_of(options))
    print_line(f"{package['number']} {package['label']}")
    return 0


def _list(client: ControlClient, options: Namespace) -> int:
    packages = client.get(f"/eim/{options.eim}/packages")
    if options.json:
        return print_json(packages)
    for package in packages["packages"]:
        outcome = package["outcome"] or ""
        print_line(
            f"{package['number']:>4}  {package['state']:<15}  {outcome:<14}  {package['label']}  {package['detail']}"
        )
    return 0


def _results(client: ControlClient, options: Namespace) -> int:
    path = f"/eim/{options.eim}/results"
    records = client.get(path, after=options.after, kind=options.kind, package=options.package)
    if options.json:
        return print_json(records)
    for record in records["results"]:
        verdict = "" if not record["checks"] else "verified" if record["verified"] else "NOT VERIFIED"
        news = "" if record["news"] else "(again)"
        words = (f"{record['number']:>4}", f"{record['kind']:<13}", record["summary"], verdict, news)
        print_line("  ".join(word for word in words if word))
    return 0


def _cancel(client: ControlClient, options: Namespace) -> int:
    client.post(f"/eim/{options.eim}/cancel", {"number": options.number})
    return 0


def _fault(client: ControlClient, options: Namespace) -> int:
    path = f"/eim/{options.eim}/faults"
    if options.kind == "clear":
        return print_json(client.delete(path))
    if options.kind == "list":
        return print_json(client.get(path))
    fault = {name: getattr(options, name) for name in ("kind", "function", "after", "value", "seconds")}
    return print_json(client.post(path, {**fault, "times": options.times or None}))


def _knobs(part: Callable[[Namespace], str]) -> Action:
    def act(client: ControlClient, options: Namespace) -> int:
        path = f"/knobs/{part(options)}"
        settings = dict(setting(text) for text in options.settings)
        return print_json(client.post(path, settings) if settings else client.get(path))

    return act


def _shown(path: str) -> Action:
    return lambda client, _options: print_json(client.get(path))


def _posted(path: str, body: Callable[[Namespace], dict[str, Any]]) -> Action:
    def act(client: ControlClient, options: Namespace) -> int:
        client.post(path, body(options))
        return 0

    return act


def _trace(client: ControlClient, options: Namespace) -> int:
    trace = client.get("/trace", after=options.after, interface=options.interface)
    if options.json:
        return print_json(trace)
    for event in trace["events"]:
        size = f" [{event['size']}]" if event["size"] else ""
        print_line(f"{event['seconds']:9.3f}  {event['interface']:<6} {event['direction']:<1} {event['text']}{size}")
    return 0


def _wait(client: ControlClient, options: Namespace) -> int:
    conditions = {name: str(value) for name, value in map(setting, options.conditions)}
    answer = client.get("/wait", **conditions, timeout=options.timeout)
    return 0 if answer["met"] else _NOT_MET


_WITHOUT_RIG: Final[dict[str, Callable[[Namespace], int]]] = {
    "rig": _rig,
    "demo": _demo,
    "bench": run_bench,
    "sweep": run_sweep,
    "fleet": run_fleet,
}
"""Commands that act on no running rig."""

_ACTIONS: Final[dict[tuple[str, str | None], Action]] = {
    ("eim", "queue"): _queue,
    ("eim", "list"): _list,
    ("eim", "results"): _results,
    ("eim", "cancel"): _cancel,
    ("eim", "knob"): _knobs(lambda options: str(options.eim)),
    ("eim", "fault"): _fault,
    **BINDING_ACTIONS,
    ("card", "show"): _shown("/card"),
    ("card", "reset"): _posted("/card/reset", lambda _: {}),
    ("card", "knob"): _knobs(lambda _: "card"),
    ("modem", "show"): _shown("/modem"),
    ("modem", "power"): _posted("/modem/power", lambda options: {"on": options.state == "on"}),
    ("modem", "hang-up"): _posted("/modem/hang-up", lambda options: {"seconds": options.seconds}),
    ("modem", "restart"): _posted("/modem/restart", lambda _: {}),
    ("modem", "knob"): _knobs(lambda _: "modem"),
    **RSP_ACTIONS,
    **LINK_ACTIONS,
    **PLAY_ACTIONS,
    ("smdp", "knob"): _knobs(lambda _: "smdp"),
    ("smds", "knob"): _knobs(lambda _: "smds"),
    ("state", None): _shown("/state"),
    ("trace", None): _trace,
    ("relay", None): _posted("/relay", lambda options: {"shut": options.state == "shut"}),
    ("network", None): _knobs(lambda _: "network"),
    ("wait", None): _wait,
}
