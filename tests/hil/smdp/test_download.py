"""A whole download between the virtual SM-DP+ and the virtual eUICC."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from hil import codec, tlv
from hil.crypto import public_key_from_certificate, verify
from hil.euicc import VirtualEuicc
from hil.pki import Pki
from hil.rsp import status
from hil.rsp.status import RspStatus, StatusCode
from hil.smdp.core import SmDpPlus
from hil.smdp.orders import Metadata, ProfileState, confirmation_hash
from tests.hil.smdp.conftest import ADDRESS, ICCID, IMSI, make_order
from tests.hil.smdp.lpa import Lpa, outcome, segments


def installed(card: VirtualEuicc) -> list[str]:
    return [profile.iccid for profile in card.profiles]


@pytest.mark.parametrize("size", [0, 60_000, 150_000])
@pytest.mark.parametrize("protection_keys", [False, True])
def test_profile_is_installed_disabled_with_its_identity(
    lpa: Lpa, card: VirtualEuicc, smdp: SmDpPlus, size: int, protection_keys: bool
) -> None:
    order = make_order(size=size, use_protection_keys=protection_keys)
    smdp.orders.add(order)
    result = lpa.download(smdp, "TEST-1")
    assert outcome(result) == (None, None)
    profile = next(profile for profile in card.profiles if profile.iccid == ICCID)
    assert (profile.imsi, profile.plmn, profile.enabled) == (IMSI, "001-02", False)
    assert order.state is ProfileState.DOWNLOADED
    smdp.handle_notification(result)
    assert order.state is ProfileState.INSTALLED
    assert smdp.reports[-1].verified


def test_result_is_signed_stored_and_first_among_the_notifications(
    lpa: Lpa, card: VirtualEuicc, smdp: SmDpPlus
) -> None:
    smdp.orders.add(make_order())
    result = lpa.download(smdp, "TEST-1")
    data, signature = tlv.children(tlv.single(result).value)
    assert verify(public_key_from_certificate(card.certificate), signature.value, data.raw)
    answer, _ = lpa.call(bytes.fromhex("BF2B00"))
    pending = tlv.children(tlv.find(answer, 0xBF2B, 0xA0).value)
    assert pending[0].raw == result
    assert [entry.tag for entry in pending] == [0xBF37, 0x30]
    fields = codec.decode("ProfileInstallationResultData", data.raw)
    assert fields["notificationMetadata"]["notificationAddress"] == ADDRESS
    assert fields["smdpOid"] == smdp.oid


def test_package_of_another_host_that_splits_elsewhere_loads_too(lpa: Lpa, card: VirtualEuicc, smdp: SmDpPlus) -> None:
    smdp.orders.add(make_order(size=4000))
    package = lpa.bound_package(smdp, "TEST-1")
    pieces = segments(package)
    joined = [pieces[0], pieces[1] + pieces[2] + pieces[3], *pieces[4:]]
    results = [lpa.call(piece) for piece in joined]
    assert [data for data, _ in results[:-1]] == [b""] * (len(joined) - 1)
    assert outcome(results[-1][0]) == (None, None)
    assert ICCID in installed(card)


def test_retry_after_a_lost_package_uses_the_same_one_time_key(lpa: Lpa, card: VirtualEuicc, smdp: SmDpPlus) -> None:
    smdp.orders.add(make_order())
    first = lpa.bound_package(smdp, "TEST-1")
    card.reset()
    lpa.open()
    second = lpa.bound_package(smdp, "TEST-1")
    assert first != second
    assert tlv.children(tlv.single(first).value)[1:] == tlv.children(tlv.single(second).value)[1:]
    assert outcome(lpa.load(second)[0]) == (None, None)


def test_power_loss_while_loading_leaves_no_profile_but_a_result(
    lpa: Lpa, card: VirtualEuicc, smdp: SmDpPlus, pki: Pki, tmp_path: Path
) -> None:
    smdp.orders.add(make_order(size=5000))
    package = lpa.bound_package(smdp, "TEST-1")
    for segment in segments(package)[:6]:
        assert lpa.call(segment) == (b"", 0x9000)
    reopened = VirtualEuicc.open(tmp_path / "card", pki)
    reopened.reset()
    assert ICCID not in installed(reopened)
    host = Lpa(reopened)
    host.open()
    answer, _ = host.call(bytes.fromhex("BF2B00"))
    result = tlv.children(tlv.find(answer, 0xBF2B, 0xA0).value)[0].raw
    assert outcome(result) == (5, 11)
    smdp.handle_notification(result)
    assert outcome(host.download(smdp, "TEST-1")) == (None, None)


def test_segment_without_a_session_is_refused_by_status_word(lpa: Lpa, smdp: SmDpPlus) -> None:
    smdp.orders.add(make_order())
    package = lpa.bound_package(smdp, "TEST-1")
    lpa.challenge()
    assert lpa.call(segments(package)[0]) == (b"", 0x6985)
    assert lpa.call(segments(package)[1]) == (b"", 0x6985)


def flipped(segment: bytes, position: int = -1) -> bytes:
    damaged = bytearray(segment)
    damaged[position] ^= 1
    return bytes(damaged)


@pytest.mark.parametrize(
    ("index", "expected"),
    [(0, (0, 2)), (1, (1, 8)), (3, (2, 8)), (5, (5, 8)), (6, (5, 8))],
)
def test_a_flipped_byte_in_each_kind_of_segment_is_found(
    lpa: Lpa, card: VirtualEuicc, smdp: SmDpPlus, index: int, expected: tuple[int, int]
) -> None:
    smdp.orders.add(make_order())
    pieces = segments(lpa.bound_package(smdp, "TEST-1"))
    pieces[index] = flipped(pieces[index])
    for piece in pieces:
        data, word = lpa.call(piece)
        assert word == 0x9000
        if data:
            break
    assert outcome(data) == expected
    assert ICCID not in installed(card)
    assert lpa.call(pieces[-1]) == (b"", 0x6985)


def test_segments_in_another_order_are_refused(lpa: Lpa, smdp: SmDpPlus) -> None:
    smdp.orders.add(make_order())
    pieces = segments(lpa.bound_package(smdp, "TEST-1"))
    lpa.call(pieces[0])
    data, _ = lpa.call(pieces[2])
    assert outcome(data) == (0, 7)


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        (Metadata(iccid="8949000000000000001"), (5, 13)),
        (Metadata(iccid=ICCID, profile_class=7), (2, 6)),
        (Metadata(iccid=ICCID, policy_rules=(1,), owner_mcc_mnc=b"\x00\xf1\x20"), (2, 15)),
        (Metadata(iccid=ICCID, policy_rules=(2,)), (2, 1)),
        (Metadata(iccid=ICCID, owner_mcc_mnc=b"\x13\x00\x62"), (5, 13)),
    ],
)
def test_metadata_that_do_not_fit_are_refused_with_their_reason(
    lpa: Lpa, card: VirtualEuicc, smdp: SmDpPlus, metadata: Metadata, expected: tuple[int, int]
) -> None:
    order = make_order()
    object.__setattr__(order, "metadata", metadata)
    smdp.orders.add(order)
    smdp.knobs.ignore_eligibility = True
    before = installed(card)
    assert outcome(lpa.download(smdp, "TEST-1")) == expected
    assert installed(card) == before


def test_profile_that_is_there_already_is_refused(lpa: Lpa, card: VirtualEuicc, smdp: SmDpPlus) -> None:
    smdp.orders.add(make_order(iccid=card.profiles[1].iccid))
    assert outcome(lpa.download(smdp, "TEST-1")) == (2, 9)


def test_full_card_is_refused_by_both_sides(lpa: Lpa, card: VirtualEuicc, smdp: SmDpPlus) -> None:
    smdp.orders.add(make_order(size=800_000))
    transaction_id, response = lpa.authenticate(smdp, "TEST-1")
    with pytest.raises(RspStatus) as caught:
        smdp.authenticate_client(transaction_id, response)
    assert caught.value.code == status.INSUFFICIENT_MEMORY
    smdp.knobs.ignore_eligibility = True
    assert outcome(lpa.download(smdp, "TEST-1")) == (5, 10)
    assert len(installed(card)) == 4


def refused(smdp: SmDpPlus, lpa: Lpa, matching_id: str = "TEST-1") -> StatusCode:
    transaction_id, response = lpa.authenticate(smdp, matching_id)
    with pytest.raises(RspStatus) as caught:
        smdp.authenticate_client(transaction_id, response)
    return caught.value.code


def test_orders_are_refused_with_their_reason(lpa: Lpa, smdp: SmDpPlus) -> None:
    smdp.orders.add(make_order("OTHER", eid="89049032000000000000000000000021"))
    smdp.orders.add(make_order("CONFIRMED", state=ProfileState.CONFIRMED))
    smdp.orders.add(make_order("LIMIT", download_limit=0))
    assert refused(smdp, lpa, "OTHER") == status.EID_MISMATCH
    assert refused(smdp, lpa, "CONFIRMED") == status.NOT_RELEASED
    assert refused(smdp, lpa, "LIMIT") == status.TOO_MANY_DOWNLOADS
    assert refused(smdp, lpa, "UNKNOWN") == status.MATCHING_ID_REFUSED
    assert refused(smdp, lpa, "") == status.EID_MISMATCH


def test_order_is_found_by_eid_without_a_matching_id(lpa: Lpa, card: VirtualEuicc, smdp: SmDpPlus) -> None:
    smdp.orders.add(make_order("", eid=card.eid))
    assert outcome(lpa.download(smdp, "")) == (None, None)


def test_confirmation_code_is_wanted_counted_and_accepted(lpa: Lpa, smdp: SmDpPlus) -> None:
    order = make_order(confirmation_hash=confirmation_hash("12345678"))
    smdp.orders.add(order)

    def attempt(code: str | None) -> bytes:
        transaction_id, response = lpa.authenticate(smdp, "TEST-1")
        offer = smdp.authenticate_client(transaction_id, response)
        hashed = hashlib.sha256(confirmation_hash(code) + transaction_id).digest() if code is not None else None
        return smdp.get_bound_profile_package(transaction_id, lpa.prepare(offer, hashed))

    with pytest.raises(RspStatus) as caught:
        attempt(None)
    assert caught.value.code == status.CODE_MISSING
    with pytest.raises(RspStatus) as caught:
        attempt("wrong")
    assert caught.value.code == status.CODE_REFUSED
    assert outcome(lpa.load(attempt("12345678"))[0]) == (None, None)
    order.enter(ProfileState.RELEASED, "again")
    order.wrong_codes = 2
    with pytest.raises(RspStatus) as caught:
        attempt("wrong")
    assert caught.value.code == status.CODE_RETRIES_EXCEEDED
    assert order.state is ProfileState.ERROR


@pytest.mark.parametrize(("reason", "state"), [(1, ProfileState.RELEASED), (3, ProfileState.ERROR)])
def test_cancelled_session_moves_the_order(lpa: Lpa, smdp: SmDpPlus, reason: int, state: ProfileState) -> None:
    order = make_order()
    smdp.orders.add(order)
    transaction_id, response = lpa.authenticate(smdp, "TEST-1")
    smdp.authenticate_client(transaction_id, response)
    answer, _ = lpa.call(tlv.build(0xBF41, tlv.build(0x80, transaction_id), tlv.build(0x81, bytes([reason]))))
    smdp.cancel_session(transaction_id, answer)
    assert order.state is state
    again, _ = lpa.call(tlv.build(0xBF41, tlv.build(0x80, transaction_id), tlv.build(0x81, bytes([reason]))))
    assert again.hex() == "bf4103810105"
    smdp.cancel_session(transaction_id, again)
    with pytest.raises(RspStatus):
        smdp.get_bound_profile_package(transaction_id, b"")


def test_server_addresses_and_signatures_are_checked(lpa: Lpa, smdp: SmDpPlus) -> None:
    with pytest.raises(RspStatus) as caught:
        lpa.authenticate(smdp, "TEST-1", address="elsewhere.example.com")
    assert caught.value.code == status.INVALID_SMDP_ADDRESS
    smdp.orders.add(make_order())
    transaction_id, response = lpa.authenticate(smdp, "TEST-1")
    with pytest.raises(RspStatus) as caught:
        smdp.authenticate_client(bytes(16), response)
    assert caught.value.code == status.UNKNOWN_TRANSACTION
    with pytest.raises(RspStatus):
        smdp.authenticate_client(transaction_id, flipped(response, 60))
