"""The mark that a modem was switched off by the agent."""

from __future__ import annotations

from pathlib import Path

import pytest

from ipad.daemon.begun_rung import BegunRung
from ipad.state.store import StateStore


@pytest.mark.asyncio
async def test_next_process_knows_what_this_one_has_begun(tmp_path: Path) -> None:
    file = tmp_path / "rung.cbor"
    mark = BegunRung(StateStore(file))
    assert mark.read() == ""
    await mark.keep("cfun0")
    assert BegunRung(StateStore(file)).read() == "cfun0"
    await mark.keep("")
    assert BegunRung(StateStore(file)).read() == mark.read() == ""


@pytest.mark.asyncio
async def test_suspicion_lasts_until_a_rung_has_ended(tmp_path: Path) -> None:
    mark = BegunRung(StateStore(tmp_path / "rung.cbor"), suspected=True)
    assert mark.read() == "unknown"
    await mark.keep("")
    assert mark.read() == ""


@pytest.mark.parametrize("content", [b"", b"\xff" * 40], ids=["empty", "garbage"])
def test_damaged_mark_may_have_been_one(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "rung.cbor").write_bytes(content)
    assert BegunRung(StateStore(tmp_path / "rung.cbor")).read() == "unknown"


def test_mark_that_cannot_be_read_may_be_one(tmp_path: Path) -> None:
    (tmp_path / "rung.cbor").mkdir()
    assert BegunRung(StateStore(tmp_path / "rung.cbor")).read() == "unknown"


@pytest.mark.asyncio
async def test_full_disk_does_not_keep_a_modem_from_its_rung(tmp_path: Path) -> None:
    (tmp_path / "rung.cbor.new").mkdir()  # where the file is written first
    mark = BegunRung(StateStore(tmp_path / "rung.cbor"))
    await mark.keep("cfun4")
    assert mark.read() == "cfun4"
