"""A bit of the answer to LoadEuiccPackage falls over on the line: the eIM gets the genuine result all the same."""

from __future__ import annotations

import re

import pytest

from hil.eim.history import RecordKind
from tests.e2e.sweep.catalogue import Fault, Interface, Point
from tests.e2e.sweep.plan import Counts
from tests.e2e.sweep.run import tell
from tests.e2e.sweep.story import STORIES

_PACKAGE = re.compile(r'"80E2..00..BF51')
_GET_RESPONSE = re.compile(r'"00C0')


def answers_to_packages(labels: list[str]) -> list[int]:
    """The steps of the line that bring the beginning of a result."""
    packages = [number for number, label in enumerate(labels) if _PACKAGE.search(label)]
    return [
        next(number for number in range(begin, len(labels)) if _GET_RESPONSE.search(labels[number]))
        for begin in packages
    ]


@pytest.mark.parametrize("name", ["switch", "rollback", "eCO", "notifications"])
def test_misread_result_is_followed_by_the_genuine_one(counts: Counts, name: str) -> None:
    story = STORIES[name]
    _, clean = tell(counts.pki, story)
    steps = answers_to_packages(clean.gates.labels[Interface.LINE])
    assert steps
    for step in steps:
        ended, world = tell(counts.pki, story, Point(Interface.LINE, step, Fault.FLIPPED), clean.polls_of_each)
        assert ended.tried
        assert ended.violations == ()
        results = [record for record in world.device.eim.history.records if record.kind is RecordKind.RESULT]
        if name == "rollback":
            # The eUICC has withdrawn what was misread before anybody was told of it.
            assert [record.verified for record in results] == [True]
        elif step == steps[0]:
            assert [record.verified for record in results[:2]] == [False, True]
