"""Recordings of traffic: what they show, what they never hold, and where they end."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hil import tlv
from hil.euicc.config import default_card
from hil.pki import Pki
from hil.scp03t import SessionKeys
from hil.smdp import binding
from hil.smdp.orders import confirmation_hash
from hil.upp.builder import UsimProfile, build
from ipad.card.channel import TracedChannel
from ipad.card.isdr import IsdrSession
from ipad.codec.activation_code import ActivationCode
from ipad.codec.rsp import PrepareDownloadRequest
from ipad.daemon.taps import TappedBinding, TappedJson, TappedSession
from ipad.errors import StateError
from ipad.es10.euicc import Euicc
from ipad.observe.bounded_file import older
from ipad.observe.tap import TrafficTap
from ipad.observe.traffic import TrafficRing, read_recording
from ipad.procedures.download_trigger import target_of_code
from ipad.procedures.triggered_download import download_locally
from tests.ipad.procedures.download_bench import EIM, ICCID, IMSI, CardLink, DownloadBench, code_data, make_order
from tests.own_log import own_log

WINDOW = 12
"""Bytes in a row that would be a leak."""
CONFIRMATION_CODE = "kumquat"
NOON = 1_800_000_000.0


def noon() -> float:
    return NOON


@pytest.fixture(autouse=True)
def _levels() -> Iterator[None]:
    yield
    for name in ("ipad.modem.port", "ipad.card.channel"):
        assert not logging.getLogger(name).handlers, "a recording goes on"
        assert logging.getLogger(name).level == logging.NOTSET


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki.generate(tmp_path_factory.mktemp("pki"), eid=default_card().eid, hosts=("smdp.example.com", "127.0.0.1"))


class Spy:
    """An ISD-R session that keeps the requests that carry a confirmation code."""

    def __init__(self, session: IsdrSession) -> None:
        self._session = session
        self.hashes: list[bytes] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    async def transceive(self, request: bytes, *, repeatable: bool = False) -> bytes:
        if request[:2] == b"\xbf\x21":
            hashed = PrepareDownloadRequest.decode(request).hash_cc
            self.hashes += [hashed] if hashed else []
        return await self._session.transceive(request, repeatable=repeatable)


class Tapped:
    """RSP servers with a tap on the way to each."""

    def __init__(self, network: Any, tap: TrafficTap) -> None:
        self._network = network
        self._tap = tap

    def connect(self, address: str) -> TappedJson:
        return TappedJson(address, self._network.connect(address), self._tap)


def windows(data: bytes) -> set[str]:
    """Every run of bytes that is not mere padding, in hexadecimal."""
    runs = (data[start : start + WINDOW] for start in range(len(data) - WINDOW + 1))
    return {run.hex().upper() for run in runs if len(set(run)) > WINDOW // 2}


def recorded(file: Path) -> set[str]:
    """Every run of as many hexadecimal digits in a recording."""
    text = "".join(part.read_text() for part in (older(file), file) if part.exists())
    # What came in base64 is looked for in hexadecimal and as it came.
    assert not re.search(r"[A-Za-z0-9+/]{200}", re.sub(r"[0-9A-F]{32,}", " ", text)), "something long in base64"
    text = text.upper()
    return {text[start : start + 2 * WINDOW] for start in range(len(text))}


@pytest.mark.asyncio
@pytest.mark.parametrize("relays", [True, False])
async def test_a_whole_download_leaves_no_secret_in_the_recording(
    pki: Pki, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, relays: bool
) -> None:
    world = DownloadBench(pki, tmp_path)
    keys: list[SessionKeys] = []
    made, packages = binding.session_keys, []

    def spied(*given: Any) -> SessionKeys:
        keys.append(made(*given))
        return keys[-1]

    monkeypatch.setattr(binding, "session_keys", spied)
    world.tamper(lambda package: packages.append(package) or package)  # type: ignore[func-returns-value]
    hashed = confirmation_hash(CONFIRMATION_CODE)
    world.smdp.orders.add(make_order(size=20_000, confirmation_hash=hashed))
    world.eim.confirmation_hash = hashed
    file, tap = tmp_path / "traffic.jsonl", TrafficTap(noon)
    tap.line = "card"
    spy = Spy(IsdrSession(TracedChannel(CardLink(world.card), "card")))
    world.settings["euicc"] = Euicc(TappedSession(spy, tap))
    world.settings["rsp"] = Tapped(world.network, tap)
    world.connector.eim = TappedBinding(EIM, world.eim, tap)  # type: ignore[assignment]
    tap.start(file, 8 * 1024 * 1024)
    code = "1$smdp.example.com$TEST-1$$1"
    if relays:
        report = await world.triggered(code_data(code), relays=True)
    else:
        await world.associate()
        target = target_of_code(ActivationCode.parse(code))
        (report,) = await download_locally(await world.start(), target, CONFIRMATION_CODE)
    assert tap.stop()

    assert report.installed
    rows = list(read_recording(file))
    assert {row.layer for row in rows} == {"note", "apdu", "es10", "esipa" if relays else "es9"}
    assert not older(file).exists(), "the whole of it was to be looked at"
    found, text = recorded(file), file.read_text().upper()
    profile = build(UsimProfile(iccid=ICCID, imsi=IMSI, size=20_000))
    assert not windows(profile) & found
    for package in packages:
        # The first object belongs to the session, A1 is the metadata, which the eUICC shows to everybody.
        for part in tlv.children(tlv.single(package).value):
            if part.tag in (0xA0, 0xA2, 0xA3):
                assert not windows(part.value) & found
    for key in keys:
        for secret in (key.encryption, key.mac, key.initial_chaining):
            assert secret.hex().upper() not in text
    for value in (hashed, *spy.hashes):
        assert value.hex().upper() not in text
    assert "TEST-1" not in text
    assert b"TEST-1".hex() not in text.lower()
    assert CONFIRMATION_CODE.encode().hex() not in text.lower()
    assert packages
    assert keys
    assert spy.hashes


@pytest.mark.asyncio
async def test_without_a_recording_nothing_is_written(pki: Pki, tmp_path: Path) -> None:
    world, tap = DownloadBench(pki, tmp_path), TrafficTap(noon)
    world.settings["euicc"] = Euicc(TappedSession(IsdrSession(CardLink(world.card)), tap))
    await world.start()
    assert not tap.stop()
    assert not (tmp_path / "traffic.jsonl").exists()


def make(file: Path, limit: int = 64 * 1024, line: str = "") -> TrafficRing:
    ring = TrafficRing(file, noon, limit=limit, line=line)
    ring.start()
    return ring


def log_port(name: str, *args: Any) -> None:
    logging.getLogger("ipad.modem.port").log(5, "%s > %s" if len(args) == 1 else "%s < %s %s", name, *args)


def test_at_lines_are_recorded_without_what_they_carry(tmp_path: Path) -> None:
    ring = make(tmp_path / "t")
    log_port("/dev/ttyUSB2", 'AT+CGLA=1,26,"80E2910006BF3E035C015A"')
    log_port("/dev/ttyUSB2", ["+CREG: 0,1"], "OK")
    ring.stop()
    _, command, answer = read_recording(tmp_path / "t")
    assert (command.layer, command.way, command.peer) == ("at", ">", "/dev/ttyUSB2")
    assert command.text == 'AT+CGLA=1,26,"80E2910006…"'
    assert (answer.way, answer.text) == ("<", "+CREG: 0,1 OK")


def test_lines_of_another_modem_are_not_recorded(tmp_path: Path) -> None:
    ring = make(tmp_path / "t", line="/dev/ttyUSB2")
    log_port("/dev/ttyUSB9", "AT")
    ring.stop()
    assert [row.layer for row in read_recording(tmp_path / "t")] == ["note"]


def test_what_is_recorded_does_not_show_up_in_the_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from ipad.daemon import log  # noqa: PLC0415 - takes hold of the log of the process

    with own_log():
        log.set_up(logging.ERROR)
        ring = make(tmp_path / "t")
        log_port("/dev/ttyUSB2", "AT+CPIN?")
        ring.stop()
    assert "CPIN" not in capsys.readouterr().err
    assert "CPIN" in (tmp_path / "t").read_text()


def test_the_recording_is_bounded_and_holds_the_last_part(tmp_path: Path) -> None:
    file = tmp_path / "t"
    ring = make(file, limit=8192)
    for number in range(400):
        ring.note("at", ">", "", f"line {number}")
    ring.stop()
    assert file.stat().st_size + older(file).stat().st_size <= 8192
    assert list(read_recording(file))[-1].text == "line 399"


def test_a_new_recording_begins_anew_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    file = tmp_path / "t"
    make(file).stop()
    ring = make(file)
    ring.note("at", ">", "", "AT")
    ring.stop()
    assert [row.text for row in read_recording(file)] == ["the recording begins", "AT"]
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t").symlink_to(tmp_path / "elsewhere" / "t")
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match="no traffic can be recorded"):
        make(tmp_path / "file" / "t")


def test_a_full_disk_ends_the_recording_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ring = make(tmp_path / "t")

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.write", full)
        ring.es10(">", bytes.fromhex("BF3E035C015A"))
        ring.es10(">", bytes.fromhex("BF3E035C015A"))
    ring.stop()
    assert [record.message for record in caplog.records if "not recorded in" in record.message] == [
        f"traffic is not recorded in {tmp_path / 't'}: No space left on device"
    ]


def test_a_tap_replaces_a_recording_that_goes_on(tmp_path: Path) -> None:
    tap = TrafficTap(noon)
    tap.start(tmp_path / "one", 8192)
    tap.start(tmp_path / "two", 8192)
    assert tap.ring is not None
    tap.ring.segment(1000)
    assert tap.stop()
    assert [row.text for row in read_recording(tmp_path / "two")][-1] == "segment of a Bound Profile Package …(1000)"
    assert len(list(read_recording(tmp_path / "one"))) == 1


def test_damaged_lines_of_a_recording_are_skipped(tmp_path: Path) -> None:
    (tmp_path / "t").write_text('no json\n[1]\n{"layer":"at"}\n' + json.dumps({"time": 1, "text": "x"}) + "\n")
    assert [(row.time, row.layer, row.text) for row in read_recording(tmp_path / "t")] == [
        ("", "at", ""),
        ("1", "", "x"),
    ]
