"""The state file: atomic, bounded, honest about damage."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path

import cbor2
import pytest

from ipad.errors import StateError
from ipad.state.store import StateStore

CONTENT = {"eid": b"\x01" * 16, "notify": {"eim.example.com": 0}, "future": [1, "two"]}


def save(store: StateStore, content: Mapping[str, object]) -> bool:
    return asyncio.run(store.save(content))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "journal.cbor"


def test_what_was_saved_is_loaded_and_unknown_entries_are_kept(path: Path) -> None:
    assert save(StateStore(path), CONTENT)
    assert StateStore(path).load().content == CONTENT


def test_missing_file_is_no_content_and_no_complaint(path: Path) -> None:
    loaded = StateStore(path).load()
    assert loaded.content is None
    assert loaded.notice is None


def test_unchanged_content_is_not_written_again(path: Path) -> None:
    store = StateStore(path)
    save(store, CONTENT)
    before = path.stat().st_ino
    assert not save(store, dict(reversed(CONTENT.items())))
    again = StateStore(path)
    again.load()
    assert not save(again, CONTENT)
    assert path.stat().st_ino == before


def test_file_is_private_and_nothing_is_left_beside_it(path: Path) -> None:
    save(StateStore(path), CONTENT)
    assert path.stat().st_mode & 0o077 == 0
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("where", [0, 1, 10, -1])
def test_a_damaged_file_is_set_aside_and_reported(path: Path, where: int) -> None:
    store = StateStore(path)
    save(store, CONTENT)
    data = bytearray(path.read_bytes())
    data[where] ^= 0x15
    path.write_bytes(data)
    loaded = StateStore(path).load()
    assert loaded.content is None
    assert loaded.notice is not None
    assert "corrupt-1" in loaded.notice
    assert path.with_name("journal.cbor.corrupt-1").read_bytes() == data
    path.write_bytes(b"")
    assert "corrupt-2" in (StateStore(path).load().notice or "")


def test_every_truncation_is_noticed(path: Path) -> None:
    save(StateStore(path), CONTENT)
    data = path.read_bytes()
    for size in range(len(data)):
        path.write_bytes(data[:size])
        assert StateStore(path).load().notice, size


def test_a_newer_schema_is_refused_and_left_alone(path: Path) -> None:
    path.parent.mkdir()
    data = cbor2.dumps({"schema": 2, "something": "else"})
    path.write_bytes(data)
    with pytest.raises(StateError, match="schema 2"):
        StateStore(path).load()
    assert path.read_bytes() == data


def test_size_is_bounded_both_ways(path: Path) -> None:
    store = StateStore(path, max_bytes=200)
    with pytest.raises(StateError, match="at most 200"):
        save(store, {"large": b"\0" * 200})
    path.parent.mkdir()
    path.write_bytes(b"\0" * 201)
    assert "larger than 200" in (store.load().notice or "")


def test_a_disk_that_cannot_be_written_is_a_state_error_and_keeps_the_old_file(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = StateStore(path)
    save(store, CONTENT)
    before = path.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(StateError, match="No space left"):
            save(store, {"other": 1})
    assert path.read_bytes() == before
    assert save(store, {"other": 1})


def test_a_folder_that_cannot_be_made_is_a_state_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    store = StateStore(tmp_path / "file" / "journal.cbor")
    with pytest.raises(StateError, match="cannot be written"):
        save(store, CONTENT)
    with pytest.raises(StateError, match="cannot be read"):
        store.load()


def test_a_cut_while_writing_the_new_file_leaves_the_old_one(path: Path) -> None:
    save(StateStore(path), CONTENT)
    path.with_name("journal.cbor.new").write_bytes(b"half")
    assert StateStore(path).load().content == CONTENT
    store = StateStore(path)
    store.load()
    save(store, {"next": 1})
    assert StateStore(path).load().content == {"next": 1}


@pytest.mark.asyncio
async def test_two_that_save_at_once_both_succeed_and_the_later_one_counts(tmp_path: Path) -> None:
    store = StateStore(tmp_path / "journal.cbor")
    assert await asyncio.gather(store.save({"n": 1}), store.save({"n": 2})) == [True, True]
    assert StateStore(store.path).load().content == {"n": 2}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_what_root_saves_belongs_to_whom_the_folder_belongs(path: Path) -> None:
    """Else the service could not read its state after a command of the administrator."""
    path.parent.mkdir()
    os.chown(path.parent, 4321, 1234)
    assert save(StateStore(path), CONTENT)
    assert (path.stat().st_uid, path.stat().st_gid, path.stat().st_mode & 0o777) == (4321, 1234, 0o600)


def test_a_link_in_the_place_of_the_new_file_is_not_followed(path: Path) -> None:
    path.parent.mkdir()
    other = path.parent / "other"
    other.write_text("precious")
    path.with_name(f"{path.name}.new").symlink_to(other)
    assert save(StateStore(path), CONTENT)
    assert StateStore(path).load().content == CONTENT
    assert other.read_text() == "precious"
