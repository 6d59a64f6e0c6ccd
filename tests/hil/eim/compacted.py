"""Compact forms of what an eUICC made, after SGP.32 6.3.2, for tests: signed are the full ones all the same."""

from __future__ import annotations

from hil import tlv


def compacted(message: bytes) -> bytes:
    """The message with its compact alternative, if it has one that leaves out everything an eIM can know."""
    whole = tlv.single(message)
    fields = tlv.children(whole.value)
    match whole.tag:
        case 0xBF3B:
            return tlv.build(0xBF3B, fields[0].raw, tlv.build(0xBF38, _authentication(fields[1])))
        case 0xBF3A:
            return tlv.build(0xBF3A, fields[0].raw, tlv.build(0xBF21, _preparation(fields[1])))
        case 0xBF3D:
            return tlv.build(0xBF3D, tlv.build(0xA0, _installation(tlv.single(fields[0].value))))
        case _:
            return message


def _authentication(response: tlv.Tlv) -> bytes:
    signed, signature, _euicc, _eum = tlv.children(tlv.single(response.value, 0xA0).value)
    fields = {part.tag: part for part in tlv.children(signed.value)}
    memory = next(part.raw for part in tlv.children(fields[0xBF22].value) if part.tag == 0x84)
    return tlv.build(0xA2, tlv.build(0xA0, memory, tlv.build(0xA2, fields[0xA0].raw)), signature.raw)


def _preparation(response: tlv.Tlv) -> bytes:
    signed, signature = tlv.children(tlv.single(response.value, 0xA0).value)
    key = next(part.raw for part in tlv.children(signed.value) if part.tag == 0x5F49)
    return tlv.build(0xA2, tlv.build(0x30, key), signature.raw)


def _installation(result: tlv.Tlv) -> bytes:
    data, signature = tlv.children(result.value)
    fields = {part.tag: part for part in tlv.children(data.value)}
    number = next(part.value for part in tlv.children(fields[0xBF2F].value) if part.tag == 0x80)
    success = tlv.children(tlv.single(fields[0xA2].value, 0xA0).value)
    aid = tlv.build(0x4F, success[0].value[13:15])
    outcome = tlv.build(0xA2, tlv.build(0xA0, aid))
    facts = tlv.build(0xA0, tlv.build(0x80, fields[0x80].value), tlv.build(0x02, number), outcome)
    return tlv.build(0xA0, facts, signature.raw)
