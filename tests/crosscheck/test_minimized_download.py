"""Compact messages in earnest: the agent's binding, a card that signs, the virtual eIM and a SM-DP+ that verifies."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from hil import tlv
from hil.eim import VirtualEim, content
from hil.eim.json_binding import PATH, to_body, to_message
from hil.eim.knobs import CompactForms
from hil.eim.messages import MalformedRequestError
from hil.rig import FIRST_EIM, Rig, RigOptions
from hil.smdp.catalogue import FLEET, SMALL
from ipad.codec.compact import CompactKnowledge
from ipad.errors import HttpStatusError
from ipad.esipa.json_messages import call, message
from ipad.esipa.minimize import MinimizedBinding, SessionMemory
from tests.hil.eim.ipa import RelayedDownload, error_of, txid_of

FULL_SIZES = {0xBF39, 0xBF3B, 0xBF3A}


class Store:
    """What a journal keeps."""

    def __init__(self) -> None:
        self.kept = CompactKnowledge()
        self.writes = 0

    def get(self, _eim_id: str) -> CompactKnowledge:
        return self.kept

    async def put(self, _eim_id: str, knowledge: CompactKnowledge) -> None:
        self.kept = knowledge
        self.writes += 1


class Direct:
    """An eIM without a network; what it refuses is a status. `broken`: it stumbles over every compact message."""

    def __init__(self, eim: VirtualEim) -> None:
        self.eim = eim
        self.sent: dict[int, list[bytes]] = {}
        self.broken = False

    async def exchange(self, body: bytes) -> bytes:
        self.sent.setdefault(tlv.single(body).tag, []).append(body)
        before = len(self.eim.compact.expanded)
        try:
            answer = await self.eim.answer(body)
        except MalformedRequestError as error:
            raise HttpStatusError(str(error), status=400, transient=False) from error
        if self.broken and len(self.eim.compact.expanded) > before:
            raise HttpStatusError("stumbled", status=500, transient=True)
        return answer or b""

    async def close(self) -> None:
        """There is nothing to close."""


class InJson(Direct):
    """The same through the JSON of both sides."""

    async def exchange(self, body: bytes) -> bytes:
        asked = call(body)
        answer = await super().exchange(to_message(PATH + asked.function, asked.body))
        return message(asked, to_body(answer)) if answer else b""


class Site:
    def __init__(self, rig: Rig, kind: type[Direct]) -> None:
        self.rig = rig
        self.eim = rig.eim(FIRST_EIM).core
        self.way = kind(self.eim)
        self.store = Store()
        self.binding = MinimizedBinding("eim", rig.eid, self.way, self.store, SessionMemory())
        self.ipa = RelayedDownload(rig.card, self.binding.exchange)

    async def tell_all(self) -> None:
        """The eIM asks for what it is to store, and gets it."""
        self.eim.queue(self.rig.eid, content.data_request((0xBF20, 0xBF22, 0xA5, 0xA6)))
        asked = await self.ipa.call(tlv.build(0xBF4F, tlv.build(0x5A, self.rig.eid)))
        number = tlv.build(0x87, tlv.find(asked, 0xBF4F, 0xBF52, 0x83).value)
        info1, info2 = (self.ipa.lpa.call(bytes.fromhex(request))[0] for request in ("BF2000", "BF2200"))
        eum, euicc = (
            tlv.build(tag, tlv.single(der).value)
            for tag, der in ((0xA5, self.rig.card.eum_certificate), (0xA6, self.rig.card.certificate))
        )
        data = tlv.build(0xBF52, tlv.build(0xA0, info1, info2, eum, euicc, number))
        await self.ipa.call(tlv.build(0xBF50, tlv.build(0x5A, self.rig.eid), data))

    async def triggered(self, matching_id: str) -> bytes:
        assert self.rig.rsp is not None
        address = self.rig.rsp.core.identity.address
        self.eim.queue(self.rig.eid, content.download_trigger(activation_code=f"1${address}${matching_id}"))
        return txid_of(await self.ipa.poll())

    async def download(self, matching_id: str) -> bytes:
        txid = await self.triggered(matching_id)
        result = await self.ipa.download(txid, None, matching_id)
        await self.ipa.deliver(result, txid)
        return result

    def size(self, tag: int) -> int:
        return len(self.way.sent[tag][-1])


@pytest_asyncio.fixture(name="rig")
async def _rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with Rig(RigOptions(tmp_path / "rig", personality="plain")) as rig:
        yield rig


@pytest.mark.parametrize("kind", [Direct, InJson])
@pytest.mark.asyncio
async def test_second_download_is_compact_and_installs_the_profile(rig: Rig, kind: type[Direct]) -> None:
    site = Site(rig, kind)
    profiles = len(rig.card.profiles)
    await site.download(SMALL)
    full = {tag: site.size(tag) for tag in FULL_SIZES}
    assert full[0xBF3B] == len(site.ipa.messages[0xBF3B][0]), "the first one is full"
    await site.tell_all()
    result = await site.download(FLEET)
    assert len(rig.card.profiles) == profiles + 2
    assert site.size(0xBF39) < full[0xBF39] - 50
    assert site.size(0xBF3B) < full[0xBF3B] - 1000, "no EUICCInfo2, no certificates"
    assert site.size(0xBF3A) < len(site.ipa.messages[0xBF3A][0]) - 8
    pending = tlv.build(0xBF3D, tlv.build(0xA0, result))
    await site.ipa.call(pending)
    assert site.size(0xBF3D) < len(pending) - 60
    assert site.eim.history.records[-1].raw == result.hex().upper(), "expanded as the eUICC signed it"
    assert all(record.verified for record in site.eim.history.records)
    assert not site.store.kept.refused


@pytest.mark.asyncio
async def test_short_answers_are_completed_by_the_agent_alone(rig: Rig) -> None:
    site = Site(rig, Direct)
    site.eim.knobs.compact_answers = True
    initiated = await site.ipa.initiate(txid=await site.triggered(SMALL))
    tags = [part.tag for part in tlv.children(tlv.find(initiated, 0xBF39, 0xA0).value)]
    assert 0x80 not in tags
    assert len(tlv.find(initiated, 0xBF39, 0xA0, 0x04).value) == 2


@pytest.mark.asyncio
async def test_cancelled_session_is_compact(rig: Rig) -> None:
    site = Site(rig, Direct)
    initiated = await site.ipa.initiate(txid=await site.triggered(SMALL))
    await site.ipa.authenticate(initiated, SMALL)
    cancelled = tlv.single(site.ipa.cancel_at_card(3))
    request = tlv.build(0xBF41, tlv.build(0x80, site.ipa.transaction_id), tlv.build(0xA1, cancelled.value))
    answer = await site.ipa.call(request)
    assert answer == bytes.fromhex("BF4102A000")
    assert site.size(0xBF41) < len(request)
    assert len(site.eim.compact.expanded) == 1


@pytest.mark.parametrize("broken", [False, True], ids=["refused with 400", "stumbled over with 500"])
@pytest.mark.asyncio
async def test_eim_that_does_not_take_compact_messages_gets_full_ones_for_good(rig: Rig, broken: bool) -> None:
    site = Site(rig, Direct)
    await site.tell_all()
    profiles = len(rig.card.profiles)
    if broken:
        site.way.broken = True
    else:
        site.eim.knobs.compact_forms = CompactForms.REFUSE
    await site.download(SMALL)
    assert len(rig.card.profiles) == profiles + 1
    assert site.store.kept == CompactKnowledge(refused=True)
    assert [len(site.way.sent[tag]) for tag in (0xBF39, 0xBF3B, 0xBF3A)] == [1, 2, 1], "one message was lost"


@pytest.mark.asyncio
async def test_eim_that_rebuilds_something_else_gets_the_full_form_in_the_same_session(rig: Rig) -> None:
    site = Site(rig, Direct)
    await site.tell_all()
    info2 = site.eim.association(rig.eid).euicc_info2
    assert info2 is not None
    site.eim.association(rig.eid).euicc_info2 = info2[:-1] + bytes((info2[-1] ^ 1,))
    profiles = len(rig.card.profiles)
    await site.download(SMALL)
    assert len(rig.card.profiles) == profiles + 1
    assert site.store.kept.refused
    compacted, full = site.way.sent[0xBF3B]
    assert len(compacted) < len(full)


@pytest.mark.asyncio
async def test_what_an_eim_stores_is_written_once(rig: Rig) -> None:
    site = Site(rig, Direct)
    await site.tell_all()
    assert site.store.writes == 1
    await site.tell_all()
    await site.download(SMALL)
    assert site.store.writes == 1, "nothing new was learnt"


@pytest.mark.asyncio
async def test_error_that_has_another_reason_is_not_blamed_on_the_form(rig: Rig) -> None:
    site = Site(rig, Direct)
    await site.tell_all()
    initiated = await site.ipa.initiate(txid=await site.triggered(SMALL))
    site.eim.knobs.relay_errors = {"AuthenticateClient": 127}
    assert error_of(await site.ipa.authenticate(initiated, SMALL)) == 127
    assert not site.store.kept.refused
    assert len(site.way.sent[0xBF3B]) == 2, "the full form had its try"
