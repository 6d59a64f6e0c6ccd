"""The result of a fleet as a table for a terminal, and as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from hil.fleet.figures import GOAL, Figures, Load
from hil.fleet.plan import FleetPlan
from hil.fleet.result import FleetResult

_MEGA = 1024 * 1024
_KILO = 1024


def table(plan: FleetPlan, result: FleetResult, found: Figures) -> str:
    """What a person wants to know."""
    lines = [
        f"devices      {plan.devices}, {found.tried} tried, {found.succeeded} succeeded ({found.success_rate:.1%})",
        *(f"             {count} x {reason}" for reason, count in found.failures),
    ]
    if result.aborted:
        lines.append(f"aborted      {result.aborted}")
    lines += ["", f"{'seconds':<30}{'devices':>9}{'median':>10}{'95 %':>10}{'longest':>10}"]
    lines += [
        f"{one.name:<30}{one.count:>9}{one.median:>10.2f}{one.percentile95:>10.2f}{one.longest:>10.2f}"
        for one in found.durations
    ]
    lines.append("")
    if found.after is not None and found.handshakes is not None:
        verdict = "kept" if found.even else "MISSED"
        lines += [
            _load("requests", found.after, plan) + f", goal {GOAL:g} {verdict}",
            _load("connections", found.handshakes, plan),
        ]
    lines += costs(plan, result)
    return "\n".join(lines)


def _load(name: str, load: Load, plan: FleetPlan) -> str:
    return (
        f"{name:<12} after the outage: peak {load.peak}, mean {load.mean:.1f} in {load.bucket:g} s, "
        f"peak to mean {load.peak_to_mean:.2f} over {plan.window:g} s"
    )


def costs(plan: FleetPlan, result: FleetResult) -> list[str]:
    """What machine it took, in lines."""
    cost, devices = result.cost, plan.devices
    bench = (cost.bench_memory - cost.bench_base) / devices / _KILO
    return [
        (
            f"agents       {cost.agents} processes, {cost.agent_memory / _MEGA:.0f} MiB, "
            f"{cost.agent_memory / devices / _KILO:.0f} KiB a device; {cost.agent_cpu:.0f} s of processor; "
            f"at most {cost.threads} threads, {cost.files} open files in one"
        ),
        (
            f"bench        {cost.bench_memory / _MEGA:.0f} MiB, {bench:.0f} KiB a device; "
            f"{cost.bench_cpu:.0f} s of processor"
        ),
        f"took         {result.seconds:.0f} s, {len(result.requests)} requests, {len(result.refused)} of them refused",
    ]


def as_json(plan: FleetPlan, result: FleetResult, found: Figures) -> str:
    """Everything, for a program."""
    numbers: dict[str, Any] = asdict(found)
    numbers["success_rate"] = found.success_rate
    numbers["peak_to_mean"] = None if found.after is None else found.after.peak_to_mean
    return json.dumps({"plan": plan.to_json(), "figures": numbers, "result": result.to_json()})
