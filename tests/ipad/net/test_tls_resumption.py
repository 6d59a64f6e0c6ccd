"""Short handshakes: sessions that are resumed, and when they must not be; the size of the ClientHello."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography import x509

from ipad.codec.x509 import Certificate
from ipad.errors import NetworkError, TlsTrustError
from ipad.net.authority import AddressOverrides, Authority
from ipad.net.client import HttpsClient, NetworkSettings
from ipad.net.counters import Usage
from ipad.net.tls import Anchors, PinnedCertificate, PinnedKey, PublicPki, ServerTls, Trust
from ipad.net.tls_context import TlsMemories, TlsMemory, client_context
from tests.ipad.net.issuing import DAY, NOW, Issued, issue, server_context
from tests.ipad.net.servers import ScriptedServer, answer, scripted_server

NAME = "eim.example.com"
CA = issue("CA", ca=True)
LEAF = issue("leaf", CA, hosts=[NAME, "other.example.com"])
VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
ANSWERS = [answer(b"x")] * 10


@dataclass
class Contacts:
    """Polls of one server, each over a connection of its own."""

    server: ScriptedServer
    trust: Trust
    memory: TlsMemory = field(default_factory=TlsMemory)
    now: float = NOW.timestamp()
    name: str = NAME

    async def poll(self) -> Usage:
        """What one cost."""
        settings = NetworkSettings(
            timeout=10.0, overrides=AddressOverrides({f"https://{self.name}": f"127.0.0.1:{self.server.port}"})
        )
        tls = ServerTls(self.trust, lambda: self.now, memory=self.memory)
        client = HttpsClient(Authority(self.name), tls, settings)
        response = await client.post("/", (), b"question", max_body=100)
        assert response.body == b"x"
        assert client.server_certificate, "known whether it was shown or not"
        await client.close()
        return client.usage

    async def polls(self, count: int) -> list[bool]:
        """Whether each of them was short."""
        return [bool((await self.poll()).resumed_handshakes) for _ in range(count)]


@asynccontextmanager
async def contacts(context: ssl.SSLContext, trust: Trust) -> AsyncIterator[Contacts]:
    async with scripted_server(ANSWERS, context) as server:
        yield Contacts(server, trust)


def speaking(context: ssl.SSLContext, version: ssl.TLSVersion) -> ssl.SSLContext:
    context.minimum_version = context.maximum_version = version
    return context


@pytest.fixture(name="context", params=VERSIONS, ids=lambda version: version.name)
def _context(request: pytest.FixtureRequest, tmp_path: Path) -> ssl.SSLContext:
    return speaking(server_context(LEAF, tmp_path, chain=[CA.certificate]), request.param)


@pytest.mark.parametrize(
    "trust",
    [PinnedKey(LEAF.spki), PinnedKey(CA.spki), Anchors((CA.der,))],
    ids=["pinned key", "pinned key of the CA", "anchor"],
)
@pytest.mark.asyncio
async def test_second_connection_resumes_and_so_does_every_later_one(context: ssl.SSLContext, trust: Trust) -> None:
    async with contacts(context, trust) as eim:
        first, second = await eim.poll(), await eim.poll()
        assert (first.resumed_handshakes, second.resumed_handshakes) == (0, 1)
        assert second.bytes_received < first.bytes_received / 2, "no certificate"
        assert await eim.polls(3) == [True] * 3


@pytest.mark.asyncio
async def test_session_is_read_once_where_each_reading_leaks(
    context: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ipad.net.tls_context.SESSION_LEAKS", True)
    async with contacts(context, PinnedKey(LEAF.spki)) as eim:
        assert await eim.polls(5) == [False, True, True, True, True]
        assert eim.memory.context is not None
        assert eim.memory.context._readings == 1


@pytest.mark.asyncio
async def test_what_leaks_is_bounded(context: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ipad.net.tls_context.SESSION_LEAKS", True)
    monkeypatch.setattr("ipad.net.tls_context._MOST_READINGS", 2)
    async with contacts(context, PinnedKey(LEAF.spki)) as eim:
        for expected in ([False, True], [False, True], [False, False]):
            assert await eim.polls(2) == expected
            assert eim.memory.context is not None
            eim.memory.context.kept.clear()  # as if the server had refused it


@pytest.mark.asyncio
async def test_session_identifiers_do_where_there_are_no_tickets(tmp_path: Path) -> None:
    context = speaking(server_context(LEAF, tmp_path), ssl.TLSVersion.TLSv1_2)
    context.options |= ssl.OP_NO_TICKET
    async with contacts(context, PinnedKey(LEAF.spki)) as eim:
        assert await eim.polls(3) == [False, True, True]


@pytest.mark.asyncio
async def test_session_is_not_used_under_another_trust(context: ssl.SSLContext) -> None:
    async with contacts(context, PinnedKey(LEAF.spki)) as eim:
        memories = TlsMemories()
        for trust in (PinnedKey(LEAF.spki), Anchors((CA.der,)), PinnedKey(LEAF.spki)):
            eim.trust, eim.memory = trust, memories.of((trust, NAME))
            seen = await eim.polls(1)
        assert seen == [True], "what was kept under the first trust is kept for it"
        eim.trust, eim.memory = Anchors((issue("other CA", ca=True).der,)), memories.of(("other", NAME))
        with pytest.raises(TlsTrustError):
            await eim.poll()


@pytest.mark.asyncio
async def test_pinned_key_is_compared_on_a_resumed_session_too(context: ssl.SSLContext) -> None:
    async with contacts(context, PinnedKey(LEAF.spki)) as eim:
        await eim.poll()
        eim.trust = PinnedCertificate(_parsed(issue("another")))
        with pytest.raises(TlsTrustError, match="is not the one"):
            await eim.poll()
        eim.trust = PinnedKey(LEAF.spki)
        assert await eim.polls(2) == [False, True], "a session that brought a wrong server is forgotten"


@pytest.mark.asyncio
async def test_session_belongs_to_the_name_it_was_made_for(context: ssl.SSLContext) -> None:
    async with contacts(context, Anchors((CA.der,))) as eim:
        await eim.poll()
        eim.name = "other.example.com"
        assert await eim.polls(2) == [False, True]


@pytest.mark.asyncio
async def test_ticket_that_the_server_refuses_means_a_full_handshake(tmp_path: Path) -> None:
    memory = TlsMemory()
    for _ in range(2):
        # Another context has other ticket keys, as after a restart of the server.
        async with contacts(server_context(LEAF, tmp_path), PinnedKey(LEAF.spki)) as eim:
            eim.memory = memory
            assert await eim.polls(2) == [False, True]


@pytest.mark.asyncio
async def test_session_of_tls_1_2_is_offered_without_tls_1_3(tmp_path: Path) -> None:
    sent = []
    for version in VERSIONS:
        context = speaking(server_context(LEAF, tmp_path), version)
        async with contacts(context, PinnedKey(LEAF.spki)) as eim:
            await eim.poll()
            before = eim.memory.context
            assert before is not None
            sent.append(len(hello(before)))
            assert before.maximum_version is client_context().maximum_version
    assert sent[0] <= 374 + 16
    assert sent[1] > 400


@pytest.mark.asyncio
async def test_server_that_learns_tls_1_3_is_met_with_it_when_the_old_session_is_over(tmp_path: Path) -> None:
    memory = TlsMemory()
    async with contacts(speaking(server_context(LEAF, tmp_path), VERSIONS[0]), PinnedKey(LEAF.spki)) as eim:
        eim.memory = memory
        assert await eim.polls(2) == [False, True]
    # It has both versions now, and does not know the session: after one more full handshake it is asked what it can.
    async with contacts(server_context(LEAF, tmp_path), PinnedKey(LEAF.spki)) as eim:
        eim.memory = memory
        assert await eim.polls(3) == [False, False, True]
    assert not memory.context or not memory.context.kept[NAME].old


@pytest.mark.asyncio
async def test_server_that_gave_up_tls_1_2_is_asked_again_at_once(tmp_path: Path) -> None:
    memory = TlsMemory()
    for version in VERSIONS:
        async with contacts(speaking(server_context(LEAF, tmp_path), version), PinnedKey(LEAF.spki)) as eim:
            eim.memory = memory
            assert await eim.polls(2) == [False, True]
    assert memory.context is not None
    assert not memory.context.kept[NAME].old


@pytest.mark.parametrize("shift", [40 * DAY, -2 * DAY], ids=["late", "early"])
@pytest.mark.asyncio
async def test_certificates_must_be_valid_when_a_session_is_resumed(context: ssl.SSLContext, shift: object) -> None:
    async with contacts(context, Anchors((CA.der,))) as eim:
        assert await eim.polls(2) == [False, True]
        eim.now = (NOW + shift).timestamp()  # type: ignore[operator]
        with pytest.raises(TlsTrustError, match=r"expired on|not valid before"):
            await eim.poll()
        eim.now = NOW.timestamp()
        assert await eim.polls(2) == [False, True]


@pytest.mark.asyncio
async def test_dates_do_not_matter_to_a_pinned_key(tmp_path: Path) -> None:
    leaf = issue(NAME, after=NOW - DAY / 2)
    async with contacts(server_context(leaf, tmp_path), PinnedKey(leaf.spki)) as eim:
        assert await eim.polls(2) == [False, True]


@pytest.mark.asyncio
async def test_changed_file_of_trusted_certificates_ends_what_was_trusted(tmp_path: Path) -> None:
    ca_file = tmp_path / "ca.pem"
    ca_file.write_bytes(CA.pem)
    async with contacts(server_context(LEAF, tmp_path), PublicPki(ca_file)) as eim:
        assert await eim.polls(2) == [False, True]
        ca_file.write_bytes(issue("other CA", ca=True).pem + b"\n")
        with pytest.raises(TlsTrustError):
            await eim.poll()


@pytest.mark.asyncio
async def test_answers_over_a_connection_that_breaks_later_leave_their_session(context: ssl.SSLContext) -> None:
    async with contacts(context, PinnedKey(LEAF.spki)) as eim:
        eim.server.script[1] = None
        tls = ServerTls(eim.trust, lambda: eim.now, memory=eim.memory)
        overrides = AddressOverrides({f"https://{NAME}": f"127.0.0.1:{eim.server.port}"})
        client = HttpsClient(Authority(NAME), tls, NetworkSettings(timeout=10.0, overrides=overrides))
        for _ in range(2):
            await client.post("/", (), b"", max_body=100, repeatable=True)
        assert (client.usage.handshakes, client.usage.resumed_handshakes) == (2, 1)
        await client.close()


@pytest.mark.asyncio
async def test_server_that_is_not_reached_costs_no_session(context: ssl.SSLContext, unused_tcp_port: int) -> None:
    async with contacts(context, PinnedKey(LEAF.spki)) as eim:
        await eim.poll()
        port, eim.server.port = eim.server.port, unused_tcp_port
        with pytest.raises(NetworkError) as caught:
            await eim.poll()
        assert caught.value.layer == "tcp"
        eim.server.port = port
        assert await eim.polls(1) == [True]


@pytest.mark.parametrize("new", ["CA certificate", "leaf with the pinned key"])
@pytest.mark.asyncio
async def test_pinned_key_is_looked_for_again_when_the_chain_changed(tmp_path: Path, new: str) -> None:
    eim_leaf = issue("leaf", CA, hosts=[NAME])
    memory = TlsMemory()
    async with contacts(server_context(eim_leaf, tmp_path, chain=[CA.certificate]), PinnedKey(CA.spki)) as eim:
        eim.memory = memory
        assert await eim.polls(2) == [False, True]
    changed, chain = (CA, ()) if new == "leaf with the pinned key" else _reissued_ca()
    async with contacts(server_context(changed, tmp_path, chain=chain), PinnedKey(CA.spki)) as eim:
        eim.memory = memory
        assert await eim.polls(2) == [False, True]


@pytest.mark.asyncio
async def test_server_that_breaks_off_every_handshake_is_offered_the_short_one_again(unused_tcp_port: int) -> None:
    contacts_seen = 0

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal contacts_seen
        contacts_seen += 1
        await reader.read(100)
        writer.close()

    listener = await asyncio.start_server(hang_up, "127.0.0.1", unused_tcp_port)
    eim = Contacts(ScriptedServer([], port=unused_tcp_port), PinnedKey(LEAF.spki))
    try:
        with pytest.raises(NetworkError, match="no TLS handshake"):
            await eim.poll()
    finally:
        listener.close()
        await listener.wait_closed()
    assert contacts_seen == 2
    assert not eim.memory.wide


def test_memories_are_few() -> None:
    memories = TlsMemories()
    first = memories.of(0)
    assert memories.of(0) is first
    for key in range(1, 17):
        memories.of(key)
    assert memories.of(0) is not first


# --- ClientHello --------------------------------------------------------------------------------------


def hello(context: ssl.SSLContext) -> bytes:
    """The first flight of a client."""
    outgoing = ssl.MemoryBIO()
    tls = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=NAME)
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


def test_client_hello_is_short() -> None:
    # 16 bytes of slack: what libraries offer differs a little from version to version.
    assert len(hello(client_context())) <= 246 + 16
    assert len(hello(client_context(wide=True))) > 2 * 246


Limit = Callable[[ssl.SSLContext], object]


def another_group(context: ssl.SSLContext) -> None:
    context.set_ecdh_curve("secp384r1")


def another_suite(context: ssl.SSLContext) -> None:
    speaking(context, ssl.TLSVersion.TLSv1_2).set_ciphers("ECDHE-ECDSA-AES256-GCM-SHA384")


UNUSUAL: dict[str, tuple[Limit, int]] = {
    # The library's own offer has a key share of another group, so a server of this kind asks for it (RFC 8446 2.1).
    "another group": (another_group, 1 + 3 * 2),
    "another suite": (another_suite, 1 + 3),
}


@pytest.mark.parametrize(("limit", "hellos"), UNUSUAL.values(), ids=UNUSUAL)
@pytest.mark.asyncio
async def test_server_that_refuses_the_short_offer_gets_the_long_one_once_and_for_all(
    tmp_path: Path, limit: Limit, hellos: int
) -> None:
    context = server_context(LEAF, tmp_path)
    limit(context)
    async with contacts(context, PinnedKey(LEAF.spki)) as eim:
        assert await eim.polls(3) == [False, True, True]
        assert eim.memory.wide
        assert len(eim.server.server_names) == hellos, "only the first contact is repeated"


@pytest.mark.asyncio
async def test_server_without_any_common_suite_is_a_failed_handshake(tmp_path: Path) -> None:
    context = speaking(server_context(LEAF, tmp_path), ssl.TLSVersion.TLSv1_2)
    context.set_ciphers("AES128-SHA:@SECLEVEL=0")
    async with contacts(context, PinnedKey(LEAF.spki)) as eim:
        with pytest.raises(NetworkError, match="no TLS handshake") as caught:
            await eim.poll()
        assert (caught.value.layer, isinstance(caught.value, TlsTrustError)) == ("tls", False)
        assert len(eim.server.server_names) == 2


@pytest.mark.asyncio
async def test_server_that_worked_before_gets_no_second_offer(tmp_path: Path) -> None:
    memory = TlsMemory(worked=True)
    context = server_context(LEAF, tmp_path)
    context.set_ecdh_curve("secp384r1")
    async with contacts(context, PinnedKey(LEAF.spki)) as eim:
        eim.memory = memory
        with pytest.raises(NetworkError, match="no TLS handshake"):
            await eim.poll()
        assert len(eim.server.server_names) == 1


def _reissued_ca() -> tuple[Issued, tuple[x509.Certificate, ...]]:
    """A leaf below a CA certificate of another name for the same key."""
    other = issue("new name of the CA", ca=True, key=CA.key)
    return issue("leaf", other, hosts=[NAME]), (other.certificate,)


def _parsed(issued: Issued) -> Certificate:
    return Certificate.parse(issued.der)
