"""An eIM of v1.0 is served in its version: as configured, or as soon as it shows itself."""

from __future__ import annotations

import logging

import pytest

from ipad.codec import tlv
from ipad.errors import HttpStatusError
from ipad.esipa.version import EimVersion, VersionedBinding, VersionMemory
from tests.ipad.esipa.scripted import Reply, ScriptedBinding, status
from tests.vectors.sgp32 import VECTORS


def vector(key: str) -> bytes:
    return bytes.fromhex(VECTORS[key]["hex"])


DATA_REQUEST_V10 = tlv.tlv(0xBF4F, vector("V9"))


def bound(
    replies: list[Reply], version: EimVersion | None = None, memory: VersionMemory | None = None
) -> tuple[VersionedBinding, ScriptedBinding]:
    inner = ScriptedBinding(replies)
    return VersionedBinding("eim", inner, version, memory or VersionMemory()), inner


@pytest.mark.asyncio
async def test_configured_eim_of_v10_gets_its_forms_at_once() -> None:
    binding, inner = bound([vector("V5"), DATA_REQUEST_V10], EimVersion.V1_0)
    assert await binding.exchange(vector("PR1")) == vector("V5")
    answer = await binding.exchange(vector("GEP3"))
    assert inner.messages[0] == vector("V2")
    assert inner.messages[1].endswith(bytes.fromhex("8000810362F210"))
    assert tlv.find(answer, 0xBF4F, 0xBF52, 0x5C) is not None
    assert answer != DATA_REQUEST_V10


@pytest.mark.asyncio
async def test_configured_eim_of_v12_is_never_taken_for_another() -> None:
    binding, inner = bound([DATA_REQUEST_V10, status(400), vector("PA2")], EimVersion.V1_2)
    assert await binding.exchange(vector("GEP1")) == DATA_REQUEST_V10
    with pytest.raises(HttpStatusError):
        await binding.exchange(vector("PR1"))
    await binding.exchange(vector("PR1"))
    assert inner.messages[1:] == [vector("PR1"), vector("PR1")]


@pytest.mark.asyncio
async def test_data_request_with_older_tags_changes_the_version() -> None:
    memory = VersionMemory()
    binding, inner = bound([DATA_REQUEST_V10, vector("V5")], memory=memory)
    assert await binding.exchange(vector("GEP1")) != DATA_REQUEST_V10
    await binding.exchange(vector("PR6"))
    assert inner.messages[1] == vector("V6")
    assert memory.version("eim") is EimVersion.V1_0
    assert memory.version("eim2") is None


@pytest.mark.asyncio
async def test_refused_message_is_tried_in_the_older_form_and_what_worked_is_kept() -> None:
    memory = VersionMemory()
    binding, inner = bound([vector("GER6"), status(400), vector("V5")], memory=memory)
    await binding.exchange(vector("GEP1"))
    assert await binding.exchange(vector("PR1")) == vector("V5")
    later, inner_later = bound([vector("V5")], memory=memory)
    await later.exchange(vector("PR1"))
    assert inner.messages == [vector("GEP1"), vector("PR1"), vector("V2")]
    assert inner_later.messages == [vector("V2")]


@pytest.mark.asyncio
async def test_refusal_of_both_forms_is_final_and_not_tried_again() -> None:
    memory = VersionMemory()
    binding, inner = bound([status(400), status(400), status(400)], memory=memory)
    for _ in range(2):
        with pytest.raises(HttpStatusError):
            await binding.exchange(vector("PR1"))
    assert inner.messages == [vector("PR1"), vector("V2"), vector("PR1")]


@pytest.mark.parametrize("key", ["GEP1", "IA1", "AC1"])
@pytest.mark.asyncio
async def test_message_whose_form_is_not_the_reason_is_not_sent_again(key: str) -> None:
    binding, inner = bound([status(400)])
    with pytest.raises(HttpStatusError):
        await binding.exchange(vector(key))
    assert len(inner.messages) == 1


@pytest.mark.asyncio
async def test_empty_response_is_remarked_once_and_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    binding, inner = bound([vector("V5"), vector("V5")])
    with caplog.at_level(logging.INFO):
        await binding.exchange(vector("PR1"))
        await binding.exchange(vector("PR1"))
    assert [record for record in caplog.messages if "v1.0" in record] == [
        'eIM eim answers a result as SGP.32 v1.0 does; if it takes results wrongly, configure version = "1.0"'
    ]
    assert inner.messages == [vector("PR1"), vector("PR1")]
    await binding.close()
    assert inner.closed == 1
