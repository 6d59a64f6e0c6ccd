"""What the eIM keeps survives its restart."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil.eim.history import RecordKind
from hil.eim.store import EimStore, StoreError
from tests.hil.eim import vectors as v
from tests.hil.eim.conftest import make_eim
from tests.hil.eim.order import enabled, last


def test_restarted_eim_hands_out_the_same_bytes_and_knows_repeats(tmp_path: Path) -> None:
    first = make_eim(EimStore(tmp_path))
    first.associate(v.EID, public_key=v.EUICC_KEY.public_key(), token=1, counter=4)
    enabled(first)
    second = make_eim(EimStore(tmp_path), b"\x09" * 8)
    assert second.handle(v.GEP1) == v.GER6
    assert second.handle(v.PR1) == bytes.fromhex("BF5006BF5303800107")
    third = make_eim(EimStore(tmp_path))
    assert third.handle(v.PR1) == bytes.fromhex("BF5006BF5303800107")
    assert last(third, RecordKind.RESULT).news is False
    assert third.history.records[0].number == 1


def test_torn_history_line_is_dropped(tmp_path: Path) -> None:
    first = make_eim(EimStore(tmp_path))
    first.associate(v.EID)
    first.handle(v.GEP2)
    path = tmp_path / "history.jsonl"
    with path.open("a") as file:
        file.write('{"number": 2, "ti')
    second = make_eim(EimStore(tmp_path))
    second.handle(v.GEP2)
    assert [record.number for record in make_eim(EimStore(tmp_path)).history.records] == [1, 2]


@pytest.mark.parametrize("text", ["", "{}", '{"version": 9}', '{"version": 1, "associations": [{}]}'])
def test_unreadable_state_is_an_error_with_its_place(tmp_path: Path, text: str) -> None:
    (tmp_path / "state.json").write_text(text)
    with pytest.raises(StoreError, match=r"state\.json"):
        make_eim(EimStore(tmp_path))
