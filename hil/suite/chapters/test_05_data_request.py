"""IpaEuiccDataRequest: what an eIM may ask about eUICC and IPA (SGP.32 2.11.1.2, 2.11.2.2, 5.14.5, 5.14.6)."""

from __future__ import annotations

from typing import Any, Final

import pytest

from hil import codec, tlv
from hil.eim import content
from hil.eim.association import Outcome
from hil.eim.messages import EuiccData, read_euicc_data, rewrapped
from hil.suite.abilities import Card, CardBench, Eim, Gateway, Modem, PackageView, Timeline
from hil.suite.chapters.packages import DELIVER, LOAD, is_ok, listing, loaded, profiles, psmo, result_of
from hil.suite.es10 import calls, removed
from hil.suite.exchanges import esipa, notification_number
from hil.suite.marks import case, needs

INCORRECT_TAG_LIST: Final = 1
CI_KEY_NOT_FOUND: Final = 5
ORDER: Final = (0xA0, 0x81, 0xA2, 0xBF20, 0xBF22, 0x83, 0x84, 0xA5, 0xA6, 0x87, 0xA8, 0xA9)
"""Fields of IpaEuiccData in the order of the type."""
TRANSACTION: Final = 0x87


def _data(package: PackageView) -> EuiccData:
    """The IpaEuiccData that came back for a request."""
    data = read_euicc_data(package.raw[0])
    assert data.error_code is None, f"ipaEuiccDataError {data.error_code}"
    assert data.enveloped
    return data


def _ask(eim: Eim, *tags: int, **criteria: Any) -> EuiccData:
    """Ask for some objects."""
    return _data(eim.run(content.data_request(tags, **criteria)))


def _value(data: EuiccData, tag: int) -> bytes:
    return tlv.single(data.objects[tag], tag).value


def _error(eim: Eim, request: str) -> tuple[int | None, bytes | None]:
    """Code and eimTransactionId of the error with which a request (hex of its content) is answered."""
    package = eim.run(content.raw_package(tlv.build(0xBF52, bytes.fromhex(request))))
    assert package.outcome is Outcome.IPA_ERROR
    data = read_euicc_data(package.raw[0])
    return data.error_code, data.transaction_id


# The request as a whole


@case("2.11.1.2", "5.14.6", title="Everything can be asked for at once; the eIM verifies what it can")
def test_everything_at_once(eim: Eim) -> None:
    package = eim.run(content.data_request())
    assert package.outcome is Outcome.OK
    assert {0xBF20, 0xBF22, 0x83, 0x84, 0xA5, 0xA6, 0xA8, 0xA9} <= set(_data(package).objects)


@case("2.11.2.2", title="The objects come once, in the order of the type")
def test_objects_are_in_the_order_of_the_type(eim: Eim) -> None:
    package = eim.run(content.data_request())
    arm = tlv.find(package.raw[0], 0xBF52, 0xA0)
    tags = [item.tag for item in tlv.children(arm.value)]
    assert tags == [tag for tag in ORDER if tag in tags]


@pytest.mark.parametrize("tag", [0x81, 0xBF20, 0xBF22, 0x83, 0x84, 0xA5, 0xA6, 0xA8, 0xA9], ids=lambda tag: f"{tag:X}")
@case("2.11.1.2", "2.11.2.2", title="An object that is asked for alone comes alone")
def test_object_comes_alone(eim: Eim, tag: int) -> None:
    if tag == 0x81:
        eim.run(psmo(content.set_default_dp("alone.example.com")))
    assert set(_ask(eim, tag).objects) == {tag, TRANSACTION}


@case("2.11.2.2", "5.14.6", title="eimTransactionId of the request is in the answer")
def test_transaction_is_echoed(eim: Eim) -> None:
    package = eim.run(content.data_request((0xA8,)))
    assert _data(package).transaction_id == package.transaction_id


