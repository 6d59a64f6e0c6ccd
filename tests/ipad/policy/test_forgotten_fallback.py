"""A device in its fallback profile that does not remember why: only the eUICC knows whether there is a way back."""

from __future__ import annotations

import pytest

from ipad.policy.decisions import Report, ReportKind, ReturnFromFallback
from ipad.policy.events import ReturnWanted
from tests.ipad.policy.device import A, Card, Device, F, Plan, Radio
from tests.ipad.policy.test_fallback import HOUR, LOSS, lost


def forgetful(plan: Plan | Radio, fallback: Plan | Radio = Radio.FULL, *, damaged: bool = True) -> Device:
    """A device in its fallback profile whose memory is lost, with its power, two hours after the loss."""
    device = lost(plan, fallback)
    device.run(LOSS + 2 * HOUR)
    assert device.card.enabled == F
    device.forget(damaged=damaged)
    device.boot(downtime=30.0)
    return device


def test_device_whose_memory_is_damaged_asks_the_euicc_for_the_way_back() -> None:
    device = forgetful([(0, Radio.DEAD_DATA), (3 * HOUR, Radio.FULL)])
    device.run(LOSS + 7 * HOUR)
    assert device.card.enabled == F
    assert not device.state.fallback.active
    device.run(LOSS + 9 * HOUR)
    assert device.card.enabled == A
    assert device.online


def test_return_from_a_forgotten_fallback_that_does_not_last_leads_back() -> None:
    device = forgetful(Radio.DEAD_DATA)
    device.run(LOSS + 14 * HOUR)
    assert [origin for _, origin, _ in device.card.switches] == ["fallback", "return", "fallback"]
    assert device.online
    assert device.state.fallback.active


@pytest.mark.parametrize("damaged", [True, False], ids=["damaged", "not there"])
def test_device_without_memory_is_not_stranded_when_its_fallback_profile_dies(damaged: bool) -> None:
    dies = [(0.0, Radio.FULL), (LOSS + 2.5 * HOUR, Radio.NONE)]
    device = forgetful([(0, Radio.DEAD_DATA), (HOUR, Radio.FULL)], dies, damaged=damaged)
    device.run(LOSS + 6 * HOUR)
    assert device.card.enabled == A
    assert device.online


def test_person_may_ask_for_the_return_of_a_fallback_that_was_forgotten() -> None:
    device = forgetful([(0, Radio.DEAD_DATA), (HOUR, Radio.FULL)], damaged=False)
    device.run(LOSS + 2.5 * HOUR)
    device.tell(ReturnWanted())
    device.run(LOSS + 2.5 * HOUR + 120)
    assert device.card.enabled == A


def test_euicc_that_never_fell_back_is_not_asked_while_its_fallback_profile_works() -> None:
    device = Device({F: [(0.0, Radio.FULL)]}, None, Card(enabled=F))
    device.boot()
    device.run(20 * 24 * HOUR)
    assert not device.made(ReturnFromFallback)


@pytest.mark.parametrize("service", [Radio.FULL, Radio.NONE])
def test_euicc_that_never_fell_back_is_asked_once_and_that_is_no_failure(service: Radio) -> None:
    device = Device({F: [(0.0, service)]}, None, Card(enabled=F))
    device.forget(damaged=service is Radio.FULL)
    device.boot()
    device.run(10 * 24 * HOUR)
    device.boot()
    device.run(20 * 24 * HOUR)
    assert len(device.made(ReturnFromFallback)) == 1
    assert device.card.switches == []
    reports = [report for _, report in device.made(Report) if isinstance(report, Report)]
    assert not [report for report in reports if report.kind is ReportKind.REFUSED]


def test_euicc_is_not_asked_about_a_fallback_profile_that_an_eim_enabled() -> None:
    device = lost(Radio.FULL)
    device.package(F, rollback=True)
    device.run(LOSS + 10 * 24 * HOUR)
    device.boot()
    device.run(LOSS + 11 * 24 * HOUR)
    assert not device.made(ReturnFromFallback)
