"""The figures of a fleet, its table and its page."""

from __future__ import annotations

import json
from html.parser import HTMLParser

import pytest

from hil.fleet.figures import GOAL, figures, load, percentile
from hil.fleet.page import page
from hil.fleet.plan import FleetPlan
from hil.fleet.result import OUTAGE, Cost, DeviceRecord, FleetResult, Span, joined, result_from_json
from hil.fleet.text import apart, as_json, table

PLAN = FleetPlan(4, batches=(0.5, 1.0), outage=60.0, poll=60.0)


def _result() -> FleetResult:
    devices = [
        DeviceRecord(0, "good", 1, ordered=1.0, done=5.0, download=1.0, activation=2.0, connectivity=3.0, recovery=4.0),
        DeviceRecord(1, "good", 1, ordered=1.0, done=6.0, download=2.0, activation=2.0, connectivity=3.0, recovery=5.0),
        DeviceRecord(2, "refused", 2, ordered=1.0, done=9.0, download=9.0, failure="enable <x>: rolled-back"),
        DeviceRecord(3, "good"),
    ]
    spans = [Span("batch 1", 1.0, 6.0), Span("batch 2", 8.0, 9.0), Span("storm", 2.0, 3.0), Span(OUTAGE, 10.0, 70.0)]
    requests = [1.0, 2.5, *(70.0 + second for second in range(120))]
    result = FleetResult(
        devices, requests, [2.5], [69.5, 70.5, 71.5], spans=spans,
        cost=Cost(1, 40 << 20, 90 << 20, 70 << 20, 2.0, 3.0, 5, 19),
        aborted="1 of 3 failed", seconds=200.0, started=1000.0,
    )  # fmt: skip
    result.count_from_outage()
    return result


def test_percentiles_are_values_that_occurred() -> None:
    values = [float(value) for value in range(1, 101)]
    assert (percentile(values, 0.5), percentile(values, 0.95), percentile([7.0], 0.95)) == (50.0, 95.0, 7.0)
    with pytest.raises(ValueError, match="nothing"):
        percentile([], 0.5)


def test_load_counts_whole_buckets_only() -> None:
    found = load([0.0, 4.9, 5.0, 14.9, 15.0], 0.0, 17.0, 5.0)
    assert found.counts == (2, 1, 1)
    assert found.peak_to_mean == pytest.approx(1.5)
    assert load([], 0.0, 10.0, 5.0).peak_to_mean == 0.0


def test_herd_is_told_from_an_even_load() -> None:
    even = figures(PLAN, _result())
    assert even.after is not None
    assert even.after.peak_to_mean == pytest.approx(1.0)
    assert even.even
    result = _result()
    result.requests = [70.5] * 100 + [71.0 + second for second in range(100)]
    result.count_from_outage()
    assert not figures(PLAN, result).even


def test_few_requests_are_not_judged() -> None:
    result = _result()
    result.requests = [70.5] * 9
    result.count_from_outage()
    found = figures(PLAN, result)
    assert found.after is not None
    assert found.after.peak_to_mean > GOAL
    assert found.even
    assert "too few requests to judge by" in table(PLAN, result, found)
    assert "too few requests to judge by" in page(PLAN, result, found)


def test_only_what_came_after_the_outage_counts_after_it() -> None:
    found = figures(PLAN, _result())
    assert found.after is not None
    assert found.handshakes is not None
    assert (sum(found.after.counts), sum(found.handshakes.counts)) == (120, 2)
    assert found.handshakes.peak_to_mean == pytest.approx(12.0)


def test_batches_are_told_with_their_failures_and_pauses() -> None:
    found = figures(PLAN, _result())
    assert [(one.number, one.devices, one.succeeded, one.failure_rate) for one in found.batches] == [
        (1, 2, 2, 0.0),
        (2, 1, 0, 1.0),
    ]
    assert apart(found.batches) == ["2 s", ""]
    assert apart(()) == []


