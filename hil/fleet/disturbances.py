"""What happens to a whole fleet at once: an eIM that is overloaded, an outage that everybody shares."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Final

from hil.clock import Clock
from hil.eim.faults import Fault, FaultKind
from hil.eim.server import EimServer
from hil.fleet.device import FleetDevice
from hil.fleet.plan import FleetPlan, Storm
from hil.fleet.result import OUTAGE, STORM, Span

_LOOK: Final = 0.5


async def storm(order: Storm, server: EimServer, clock: Clock, spans: list[Span]) -> None:
    """Let the eIM answer 503 for a while, after a while."""
    await clock.sleep(order.at)
    begin = clock.monotonic()
    overloaded = int(HTTPStatus.SERVICE_UNAVAILABLE)
    fault = Fault(FaultKind.STATUS, times=None, value=overloaded, seconds=order.retry_after)
    server.faults.add(fault)
    try:
        await clock.sleep(order.seconds)
    finally:
        server.faults.faults.remove(fault)
        spans.append(Span(STORM, begin, clock.monotonic()))


async def outage(
    plan: FleetPlan, devices: Sequence[FleetDevice], server: EimServer, clock: Clock, check: Callable[[], None]
) -> Span:
    """Take the coverage away from all devices in the same moment, and give it back in the same moment; then look on
    until everybody was answered, for as long as the window of the plan at least and for four of them at the most."""
    begin = clock.monotonic()
    restore = [device.lose_coverage() for device in devices]
    down = Fault(FaultKind.DROP_BEFORE, times=None)
    if plan.eim_too:
        server.faults.add(down)
    try:
        await clock.sleep(plan.outage)
    finally:
        if plan.eim_too:
            server.faults.faults.remove(down)
        for give_back in restore:
            give_back()
    end = clock.monotonic()
    await _look_on(plan, devices, clock, check, end)
    return Span(OUTAGE, begin, end)


async def _look_on(
    plan: FleetPlan, devices: Sequence[FleetDevice], clock: Clock, check: Callable[[], None], end: float
) -> None:
    while (now := clock.monotonic()) < end + 4 * plan.window:
        check()
        for device in devices:
            if device.record.recovery is None and device.answered is not None and device.answered >= end:
                device.record.recovery = device.answered - end
        if now >= end + plan.window and all(device.record.recovery is not None for device in devices):
            return
        await clock.sleep(_LOOK)
