"""The metrics, as a collector reads them."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from ipad.observe.metrics import exposition
from ipad.observe.status import CounterStatus, ServiceState, Status
from ipad.observe.textfile import Textfile
from tests.ipad.observe.facts import EID, FULL, ONE

_SAMPLE = re.compile(r'([a-z_:][a-z0-9_:]*)\{((?:[a-z_]+="(?:[^"\\\n]|\\[\\"n])*",?)+)\} (-?[0-9.e+-]+)')
_SUFFIXES = {"summary": ("_sum", "_count"), "counter": ("",), "gauge": ("",)}


def read(text: str) -> dict[tuple[str, str], float]:
    """Parse it as strictly as the text format is defined."""
    assert text.endswith("\n")
    found: dict[tuple[str, str], float] = {}
    name = kind = ""
    seen: set[str] = set()
    lines = text.splitlines()
    for index, line in enumerate(lines):
        if line.startswith("# HELP "):
            name = line.split(" ")[2]
            assert name not in seen, "the samples of a metric stand together"
            seen.add(name)
            assert lines[index + 1].startswith(f"# TYPE {name} ")
        elif line.startswith("# TYPE "):
            kind = line.split(" ")[3]
        else:
            sample = _SAMPLE.fullmatch(line)
            assert sample is not None, line
            assert sample[1] in [name + suffix for suffix in _SUFFIXES[kind]]
            key = (sample[1], sample[2])
            assert key not in found
            found[key] = float(sample[3])
    return found


def test_everything_that_is_known_is_shown() -> None:
    found = read(exposition((FULL,)))
    assert found["ipad_registered", 'modem="modem"'] == 1
    assert found["ipad_roaming", 'modem="modem"'] == 1
    assert found["ipad_signal_dbm", 'modem="modem"'] == -95
    assert found["ipad_state", 'modem="modem",state="idle"'] == 1
    assert found["ipad_state", 'modem="modem",state="failed"'] == 0
    assert found["ipad_provisioning_state", 'modem="modem",state="onTrial"'] == 1
    assert found["ipad_profiles", 'modem="modem",state="disabled"'] == 1
    assert found["ipad_packages_total", 'modem="modem",result="ok"'] == 3
    assert found["ipad_download_duration_seconds_sum", 'modem="modem"'] == 61.5
    assert found["ipad_download_duration_seconds_count", 'modem="modem"'] == 2
    assert found["ipad_handshakes_total", 'modem="modem",server="eim.example.com",procedure="poll",kind="full"'] == 1
    assert found["ipad_sent_bytes_total", 'modem="modem",server="eim.example.com",procedure="poll"'] == 100
    assert found["ipad_flash_written_bytes_total", 'modem="modem"'] == 2048
    assert found["ipad_eim_last_contact_timestamp_seconds", 'modem="modem",eim="eim.example.com"'] == 1799999940
    assert found["ipad_loss_seconds", 'modem="modem"'] == 31


def test_names_follow_the_conventions() -> None:
    for line in exposition((FULL,)).splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name.startswith("ipad_")
            assert (kind == "counter") is name.endswith("_total")
            assert "_ms" not in name


def test_labels_are_escaped() -> None:
    assert 'result="odd \\"code\\"\\\\\\n"' in exposition((FULL,))


def test_a_hostile_label_stays_in_its_line() -> None:
    hostile = replace(FULL, counters=(CounterStatus(name="polls", code='"}\x00\r 1\n' * 99, count=1),))
    assert read(exposition((hostile,)))


def test_several_modems_are_told_apart_by_a_label() -> None:
    found = read(exposition((FULL, replace(FULL, modem="second"))))
    assert found["ipad_on_trial", 'modem="modem"'] == found["ipad_on_trial", 'modem="second"'] == 1


def test_identifiers_are_masked_unless_somebody_wants_them() -> None:
    assert EID not in exposition((FULL,))
    assert ONE not in exposition((FULL,))
    assert EID in exposition((FULL,), masked=False)


def test_what_is_not_known_is_absent() -> None:
    found = read(exposition((Status(modem="m", state=ServiceState.STARTING, version="1"),)))
    names = {name for name, _ in found}
    assert "ipad_registered" not in names
    assert "ipad_profiles" not in names
    assert "ipad_state" in names


def test_the_file_is_replaced_whole_and_at_most_once_a_minute(tmp_path: Path) -> None:
    texts = iter(("one\n", "two\n"))
    file = Textfile(tmp_path / "ipad.prom", lambda: next(texts))
    assert file.write(100.0)
    assert not file.write(159.9)
    assert (tmp_path / "ipad.prom").read_text() == "one\n"
    assert file.write(160.0)
    assert (tmp_path / "ipad.prom").read_text() == "two\n"
    assert [path.name for path in tmp_path.iterdir()] == ["ipad.prom"]
    assert (tmp_path / "ipad.prom").stat().st_mode & 0o777 == 0o644, "the collector is another user"
    file.remove()
    assert not list(tmp_path.iterdir())


def test_a_file_that_cannot_be_written_is_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = Textfile(tmp_path / "missing" / "ipad.prom", lambda: "x\n")
    assert not file.write(0.0)
    assert not file.write(60.0)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    (tmp_path / "missing").mkdir()
    assert file.write(120.0)
