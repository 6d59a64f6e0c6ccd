"""An answer of the eUICC is lost, or a bit of it falls over: everything comes to the end that it comes to without."""

from __future__ import annotations

import re

import pytest

from hil.eim.history import RecordKind
from tests.e2e.sweep.catalogue import Fault, Interface, Point
from tests.e2e.sweep.plan import Counts
from tests.e2e.sweep.run import tell
from tests.e2e.sweep.story import STORIES

_GET_RESPONSE = re.compile(r'"0.C0')


def answers_to(tag: str, labels: list[str]) -> list[int]:
    """The steps of the line that bring the beginning of what an ES10 function answers."""
    request = re.compile(rf'"8.E2..00..{tag}')
    begun = [number for number, label in enumerate(labels) if request.search(label)]
    return [
        next(number for number in range(begin, len(labels)) if _GET_RESPONSE.search(labels[number])) for begin in begun
    ]


@pytest.mark.parametrize("name", ["switch", "rollback", "eCO", "notifications"])
def test_misread_result_is_followed_by_the_genuine_one(counts: Counts, name: str) -> None:
    story = STORIES[name]
    _, clean = tell(counts.pki, story)
    steps = answers_to("BF51", clean.gates.labels[Interface.LINE])
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


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        ("switch", "BF3E"),
        ("direct download", "BF20"),
        ("indirect download", "BF20"),
        ("fallback and return", "BF2D"),
        ("fallback and return", "BF55"),
    ],
)
def test_misread_facts_are_not_believed_for_long(counts: Counts, name: str, tag: str) -> None:
    story = STORIES[name]
    _, clean = tell(counts.pki, story)
    steps = answers_to(tag, clean.gates.labels[Interface.LINE])
    assert steps
    for step in steps:
        ended, _ = tell(counts.pki, story, Point(Interface.LINE, step, Fault.FLIPPED), clean.polls_of_each)
        assert ended.tried
        assert ended.violations == ()


@pytest.mark.parametrize("fault", [Fault.DISCONNECT_BEFORE, Fault.SILENCE_AFTER], ids=str)
def test_fallback_whose_answer_is_lost_is_known_as_one(counts: Counts, fault: Fault) -> None:
    story = STORIES["fallback and return"]
    _, clean = tell(counts.pki, story)
    (step,) = answers_to("BF5D", clean.gates.labels[Interface.LINE])
    ended, _ = tell(counts.pki, story, Point(Interface.LINE, step, fault), clean.polls_of_each)
    assert ended.tried
    assert ended.violations == ()
