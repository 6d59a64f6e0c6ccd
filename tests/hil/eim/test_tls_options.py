"""What the TLS of the HTTPS server can be told: versions, tickets, and to forget its sessions."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from hil.clock import LoopClock
from hil.eim.server import EimServer
from hil.eim.tls import Leaf, Leaves, TlsKnobs, TlsVersion
from tests.coaps import pki
from tests.hil.eim import vectors as v
from tests.hil.eim.conftest import make_eim

REQUEST = b"POST /gsma/rsp2/asn1 HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-gsma-rsp-asn1\r\n" + (
    b"Content-Length: %d\r\n\r\n" % len(v.GEP1)
)


@dataclass
class Talk:
    """What a client saw: version, whether the session was resumed, and the session for the next time."""

    version: str | None
    reused: bool | None
    session: ssl.SSLSession | None
    received: int
    """Bytes of the whole connection from the server."""


class Client:
    """One context, whose sessions may be offered again."""

    def __init__(self, server: EimServer) -> None:
        self._port = server.port
        self._context = ssl.create_default_context(cadata=pki().tls_ca.pem.decode())

    async def talk(self, session: ssl.SSLSession | None = None) -> Talk:
        return await asyncio.to_thread(self._talk, session)

    def _talk(self, session: ssl.SSLSession | None) -> Talk:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = self._context.wrap_bio(incoming, outgoing, server_hostname="localhost", session=session)
        received, asked, answer = 0, False, b""
        with socket.create_connection(("127.0.0.1", self._port), timeout=10) as raw:
            while not answer:
                try:
                    if not asked:
                        tls.do_handshake()
                        tls.write(REQUEST + v.GEP1)
                        asked = True
                    answer = tls.read(65536)
                except ssl.SSLWantReadError:
                    raw.sendall(outgoing.read())
                    data = raw.recv(65536)
                    received += len(data)
                    incoming.write(data)
            return Talk(tls.version(), tls.session_reused, tls.session, received)


@pytest_asyncio.fixture(name="server")
async def _server(tmp_path: Path) -> AsyncIterator[EimServer]:
    server = EimServer(
        make_eim(), Leaves(pki(), pki().issue_tls(("localhost",)), ("localhost",), tmp_path), LoopClock()
    )
    await server.start()
    yield server
    await server.close()


@pytest.mark.asyncio
async def test_sessions_are_resumed_until_they_are_forgotten(server: EimServer) -> None:
    client = Client(server)
    first = await client.talk()
    assert (first.version, first.reused) == ("TLSv1.3", False)
    again = await client.talk(first.session)
    assert again.reused
    port = server.port
    await server.forget_sessions()
    assert server.port == port
    assert (await client.talk(again.session)).reused is False


@pytest.mark.asyncio
async def test_maximum_version(server: EimServer) -> None:
    client = Client(server)
    server.turn_tls(TlsKnobs(TlsVersion.V1_2))
    first = await client.talk()
    assert (first.version, first.reused) == ("TLSv1.2", False)
    assert (await client.talk(first.session)).reused
    server.turn_tls(TlsKnobs())
    assert (await client.talk()).version == "TLSv1.3"


@pytest.mark.asyncio
async def test_number_of_tickets_costs_bytes(server: EimServer) -> None:
    client, received = Client(server), {}
    for tickets in (0, 1, 4):
        server.turn_tls(TlsKnobs(tickets=tickets))
        talk = await client.talk()
        received[tickets] = talk.received
        assert bool(talk.session is not None and talk.session.has_ticket) is (tickets > 0)
    ticket = received[1] - received[0]
    assert ticket > 100
    assert abs(received[4] - received[0] - 4 * ticket) < 32, "signatures differ in length by a few bytes"


@pytest.mark.asyncio
async def test_without_tickets(server: EimServer) -> None:
    client = Client(server)
    server.turn_tls(TlsKnobs(session_tickets=False))
    first = await client.talk()
    assert (await client.talk(first.session)).reused is False
    server.turn_tls(TlsKnobs(TlsVersion.V1_2, session_tickets=False))
    older = await client.talk()
    assert older.session is not None
    assert not older.session.has_ticket


@pytest.mark.asyncio
async def test_other_leaf_is_shown_with_other_options(server: EimServer) -> None:
    server.turn_tls(TlsKnobs(TlsVersion.V1_2))
    server.show_leaf(Leaf.EXPIRED)
    with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
        await Client(server).talk()


def test_senseless_number_of_tickets() -> None:
    with pytest.raises(ValueError, match="0 to 16"):
        TlsKnobs(tickets=17)