@case("2.11.2.2", "5.14.6", title="A request without eimTransactionId has an answer without one")
def test_no_transaction_without_one_in_the_request(eim: Eim) -> None:
    package = eim.run(content.raw_package(bytes.fromhex("BF52045C02A8A9")))
    assert set(_data(package).objects) == {0xA8, 0xA9}


@case("2.11.1.2", title="The order of tags in the request does not matter")
def test_order_of_the_tags_does_not_matter(eim: Eim) -> None:
    data = _ask(eim, 0xA9, 0xBF20, 0x83)
    assert list(data.objects) == [0xBF20, 0x83, TRANSACTION, 0xA9]


@case("2.11.1.2", title="A tag that is named twice is answered once")
def test_tag_named_twice(eim: Eim) -> None:
    assert list(_ask(eim, 0xA8, 0xA8).objects) == [TRANSACTION, 0xA8]


@needs("card-bench")
@case("2.11.1.2", "3.3.1", title="A data request changes nothing on the eUICC and loads no package")
def test_request_changes_nothing(eim: Eim, card_bench: CardBench, timeline: Timeline) -> None:
    before = card_bench.truth()
    eim.run(content.data_request())
    assert card_bench.truth() == before
    assert loaded(timeline.events()) == []
    assert removed(timeline.events()) == []


# Wrong tag lists


@pytest.mark.parametrize(
    "tags",
    ["", "5A", "BF2D", "5ABF2D", "C5C6"],
    ids=["empty", "EID", "profiles", "both", "unknown"],
)
@case("2.11.1.2", "2.11.2.2", title="A tag list without any object that may be asked for: incorrectTagList(1)")
def test_tag_list_without_a_valid_tag(eim: Eim, tags: str) -> None:
    octets = bytes.fromhex(tags)
    request = tlv.build(0x5C, octets) + tlv.build(0x83, bytes.fromhex("A1A2A3A4"))
    assert _error(eim, request.hex()) == (INCORRECT_TAG_LIST, bytes.fromhex("A1A2A3A4"))


@pytest.mark.parametrize("tags", ["BF", "A8BF"], ids=["alone", "behind another"])
@case("2.11.1.2", "2.11.2.2", title="A tag list that ends within a tag: incorrectTagList(1)")
def test_tag_list_that_ends_within_a_tag(eim: Eim, tags: str) -> None:
    code, _ = _error(eim, tlv.build(0x5C, bytes.fromhex(tags)).hex())
    assert code == INCORRECT_TAG_LIST


@case("2.11.1.2", "2.11.2.2", title="A valid tag beside an unknown one: answered without it, or incorrectTagList(1)")
def test_unknown_tag_beside_a_valid_one(eim: Eim) -> None:
    package = eim.run(content.data_request((0xA8, 0xC5)))
    data = read_euicc_data(package.raw[0])
    assert data.error_code == INCORRECT_TAG_LIST or set(data.objects) == {TRANSACTION, 0xA8}


@case("2.11.2.2", "5.14.5", title="After an error the poll goes on")
def test_poll_goes_on_after_an_error(eim: Eim, gateway: Gateway) -> None:
    wrong, right = eim.queue(content.raw_package(bytes.fromhex("BF52025C00"))), eim.queue(listing())
    gateway.poll(eim.eim_id)
    refused, following = eim.wait(wrong, right)
    assert refused.outcome is Outcome.IPA_ERROR
    assert is_ok(following)


# What the eUICC says of itself


@needs("card-bench")
@case("2.11.2.2", "SGP.22 5.7.8", title="EUICCInfo1 and EUICCInfo2 are given byte for byte as the eUICC gave them")
def test_euicc_info_is_given_as_it_is(eim: Eim, gateway: Gateway, timeline: Timeline) -> None:
    gateway.restart()
    data = _ask(eim, 0xBF20, 0xBF22)
    for tag in (0xBF20, 0xBF22):
        assert data.objects[tag] in [call.answer for call in calls(timeline.events(), tag)]


