"""What a fleet is asked to do: shares, conditions, numbers."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from hil.euicc.identifiers import eid_octets, luhn_digit
from hil.fleet.conditions import CONDITIONS, parse, spread
from hil.fleet.errors import FleetError
from hil.fleet.numbering import Numbers
from hil.fleet.plan import FleetPlan, Storm, parse_batches, parse_storm, plan_from_json


def test_batches_cover_every_device_once() -> None:
    plan = FleetPlan(1000, batches=parse_batches("1%,10%,100%"))
    assert [len(batch) for batch in plan.numbers()] == [10, 90, 900]
    assert [number for batch in plan.numbers() for number in batch] == list(range(1000))


def test_batch_that_would_be_empty_is_left_out() -> None:
    assert [len(batch) for batch in FleetPlan(3, batches=(0.01, 0.02, 1.0)).numbers()] == [1, 2]


@pytest.mark.parametrize("text", ["", "50%", "100%,50%", "50%,50%,100%", "0%,100%", "many"])
def test_batches_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(FleetError):
        parse_batches(text)


@pytest.mark.parametrize("text", ["", "5", "5:6:7:8", "a:b", "-1:5"])
def test_storm_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(FleetError):
        parse_storm(text)


def test_storm_asks_for_a_minute_unless_told() -> None:
    assert parse_storm("10:30") == Storm(10, 30, 60)
    assert parse_storm("10:30:120") == Storm(10, 30, 120)


@pytest.mark.parametrize("text", ["moon:1", "good:0", "good:-1", "good:x", "good:1,good:2", "good:inf"])
def test_distribution_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(FleetError):
        parse(text)


def test_conditions_are_spread_exactly_and_the_same_for_the_same_seed() -> None:
    found = spread("good:70,nb-iot:25,refused:5", 200, seed=3)
    assert Counter(condition.name for condition in found) == {"good": 140, "nb-iot": 50, "refused": 10}
    assert list(found) == list(spread("good:70,nb-iot:25,refused:5", 200, seed=3))
    assert list(found) != list(spread("good:70,nb-iot:25,refused:5", 200, seed=4))


def test_every_condition_has_a_link() -> None:
    assert all(condition.profile is not None for condition in CONDITIONS.values())


@pytest.mark.parametrize("number", [0, 7, 99_999])
def test_numbers_of_a_device_have_right_check_digits(number: int) -> None:
    numbers = Numbers(number)
    assert len(eid_octets(numbers.eid)) == 16
    for digits, length in ((numbers.first_iccid, 20), (numbers.second_iccid, 20), (numbers.imei, 15)):
        assert len(digits) == length
        assert luhn_digit(digits[:-1]) == digits[-1]
    assert len(numbers.first_imsi) == len(numbers.second_imsi) == 15


def test_numbers_of_devices_differ() -> None:
    found = [Numbers(number) for number in range(500)]
    for name in ("name", "eid", "first_iccid", "second_iccid", "first_imsi", "imei", "matching_id"):
        assert len({getattr(numbers, name) for numbers in found}) == len(found)


def test_shares_are_disjoint_and_keep_the_interval_of_the_whole() -> None:
    plan = FleetPlan(1000, seed=5)
    shares = plan.shared(3)
    assert [share.devices for share in shares] == [333, 334, 333]
    assert [share.first for share in shares] == [0, 333, 667]
    assert {share.interval for share in shares} == {plan.interval}
    assert len(plan.shared(2000)) == 1000


def test_plan_survives_the_way_to_another_machine() -> None:
    plan = FleetPlan(10, storms=(Storm(1, 2),), batches=(0.5, 1.0), agent="ipad")
    assert plan_from_json(json.loads(json.dumps(plan.to_json()))) == plan


@pytest.mark.parametrize(
    "change", [{"devices": 0}, {"per_agent": 0}, {"abort": 2.0}, {"poll": 5.0}, {"pause": -1.0}, {"radio": "moon"}]
)
def test_plan_that_makes_no_sense_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(FleetError):
        FleetPlan(**{"devices": 1, **change})  # type: ignore[arg-type]


def test_bucket_holds_enough_requests_to_tell_load_from_chance() -> None:
    large = FleetPlan(1000)
    assert large.bucket * large.devices / large.interval >= 25
    assert FleetPlan(10).bucket == FleetPlan(10).interval / 6
