"""An answer of the eUICC is lost, or a bit of it falls over: everything comes to the end that it comes to without."""

from __future__ import annotations

import re

import pytest

from hil.eim.history import RecordKind
from tests.e2e.sweep.catalogue import Fault, Interface, Point
from tests.e2e.sweep.plan import Count, Counts

_GET_RESPONSE = re.compile(r'"0.C0')


def answers_to(tag: str, count: Count) -> list[int]:
    """The steps of the line that bring the beginning of what an ES10 function answers; at least one."""
    labels = count.labels[Interface.LINE]
    request = re.compile(rf'"8.E2..00..{tag}')
    begun = [number for number, label in enumerate(labels) if request.search(label)]
    assert begun
    return [
        next(number for number in range(begin, len(labels)) if _GET_RESPONSE.search(labels[number])) for begin in begun
    ]


@pytest.mark.parametrize("name", ["switch", "rollback", "eCO", "notifications"])
def test_misread_result_is_followed_by_the_genuine_one(counts: Counts, name: str) -> None:
    steps = answers_to("BF51", counts.of(name))
    for step in steps:
        world = counts.survive(name, Point(Interface.LINE, step, Fault.FLIPPED))
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
    for step in answers_to(tag, counts.of(name)):
        counts.survive(name, Point(Interface.LINE, step, Fault.FLIPPED))


@pytest.mark.parametrize("fault", [Fault.DISCONNECT_BEFORE, Fault.SILENCE_AFTER], ids=str)
def test_fallback_whose_answer_is_lost_is_known_as_one(counts: Counts, fault: Fault) -> None:
    name = "fallback and return"
    (step,) = answers_to("BF5D", counts.of(name))
    counts.survive(name, Point(Interface.LINE, step, fault))


@pytest.mark.parametrize("name", ["direct download", "indirect download"])
def test_misread_result_of_an_installation_is_not_what_the_server_gets(counts: Counts, name: str) -> None:
    # The eUICC gives it as the answer to the last segment; it is removed as soon as it was delivered.
    labels = counts.of(name).labels[Interface.LINE]
    removed = next(number for number, label in enumerate(labels) if re.search(r'"8.E2..00..BF30', label))
    counts.survive(name, Point(Interface.LINE, removed - 1, Fault.FLIPPED))