@case("2.11.2.2", "SGP.22 5.7.8", title="EUICCInfo2 is that of an eUICC of SGP.32")
def test_euicc_info_is_that_of_an_iot_euicc(eim: Eim) -> None:
    info = codec.decode("EUICCInfo2", _ask(eim, 0xBF22).objects[0xBF22])
    assert info["iotSpecificInfo"]["iotVersion"]
    assert info["euiccCiPKIdListForSigning"]


@case("2.11.2.2", "SGP.22 5.7.3", title="Root SM-DS and default SM-DP+ are those of the eUICC")
def test_configured_addresses(eim: Eim, gateway: Gateway) -> None:
    eim.run(psmo(content.set_default_dp("asked.example.com")))
    data = _ask(eim, 0x81, 0x83)
    assert _value(data, 0x81) == b"asked.example.com"
    assert _value(data, 0x83).decode() == gateway.ipad("euicc", "info").value["root_smds_address"]


@case("2.11.2.2", "SGP.22 5.7.3", title="Values are fresh: an address that was set a moment ago is told")
def test_values_are_fresh(eim: Eim) -> None:
    for address in ("first.example.com", "second.example.com"):
        eim.run(psmo(content.set_default_dp(address)))
        assert _value(_ask(eim, 0x81), 0x81) == address.encode()


@case("2.11.2.2", title="An object that does not exist is left out, the others come")
def test_missing_object_is_left_out(eim: Eim) -> None:
    eim.run(psmo(content.set_default_dp("")))
    data = _ask(eim, 0x81, 0x83)
    assert 0x83 in data.objects
    assert not data.objects.get(0x81, b"")[2:]


@case("2.11.2.2", "5.9.18", title="associationToken is that of the eIM that asks")
def test_token_is_that_of_the_eim(eim: Eim, card: Card) -> None:
    package = eim.run(content.data_request((0x84,)))
    (known,) = [entry["token"] for entry in card.eims() if entry["eim_id"] == eim.eim_id]
    assert int.from_bytes(_value(_data(package), 0x84), signed=True) == known
    assert ("associationToken", True) in [(check.name, check.passed) for check in package.checks]


# Certificates


@case("2.11.2.2", "5.9.10", title="The certificates are the chain of the key that signs results")
def test_certificates_are_those_that_sign(eim: Eim) -> None:
    package = eim.run(content.data_request((0xA5, 0xA6)))
    assert package.outcome is Outcome.OK
    checks = {check.name: check.passed for check in package.checks}
    assert checks["euiccCertificate"] is not False
    assert checks["publicKey"] is True
    assert all(rewrapped(_data(package).objects[tag])[:1] == b"\x30" for tag in (0xA5, 0xA6))


@case("2.11.1.2", "5.9.10", title="Certificates under the CI key that is asked for")
def test_certificates_of_a_ci_key(eim: Eim) -> None:
    info = codec.decode("EUICCInfo1", _ask(eim, 0xBF20).objects[0xBF20])
    data = _ask(eim, 0xA5, 0xA6, ci_key_id=info["euiccCiPKIdListForSigning"][0])
    assert {0xA5, 0xA6} <= set(data.objects)


@case("2.11.1.2", "2.11.2.2", title="A CI key that the eUICC does not have: euiccCiPKIdNotFound(5)")
def test_certificates_of_an_unknown_ci_key(eim: Eim) -> None:
    package = eim.run(content.data_request((0xA5, 0xA6), ci_key_id=bytes(20)))
    data = read_euicc_data(package.raw[0])
    assert data.error_code == CI_KEY_NOT_FOUND
    assert data.transaction_id == package.transaction_id


# What the IPA says of itself


