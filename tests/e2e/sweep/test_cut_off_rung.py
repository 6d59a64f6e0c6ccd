"""The agent has switched the modem off and something happens before it is on again: it does not stay off."""

from __future__ import annotations

import pytest

from tests.e2e.sweep.catalogue import Fault, Interface, Point
from tests.e2e.sweep.plan import Counts
from tests.e2e.sweep.run import tell
from tests.e2e.sweep.story import STORIES

_FAULTS = (Fault.KILL_BEFORE, Fault.KILL_AFTER, Fault.SILENCE_BEFORE, Fault.LATE, Fault.DISCONNECT_BEFORE)


@pytest.mark.parametrize("fault", _FAULTS, ids=str)
def test_modem_that_a_rung_switched_off_comes_back(counts: Counts, fault: Fault) -> None:
    story = STORIES["fallback and return"]
    _, clean = tell(counts.pki, story)
    steps = [n for n, label in enumerate(clean.gates.labels[Interface.LINE]) if label.startswith("AT+CFUN=")]
    assert steps
    for step in steps:
        ended, _ = tell(counts.pki, story, Point(Interface.LINE, step, fault), clean.polls_of_each)
        assert ended.tried
        assert ended.violations == ()
