"""The trail of changes as a file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ipad.observe.audit import AuditEntry, AuditTrail, audit_file, read_trail, who_eim, who_policy
from ipad.observe.bounded_file import older

NOON = 1_800_000_000.0
ENTRY = AuditEntry(who="eim:eim1/A1", what="enable 1", before="disabled", after="enabled", result="ok")


def trail(file: Path, *, now: float = NOON, size: int = 4096, sizes: list[int] | None = None) -> AuditTrail:
    return AuditTrail(file, lambda: now, size=size, written=(sizes if sizes is not None else []).append)


def test_an_entry_says_who_what_when_and_how_it_ended(tmp_path: Path) -> None:
    file = tmp_path / "state" / "audit.jsonl"
    assert trail(file).record(ENTRY)
    assert list(read_trail(file)) == [
        {
            "time": "2027-01-15T08:00:00Z",
            "clock": True,
            "who": "eim:eim1/A1",
            "what": "enable 1",
            "before": "disabled",
            "after": "enabled",
            "result": "ok",
        }
    ]
    assert file.stat().st_mode & 0o777 == 0o640


def test_a_clock_that_was_never_set_is_not_believed(tmp_path: Path) -> None:
    trail(tmp_path / "a", now=-5.0).record(ENTRY)
    assert [record["clock"] for record in read_trail(tmp_path / "a")] == [False]


def test_entries_that_belong_together_are_one_write_and_one_sync(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced, sizes = [], []
    monkeypatch.setattr(os, "fsync", synced.append)
    trail(tmp_path / "a", sizes=sizes).record(ENTRY, ENTRY)
    assert len(synced) == len(sizes) == 1
    assert sizes == [(tmp_path / "a").stat().st_size]
    assert trail(tmp_path / "a", sizes=sizes).record()
    assert len(sizes) == 1, "without a change nothing is written"


def test_both_files_are_bounded_and_the_last_entries_stay(tmp_path: Path) -> None:
    made = trail(tmp_path / "a", size=4096)
    for number in range(200):
        made.record(AuditEntry(who="user:root", what=str(number), before=None, after=None, result="ok"))
    assert (tmp_path / "a").stat().st_size <= 4096
    assert older(tmp_path / "a").stat().st_size <= 4096
    found = [int(record["what"]) for record in read_trail(tmp_path / "a")]
    assert found == list(range(found[0], 200))
    assert len(found) > 30


def test_long_texts_of_peers_are_cut(tmp_path: Path) -> None:
    trail(tmp_path / "a").record(AuditEntry(who="x" * 9999, what="\n\x1b", before=None, after=None, result="ok"))
    (record,) = read_trail(tmp_path / "a")
    assert len(record["who"]) == 256
    assert record["what"] == "\n\x1b"
    assert len((tmp_path / "a").read_text().splitlines()) == 1


def test_a_line_that_a_power_cut_left_incomplete_harms_no_other(tmp_path: Path) -> None:
    (tmp_path / "a").write_text('{"time":"2027')
    trail(tmp_path / "a").record(ENTRY)
    assert [record["what"] for record in read_trail(tmp_path / "a")] == ["enable 1"]


@pytest.mark.parametrize("code", [28, 30])
def test_a_trail_that_cannot_be_written_is_logged_once_and_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, code: int
) -> None:
    made = trail(tmp_path / "a")

    def refuse(*_: object) -> int:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refuse)
        assert not made.record(ENTRY)
        assert not made.record(ENTRY)
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert os.strerror(code) in caplog.text
    assert made.record(ENTRY)
    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refuse)
        assert not made.record(ENTRY)
    assert len(caplog.records) == 2, "what was over and begins again is news"


def test_a_short_write_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, write = trail(tmp_path / "a"), os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:10]))
        assert not made.record(ENTRY)
    assert made.record(ENTRY)
    assert len(list(read_trail(tmp_path / "a"))) == 1


def test_the_trail_is_not_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "elsewhere")
    assert not trail(tmp_path / "a").record(ENTRY)
    assert not (tmp_path / "elsewhere").exists()


def test_a_missing_trail_is_empty(tmp_path: Path) -> None:
    assert list(read_trail(tmp_path / "a")) == []


def test_names() -> None:
    assert who_eim("eim1", b"\xa1") == "eim:eim1/A1"
    assert who_eim("eim1", None) == "eim:eim1/-"
    assert who_policy("not registered") == "policy:not registered"
    assert audit_file(Path("/s"), "modem", "modem") == Path("/s/audit.jsonl")
    assert audit_file(Path("/s"), "second", "modem") == Path("/s/audit-second.jsonl")
