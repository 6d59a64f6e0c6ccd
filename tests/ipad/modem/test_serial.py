"""Serial ports on a pty, TCP in their place, and the ways in which opening fails."""

from __future__ import annotations

import asyncio
import fcntl
import os
import termios
import tty
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ipad.errors import ConfigError, PortError
from ipad.modem.link import SerialLink
from ipad.modem.serial import SerialSettings, open_port, open_socket, opener


@dataclass
class Pty:
    """A pty whose master plays the modem."""

    master: int
    slave: int
    path: str


@pytest.fixture
def pty() -> Iterator[Pty]:
    master, slave = os.openpty()
    tty.setraw(master)
    yield Pty(master, slave, os.ttyname(slave))
    for descriptor in (master, slave):
        try:
            os.close(descriptor)
        except OSError:
            continue


class Sink:
    """Receives what a link reports."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.lost: list[PortError] = []
        self.event = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        self.data += data
        self.event.set()

    def link_lost(self, error: PortError) -> None:
        self.lost.append(error)
        self.event.set()

    async def changed(self) -> None:
        await asyncio.wait_for(self.event.wait(), 5)
        self.event.clear()


def attach(link: SerialLink) -> Sink:
    sink = Sink()
    link.set_receiver(sink)
    return sink


@pytest.mark.asyncio
async def test_bytes_pass_unchanged_in_both_directions(pty: Pty) -> None:
    link = open_port(SerialSettings(pty.path))
    sink = attach(link)
    octets = bytes(range(256))
    os.write(pty.master, octets)
    while len(sink.data) < 256:
        await sink.changed()
    assert sink.data == octets
    link.write(octets)
    assert os.read(pty.master, 4096) == octets
    link.close()
    link.close()
    with pytest.raises(PortError, match="is closed"):
        link.write(b"AT\r")


@pytest.mark.asyncio
async def test_more_than_the_line_takes_at_once_is_sent_in_order(pty: Pty) -> None:
    link = open_port(SerialSettings(pty.path))
    attach(link)
    data = os.urandom(100_000)
    link.write(data)
    link.write(b"end")
    received = bytearray()
    while len(received) < len(data) + 3:
        received += await asyncio.to_thread(os.read, pty.master, 65536)
    assert received == data + b"end"
    link.close()


@pytest.mark.asyncio
async def test_the_line_is_raw_and_keeps_dtr(pty: Pty) -> None:
    link = open_port(SerialSettings(pty.path))
    input_flags, output_flags, control, local, *_ = termios.tcgetattr(pty.slave)
    assert not local & (termios.ICANON | termios.ECHO)
    assert not input_flags & (termios.ICRNL | termios.IXON)
    assert not output_flags & termios.OPOST
    assert not control & (termios.HUPCL | termios.CRTSCTS)
    assert control & (termios.CLOCAL | termios.CREAD)
    link.close()


@pytest.mark.asyncio
async def test_a_second_opener_is_refused_until_the_first_closes(pty: Pty) -> None:
    link = open_port(SerialSettings(pty.path))
    with pytest.raises(PortError, match="is in use by another program") as caught:
        open_port(SerialSettings(pty.path))
    assert "fuser" in (caught.value.hint or "")
    link.close()
    open_port(SerialSettings(pty.path)).close()


@pytest.mark.asyncio
async def test_an_advisory_lock_of_another_program_is_respected(pty: Pty) -> None:
    descriptor = os.open(pty.path, os.O_RDWR | os.O_NOCTTY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    with pytest.raises(PortError, match="in use"):
        open_port(SerialSettings(pty.path))
    os.close(descriptor)


@pytest.mark.asyncio
async def test_hang_up_is_reported_once(pty: Pty) -> None:
    link = open_port(SerialSettings(pty.path))
    sink = attach(link)
    os.close(pty.slave)
    os.close(pty.master)
    await sink.changed()
    await asyncio.sleep(0)
    assert [str(error) for error in sink.lost] == [f"{pty.path} was hung up"]
    with pytest.raises(PortError):
        link.write(b"AT\r")


@pytest.mark.asyncio
async def test_a_loss_is_not_reported_to_an_owner_that_has_closed_the_link(pty: Pty) -> None:
    link = open_port(SerialSettings(pty.path))
    sink = attach(link)
    os.close(pty.slave)
    os.close(pty.master)
    with pytest.raises(PortError, match="was hung up"):
        link.write(b"AT\r")
    link.close()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert sink.lost == []


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/dev/does-not-exist", "there is no such port"),
        ("/dev/null", "is no serial port"),
        ("", "no serial port is configured"),
    ],
)
async def test_what_cannot_be_opened_is_named(path: str, message: str) -> None:
    with pytest.raises(PortError, match=message):
        await opener(SerialSettings(path))()


@pytest.mark.asyncio
async def test_a_plain_file_is_no_port(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="ascii")
    with pytest.raises(PortError, match="is no serial port"):
        open_port(SerialSettings(str(tmp_path / "file")))


@pytest.mark.asyncio
async def test_a_uucp_lock_is_taken_respected_and_replaced_when_stale(pty: Pty, tmp_path: Path) -> None:
    settings = SerialSettings(pty.path, uucp_lock=True, lock_directory=tmp_path)
    lock = tmp_path / f"LCK..{Path(pty.path).name}"
    lock.write_text("  99999999\n", encoding="ascii")
    link = open_port(settings)
    assert int(lock.read_text(encoding="ascii")) == os.getpid()
    with pytest.raises(PortError, match=f"locked by process {os.getpid()}"):
        open_port(settings)
    link.close()
    assert not lock.exists()
    with pytest.raises(PortError, match="no such port"):
        open_port(SerialSettings("/dev/does-not-exist", uucp_lock=True, lock_directory=tmp_path))
    assert os.listdir(tmp_path) == []  # noqa: PTH208
    with pytest.raises(PortError, match="cannot be written"):
        open_port(SerialSettings(pty.path, uucp_lock=True, lock_directory=tmp_path / "missing"))


@pytest.mark.asyncio
async def test_a_socket_url_gives_the_same_link() -> None:
    connections: list[asyncio.StreamWriter] = []
    served = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        writer.write(b"\r\nRDY\r\n")
        assert await reader.readexactly(3) == b"AT\r"
        writer.write(b"\r\nOK\r\n")
        await served.wait()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    link = await opener(SerialSettings(f"socket://127.0.0.1:{port}"))()
    sink = attach(link)
    link.write(b"AT\r")
    while not sink.data.endswith(b"OK\r\n"):
        await sink.changed()
    served.set()
    while not sink.lost:
        await sink.changed()
    assert "was hung up" in str(sink.lost[0])
    with pytest.raises(PortError):
        link.write(b"AT\r")
    link.close()
    server.close()
    await server.wait_closed()


@pytest.mark.asyncio
async def test_socket_urls_that_lead_nowhere() -> None:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    with pytest.raises(PortError, match="no connection"):
        await open_socket(f"socket://127.0.0.1:{port}")
    for url in ("socket://", "socket://host", "socket://host:nan", "socket://host:1/path"):
        with pytest.raises(ConfigError, match="expected socket://host:port"):
            await open_socket(url)
