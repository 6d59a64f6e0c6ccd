"""A minimal IPA for tests of the relay: it carries bytes between a card and an eIM and checks nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from hil import codec, tlv
from hil.euicc import VirtualEuicc
from tests.hil.smdp.lpa import DEVICE_INFO, Lpa

Exchange = Callable[[bytes], Awaitable[bytes | None]]


@dataclass
class RelayedDownload:
    """The functions of an indirect download, one after the other; `messages` are all that were exchanged."""

    card: VirtualEuicc
    exchange: Exchange
    messages: dict[int, tuple[bytes, bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.lpa = Lpa(self.card)
        self.lpa.open()
        self.transaction_id = b""

    async def poll(self) -> bytes:
        """The trigger (BF54), with which the eIM answers GetEimPackage."""
        answer = await self.call(tlv.build(0xBF4F, tlv.build(0x5A, bytes.fromhex(self.card.eid))))
        return tlv.single(tlv.single(answer, 0xBF4F).value, 0xBF54).raw

    async def call(self, message: bytes) -> bytes:
        answer = await self.exchange(message) or b""
        self.messages[tlv.single(message).tag] = (message, answer)
        return answer

    async def initiate(
        self, *, txid: bytes | None, address: str | None = None, challenge: bytes | None = None
    ) -> bytes:
        parts = [tlv.build(0x81, challenge or self.lpa.challenge())]
        if address is not None:
            parts.append(tlv.build(0x83, address.encode()))
        parts.append(self.lpa.call(bytes.fromhex("BF2000"))[0])
        if txid is not None:
            parts.append(tlv.build(0x82, txid))
        return await self.call(tlv.build(0xBF39, *parts))

    async def authenticate(self, initiated: bytes, matching_id: str = "") -> bytes:
        """AuthenticateServer at the card with what the eIM said, then AuthenticateClient."""
        parts = tlv.children(tlv.find(initiated, 0xBF39, 0xA0).value)
        by_tag = {part.tag: part for part in parts}
        self.transaction_id = by_tag[0x80].value
        if 0x0C in by_tag:
            matching_id = by_tag[0x0C].value.decode()
        context = codec.encode(
            "CtxParams1", ("ctxParamsForCommonAuthentication", {"matchingId": matching_id, "deviceInfo": DEVICE_INFO})
        )
        if 0xA2 in by_tag:
            context = by_tag[0xA2].value
        sequences = [part.raw for part in parts if part.tag == 0x30]
        request = tlv.build(0xBF38, sequences[0], by_tag[0x5F37].raw, by_tag[0x04].raw, sequences[1], context)
        response = self.lpa.call(request)[0]
        return await self.call(tlv.build(0xBF3B, tlv.build(0x80, self.transaction_id), response))

    async def get_package(self, offered: bytes) -> bytes:
        """PrepareDownload at the card, then GetBoundProfilePackage."""
        parts = tlv.children(tlv.find(offered, 0xBF3B, 0xA0).value)
        sequences = [part.raw for part in parts if part.tag == 0x30]
        signature = next(part.raw for part in parts if part.tag == 0x5F37)
        hash_cc = next((part.raw for part in parts if part.tag == 0x04), b"")
        prepared = self.lpa.call(tlv.build(0xBF21, sequences[0], signature, hash_cc, sequences[1]))[0]
        return await self.call(tlv.build(0xBF3A, tlv.build(0x80, self.transaction_id), prepared))

    async def install(self, packaged: bytes) -> bytes:
        """Load the package; the ProfileInstallationResult."""
        package = tlv.find(packaged, 0xBF3A, 0xA0, 0xBF36).raw
        return self.lpa.load(package)[0]

    async def deliver(self, result: bytes, txid: bytes) -> bytes:
        content = tlv.build(0xBF54, tlv.build(0x82, txid), result)
        return await self.call(tlv.build(0xBF50, tlv.build(0x5A, bytes.fromhex(self.card.eid)), content))

    def cancel_at_card(self, reason: int) -> bytes:
        request = tlv.build(0xBF41, tlv.build(0x80, self.transaction_id), tlv.build(0x81, bytes([reason])))
        return self.lpa.call(request)[0]

    async def download(self, txid: bytes, address: str | None, matching_id: str = "") -> bytes:
        initiated = await self.initiate(txid=txid, address=address)
        offered = await self.authenticate(initiated, matching_id)
        return await self.install(await self.get_package(offered))


def txid_of(trigger: bytes) -> bytes:
    return tlv.find(trigger, 0xBF54, 0x82).value


def error_of(answer: bytes) -> int:
    """The code of an error answer of any relay function."""
    arm = tlv.single(tlv.single(answer).value)
    assert arm.tag in (0x81, 0x82)
    return int.from_bytes(arm.value, "big", signed=True)
