"""Every fault at every step: a selection each day, all of it with `make matrix` (IPAD_MATRIX=all).

IPAD_MATRIX=rest goes on where a run was ended: rows whose result is there, and good, are left out.
"""

from __future__ import annotations

import faulthandler
import os
import time
from pathlib import Path

import pytest

from tests.e2e.sweep.catalogue import Fault, Interface, Point
from tests.e2e.sweep.plan import Counts, Place, places, selection
from tests.e2e.sweep.run import Ended
from tests.e2e.sweep.story import STORIES
from tests.e2e.sweep.table import Row, read

WANTED = os.environ.get("IPAD_MATRIX", "")
RESULTS = Path(os.environ.get("IPAD_MATRIX_RESULTS", "build/matrix"))
STRIDE = int(os.environ.get("IPAD_MATRIX_STRIDE", "1"))
"""Every so-manieth step only, for whoever has no hour."""
SELECTED = selection(every=4)
_SHOWN = 10
_HANGS = 300.0
"""Seconds after which a run goes round in a circle: it ends its worker, and the others go on."""


def wanted() -> list[Place]:
    """The rows of this run."""
    if not WANTED:
        return []
    rows = read(RESULTS) if WANTED == "rest" else []
    good = {(row.story, row.interface, row.fault) for row in rows if row.survived == row.tried}
    return [place for place in places() if place not in good]


def report(story: str, failed: list[tuple[Point, Ended]]) -> str:
    """What went wrong where."""
    lines = [f"{story}, {point} ({ended.label}): {'; '.join(ended.violations)}" for point, ended in failed[:_SHOWN]]
    return "\n".join([f"{len(failed)} points not survived", *lines])


@pytest.mark.parametrize("story", STORIES)
def test_story_ends_well_without_a_fault(counts: Counts, story: str) -> None:
    assert counts.of(story).steps(Interface.LINE) > 50


@pytest.mark.parametrize(("story", "interface"), SELECTED, ids=str)
def test_device_survives_a_fault_at_a_step(counts: Counts, story: str, interface: Interface) -> None:
    failed = []
    for fault in SELECTED[story, interface]:
        point = counts.one_point(story, interface, fault)
        if point is not None:
            ended = counts.run(story, point)
            if not ended.survived:
                failed.append((point, ended))
    assert not failed, report(story, failed)


def test_selection_has_every_fault_at_every_interface() -> None:
    everything = {(interface, fault) for _, interface, fault in places()}
    assert {(interface, fault) for (_, interface), faults in SELECTED.items() for fault in faults} == everything


@pytest.mark.skipif(not WANTED, reason="takes an hour of two processors: make matrix")
@pytest.mark.parametrize("place", wanted(), ids=lambda place: "-".join(map(str, place)))
def test_device_survives_a_fault_at_every_step(counts: Counts, place: Place) -> None:
    story, interface, fault = place
    failed, tried, begun = [], 0, time.process_time()
    for point in list(counts.points(story, interface, fault))[::STRIDE]:
        faulthandler.dump_traceback_later(_HANGS, exit=True)
        ended = counts.run(story, point)
        faulthandler.cancel_dump_traceback_later()
        tried += ended.tried
        if ended.tried and not ended.survived:
            failed.append((point, ended))
    Row(story, interface, fault, tried, tried - len(failed), time.process_time() - begun).write(RESULTS)
    assert not failed, report(story, failed)


def test_faults_that_are_named_are_tried_somewhere() -> None:
    assert {fault for _, _, fault in places()} == set(Fault)
