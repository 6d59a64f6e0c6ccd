"""The journal: typed, bound to one eUICC, written only on change."""

from __future__ import annotations

import re
from dataclasses import replace

import cbor2
import pytest

from ipad.codec.esipa import StateChangeCause
from ipad.errors import StateError
from ipad.ids import Eid
from ipad.state.journal import (
    DownloadMarker,
    EnabledProfile,
    Journal,
    JournalContent,
    Marker,
    Origin,
    Postponed,
    Step,
    UndeliveredResult,
    decode_content,
    encode_content,
)
from tests.fakes.packages import eim_configuration
from tests.fakes.store import MemoryStore
from tests.fakes.values import EID, ICCID1

EIM = eim_configuration().encode()
FULL = JournalContent(
    eid=EID,
    marker=Marker(
        eim_id="eim.example.com",
        eim_configuration=EIM,
        eim_transaction_id=b"\xa1\xa2",
        counter_value=0x7FFFFF,
        iccid_before=ICCID1,
        rollback_flag=True,
        step=Step.ACKNOWLEDGED,
        result=bytes.fromhex("A003020102"),
        profile_changed=True,
        acknowledged=(7, 8),
    ),
    notify={"eim.example.com": StateChangeCause.OTHER_EIM, "eim2.example.com": StateChangeCause(99)},
    undelivered=(
        UndeliveredResult(eim_id="a", eim_configuration=EIM, result=b"\xa0\x03\x02\x01\x02"),
        UndeliveredResult(eim_id="b", eim_configuration=EIM, result=b"\xa0\x03\x02\x01\x02", as_notification=True),
    ),
    download=DownloadMarker(
        eim_id="eim.example.com",
        eim_configuration=EIM,
        eim_transaction_id=b"\xa1",
        direct=True,
        number_before=0,
        transaction_id=bytes(16),
    ),
    direct_results=(3, 9),
    postponed={b"\x01" * 16: Postponed(refusals=2, not_before=1_800_000_000)},
    enabled=EnabledProfile(iccid=None),
    eim_fingerprint=b"\x01\x02",
    time_floor=1_700_000_000,
    extra={"of_a_newer_version": [1, 2]},
)


@pytest.mark.asyncio
async def test_everything_survives() -> None:
    store = MemoryStore()
    await Journal.open(store, EID).commit(FULL)
    journal = Journal.open(store, EID)
    assert journal.content == FULL
    assert journal.origin is Origin.KEPT
    assert journal.content.marker is not None
    assert journal.content.marker.eim.eim_id == "eim.example.com"


@pytest.mark.parametrize("number_before", [None, 0, 300])
def test_download_that_nobody_but_a_local_user_asked_for(number_before: int | None) -> None:
    marker = DownloadMarker(
        eim_id=None, eim_configuration=None, eim_transaction_id=None, direct=True, number_before=number_before
    )
    content = JournalContent(eid=EID, download=marker)
    assert decode_content(encode_content(content)) == content


@pytest.mark.asyncio
async def test_equal_content_writes_nothing() -> None:
    store = MemoryStore()
    journal = Journal.open(store, EID)
    assert journal.origin is Origin.NEW
    await journal.commit(JournalContent(eid=EID))
    assert store.saves == 0
    await journal.commit(FULL)
    await journal.commit(replace(FULL, notify=dict(FULL.notify)))
    assert store.saves == 1


@pytest.mark.asyncio
async def test_cause_zero_is_not_no_cause_and_no_profile_is_not_unknown() -> None:
    content = JournalContent(eid=EID, notify={"x": StateChangeCause.OTHER_EIM}, enabled=EnabledProfile(iccid=None))
    assert decode_content(encode_content(content)) == content
    assert decode_content(encode_content(JournalContent(eid=EID))).enabled is None


@pytest.mark.asyncio
async def test_content_of_another_euicc_is_dropped() -> None:
    store = MemoryStore()
    await Journal.open(store, EID).commit(FULL)
    other = Eid.parse("89049032000000000000000000000001")
    journal = Journal.open(store, other)
    assert journal.origin is Origin.OTHER_EUICC
    assert journal.content == JournalContent(eid=other)
    assert journal.notice is not None
    assert str(EID) not in journal.notice


@pytest.mark.asyncio
async def test_failed_write_leaves_the_content_as_it_was() -> None:
    store = MemoryStore()
    store.room = 0
    journal = Journal.open(store, EID)
    with pytest.raises(StateError):
        await journal.commit(FULL)
    assert journal.content.marker is None


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("eid", b"\x01", "16"),
        ("eid", "text", "journal.eid is str, expected bytes"),
        ("eid", None, "journal.eid is missing"),
        ("marker", {}, "journal.marker.step is missing"),
        ("marker", {"step": "elsewhere"}, "no known step"),
        ("marker", [1], "expected dict"),
        ("marker", {"step": "result"}, "result is missing at step result"),
        ("marker", {"step": "loading", "eim_id": "a", "eim_configuration": b"\x30\x00"}, "eim_id .* is missing"),
        ("marker", {1: 2}, "no map with names"),
        ("notify", {"eim": "cause"}, "expected int"),
        ("undelivered", [1], r"undelivered\[0\] is no map"),
        ("undelivered", [{"eim_id": "a"}], "eim_configuration is missing"),
        ("undelivered", [{"eim_id": "a", "eim_configuration": EIM, "result": b"\xbf"}], "cut off"),
        ("download", {"eim_id": "a"}, "eim_configuration is missing"),
        ("download", {"eim_id": "a", "eim_configuration": b"\x01"}, "cut off|expected"),
        ("download", {"number_before": "many"}, "expected int"),
        ("direct_results", [b"1"], "expected int"),
        ("postponed", {b"x": [1]}, "pairs of numbers"),
        ("postponed", {b"x": [1, True]}, "expected int"),
        ("enabled", ["text"], "no byte string"),
        ("time_floor", 1.5, "expected int"),
    ],
)
def test_content_of_a_wrong_shape_is_set_aside(name: str, value: object, complaint: str) -> None:
    store = MemoryStore()
    store.data = cbor2.dumps({**encode_content(FULL), name: value})
    journal = Journal.open(store, EID)
    assert journal.origin is Origin.DAMAGED
    assert journal.content == JournalContent(eid=EID)
    assert re.search(complaint, store.set_aside_reasons[0])
