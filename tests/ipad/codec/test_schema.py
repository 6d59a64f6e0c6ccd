from __future__ import annotations

import time
from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipad.codec import tlv
from ipad.codec.eim import EimConfigurationData
from ipad.codec.es10 import ProfileIdentifier
from ipad.codec.esipa import (
    CorrelationId,
    GetEimPackageRequest,
    GetEimPackageResponse,
    ProvideEimPackageResultResponse,
    StateChangeCause,
)
from ipad.codec.euicc_package import EuiccPackageRequest, EuiccPackageResult
from ipad.codec.notification import RetrieveNotificationsListResponse
from ipad.codec.profile import ProfileInfo, ProfileInfoListResponse
from ipad.errors import CodecError
from tests.ipad.codec.test_vectors import CLASSES
from tests.vectors.sgp32 import VECTORS

EID = bytes.fromhex("89049032001234567890000000100070")
TYPES = sorted({vector["type"] for vector in VECTORS.values()})


def data(key: str) -> bytes:
    return bytes.fromhex(VECTORS[key]["hex"])


# --- objects ------------------------------------------------------------------------------------------


def test_object_is_immutable_equal_by_value_and_hashable() -> None:
    one, other = GetEimPackageRequest(eid_value=EID), GetEimPackageRequest(eid_value=EID)
    assert one == other
    assert hash(one) == hash(other)
    assert one != replace(one, notify_state_change=True)
    assert one != CorrelationId(eid_value=EID)
    with pytest.raises(FrozenInstanceError):
        one.eid_value = b""  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        del one.eid_value
    assert repr(CorrelationId(eid_value=b"\1" * 16)).startswith("CorrelationId(unknown=None, eim_transaction_id=None")


@pytest.mark.parametrize("values", [{}, {"eid_value": EID, "eid": EID}, {"eid": EID}])
def test_fields_must_be_given_by_their_names(values: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=r"GetEimPackageRequest: missing .*, unexpected "):
        GetEimPackageRequest(**values)


def test_decoded_object_equals_one_made_of_the_same_values() -> None:
    made = GetEimPackageRequest(
        eid_value=EID,
        notify_state_change=True,
        state_change_cause=StateChangeCause.FALLBACK,
        r_plmn=bytes.fromhex("130062"),
    )
    assert made == GetEimPackageRequest.decode(data("GEP2"))
    assert made.encode() == data("GEP2")


def test_replaced_object_does_not_remember_bytes() -> None:
    long_form = b"\xbf\x4f\x81\x12" + data("GEP1")[3:]
    decoded = GetEimPackageRequest.decode(long_form)
    assert decoded.encode() == decoded.raw == long_form
    assert replace(decoded).encode() == data("GEP1")


def test_object_keeps_its_bytes_inside_a_new_one() -> None:
    odd = data("GER6")[4:]
    odd = b"\xbf\x51\x82\x00" + odd[3:]  # a longer form of the length
    package = EuiccPackageRequest.decode(odd)
    assert odd in GetEimPackageResponse(euicc_package_request=package).encode()


def test_object_under_another_tag() -> None:
    decoded = CLASSES["SetDefaultDpAddressRequest"].decode(bytes.fromhex("BF3F03800161"), tag=0xBF3F)
    assert decoded.default_dp_address == "a"
    assert decoded.encode_as(0xBF3F) == bytes.fromhex("BF3F03800161")
    assert decoded.encode_as(0xBF65) == bytes.fromhex("BF6503800161")


# --- SEQUENCE -----------------------------------------------------------------------------------------


def test_unknown_elements_are_skipped_and_kept_in_the_bytes() -> None:
    message = bytes.fromhex("BF4F1B") + bytes.fromhex("8A0199") + data("GEP1")[3:] + bytes.fromhex("BF7F03040100")
    assert GetEimPackageRequest.decode(message) == GetEimPackageRequest(eid_value=EID)
    assert GetEimPackageRequest.decode(message).encode() == message


def test_siblings_may_come_in_any_order() -> None:
    parts = [bytes(part.raw) for part in tlv.children(tlv.read_single(data("GEP2")).value)]
    swapped = tlv.tlv(0xBF4F, *reversed(parts))
    assert GetEimPackageRequest.decode(swapped) == GetEimPackageRequest.decode(data("GEP2"))


def test_repeated_element_is_refused() -> None:
    with pytest.raises(CodecError, match="GetEimPackageRequest: tag 5A is repeated"):
        GetEimPackageRequest.decode(tlv.tlv(0xBF4F, tlv.tlv(0x5A, EID), tlv.tlv(0x5A, EID)))


def test_missing_element_is_named() -> None:
    with pytest.raises(CodecError, match=r"EuiccPackageRequest.*: eim_signature \(tag 5F37\) is missing"):
        EuiccPackageRequest.decode(tlv.tlv(0xBF51, bytes(tlv.read_single(data("EP1")).value)[:-67]))


