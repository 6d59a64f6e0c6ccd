"""A minimal LPA for tests of the bench: it carries bytes between a card and a SM-DP+ and checks nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hil import codec, tlv
from hil.euicc import VirtualEuicc
from hil.smdp.core import SmDpPlus

DEVICE_INFO = {"tac": bytes.fromhex("35290611"), "deviceCapabilities": {}}


@dataclass
class Lpa:
    """STORE DATA on the ISD-R of a card, channel 1."""

    card: VirtualEuicc

    def open(self) -> None:
        assert self.transmit("0070000001")[0] == b"\x01"
        assert self.transmit("01A4040010A0000005591010FFFFFFFF8900000100")[1] >> 8 == 0x61

    def transmit(self, apdu: str | bytes) -> tuple[bytes, int]:
        answer = self.card.transmit(bytes.fromhex(apdu) if isinstance(apdu, str) else apdu)
        return answer[:-2], int.from_bytes(answer[-2:], "big")

    def call(self, request: bytes) -> tuple[bytes, int]:
        blocks = [request[start : start + 255] for start in range(0, len(request), 255)]
        for number, block in enumerate(blocks):
            last = number == len(blocks) - 1
            data, word = self.transmit(bytes((0x81, 0xE2, 0x91 if last else 0x11, number, len(block))) + block)
        while word >> 8 == 0x61:
            more, word = self.transmit(bytes((0x01, 0xC0, 0, 0, word & 0xFF)))
            data += more
        return data, word

    def challenge(self) -> bytes:
        return tlv.find(self.call(bytes.fromhex("BF2E00"))[0], 0xBF2E, 0x80).value

    def authenticate(self, smdp: SmDpPlus, matching_id: str, address: str | None = None) -> tuple[bytes, bytes]:
        """Transaction id and AuthenticateServerResponse."""
        info1 = self.call(bytes.fromhex("BF2000"))[0]
        asked = smdp.initiate_authentication(self.challenge(), info1, address or smdp.identity.address)
        context = codec.encode(
            "CtxParams1", ("ctxParamsForCommonAuthentication", {"matchingId": matching_id, "deviceInfo": DEVICE_INFO})
        )
        request = tlv.build(
            0xBF38,
            asked.server_signed1,
            asked.server_signature1,
            tlv.build(0x04, asked.ci_key_id),
            asked.certificate,
            context,
        )
        return asked.transaction_id, self.call(request)[0]

    def prepare(self, offer: Any, hash_cc: bytes | None = None) -> bytes:
        parts = [offer["smdpSigned2"], offer["smdpSignature2"]]
        if hash_cc is not None:
            parts.append(tlv.build(0x04, hash_cc))
        return self.call(tlv.build(0xBF21, *parts, offer["smdpCertificate"]))[0]

    def load(self, package: bytes) -> tuple[bytes, int]:
        """Send the segments until there is an answer; its data and status word."""
        for segment in segments(package):
            data, word = self.call(segment)
            if data or word != 0x9000:
                return data, word
        return b"", 0x9000

    def bound_package(self, smdp: SmDpPlus, matching_id: str, hash_cc: bytes | None = None) -> bytes:
        transaction_id, response = self.authenticate(smdp, matching_id)
        offer = smdp.authenticate_client(transaction_id, response)
        return smdp.get_bound_profile_package(transaction_id, self.prepare(offer, hash_cc))

    def download(self, smdp: SmDpPlus, matching_id: str) -> bytes:
        data, word = self.load(self.bound_package(smdp, matching_id))
        assert word == 0x9000
        return data


def segments(package: bytes) -> list[bytes]:
    outer = tlv.single(package, 0xBF36)
    parts = tlv.children(outer.value)
    head = package[: len(package) - len(outer.value)]
    out = [head + parts[0].raw]
    for part in parts[1:]:
        header = part.raw[: len(part.raw) - len(part.value)]
        inner = tlv.children(part.value)
        if part.tag in (0xA0, 0xA2):
            out.append(header + inner[0].raw)
            inner = inner[1:]
        else:
            out.append(header)
        out += [element.raw for element in inner]
    return out


def outcome(result: bytes) -> tuple[int | None, int | None]:
    """(None, None) for success, else bppCommandId and errorReason."""
    kind, value = codec.decode("ProfileInstallationResult", result)["profileInstallationResultData"]["finalResult"]
    return (None, None) if kind == "successResult" else (value["bppCommandId"], value["errorReason"])