def test_success_rate_counts_what_was_tried() -> None:
    found = figures(PLAN, _result())
    assert (found.tried, found.succeeded, found.failures) == (3, 2, (("enable <x>: rolled-back", 1),))
    assert found.success_rate == pytest.approx(2 / 3)
    durations = {one.name: (one.count, one.median, one.percentile95) for one in found.durations}
    assert durations["download"] == (3, 2.0, 9.0)
    assert durations["recovery"] == (2, 4.0, 5.0)


def test_fleet_without_outage_has_no_load_to_judge() -> None:
    result = _result()
    result.spans = []
    found = figures(PLAN, result)
    assert found.after is None
    assert found.even
    assert "after the outage" not in table(PLAN, result, found)


def test_table_names_what_matters() -> None:
    result = _result()
    text = table(PLAN, result, figures(PLAN, result))
    for expected in (
        "3 tried, 2 succeeded (66.7%)",
        "1 of 3 failed",
        "post-activation connectivity",
        "peak to mean 1.00 over 120 s, goal 3: kept",
        "connections  after the outage: peak 2",
        "aborted when more than 10% of what was tried has failed",
        "10240 KiB a device",
    ):
        assert expected in text


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in ("meta", "rect", "line", "path"):
            self.open.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_page_is_complete_in_itself() -> None:
    result = _result()
    text = page(PLAN, result, figures(PLAN, result))
    reader = _Reader()
    reader.feed(text)
    assert not reader.open
    assert reader.addresses == []
    assert "script" not in reader.tags
    assert reader.tags.count("svg") == 4 * 2
    assert "1 of 3 failed; 1 devices were left alone" in text
    assert "enable &lt;x&gt;: rolled-back" in text


def test_results_of_several_machines_are_put_on_one_time_line() -> None:
    first, second = _result(), _result()
    second.started += 10.0
    for record in second.devices:
        record.number += 4
    whole = joined([second, first])
    assert [record.number for record in whole.devices] == list(range(8))
    assert whole.devices[4].ordered == 11.0
    assert whole.requests == sorted(whole.requests)
    assert len(whole.requests) == 2 * len(first.requests)
    assert (whole.seconds, whole.started, whole.aborted) == (210.0, 1000.0, "1 of 3 failed")
    assert (whole.cost.agents, whole.cost.agent_memory, whole.cost.threads) == (2, 80 << 20, 5)
    assert whole.shares == 2
    spans = {span.name: (span.begin, span.end) for span in whole.spans}
    assert len(spans) == len(whole.spans)
    assert (spans["batch 2"], spans["outage"]) == ((8.0, 19.0), (10.0, 80.0))


def test_loads_of_all_eims_are_added_from_the_end_of_the_outage_of_each() -> None:
    """A share that ended its outage half a minute later must not make the load look even, nor the other way round."""
    first, second = _result(), _result()
    for result in (first, second):
        result.requests = [70.5] * 30 + [75.5 + second for second in range(100)]
        result.count_from_outage()
    second.started += 30.0
    alone = figures(PLAN, first).after
    whole = figures(PLAN, joined([first, second])).after
    assert alone is not None
    assert whole is not None
    assert whole.counts == tuple(2 * count for count in alone.counts)
    assert whole.peak_to_mean == alone.peak_to_mean
    both = joined([first, second])
    for text in (table(PLAN, both, figures(PLAN, both)), page(PLAN, both, figures(PLAN, both))):
        assert "an eIM of its own" in text
    assert "an eIM of its own" not in page(PLAN, first, figures(PLAN, first))


def test_storms_of_one_share_stay_apart_when_shares_are_joined() -> None:
    first, second = _result(), _result()
    for result in (first, second):
        result.spans.append(Span("storm", 5.0, 6.0))
    second.started += 1.0
    found = [(span.begin, span.end) for span in joined([first, second]).spans if span.name == "storm"]
    assert found == [(2.0, 4.0), (5.0, 7.0)]


def test_result_survives_the_way_back() -> None:
    result = _result()
    assert result_from_json(json.loads(json.dumps(result.to_json()))) == result
    document = json.loads(as_json(PLAN, result, figures(PLAN, result)))
    assert document["figures"]["peak_to_mean"] == pytest.approx(1.0)
    assert document["figures"]["handshakes_peak_to_mean"] == pytest.approx(12.0)
