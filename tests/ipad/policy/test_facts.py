"""Small facts: reject causes, technologies, countries, verdicts, stopwatches, budgets."""

from __future__ import annotations

import pytest

from ipad.policy.allowance import Allowance, Quota
from ipad.policy.causes import RejectKind, describe_cause, reject_kind
from ipad.policy.countries import COUNTRIES, country_of
from ipad.policy.events import Layer, ProbeResult
from ipad.policy.evidence import Verdict, judge
from ipad.policy.radio import Access, RegistrationState, access_of, searches_slowly, state_of
from ipad.policy.stopwatch import Instant, Stopwatch, age, earliest


@pytest.mark.parametrize(
    ("causes", "kind"),
    [
        ((3, 6, 7, 8), RejectKind.PERMANENT),
        ((2,), RejectKind.UNPROVISIONED),
        ((5,), RejectKind.DEVICE),
        ((11, 14, 35, 73, 78), RejectKind.PLMN),
        ((12, 13, 15), RejectKind.PLACE),
        ((16, 17, 22, 42), RejectKind.CONGESTION),
        ((19,), RejectKind.SESSION),
        ((27,), RejectKind.TECHNOLOGY),
        ((9, 10, 25, 40, 99, None), RejectKind.TRANSIENT),
    ],
)
def test_causes_have_a_kind_and_unknown_ones_decide_nothing(causes: tuple[int | None, ...], kind: RejectKind) -> None:
    assert {reject_kind(cause) for cause in causes} == {kind}


def test_causes_are_named() -> None:
    assert describe_cause(3) == "cause 3 (illegal UE)"
    assert describe_cause(99) == "cause 99 (unknown)"


def test_numbers_of_the_modem_become_terms() -> None:
    assert [access_of(act) for act in (0, 2, 7, 8, 9, 13, 77)] == [
        Access.GSM,
        Access.UMTS,
        Access.LTE,
        Access.LTE_M,
        Access.NB_IOT,
        Access.NR,
        None,
    ]
    assert state_of(5) is RegistrationState.ROAMING
    assert state_of(8) is RegistrationState.LIMITED
    assert state_of(99) is RegistrationState.UNKNOWN
    assert searches_slowly((), Access.NB_IOT)
    assert searches_slowly((Access.GSM, Access.LTE_M), None)
    assert not searches_slowly((Access.LTE,), Access.GSM)


def test_countries_with_several_codes_are_one() -> None:
    assert country_of("310260") == country_of("311480") == "US"
    assert country_of("40410") == country_of("40545") == "IN"
    assert country_of("26201") == "DE"
    assert country_of("90140") is None
    assert country_of("00101") is None
    assert len(COUNTRIES) > 200


@pytest.mark.parametrize(
    ("probe", "known", "verdict"),
    [
        (ProbeResult(reached=Layer.EIM), False, Verdict.PROVEN),
        (ProbeResult(reached=Layer.TLS, others=False), True, Verdict.ALIVE),
        (ProbeResult(reached=Layer.TCP, clock=True, others=False), True, Verdict.ALIVE),
        (ProbeResult(reached=Layer.BEARER, others=True), False, Verdict.ALIVE),
        (ProbeResult(reached=Layer.TCP, others=False), True, Verdict.UNCLEAR),
        (ProbeResult(reached=Layer.DNS), True, Verdict.UNCLEAR),
        (ProbeResult(reached=Layer.BEARER, packets=True), True, Verdict.UNCLEAR),
        (ProbeResult(reached=Layer.DNS, others=False), False, Verdict.UNCLEAR),
        (ProbeResult(reached=Layer.DNS, others=False), True, Verdict.DEAD),
        (ProbeResult(reached=Layer.BEARER), False, Verdict.DEAD),
        (ProbeResult(reached=Layer.REGISTERED), True, Verdict.NONE),
    ],
)
def test_only_silence_of_everybody_is_death(probe: ProbeResult, known: bool, verdict: Verdict) -> None:
    assert judge(probe, others_known=known) is verdict


def test_stopwatch_counts_only_while_it_runs() -> None:
    watch = Stopwatch().turned(10.0, on=True).turned(15.0, on=True).turned(20.0, on=False)
    assert watch.value(99.0) == 10.0
    again = watch.turned(100.0, on=True)
    assert again.value(105.0) == 15.0
    assert again.reaches(20.0, 105.0) == 110.0
    assert again.reaches(5.0, 105.0) == 105.0
    assert watch.reaches(20.0, 105.0) is None


def test_ages_of_what_never_was() -> None:
    assert age(None, 5.0) is None
    assert age(Instant(2.0), 5.0) == 3.0
    assert earliest(None, 3.0, 2.0) == 2.0
    assert earliest(None) is None


def test_budget_refills_and_never_walls_off_for_longer_than_one_period() -> None:
    quota = Quota.per_day(4)
    used = Allowance()
    for _ in range(20):
        used = used.spend(quota, 0.0)
    assert not used.permits(quota, 0.0)
    assert used.next_at(quota, 0.0) <= 2 * quota.period
    assert used.permits(quota, 2 * quota.period)
    assert used.left(quota, 10 * quota.period) == 4