@case("2.11.2.2", "4.1", title="IpaCapabilities name retrieval over HTTPS, and features without bits that do not exist")
def test_capabilities_name_what_is_used(eim: Eim) -> None:
    fields = {part.tag: part.value for part in tlv.children(_value(_ask(eim, 0xA8), 0xA8))}
    assert set(fields) <= {0x80, 0x81, 0xA2}
    unused, protocols = fields[0x81][0], fields[0x81][1]
    assert protocols & 0x80
    assert protocols & ((1 << unused) - 1) == 0
    features = fields[0x80]
    assert len(features) == 2
    assert features[1] & 0x03 == 0
    assert features[1] & 0xC0


@case("2.11.2.2", "SGP.22 4.2", title="deviceInfo names the type of the modem and what it can do")
def test_device_info_names_the_modem(eim: Eim, modem: Modem) -> None:
    fields = {part.tag: part.value for part in tlv.children(_value(_ask(eim, 0xA9), 0xA9))}
    imei = next(line for line in modem.at("AT+CGSN") if line.strip().isdecimal())
    digits = imei.strip()[:8]
    assert fields[0x80].hex() in (digits, "".join(digits[n + 1] + digits[n] for n in range(0, 8, 2)))
    assert 0xA1 in fields


# Notifications


def _leave_notifications(eim: Eim, gateway: Gateway, card_bench: CardBench) -> list[int]:
    """Delete two profiles whose notifications nobody takes; their numbers, which wait on the eUICC."""
    eim.knob(acknowledge="partial")
    eim.fault("status", "HandleNotification", value=500, times=50)
    iccids = [card_bench.install() for _ in range(2)]
    eim.queue(psmo(*[content.delete(iccid) for iccid in iccids]))
    gateway.poll(eim.eim_id)
    eim.knob(acknowledge="all")
    waiting = list(card_bench.truth()["notifications"])
    assert len(waiting) == 2
    return waiting


def _numbers(data: EuiccData) -> list[int]:
    return [notification_number(raw) for raw in data.notifications]


@case("2.11.2.2", "5.9.11", title="Without notifications the list is empty or left out")
def test_no_notifications(eim: Eim) -> None:
    assert _ask(eim, 0xA0).notifications == ()


@needs("card-bench")
@case("2.11.2.2", "5.9.11", title="All notifications that wait are given, each as the eUICC signed it")
def test_all_notifications_are_given(eim: Eim, gateway: Gateway, card_bench: CardBench) -> None:
    waiting = _leave_notifications(eim, gateway, card_bench)
    data = _ask(eim, 0xA0)
    assert _numbers(data) == waiting
    assert all(record.verified for record in eim.records("notification"))
    assert 0xA2 not in data.objects


@needs("card-bench")
@case("2.11.1.2", "5.9.11", title="A notification is given by its number, and removed when the eIM has it; others stay")
def test_notification_is_given_by_its_number(eim: Eim, gateway: Gateway, card_bench: CardBench) -> None:
    first, second = _leave_notifications(eim, gateway, card_bench)
    assert _numbers(_ask(eim, 0xA0, notification_seq=second)) == [second]
    assert card_bench.truth()["notifications"] == [first]


@needs("card-bench")
@pytest.mark.parametrize(("event", "found"), [(0, 0), (3, 2)], ids=["install", "delete"])
@case("2.11.1.2", "5.9.11", title="Notifications are given by their event")
def test_notifications_are_given_by_their_event(
    eim: Eim, gateway: Gateway, card_bench: CardBench, event: int, found: int
) -> None:
    _leave_notifications(eim, gateway, card_bench)
    assert len(_ask(eim, 0xA0, notification_event=event).notifications) == found


@needs("card-bench")
@case("2.11.1.2", "5.9.11", title="A number that the eUICC does not have gives an empty list, no error")
def test_notification_with_an_unknown_number(eim: Eim, gateway: Gateway, card_bench: CardBench) -> None:
    waiting = _leave_notifications(eim, gateway, card_bench)
    assert _ask(eim, 0xA0, notification_seq=waiting[-1] + 1000).notifications == ()
    assert card_bench.truth()["notifications"] == waiting


