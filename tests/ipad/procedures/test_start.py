"""Start of the IPA: kind of card, usable eIMs, what eIMs are told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ipad.codec.eim import EimSupportedProtocol, TrustedPublicKeyDataTls
from ipad.codec.esipa import StateChangeCause
from ipad.codec.euicc_info import EuiccConfiguration
from ipad.errors import CardError, StatusWordError
from ipad.ids import Eid
from ipad.procedures.start import EuiccKind, identify, iot_template
from tests.fakes.card_state import CardEim, card_state
from tests.fakes.euicc import FakeEuicc, euicc_info2
from tests.fakes.packages import eim_configuration
from tests.fakes.values import ICCID1, ICCID3
from tests.ipad.procedures.bench import Bench

pytestmark = pytest.mark.asyncio

FCI = bytes.fromhex("6F1A8410A0000005591010FFFFFFFF8900000100A506E104800206C0")


async def test_template_is_found_wherever_it_is() -> None:
    both = EuiccConfiguration.IPAE_SUPPORTED | EuiccConfiguration.ENABLED_PROFILE
    assert iot_template(FCI) == both
    assert iot_template(bytes.fromhex("E104800206C0")) == both
    assert iot_template(bytes.fromhex("6F128410A0000005591010FFFFFFFF8900000100")) is None
    assert iot_template(b"") is None
    assert iot_template(b"\x6f\x20\x84") is None


async def test_answer_to_select_that_is_nested_without_end_has_no_template() -> None:
    nested = b""
    for _ in range(3000):
        size = len(nested)
        nested = b"\xa5" + (bytes((size,)) if size < 128 else b"\x82" + size.to_bytes(2)) + nested
    assert iot_template(nested) is None


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        ("E0058203020202", None),
        ("E0058203020600E10480020640", EuiccConfiguration.ENABLED_PROFILE),
        ("E0058203020202E103800100", EuiccConfiguration(0)),
        ("E0058203020202E104800206C0", EuiccConfiguration.IPAE_SUPPORTED | EuiccConfiguration.ENABLED_PROFILE),
        (
            "E00C810103820302EC0883022400E104800206C0",
            EuiccConfiguration.IPAE_SUPPORTED | EuiccConfiguration.ENABLED_PROFILE,
        ),
    ],
)
async def test_template_is_found_beside_that_of_sgp22_whatever_cards_put_there(
    rest: str, expected: EuiccConfiguration | None
) -> None:
    body = bytes.fromhex("8410A0000005591010FFFFFFFF8900000100A5049F6501FF" + rest)
    assert iot_template(bytes((0x6F, len(body))) + body) == expected


async def test_iot_by_template_or_info_without_asking_further() -> None:
    by_template = FakeEuicc(card_state())
    by_template.fci, by_template.info2 = FCI, euicc_info2(iot=False)
    by_info = FakeEuicc(card_state())
    for euicc in (by_template, by_info):
        assert (await identify(euicc)).kind is EuiccKind.IOT
        assert "get_eim_configuration_data" not in euicc.log


@pytest.mark.parametrize("refusals", [0, 1, 2])
async def test_kind_by_probing_is_asked_twice(refusals: int) -> None:
    euicc = FakeEuicc(card_state())
    euicc.info2 = euicc_info2(iot=False)
    left = refusals
    read = euicc.get_eim_configuration_data

    async def refuse(eim_id: str | None = None) -> object:
        nonlocal left
        if left:
            left -= 1
            raise StatusWordError("6A88", sw=0x6A88)
        return await read(eim_id)

    euicc.get_eim_configuration_data = refuse  # type: ignore[method-assign, assignment]
    kind = (await identify(euicc)).kind
    assert kind is (EuiccKind.CONSUMER if refusals == 2 else EuiccKind.IOT)


async def test_failing_card_is_no_consumer_card() -> None:
    euicc = FakeEuicc(card_state())
    euicc.info2 = euicc_info2(iot=False)
    euicc.fail["get_eim_configuration_data"] = CardError("channel lost")
    with pytest.raises(CardError):
        await identify(euicc)


async def test_unusable_eims_come_with_reasons() -> None:
    card = card_state("good.example.com")
    good = eim_configuration("good.example.com")
    variants = {
        "coap": replace(eim_configuration("coap"), eim_supported_protocol=EimSupportedProtocol.EIM_RETRIEVE_COAPS),
        "nowhere": replace(eim_configuration("nowhere"), eim_fqdn=None),
        "untrusted": replace(
            eim_configuration("untrusted"), trusted_public_key_data_tls=TrustedPublicKeyDataTls(unknown=b"\xa2\x00")
        ),
        "unspecified": replace(eim_configuration("unspecified"), eim_supported_protocol=None),
    }
    card.eims.update((name, CardEim(eim, 0)) for name, eim in variants.items())
    bench = Bench(card=card)
    await bench.start()
    assert [eim.eim_id for eim in bench.started.usable] == [good.eim_id, "coap", "unspecified"]
    reasons = {eim.eim_id: eim.reason for eim in bench.started.unusable}
    assert set(reasons) == {"nowhere", "untrusted"}
    assert "no address" in reasons["nowhere"]
    assert "trustedPublicKeyDataTls" in reasons["untrusted"]
    report = await bench.run()
    assert {eim.eim_id for eim in report.unusable} == set(reasons)


async def test_first_start_tells_nothing_and_later_ones_write_nothing() -> None:
    bench = Bench()
    await bench.start()
    assert bench.started.causes == ()
    await bench.run()
    saves = bench.store.saves
    bench.restart()
    await bench.run()
    await bench.run()
    assert bench.store.saves == saves
    assert [request.notify_state_change for request in bench.eim.requests] == [False, False, False]


async def test_announced_start_tells_undefined_once_without_a_trace() -> None:
    bench = Bench(announce=True)
    await bench.start()
    saves = bench.store.saves
    await bench.run()
    await bench.run()
    assert [request.state_change_cause for request in bench.eim.requests] == [StateChangeCause.UNDEFINED, None]
    assert bench.store.saves <= saves + 1


async def test_another_profile_than_before_is_told_as_undefined() -> None:
    bench = Bench()
    await bench.run()
    bench.card.profiles = {iccid: iccid == ICCID3 for iccid in bench.card.profiles}
    bench.restart()
    await bench.run()
    await bench.run()
    causes = [request.state_change_cause for request in bench.eim.requests]
    assert causes == [None, StateChangeCause.UNDEFINED, None]


async def test_another_card_drops_the_journal_and_tells_device_change() -> None:
    bench = Bench()
    await bench.run()
    bench.euicc = FakeEuicc(card_state(), eid=Eid.parse("89049032000000000000000000000001"))
    bench.restart()
    await bench.start()
    assert bench.started.causes == (StateChangeCause.DEVICE_CHANGE,)
    assert bench.ipa.journal.content.eid == bench.euicc.eid
    bench.restart()
    await bench.start()
    assert bench.started.causes == (StateChangeCause.DEVICE_CHANGE,), "until an eIM was told"
    await bench.run()
    await bench.run()
    causes = [request.state_change_cause for request in bench.eim.requests]
    assert causes == [None, StateChangeCause.DEVICE_CHANGE, None]


async def test_damaged_journal_is_told_as_undefined() -> None:
    bench = Bench()
    bench.store.data = b"\xa1\x63eid\x01"
    await bench.start()
    assert bench.store.set_aside_reasons
    assert bench.started.causes == (StateChangeCause.UNDEFINED,)
    assert bench.started.enabled.iccid != ICCID1


GENUINE = Eid.parse("89049032001234567890000000100070")
MISREAD = Eid.parse("89049032001234567890000000100470")
OTHERWISE = Eid.parse("89049032001234567890000000100076")


class Misread(FakeEuicc):
    """Some readings of its EID."""

    readings: tuple[Eid, ...] = ()

    async def get_eid(self) -> Eid:
        await super().get_eid()
        return self.readings[min(self.log.count("get_eid"), len(self.readings)) - 1]


@pytest.mark.parametrize(
    ("readings", "found", "asked"),
    [
        ((GENUINE,), GENUINE, 1),
        ((MISREAD, GENUINE), GENUINE, 2),
        ((MISREAD, MISREAD), MISREAD, 2),
    ],
    ids=["genuine", "misread once", "check digits of the card are wrong"],
)
async def test_eid_with_wrong_check_digits_is_read_twice(readings: tuple[Eid, ...], found: Eid, asked: int) -> None:
    euicc = Misread(card_state())
    euicc.readings = readings
    assert (await identify(euicc)).eid == found
    assert euicc.log.count("get_eid") == asked


async def test_eid_that_is_read_differently_twice_is_none() -> None:
    euicc = Misread(card_state())
    euicc.readings = (MISREAD, OTHERWISE)
    with pytest.raises(CardError, match="the line is not reliable"):
        await identify(euicc)


@pytest.mark.parametrize(
    ("digits", "checked"),
    [("89049032001234567890000000100070", True), ("89049032001234567890000000100071", False), ("F" * 32, False)],
)
async def test_check_digits_of_an_eid(digits: str, checked: bool) -> None:
    assert Eid(bytes.fromhex(digits)).checked is checked
