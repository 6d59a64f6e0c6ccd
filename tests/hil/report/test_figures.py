"""Counts and durations of a run."""

from __future__ import annotations

import pytest

from hil.report.figures import counts, durations, percentile
from hil.suite.limits import HARDWARE, Limits
from tests.hil.report.made import case, run


def test_cases_are_counted_by_their_result() -> None:
    found = counts([case(), case(result="failed"), case(result="skipped"), case(result="error"), case(result="odd")])
    assert (found.passed, found.failed, found.error, found.skipped, found.total) == (1, 1, 2, 1, 5)
    assert not found.good
    assert counts([case(), case(result="skipped")]).good
    assert not counts([case(result="skipped")]).good
    assert not counts([]).good


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ([3.0], 0.95, 3.0),
        ([2.0, 1.0], 0.5, 1.0),
        ([1.0, 2.0, 3.0], 0.5, 2.0),
        ([float(n) for n in range(1, 101)], 0.95, 95.0),
    ],
)
def test_percentile_is_a_value_that_was_measured(values: list[float], share: float, expected: float) -> None:
    assert percentile(values, share) == expected


def test_duration_succeeds_in_a_case_that_passed_and_within_the_limit() -> None:
    late = Limits().download + 1
    cases = [
        case("a", measures={"download": 2.0, "odd": 1.0}),
        case("b", measures={"download": late}),
        case("c", measures={"download": 1.0}, result="failed"),
        case("d", measures={"activation": 0.5}),
    ]
    download, activation, odd = durations(run(*cases))
    assert (download.name, download.count, download.within, download.rate) == ("download", 3, 1, 1 / 3)
    assert (download.median, download.percentile95, download.bound) == (2.0, late, Limits().download)
    assert [activation.name, odd.name] == ["activation", "odd"]


def test_board_has_the_limits_of_hardware() -> None:
    (download,) = durations(run(case(measures={"download": 2.0}), target="eg25"))
    assert download.bound == HARDWARE.download
