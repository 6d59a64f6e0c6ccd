"""What the agent leaves out, the bench puts in again: every object comes back byte for byte."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hil import tlv as bench
from hil.eim import expansion
from hil.eim.expansion import Session, Stored
from ipad.codec import compact, tlv
from ipad.codec.compact import CompactKnowledge, SessionFacts

_INSTALL = bytes.fromhex("81020780")
_ids = st.binary(min_size=1, max_size=16)
_challenges = st.binary(min_size=16, max_size=16)
_addresses = st.text("abcdefghij.-0123456789", min_size=1, max_size=140).map(str.encode)
_signatures = st.binary(max_size=72).map(lambda value: tlv.tlv(0x5F37, value))
_certificates = st.binary(max_size=300).map(lambda value: tlv.tlv(0x30, tlv.tlv(0x04, value)))
_oids = st.binary(min_size=1, max_size=20)
_maybe_code = st.none() | st.binary(min_size=32, max_size=32).map(lambda value: tlv.tlv(0x04, value))
_keys = st.binary(min_size=65, max_size=65).map(lambda value: tlv.tlv(0x5F49, value))
_memories = st.binary(max_size=40)
_contexts = st.binary(max_size=60).map(lambda value: tlv.tlv(0xA0, tlv.tlv(0x80, value)))
_numbers = st.integers(min_value=0, max_value=2**31).map(bench.integer)
_iccids = st.none() | st.binary(min_size=10, max_size=10)


@st.composite
def sessions(draw: st.DrawFn) -> tuple[SessionFacts, Session]:
    """The same session as agent and bench know it."""
    transaction, challenge, address, oid = draw(_ids), draw(_challenges), draw(_addresses), draw(_oids)
    parts = (tlv.tlv(0x80, transaction), tlv.tlv(0x83, address), tlv.tlv(0x84, challenge))
    context, otpk, code = draw(st.none() | _contexts), draw(st.none() | _keys), draw(_maybe_code)
    facts = SessionFacts(server=b"".join(parts), address=address, oid=oid, ctx_params1=context, otpk=otpk, hash_cc=code)
    return facts, Session(*parts, address, oid, context or b"", otpk or b"", code or b"", b"", b"")


def content(raw: bytes) -> bytes:
    """Content of the compact alternative A2 of a response."""
    return bench.single(bench.single(raw).value, 0xA2).value


@given(
    sessions(), _memories, _memories, _contexts, _signatures, _certificates, _certificates, st.booleans(), st.booleans()
)
def test_authentication(
    session: tuple[SessionFacts, Session],
    stored_memory: bytes,
    memory: bytes,
    context: bytes,
    signature: bytes,
    euicc: bytes,
    eum: bytes,
    knows_info: bool,
    knows_certificates: bool,
) -> None:
    facts, known_session = session
    context = facts.ctx_params1 or context
    infos = [
        tlv.tlv(0xBF22, b"\x81\x01\x03", tlv.tlv(0x84, value), b"\x85\x01\x00") for value in (stored_memory, memory)
    ]
    signed = tlv.tlv(0x30, facts.server, infos[1], context)
    full = tlv.tlv(0xBF38, tlv.tlv(0xA0, signed, signature, euicc, eum))
    known = CompactKnowledge(
        info2=compact.info2_digest(infos[0]) if knows_info else None,
        certificates=compact.digest(euicc, eum) if knows_certificates else None,
    )
    found = compact.authenticate_response(full, facts, known)
    assert (found is None) == (not knows_info and not knows_certificates)
    if found is not None:
        stored = Stored(infos[0] if knows_info else None, euicc if knows_certificates else None, eum)
        expanded = expansion.authenticate_response(content(found), stored, known_session)
        assert (expanded.raw, expanded.signed) == (full, signed)
        assert len(found) < len(full)


@given(sessions(), _keys, st.booleans(), _maybe_code, _signatures)
def test_prepared_download(
    session: tuple[SessionFacts, Session], key: bytes, reused: bool, code: bytes | None, signature: bytes
) -> None:
    facts, known_session = session
    key = facts.otpk if reused and facts.otpk is not None else key
    code = facts.hash_cc if facts.hash_cc is not None else code
    signed = tlv.tlv(0x30, facts.server[: 2 + facts.server[1]], key, code or b"")
    full = tlv.tlv(0xBF21, tlv.tlv(0xA0, signed, signature))
    found = compact.prepare_download_response(full, facts)
    assert found is not None
    expanded = expansion.prepare_download_response(content(found), known_session)
    assert (expanded.raw, expanded.signed) == (full, signed)
    assert len(found) < len(full)


@given(sessions(), st.booleans(), st.integers(0, 127), _signatures)
def test_cancelled_session(
    session: tuple[SessionFacts, Session], automatic: bool, reason: int, signature: bytes
) -> None:
    facts, known_session = session
    assert facts.oid is not None
    tags = (0x06, 0x81) if automatic else (0x81, 0x82)
    parts = (facts.server[: 2 + facts.server[1]], tlv.tlv(tags[0], facts.oid), tlv.tlv(tags[1], bytes((reason,))))
    full = tlv.tlv(0xBF41, tlv.tlv(0xA0, tlv.tlv(0x30, *parts), signature))
    found = compact.cancel_session_response(full, facts)
    assert found is not None
    assert full in [one.raw for one in expansion.cancel_session_response(content(found), known_session)]


@given(
    sessions(),
    _numbers,
    _iccids,
    st.binary(min_size=2, max_size=2),
    st.sampled_from([bytes.fromhex("3007A0053003800100"), b"", b"\x30\x00"]),
    st.booleans(),
    _signatures,
)
def test_installation_result(
    session: tuple[SessionFacts, Session],
    number: bytes,
    iccid: bytes | None,
    aid: bytes,
    response: bytes,
    failed: bool,
    signature: bytes,
) -> None:
    facts, known_session = session
    assert facts.oid is not None
    known_session.iccid = tlv.tlv(0x5A, iccid or bytes(10))[2:]
    whole_aid = bytes.fromhex("A0000005591010FFFFFFFF8900") + aid + b"\x00"
    result = tlv.tlv(0xA0, tlv.tlv(0x4F, whole_aid), tlv.tlv(0x04, response))
    if failed:
        result = bytes.fromhex("A10680010581010A")
    metadata = tlv.tlv(
        0xBF2F,
        tlv.tlv(0x80, number),
        _INSTALL,
        tlv.tlv(0x0C, facts.address),
        b"" if iccid is None else tlv.tlv(0x5A, iccid),
    )
    transaction = facts.server[: 2 + facts.server[1]]
    data = tlv.tlv(0xBF27, transaction, metadata, tlv.tlv(0x06, facts.oid), tlv.tlv(0xA2, result))
    full = tlv.tlv(0xBF37, data, signature)
    found = compact.installation_result(full, facts)
    assert found is not None
    expanded = expansion.installation_result(bench.single(found, 0xA0).value, known_session)
    assert (expanded.raw, expanded.signed) == (full, data)
    assert len(found) < len(full)


@given(_numbers, _addresses, _signatures, _certificates, _certificates)
def test_other_notification(number: bytes, address: bytes, signature: bytes, euicc: bytes, eum: bytes) -> None:
    metadata = tlv.tlv(0xBF2F, tlv.tlv(0x80, number), bytes.fromhex("81020640"), tlv.tlv(0x0C, address))
    full = tlv.tlv(0x30, metadata, signature, euicc, eum)
    known = CompactKnowledge(certificates=compact.digest(euicc, eum))
    found = compact.other_notification(full, bytes(16), known)
    assert found is not None
    expanded = expansion.other_notification(bench.single(found, 0xA1).value, Stored(None, euicc, eum))
    assert (expanded.raw, expanded.signed) == (full, metadata)
