"""Real pseudo terminals and sockets; every wait is for an event."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import socket
import termios
import tty
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from hil.clock import LoopClock
from hil.modem import CommandFault, Knobs, VirtualModem, load_personality
from hil.modem.pty_port import PtyPort
from hil.modem.serial_line import LineSpeed
from hil.modem.tcp_port import TcpPort
from hil.network import Network, Service
from tests.hil.modem.fake_card import FakeCard


class Client:
    """A terminal program on a pseudo terminal."""

    def __init__(self, path: Path) -> None:
        self.fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        tty.setraw(self.fd)

    def close(self) -> None:
        os.close(self.fd)

    async def read(self) -> bytes:
        """The next bytes; b"" at hang-up."""
        loop = asyncio.get_running_loop()
        ready = asyncio.Event()
        loop.add_reader(self.fd, ready.set)
        try:
            async with asyncio.timeout(5):
                await ready.wait()
        finally:
            loop.remove_reader(self.fd)
        try:
            return os.read(self.fd, 4096)
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            return b""

    async def ask(self, line: str) -> bytes:
        os.write(self.fd, line.encode() + b"\r")
        answer = b""
        while b"OK\r\n" not in answer:
            part = await self.read()
            assert part, f"hung up after {answer!r}"
            answer += part
        return answer


async def answering(port: PtyPort, modem: VirtualModem) -> Client:
    """A client of a modem that has booted and registered, with the echo off."""
    while not modem.device.contexts.sessions:
        up = asyncio.Event()
        modem.on_bearer(lambda _up, up=up: up.set())  # type: ignore[misc]
        await until(up)
    client = Client(port.path)
    await client.ask("ATE0")
    return client


async def until(condition: asyncio.Event) -> None:
    await asyncio.wait_for(condition.wait(), 5)


@pytest_asyncio.fixture
async def modem() -> AsyncIterator[VirtualModem]:
    network = Network(default_service=Service(search_time=0.0, session_time=0.0))
    modem = VirtualModem(FakeCard(), network, load_personality("quectel-eg25"), LoopClock())
    yield modem
    modem.power_off()


@pytest_asyncio.fixture
async def port(modem: VirtualModem, tmp_path: Path) -> AsyncIterator[PtyPort]:
    port = PtyPort(modem, tmp_path / "tty", LoopClock())
    port.open()
    modem.power_on()
    yield port
    port.close()


def presence(modem: VirtualModem) -> tuple[asyncio.Event, asyncio.Event]:
    gone, back = asyncio.Event(), asyncio.Event()
    modem.on_port(lambda present: (back if present else gone).set())
    return gone, back


@pytest.mark.asyncio
async def test_client_talks_over_the_link_and_may_come_back(modem: VirtualModem, port: PtyPort) -> None:
    client = await answering(port, modem)
    assert await client.ask("AT+CGMM") == b"\r\nEG25\r\n\r\nOK\r\n"
    client.close()
    again = Client(port.path)
    assert await again.ask("AT+CGMM") == b"\r\nEG25\r\n\r\nOK\r\n"
    again.close()


@pytest.mark.asyncio
async def test_hang_up_is_seen_and_the_old_name_leads_to_a_new_terminal(modem: VirtualModem, port: PtyPort) -> None:
    client = await answering(port, modem)
    gone, back = presence(modem)
    modem.set_knobs(Knobs(faults=(CommandFault("+CGMM", hang_up=True, hang_up_time=0.01),)))
    os.write(client.fd, b"AT+CGMM\r")
    await until(gone)
    assert not port.path.exists()
    assert await client.read() == b""
    await until(back)
    client.close()
    again = Client(port.path)
    assert await again.ask("AT+CGMM") == b"\r\nEG25\r\n\r\nOK\r\n"
    again.close()


@pytest.mark.asyncio
async def test_reset_reenumerates_and_boots(modem: VirtualModem, port: PtyPort) -> None:
    client = await answering(port, modem)
    gone, back = presence(modem)
    os.write(client.fd, b"AT+CFUN=1,1\r")
    await until(gone)
    assert await client.read() == b""
    client.close()
    await until(back)
    again = await answering(port, modem)
    again.close()


@pytest.mark.asyncio
async def test_exclusive_mode_of_a_client_ends_with_it(modem: VirtualModem, port: PtyPort) -> None:
    client = await answering(port, modem)
    fcntl.ioctl(client.fd, termios.TIOCEXCL)
    assert exclusive(port)
    cleared = asyncio.Event()
    original = port._clients

    def clients(count: int) -> None:
        original(count)
        if count == 0:
            cleared.set()

    assert port._watch is not None
    port._watch._changed = clients
    client.close()
    await until(cleared)
    assert not exclusive(port)


def entries(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def exclusive(port: PtyPort) -> bool:
    """TIOCGEXCL on the end that the port holds."""
    assert port._slave is not None
    answer = fcntl.ioctl(port._slave, 0x80045440, b"\0\0\0\0")
    return answer != b"\0\0\0\0"


@pytest.mark.asyncio
async def test_paced_port_is_no_faster_than_its_speed(modem: VirtualModem, tmp_path: Path) -> None:
    speed, clock = 38400, LoopClock()
    port = PtyPort(modem, tmp_path / "tty", clock, LineSpeed(speed))
    port.open()
    modem.power_on()
    client = await answering(port, modem)
    port.line._to_host.lateness = 0.0  # a timer that was late on a busy machine would be made up for
    start = clock.monotonic()
    answer = await client.ask("ATI")
    assert clock.monotonic() - start >= (len("ATI\r") + len(answer)) * 10 / speed
    client.close()
    port.close()


@pytest.mark.asyncio
async def test_no_link_is_left_behind_and_foreign_files_are_spared(modem: VirtualModem, tmp_path: Path) -> None:
    port = PtyPort(modem, tmp_path / "tty", LoopClock())
    port.open()
    assert port.path.is_symlink()
    port.close()
    assert entries(tmp_path) == []
    (tmp_path / "tty").write_text("precious")
    with pytest.raises(FileExistsError):
        port.open()


@pytest.mark.asyncio
async def test_client_that_does_not_read_does_not_stop_the_modem(modem: VirtualModem, port: PtyPort) -> None:
    deaf = await answering(port, modem)
    for _ in range(3000):
        modem.receive(b"ATI\r")
    assert modem.counters.commands > 3000
    assert len(port._unsent) <= 1 << 14
    deaf.close()


@pytest.mark.asyncio
async def test_tcp_port_serves_one_client_at_a_time(modem: VirtualModem) -> None:
    port = TcpPort(modem, LoopClock())
    await port.open()
    booted = asyncio.Event()
    modem.on_bearer(lambda up: booted.set() if up else None)
    modem.power_on()
    await until(booted)
    assert port.url == f"socket://127.0.0.1:{port.port}"
    reader, writer = await asyncio.open_connection("127.0.0.1", port.port)
    writer.write(b"ATE0\rAT+CGMM\r")
    assert (await asyncio.wait_for(reader.readuntil(b"EG25\r\n\r\nOK\r\n"), 5)).startswith(b"ATE0\r")
    second, other = await asyncio.open_connection("127.0.0.1", port.port)
    with pytest.raises(ConnectionResetError):
        await asyncio.wait_for(read_or_fail(second), 5)
    other.close()
    modem.hang_up(0.01)
    with pytest.raises(ConnectionResetError):
        await asyncio.wait_for(read_or_fail(reader), 5)
    writer.close()
    await port.close()


@pytest.mark.asyncio
async def test_tcp_port_lets_in_who_comes_after_a_client_that_left_unnoticed(modem: VirtualModem) -> None:
    """The loop is busy while one client leaves and the next one comes, and hears of both at the same time."""
    port = TcpPort(modem, LoopClock())
    await port.open()
    booted = asyncio.Event()
    modem.on_bearer(lambda up: booted.set() if up else None)
    modem.power_on()
    await until(booted)
    first = socket.create_connection(("127.0.0.1", port.port))
    first.sendall(b"ATE0\r")
    first.close()
    reader, writer = await asyncio.open_connection("127.0.0.1", port.port)
    writer.write(b"AT+CGMM\r")
    assert await asyncio.wait_for(reader.readuntil(b"OK\r\n"), 5) == b"\r\nEG25\r\n\r\nOK\r\n"
    writer.close()
    await port.close()


async def read_or_fail(reader: asyncio.StreamReader) -> None:
    """An end without reset counts as one: a socket without unread data may be closed either way."""
    if await reader.read(1) == b"":
        raise ConnectionResetError
