"""The memory of policy on disk: bound to one eUICC, seldom written, never a reason to stop."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import pytest

from ipad.daemon.guard.memory_file import PolicyMemory, boot_id
from ipad.ids import Eid
from ipad.policy.fallback import FallbackState
from ipad.policy.memory import lost
from ipad.policy.state import State
from ipad.state.store import StateStore

EID = Eid.parse("89049032001234567890000000100070")
OTHER = Eid.parse("89049032001234567890000000200079")
STATE = State(fallback=FallbackState(active=True, former="8949000000000000001"))


def memory(folder: Path, boot: str = "one") -> PolicyMemory:
    return PolicyMemory(StateStore(folder / "policy.cbor"), boot)


@pytest.mark.asyncio
async def test_state_survives_the_process_and_the_boot(tmp_path: Path) -> None:
    first = memory(tmp_path)
    assert first.load(10.0) == State()
    assert first.rebooted
    assert first.belongs_to(EID)
    await first.save(STATE, 10.0)
    assert not first.rebooted
    again = memory(tmp_path)
    assert again.load(20.0).fallback == STATE.fallback
    assert not again.rebooted
    assert again.belongs_to(EID)
    later = memory(tmp_path, "two")
    assert later.load(1.0).fallback == STATE.fallback
    assert later.rebooted


@pytest.mark.asyncio
async def test_that_the_modem_hides_its_bearer_is_remembered_until_it_shows_one(tmp_path: Path) -> None:
    first = memory(tmp_path)
    state = first.load(0.0)
    await first.save(state, 0.0)
    first.hidden = True
    await first.save(state, 1.0)
    second = memory(tmp_path, "two")
    state = second.load(0.0)
    assert second.hidden
    second.hidden = False
    await second.save(state, 1.0)
    third = memory(tmp_path, "two")
    third.load(2.0)
    assert not third.hidden


@pytest.mark.asyncio
async def test_memory_of_another_euicc_is_recognised(tmp_path: Path) -> None:
    first = memory(tmp_path)
    first.load(10.0)
    first.belongs_to(EID)
    await first.save(STATE, 10.0)
    again = memory(tmp_path)
    again.load(10.0)
    assert not again.belongs_to(OTHER)
    assert again.belongs_to(OTHER)


@pytest.mark.parametrize(
    "damage", [b"", b"nonsense", b"\xa1\x66policy\x01", bytes(2000)], ids=["empty", "text", "map", "zeros"]
)
def test_damaged_file_begins_anew_and_is_kept_for_a_person(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "policy.cbor").write_bytes(damage)
    assert memory(tmp_path).load(10.0) == lost(10.0)
    assert [file.name for file in tmp_path.iterdir()] == ["policy.cbor.corrupt-1"]


@pytest.mark.asyncio
async def test_values_of_a_wrong_shape_begin_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    await StateStore(tmp_path / "policy.cbor").save({"policy": {"boot": "one", "window": 7}})
    assert memory(tmp_path).load(10.0) == lost(10.0)
    assert "begins without its memory" in caplog.text


@pytest.mark.asyncio
async def test_disk_that_cannot_be_written_is_reported_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    kept = PolicyMemory(StateStore(tmp_path / "file" / "policy.cbor"), "one")
    with caplog.at_level(logging.ERROR, "ipad"):
        await kept.save(STATE, 10.0)
        await kept.save(replace(STATE, told=True, fallback=FallbackState()), 20.0)
    assert len(caplog.records) == 1


def test_boot_is_named_by_the_kernel_or_else_by_the_process(tmp_path: Path) -> None:
    file = tmp_path / "boot_id"
    file.write_text("f3c1\n")
    assert boot_id(file) == "f3c1"
    assert boot_id(tmp_path / "none") != boot_id(tmp_path / "none")
