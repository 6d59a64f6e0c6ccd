"""The card in a PC/SC reader: vpcd frames, reconnection, and the real pcscd where it is installed."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from hil.clock import LoopClock, ManualClock
from hil.euicc import PowerLossPoint, VirtualEuicc, default_card
from hil.euicc.config import DEFAULT_EID
from hil.pki import Pki
from hil.vpcd import VpcdProtocol, connect, listen
from tests.hil.euicc.bench import ENABLE, ICCID1, Bench, psmo
from tests.hil.euicc.conftest import bench, keyring, make_bench, pki

__all__ = ["bench", "keyring", "make_bench", "pki"]

ATR = bytes.fromhex("3B9F95801FC78031E073FE2113574A330E0A333530A0")
SELECT = bytes.fromhex("00A4040010A0000005591010FFFFFFFF8900000100")


def frame(payload: bytes | str) -> bytes:
    payload = bytes.fromhex(payload) if isinstance(payload, str) else payload
    return len(payload).to_bytes(2, "big") + payload


def test_atr_has_a_right_check_octet() -> None:
    check = 0
    for octet in ATR[1:]:
        check ^= octet
    assert check == 0


def test_power_and_reset_are_not_answered_and_atr_is(bench: Bench) -> None:
    protocol = VpcdProtocol(bench.card)
    assert protocol.feed(frame("01")) == b""
    assert protocol.feed(frame("04")) == frame(ATR)
    assert protocol.feed(frame("02")) == b""
    assert protocol.feed(frame("00")) == b""
    assert not bench.card.powered


def test_apdus_go_both_ways(bench: Bench) -> None:
    protocol = VpcdProtocol(bench.card)
    protocol.feed(frame("01"))
    assert protocol.feed(frame(SELECT)) == frame("6127")
    assert protocol.feed(frame("00C0000027"))[-2:] == b"\x90\x00"


def test_frames_arrive_octet_by_octet_or_several_at_once(bench: Bench) -> None:
    protocol = VpcdProtocol(bench.card)
    stream = frame("01") + frame("04") + frame(SELECT)
    whole = VpcdProtocol(bench.card).feed(stream)
    assert b"".join(protocol.feed(bytes([octet])) for octet in stream) == whole == frame(ATR) + frame("6127")


def test_unknown_control_and_empty_frames_are_skipped(bench: Bench) -> None:
    protocol = VpcdProtocol(bench.card)
    assert protocol.feed(frame("07") + frame(b"") + frame("04")) == frame(ATR)


def test_card_that_lost_its_power_is_mute_until_it_is_reset(bench: Bench) -> None:
    protocol = VpcdProtocol(bench.card)
    protocol.feed(frame("01") + frame(SELECT))
    bench.card.knobs.power_loss = PowerLossPoint.AFTER_RESULT_STORED
    package = bench.package(psmo(ENABLE, ICCID1))
    assert protocol.feed(frame(bytes((0x80, 0xE2, 0x91, 0x00, len(package))) + package)) == frame(b"")
    assert protocol.feed(frame(SELECT)) == frame(b"")
    bench.card.knobs.power_loss = PowerLossPoint.AFTER_SWITCH
    assert protocol.feed(frame("02") + frame(SELECT)) in (frame(b""), frame("6127"))
    assert protocol.feed(frame("02") + frame(SELECT)) == frame("6127")


class FakeReader:
    """The reader's side over a real socket."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self._server.setblocking(False)
        self.port: int = self._server.getsockname()[1]

    async def insert(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        stream, _address = await asyncio.get_running_loop().sock_accept(self._server)
        return await asyncio.open_connection(sock=stream)

    def close(self) -> None:
        self._server.close()


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, payload: bytes | str) -> bytes:
    writer.write(frame(payload))
    size = int.from_bytes(await reader.readexactly(2), "big")
    return await reader.readexactly(size)


async def stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


@pytest.mark.asyncio
async def test_card_connects_to_the_reader_and_comes_back_after_it_was_gone(bench: Bench) -> None:
    fake = FakeReader()
    changes: list[bool] = []
    task = asyncio.create_task(
        connect(bench.card, "127.0.0.1", fake.port, clock=LoopClock(), pause=0, on_inserted=changes.append)
    )
    try:
        for _ in range(2):
            reader, writer = await fake.insert()
            writer.write(frame("01"))
            assert await ask(reader, writer, "04") == ATR
            assert await ask(reader, writer, SELECT) == bytes.fromhex("6127")
            writer.close()
            await writer.wait_closed()
    finally:
        await stop(task)
        fake.close()
    assert changes[:3] == [True, False, True]
    assert not bench.card.powered


