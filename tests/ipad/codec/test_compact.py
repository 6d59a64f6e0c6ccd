"""Compact forms of known objects, and objects that cannot be left out in part."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ipad.codec import compact, tlv
from ipad.codec.compact import CompactKnowledge, SessionFacts
from tests.vectors.sgp32 import VECTORS

EID = bytes.fromhex("89049032001234567890000000100070")
CERTIFICATE = bytes.fromhex("300A30030201053000030100")
OID = bytes.fromhex("883704")


def vector(key: str) -> bytes:
    return bytes.fromhex(VECTORS[key]["hex"])


def inside(key: str, *path: int) -> bytes:
    element = tlv.find(vector(key), *path)
    assert element is not None
    return bytes(element.raw)


SERVER, ADDRESS = compact.server_facts(inside("IB1", 0xBF39, 0xA0, 0x30))
CONTEXT = inside("AC1", 0xBF3B, 0xBF38, 0xA0, 0x30, 0xA0)
INFO2 = inside("AC1", 0xBF3B, 0xBF38, 0xA0, 0x30, 0xBF22)
FACTS = SessionFacts(server=SERVER, address=ADDRESS, oid=OID)
ALL = CompactKnowledge(info2=compact.info2_digest(INFO2), certificates=compact.digest(CERTIFICATE, CERTIFICATE))
RESPONSE = inside("AC1", 0xBF3B, 0xBF38)


def test_authentication_is_reduced_to_what_the_eim_cannot_know() -> None:
    made_by_eim = replace(FACTS, ctx_params1=CONTEXT)
    expected = inside("AC3", 0xBF3B, 0xBF38)
    memory = tlv.find(INFO2, 0xBF22, 0x84)
    assert memory is not None
    assert bytes(memory.raw) in expected
    assert compact.authenticate_response(RESPONSE, made_by_eim, ALL) == expected


def test_context_of_the_ipa_and_certificates_are_sent_when_the_eim_lacks_them() -> None:
    expected = bytearray(inside("AC4", 0xBF3B, 0xBF38))
    found = compact.authenticate_response(RESPONSE, FACTS, replace(ALL, certificates=None))
    assert found is not None
    parts = [part.tag for part in tlv.children(tlv.read_single(bytes(expected)).value)]
    assert [part.tag for part in tlv.children(tlv.read_single(found).value)] == parts
    assert found.endswith(expected[-24:])


def test_only_certificates_are_left_out_when_the_infos_changed() -> None:
    found = compact.authenticate_response(RESPONSE, FACTS, replace(ALL, info2=b"other"))
    assert found == tlv.tlv(
        0xBF38, tlv.tlv(0xA2, inside("AC1", 0xBF3B, 0xBF38, 0xA0, 0x30), inside("AC1", 0xBF3B, 0xBF38, 0xA0, 0x5F37))
    )


@pytest.mark.parametrize(
    ("facts", "known"),
    [
        (FACTS, CompactKnowledge()),
        (replace(FACTS, server=SERVER[:-1] + b"\x01"), replace(ALL, certificates=None)),
        (replace(FACTS, ctx_params1=b"\xa0\x00"), replace(ALL, certificates=None)),
    ],
    ids=["nothing stored", "other session", "other context"],
)
def test_authentication_that_the_eim_cannot_rebuild_stays_full(facts: SessionFacts, known: CompactKnowledge) -> None:
    assert compact.authenticate_response(RESPONSE, facts, known) is None


@pytest.mark.parametrize("key", ["AC2", "AC3"])
def test_other_alternatives_stay_as_they_are(key: str) -> None:
    assert compact.authenticate_response(inside(key, 0xBF3B, 0xBF38), FACTS, ALL) is None


def test_prepared_download_is_reduced() -> None:
    full = inside("GB1", 0xBF3A, 0xBF21)
    assert compact.prepare_download_response(full, FACTS) == inside("GB3", 0xBF3A, 0xBF21)
    key = inside("GB1", 0xBF3A, 0xBF21, 0xA0, 0x30, 0x5F49)
    reused = compact.prepare_download_response(full, replace(FACTS, otpk=key))
    assert reused == tlv.tlv(0xBF21, tlv.tlv(0xA2, bytes.fromhex("30005F3704DEADBEEF")))
    assert compact.prepare_download_response(full, replace(FACTS, hash_cc=b"\x04\x00")) is None
    assert compact.prepare_download_response(inside("GB2", 0xBF3A, 0xBF21), FACTS) is None


def test_cancelled_session_is_reduced_to_its_reason() -> None:
    full = tlv.tlv(0xBF41, tlv.read_single(inside("CS1", 0xBF41, 0xA1)).value)
    expected = bytes.fromhex("BF410EA20C30038001035F3704DEADBEEF")
    assert compact.cancel_session_response(full, FACTS) == expected
    assert compact.cancel_session_response(full, replace(FACTS, oid=None)) is None
    assert compact.cancel_session_response(full, replace(FACTS, oid=b"\x2a")) is None
    assert compact.cancel_session_response(bytes.fromhex("BF4103810105"), FACTS) is None


def test_installation_result_is_reduced() -> None:
    assert compact.installation_result(inside("HN2", 0xBF3D, 0xA0, 0xBF37), FACTS) == inside("HN5", 0xBF3D, 0xA0, 0xA0)


def test_failed_installation_keeps_its_reason() -> None:
    full = inside("HN4", 0xBF3D, 0xA0, 0xBF37)
    found = compact.installation_result(full, FACTS)
    assert found is not None
    assert bytes.fromhex("010100A208A10680010581010A") in found


@pytest.mark.parametrize(
    "facts",
    [
        replace(FACTS, address=b"other.example"),
        replace(FACTS, oid=None),
        replace(FACTS, iccid=bytes(10)),
        replace(FACTS, server=b"\x80\x01\x01" + SERVER[10:]),
    ],
    ids=["address", "oid", "iccid", "transaction"],
)
def test_installation_result_of_another_session_stays_full(facts: SessionFacts) -> None:
    assert compact.installation_result(inside("HN2", 0xBF3D, 0xA0, 0xBF37), facts) is None


def test_other_notification_is_reduced() -> None:
    full = inside("HN1", 0xBF3D, 0xA0, 0x30)
    found = compact.other_notification(full, EID, ALL)
    assert found is not None
    assert found[2:] == bytes(tlv.tlv(0x5A, EID)) + full[2:][: -2 * len(CERTIFICATE)]
    assert compact.other_notification(full, EID, CompactKnowledge()) is None


def test_free_memory_does_not_count_in_the_digest() -> None:
    memory = tlv.find(INFO2, 0xBF22, 0x84)
    assert memory is not None
    other = INFO2.replace(bytes(memory.raw), b"\x84\x0f" + bytes(15))
    assert other != INFO2
    assert compact.info2_digest(other) == compact.info2_digest(INFO2)
    assert compact.info2_digest(INFO2.replace(b"\x82\x03\x02\x05\x00", b"\x82\x03\x02\x06\x00")) != ALL.info2
    assert compact.info2_digest(b"\xbf\x22\x00") is None
