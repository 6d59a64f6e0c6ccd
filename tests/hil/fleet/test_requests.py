"""What is noted of the requests of an eIM, and what a storm does to them."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from hil import tlv
from hil.clock import ManualClock
from hil.eim.exchange import Exchange
from hil.eim.faults import Fault, FaultKind
from hil.eim.server import EimServer
from hil.faults import FaultPlan
from hil.fleet.disturbances import storm
from hil.fleet.plan import Storm
from hil.fleet.requests import RequestLog, eid_of
from hil.fleet.result import Span
from tests.waiting import turns

EID = bytes.fromhex("89049032001234567890000000100070")
POLL = tlv.build(0xBF4F, tlv.build(0x5A, EID))


def _exchange(request: bytes, fault: FaultKind | None = None) -> Exchange:
    return Exchange("GetEimPackage", request, 503 if fault else 200, b"", len(request), 0.0, 1, fault)


def test_eid_is_found_in_a_poll_and_missed_in_anything_else() -> None:
    assert eid_of(POLL) == EID
    assert eid_of(tlv.build(0xBF50, b"")) is None
    assert eid_of(b"") is None
    assert eid_of(b"\xff\xff") is None


def test_only_what_the_eim_answered_counts_as_an_answer() -> None:
    clock, answered = ManualClock(), list[bytes]()
    requests = RequestLog(clock, answered.append)
    requests(_exchange(POLL, FaultKind.STATUS))
    clock.advance(5.0)
    requests(_exchange(POLL))
    assert (requests.moments, requests.refused, answered) == ([0.0, 5.0], [0.0], [EID])


@pytest.mark.asyncio
async def test_storm_begins_and_ends_when_it_was_ordered() -> None:
    clock, spans = ManualClock(), list[Span]()
    faults = FaultPlan[Fault]()
    server = cast("EimServer", SimpleNamespace(faults=faults))
    running = asyncio.ensure_future(storm(Storm(10, 30, 120), server, clock, spans))
    seen: list[tuple[float, Any]] = []
    for moment in (5.0, 11.0, 39.0, 41.0):
        await asyncio.sleep(0)
        clock.advance(moment - clock.monotonic())
        await turns(3)
        seen.append((moment, [(fault.kind, fault.value, fault.seconds) for fault in faults.faults]))
    await running
    overloaded = [(FaultKind.STATUS, 503, 120)]
    assert seen == [(5.0, []), (11.0, overloaded), (39.0, overloaded), (41.0, [])]
    assert [span.name for span in spans] == ["storm"]


@pytest.mark.asyncio
async def test_storm_that_is_broken_off_leaves_nothing_behind() -> None:
    clock, faults = ManualClock(), FaultPlan[Fault]()
    server = cast("EimServer", SimpleNamespace(faults=faults))
    running = asyncio.ensure_future(storm(Storm(0, 30), server, clock, []))
    for _ in range(3):
        await asyncio.sleep(0)
        clock.advance(0.1)
    assert faults.faults
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert not faults.faults