class NotingClock(ManualClock):
    """Stands still and tells that somebody waits."""

    def __init__(self) -> None:
        super().__init__()
        self.slept = asyncio.Event()
        self.seconds: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.seconds.append(seconds)
        self.slept.set()
        await super().sleep(seconds)


@pytest.mark.asyncio
async def test_card_waits_before_it_tries_again_to_reach_the_reader(bench: Bench) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    clock = NotingClock()
    task = asyncio.create_task(connect(bench.card, "127.0.0.1", port, clock=clock, pause=5))
    try:
        await clock.slept.wait()
        assert clock.seconds == [5]
    finally:
        await stop(task)


@pytest.mark.asyncio
async def test_reversed_set_up_listens_for_one_reader_after_the_other(bench: Bench) -> None:
    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(listen(bench.card, ready=port.set_result))
    try:
        for _ in range(2):
            reader, writer = await asyncio.open_connection("127.0.0.1", await port)
            writer.write(frame("01"))
            assert await ask(reader, writer, "04") == ATR
            writer.close()
            await writer.wait_closed()
    finally:
        await stop(task)


def pcscd_obstacle() -> str | None:
    """Why the real reader cannot be used here; None if it can."""
    missing = [name for name in ("pcscd", "opensc-tool", "unshare") if shutil.which(name) is None]
    if missing:
        return f"not installed: {', '.join(missing)}"
    if not list(Path("/usr/lib/pcsc/drivers").glob("**/libifdvpcd*")):
        return "vsmartcard-vpcd is not installed"
    if os.geteuid() != 0:
        return "needs root for a network and mount namespace of its own"
    probe = subprocess.run(["unshare", "--net", "--mount", "true"], capture_output=True, check=False)
    return None if probe.returncode == 0 else "namespaces are not allowed here"


_IN_NAMESPACE = """
import asyncio, fcntl, socket, struct, subprocess, sys
from pathlib import Path
from hil.clock import LoopClock
from hil.euicc import VirtualEuicc
from hil.pki import Pki
from hil.vpcd import connect

def raise_loopback():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        fcntl.ioctl(sock, 0x8914, struct.pack("16sh14x", b"lo", 0x41))

async def tool(*arguments):
    process = await asyncio.create_subprocess_exec("opensc-tool", *arguments, stdout=subprocess.PIPE)
    return (await asyncio.wait_for(process.communicate(), 20))[0].decode()

async def main():
    card = VirtualEuicc.open(Path(sys.argv[1]), Pki.load(Path(sys.argv[2])))
    inserted = asyncio.Event()
    daemon = await asyncio.create_subprocess_exec("pcscd", "--foreground", stdout=subprocess.DEVNULL)
    reader = asyncio.create_task(connect(card, "127.0.0.1", 35963, clock=LoopClock(), pause=0.05,
                                         on_inserted=lambda there: inserted.set() if there else None))
    try:
        await asyncio.wait_for(inserted.wait(), 20)
        while not card.powered:
            await asyncio.sleep(0.01)
        print(await tool("--atr"))
        print(await tool(*(word for apdu in sys.argv[3:] for word in ("--send-apdu", apdu))))
    finally:
        reader.cancel()
        daemon.terminate()
        await daemon.wait()

raise_loopback()
subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
Path("/run/pcscd").mkdir()
asyncio.run(main())
"""


@pytest.mark.skipif(pcscd_obstacle() is not None, reason=pcscd_obstacle() or "")
def test_smart_card_tools_talk_to_the_card_through_the_real_reader(tmp_path: Path, pki: Pki) -> None:
    VirtualEuicc.create(tmp_path / "card", default_card(), pki)
    # On the basic channel: this tool fetches answers with class 00 whatever the channel of the command.
    apdus = ("0070000001", "0070800100", f"{SELECT.hex()}00", "80E2910006BF3E035C015A00", "80E2910003BF220000")
    arguments = [sys.executable, "-c", _IN_NAMESPACE, str(tmp_path / "card"), str(pki.directory)]
    done = subprocess.run(
        ["unshare", "--net", "--mount", *arguments, *apdus],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    text = "".join(done.stdout.upper().split())
    assert ":".join(f"{octet:02X}" for octet in ATR) in text, done.stdout + done.stderr
    dump = bytes.fromhex(f"BF3E125A10{DEFAULT_EID}").hex(" ").upper()
    assert dump[:47] in done.stdout, done.stdout + done.stderr
    assert done.stdout.count("Received (SW1=0x90, SW2=0x00)") == len(apdus), done.stdout + done.stderr
