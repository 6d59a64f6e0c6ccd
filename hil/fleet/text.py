"""The result of a fleet as a table for a terminal, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from itertools import pairwise
from typing import Any, Final

from hil.fleet.figures import GOAL, Batch, Figures, Load
from hil.fleet.plan import FleetPlan
from hil.fleet.result import STORM, FleetResult

_MEGA = 1024 * 1024
_KILO = 1024

MEASURES: Final = {
    "download": "from the hand-out of the order until the eIM has its result",
    "activation": "from the hand-out of the package until the profile is enabled and the modem has left the old one",
    "post-activation connectivity": "from there until the eIM has the result over the new profile",
    "recovery": "from the moment at which the coverage is back until the eIM has answered the device",
}
"""What each duration is."""

TOO_FEW: Final = "too few requests to judge by"


def table(plan: FleetPlan, result: FleetResult, found: Figures) -> str:
    """What a person wants to know."""
    lines = [
        f"devices      {plan.devices}, {found.tried} tried, {found.succeeded} succeeded ({found.success_rate:.1%})",
        *(f"             {count} x {reason}" for reason, count in found.failures),
    ]
    if result.aborted:
        lines.append(f"aborted      {result.aborted}")
    lines += _batches(plan, found)
    lines += ["", f"{'seconds':<30}{'devices':>9}{'median':>10}{'95 %':>10}{'longest':>10}"]
    lines += [
        f"{one.name:<30}{one.count:>9}{one.median:>10.2f}{one.percentile95:>10.2f}{one.longest:>10.2f}"
        for one in found.durations
    ]
    lines.append("")
    if found.after is not None and found.handshakes is not None:
        verdict = TOO_FEW if not found.after.telling else "kept" if found.even else "MISSED"
        lines += [
            _load("requests", found.after, plan) + f", goal {GOAL:g}: {verdict}",
            _load("connections", found.handshakes, plan),
        ]
    if result.shares > 1:
        lines.append(
            f"shares       {result.shares}, each with an eIM of its own: counted after the outage is that of all"
        )
    lines += costs(plan, result)
    return "\n".join(lines)


def _load(name: str, load: Load, plan: FleetPlan) -> str:
    return (
        f"{name:<12} after the outage: peak {load.peak}, mean {load.mean:.1f} in {load.bucket:g} s, "
        f"peak to mean {load.peak_to_mean:.2f} over {plan.window:g} s"
    )


def _batches(plan: FleetPlan, found: Figures) -> list[str]:
    lines = [f"{'batch':<30}{'devices':>9}{'failed':>10}{'seconds':>10}{'pause':>10}"]
    lines += [
        f"{batch.number:<30}{batch.devices:>9}{batch.failure_rate:>10.1%}{batch.end - batch.begin:>10.0f}{pause:>10}"
        for batch, pause in zip(found.batches, apart(found.batches), strict=True)
    ]
    return ["", *lines, f"             aborted when more than {plan.abort:.0%} of what was tried has failed"]


def apart(batches: Sequence[Batch]) -> list[str]:
    """The pause after each batch, empty after the last one."""
    pauses = [f"{max(0.0, later.begin - sooner.end):.0f} s" for sooner, later in pairwise(batches)]
    return [*pauses, ""][: len(batches)]


def per_device(memory: int, plan: FleetPlan) -> str:
    """Bytes of the whole fleet as memory of one device."""
    return f"{memory / plan.devices / _KILO:.0f} KiB"


def plan_rows(plan: FleetPlan) -> list[tuple[str, str]]:
    """What was asked for, by name."""
    stages = ", ".join(f"{share:.3g}" for share in (100 * share for share in plan.batches))
    rows = [
        ("batches", f"{stages} % of the devices, {plan.pause:g} s apart"),
        ("a batch has", f"{plan.settle:g} s; who is not done then has failed"),
        ("aborted", f"when more than {plan.abort:.0%} of what was tried has failed"),
        ("radio conditions", plan.radio.replace(",", ", ")),
        ("poll interval", f"{plan.interval:g} s; {'woken for a batch' if plan.wake else 'nobody is woken'}"),
    ]
    rows += [
        (STORM, f"after {storm.at:g} s for {storm.seconds:g} s: 503 with Retry-After {storm.retry_after:g}")
        for storm in plan.storms
    ]
    if plan.outage:
        away = ", the eIM is away as well" if plan.eim_too else ""
        rows.append(("common outage", f"{plan.outage:g} s without coverage{away}"))
    return rows


def cost_rows(plan: FleetPlan, result: FleetResult) -> list[tuple[str, str]]:
    """What machine it took, by name."""
    cost = result.cost
    bench = cost.bench_memory - cost.bench_base
    return [
        (
            "agents",
            (
                f"{cost.agents} processes, {cost.agent_memory / _MEGA:.0f} MiB, "
                f"{per_device(cost.agent_memory, plan)} a device; {cost.agent_cpu:.0f} s of processor; "
                f"at most {cost.threads} threads, {cost.files} open files in one"
            ),
        ),
        (
            "bench",
            (
                f"{cost.bench_memory / _MEGA:.0f} MiB, {per_device(bench, plan)} a device; "
                f"{cost.bench_cpu:.0f} s of processor"
            ),
        ),
        ("took", f"{result.seconds:.0f} s, {len(result.requests)} requests, {len(result.refused)} of them refused"),
    ]


def costs(plan: FleetPlan, result: FleetResult) -> list[str]:
    """What machine it took, in lines."""
    return [f"{name:<13}{text}" for name, text in cost_rows(plan, result)]


def as_json(plan: FleetPlan, result: FleetResult, found: Figures) -> str:
    """Everything, for a program."""
    numbers: dict[str, Any] = asdict(found)
    numbers["success_rate"] = found.success_rate
    numbers["peak_to_mean"] = None if found.after is None else found.after.peak_to_mean
    numbers["handshakes_peak_to_mean"] = None if found.handshakes is None else found.handshakes.peak_to_mean
    return json.dumps({"plan": plan.to_json(), "figures": numbers, "result": result.to_json()})
