"""Messages of v1.2 in the forms of v1.0, byte for byte."""

from __future__ import annotations

import pytest

from ipad.codec import tlv
from ipad.codec.esipa import GetEimPackageResponse
from ipad.esipa.version10 import downgraded, is_data_request_of_v10, upgraded
from tests.vectors.sgp32 import VECTORS


def vector(key: str) -> bytes:
    return bytes.fromhex(VECTORS[key]["hex"])


EID = bytes.fromhex("5A1089049032001234567890000000100070")
POLL = tlv.tlv(0xBF4F, EID, bytes.fromhex("8000810103820300F110"))
NOTIFICATION = vector("HN1")[5:]
PACKAGE_RESULT = vector("PR1")[21:]


@pytest.mark.parametrize(
    ("message", "older"),
    [
        (POLL, vector("V1")),
        (vector("GEP1"), vector("GEP1")),
        (vector("PR1"), vector("V2")),
        (tlv.tlv(0xBF50, EID, tlv.tlv(0x30, PACKAGE_RESULT, tlv.tlv(0xA0, NOTIFICATION))), vector("V3")),
        (vector("PR6"), vector("V6")),
        (vector("PR8"), vector("V7")),
        (vector("IA1"), vector("V8")),
        (vector("HN3"), vector("V10")),
        (vector("HN1"), vector("HN1")),
        (vector("PR9"), bytes.fromhex("BF5013BF54108204A1A2A3A430088006BF3903810101")),
        (vector("PR10"), bytes.fromhex("BF5003020102")),
        (vector("PR11"), bytes.fromhex("BF5003020101")),
        (vector("PR4"), tlv.tlv(0xBF50, vector("PR4")[21:])),
        (vector("AC1"), vector("AC1")),
    ],
    ids=["V1", "poll", "V2", "V3", "V6", "V7", "V8", "V10", "HN1", "PR9", "PR10", "PR11", "PR4", "AC1"],
)
def test_message_is_written_as_in_version_1_0(message: bytes, older: bytes) -> None:
    assert downgraded(message) == older


def test_result_of_an_injected_package_carries_the_older_list() -> None:
    older = downgraded(vector("TS2"))
    parts = list(tlv.children(tlv.read_single(older).value))
    assert [part.tag for part in tlv.children(parts[0].value)] == [0xBF51, 0xBF2B]
    assert bytes(older).endswith(NOTIFICATION)


def test_data_are_named_and_ordered_as_in_version_1_0() -> None:
    older = tlv.read_single(downgraded(vector("PR5")))
    data = next(tlv.children(next(tlv.children(older.value)).value))
    assert data.tag == 0xA0
    fields = {field.tag: bytes(field.value) for field in tlv.children(data.value)}
    assert list(fields) == [0x80, 0x83, 0x84, 0xA8, 0xA9, 0xBF2B]
    assert fields[0x80] == b"smdp.example.com"
    assert fields[0xBF2B] == b"\xa0\x00"


def test_data_request_of_version_1_0_is_read() -> None:
    answer = tlv.tlv(0xBF4F, vector("V9"))
    assert is_data_request_of_v10(answer)
    request = GetEimPackageResponse.decode(upgraded(answer)).ipa_euicc_data_request
    assert request is not None
    assert request.tag_list == bytes.fromhex("81BF20BF228384A5A6A8A9A0")
    assert request.eim_transaction_id is None


def test_request_for_package_results_is_read() -> None:
    answer = tlv.tlv(0xBF4F, tlv.tlv(0xBF52, bytes.fromhex("5C02BF2B"), bytes.fromhex("A1028200")))
    request = GetEimPackageResponse.decode(upgraded(answer)).ipa_euicc_data_request
    assert request is not None
    assert request.tag_list == b"\xa2"
    assert request.search_criteria_notification is None


def test_request_for_some_notifications_keeps_its_criterion() -> None:
    answer = tlv.tlv(0xBF4F, tlv.tlv(0xBF52, bytes.fromhex("5C02BF2B"), bytes.fromhex("A10380010C")))
    request = GetEimPackageResponse.decode(upgraded(answer)).ipa_euicc_data_request
    assert request is not None
    assert request.tag_list == b"\xa0"
    assert request.search_criteria_notification is not None
    assert request.search_criteria_notification.seq_number == 12


@pytest.mark.parametrize("key", ["GER1", "GER6", "GER7", "GER8", "PA1", "PA2", "V5", "IB1", "GC1"])
def test_other_answers_stay_as_they_are(key: str) -> None:
    assert upgraded(vector(key)) == vector(key)
    assert not is_data_request_of_v10(vector(key))


@pytest.mark.parametrize("answer", [b"", b"\xbf", b"\xbf\x4f\x05", bytes.fromhex("BF4F05BF52025C01")])
def test_damaged_answer_is_left_to_the_decoder(answer: bytes) -> None:
    assert upgraded(answer) == answer
    assert not is_data_request_of_v10(answer)


def test_tag_list_that_ends_inside_a_tag_is_left_to_the_procedure() -> None:
    answer = tlv.tlv(0xBF4F, tlv.tlv(0xBF52, b"\x5c\x02\x80\xbf"))
    assert upgraded(answer) == answer