def test_error_says_where() -> None:
    broken = data("GEP2").replace(bytes.fromhex("8203130062"), bytes.fromhex("8204130062"))
    with pytest.raises(CodecError):
        GetEimPackageRequest.decode(broken)
    short = tlv.tlv(0xBF4F, tlv.tlv(0x5A, EID[:15]))
    with pytest.raises(CodecError, match=r"^GetEimPackageRequest\.eid_value: 15 octets, expected 16$"):
        GetEimPackageRequest.decode(short)


def test_default_value_that_is_present_is_read_and_not_written() -> None:
    profile = ProfileInfo.decode(bytes.fromhex("E3049F260100"))
    assert profile == ProfileInfo()
    assert replace(profile).encode() == bytes.fromhex("E300")


def test_value_out_of_bounds_is_not_sent() -> None:
    with pytest.raises(CodecError, match=r"EimConfigurationData.*eim_id"):
        EimConfigurationData(eim_id="x" * 129).encode()


# --- CHOICE -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("values", [{}, {"isdp_aid": b"a", "iccid": bytes(10)}, {"iccid": bytes(10), "unknown": b"x"}])
def test_choice_has_exactly_one_alternative(values: dict[str, bytes]) -> None:
    with pytest.raises(CodecError, match="exactly one alternative"):
        ProfileIdentifier(**values)


def test_choice_tells_what_was_chosen() -> None:
    assert ProvideEimPackageResultResponse.decode(data("PA1")).chosen == "eim_acknowledgements"
    assert ProvideEimPackageResultResponse.decode(bytes.fromhex("BF5003BF6F00")).chosen == "unknown"


@pytest.mark.parametrize("content", ["", "020101020102", "BF5300BF5300"])
def test_choice_with_none_or_several_alternatives_is_refused(content: str) -> None:
    with pytest.raises(CodecError, match="expected one alternative"):
        GetEimPackageResponse.decode(tlv.tlv(0xBF4F, bytes.fromhex(content)))


def test_damaged_alternative_of_what_is_only_carried_is_kept() -> None:
    damaged = bytes.fromhex("BF5104A0023000")
    assert EuiccPackageResult.decode(damaged).unknown == bytes.fromhex("A0023000")
    assert EuiccPackageResult.decode(damaged).encode() == damaged


def test_damaged_entry_does_not_hide_its_neighbours() -> None:
    good = bytes(tlv.read_single(data("EN4")).value)[2:]
    message = tlv.tlv(0xBF2B, tlv.tlv(0xA0, b"\xbf\x37\x02\x80\x00", good, b"\x99\x00"))
    found = RetrieveNotificationsListResponse.decode(message).notification_list
    assert found is not None
    assert [item.chosen for item in found] == ["unknown", "other_signed_notification", "unknown"]


def test_foreign_element_in_a_list_is_skipped() -> None:
    profiles = ProfileInfoListResponse.decode(bytes.fromhex("BF2D08A006E3009900E300"))
    assert profiles.profile_info_list_ok == (ProfileInfo(), ProfileInfo())


# --- hostile input ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TYPES)
@given(content=st.binary(max_size=120))
@settings(max_examples=25, deadline=None)
def test_any_content_is_decoded_or_refused(name: str, content: bytes) -> None:
    cls = CLASSES[name]
    message = tlv.tlv(cls.TAG, content)
    try:
        decoded = cls.decode(message)
    except CodecError:
        return
    assert decoded.encode() == message


@given(st.sampled_from(sorted(VECTORS)), st.data())
@settings(max_examples=400, deadline=None)
def test_damaged_message_is_decoded_or_refused(key: str, drawn: st.DataObject) -> None:
    message = bytearray(data(key))
    for _ in range(drawn.draw(st.integers(1, 3))):
        message[drawn.draw(st.integers(0, len(message) - 1))] = drawn.draw(st.integers(0, 255))
    cls = CLASSES[VECTORS[key]["type"]]
    try:
        decoded = cls.decode(bytes(message))
    except CodecError:
        return
    assert decoded.encode() == bytes(message)


@pytest.mark.parametrize("key", VECTORS)
def test_truncated_message_is_refused(key: str) -> None:
    cls = CLASSES[VECTORS[key]["type"]]
    for size in range(len(data(key))):
        with pytest.raises(CodecError):
            cls.decode(data(key)[:size])


def test_time_grows_with_the_size_and_no_faster() -> None:
    item = bytes(tlv.read_single(data("EN4")).value)[2:]

    def seconds(count: int) -> float:
        message = tlv.tlv(0xBF2B, tlv.tlv(0xA0, item * count))
        begin = time.process_time()
        RetrieveNotificationsListResponse.decode(message)
        return time.process_time() - begin

    seconds(10)
    assert min(seconds(1600) for _ in range(3)) < 40 * min(seconds(200) for _ in range(3))


def test_deep_nesting_is_no_recursion() -> None:
    nested = b""
    for _ in range(5000):
        nested = tlv.tlv(0xA0, nested)
    for name in TYPES:
        cls = CLASSES[name]
        try:
            cls.decode(tlv.tlv(cls.TAG, nested))
        except CodecError:
            continue
