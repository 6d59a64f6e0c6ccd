"""The agent has switched the modem off and something happens before it is on again: it does not stay off."""

from __future__ import annotations

import pytest

from tests.e2e.sweep.catalogue import Fault, Interface, Point
from tests.e2e.sweep.plan import Counts

STORY = "fallback and return"
_FAULTS = (Fault.KILL_BEFORE, Fault.KILL_AFTER, Fault.SILENCE_BEFORE, Fault.LATE, Fault.DISCONNECT_BEFORE)


@pytest.mark.parametrize("fault", _FAULTS, ids=str)
def test_modem_that_a_rung_switched_off_comes_back(counts: Counts, fault: Fault) -> None:
    labels = counts.of(STORY).labels[Interface.LINE]
    steps = [number for number, label in enumerate(labels) if label.startswith("AT+CFUN=")]
    assert steps
    for step in steps:
        counts.survive(STORY, Point(Interface.LINE, step, fault))