# Package results


@case("2.11.2.2", "5.9.11", title="Without stored results the list is empty or left out")
def test_no_package_results(eim: Eim) -> None:
    assert _ask(eim, 0xA2).package_results == ()


@case("2.11.2.2", "5.9.11", title="A stored result is given as it was delivered before")
def test_stored_result_is_given_as_it_is(eim: Eim, gateway: Gateway) -> None:
    eim.knob(acknowledge="none")
    number = eim.queue(listing())
    gateway.poll(eim.eim_id)
    eim.knob(acknowledge="all")
    assert _ask(eim, 0xA2).package_results == (eim.package(number).raw[0],)


@case("2.11.1.2", "5.9.11", title="A result number that the eUICC does not have gives an empty list, no error")
def test_result_with_an_unknown_number(eim: Eim) -> None:
    last = result_of(eim.run(listing())).seq_number or 0
    assert _ask(eim, 0xA2, result_seq=last + 1000).package_results == ()


@needs("card-bench")
@case("2.11.2.2", "5.9.11", title="Results and notifications are kept apart, though they share their numbers")
def test_results_and_notifications_are_kept_apart(eim: Eim, gateway: Gateway, card_bench: CardBench) -> None:
    eim.knob(acknowledge="none")
    eim.fault("status", "HandleNotification", value=500, times=50)
    number = eim.queue(psmo(content.delete(card_bench.install())))
    gateway.poll(eim.eim_id)
    eim.knob(acknowledge="all")
    data = _ask(eim, 0xA0, 0xA2)
    assert list(data.package_results) == [eim.package(number).raw[0]]
    assert _numbers(data) == [(result_of(eim.package(number)).seq_number or 0) + 1]
    assert card_bench.truth()["packageResults"] == card_bench.truth()["notifications"] == []


@needs("card-bench")
@case("5.14.6", "5.9.12", title="What came with the data is removed only after the eIM acknowledged it")
def test_data_without_acknowledgement_removes_nothing(eim: Eim, gateway: Gateway, card_bench: CardBench) -> None:
    eim.knob(acknowledge="none")
    eim.queue(listing())
    gateway.poll(eim.eim_id)
    stored = card_bench.truth()["packageResults"]
    eim.run(content.data_request((0xA2,)))
    assert card_bench.truth()["packageResults"] == stored
    eim.knob(acknowledge="all")
    eim.run(content.data_request((0xA2,)))
    assert card_bench.truth()["packageResults"] == []


# Delivery


@pytest.mark.parametrize("kind", ["drop-before", "drop-after", "wrong-tag"])
@case("5.14.6", title="Data whose delivery failed are not lost: the eIM has its answer in the end")
def test_data_are_delivered_in_the_end(eim: Eim, kind: str) -> None:
    eim.fault(kind, DELIVER)
    package = eim.run(content.data_request((0xA8, 0xA9)))
    assert package.outcome is Outcome.OK


@case("5.14.6", "6.3.2.7", title="Data are delivered with the EID, as BF52")
def test_data_are_delivered_with_the_eid(eim: Eim, card: Card, timeline: Timeline) -> None:
    eim.run(content.data_request((0xA8,)))
    (delivered,) = esipa(timeline.events(), DELIVER)
    eid, answer = tlv.children(tlv.single(delivered.request, 0xBF50).value)
    assert (eid.tag, eid.value.hex()) == (0x5A, card.eid)
    assert answer.tag == 0xBF52


@needs("card-bench")
@case("2.11.1.2", "3.3.1", title="The state of the profiles is asked for by a package, not by a data request")
def test_profiles_are_told_by_a_package(eim: Eim, card_bench: CardBench) -> None:
    assert set(profiles(eim)) == {entry["iccid"] for entry in card_bench.truth()["profiles"]}
    assert card_bench.executed()[f"{LOAD:X}"] == 1
