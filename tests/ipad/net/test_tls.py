from __future__ import annotations

import logging
import ssl
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from ipad.codec.eim import TrustedPublicKeyDataTls
from ipad.codec.x509 import Certificate
from ipad.errors import CodecError, NetworkError, TlsTrustError
from ipad.net import tcp, tls
from ipad.net.tls import Anchors, PinnedCertificate, PinnedKey, PublicPki, ServerTls, Trust, eim_trust
from tests.ipad.net.issuing import DAY, NOW, Issued, issue, server_context
from tests.ipad.net.servers import ScriptedServer, scripted_server

NAME = "eim.example.com"
CA = issue("CA", ca=True)
LEAF = issue("leaf", CA, hosts=[NAME])
SELF_SIGNED = issue(NAME)


@asynccontextmanager
async def connected(
    server: ScriptedServer, trust: Trust, *, name: str = NAME, now: float | None = None, brainpool: bool = False
) -> AsyncIterator[ServerTls]:
    """A handshake with the server under this trust, closed in the end."""
    server_tls = ServerTls(trust, lambda: NOW.timestamp() if now is None else now, brainpool=brainpool)
    _, writer = await server_tls.open(lambda: tcp.connect("127.0.0.1", server.port), name)
    try:
        yield server_tls
    finally:
        await tls.close(writer)


async def handshake(
    context: ssl.SSLContext, trust: Trust, *, name: str = NAME, now: float | None = None, brainpool: bool = False
) -> ScriptedServer:
    async with (
        scripted_server([], context) as server,
        connected(server, trust, name=name, now=now, brainpool=brainpool),
    ):
        pass
    return server


# --- pinned key ---------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_pinned_key_of_the_leaf_is_enough_whatever_the_certificate_says(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    leaf = issue("other name", issue("unknown CA", ca=True), hosts=["elsewhere.example"], after=NOW - DAY / 2)
    with caplog.at_level(logging.WARNING):
        await handshake(server_context(leaf, tmp_path), PinnedKey(leaf.spki))
    assert "expired on" in caplog.text


@pytest.mark.asyncio
async def test_another_key_than_the_pinned_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TlsTrustError, match="neither the server's key nor one in its chain"):
        await handshake(server_context(SELF_SIGNED, tmp_path), PinnedKey(CA.spki))


@pytest.mark.asyncio
async def test_pinned_key_of_a_ca_in_the_chain_is_the_anchor_of_a_full_check(tmp_path: Path) -> None:
    context = server_context(LEAF, tmp_path, chain=[CA.certificate])
    async with scripted_server([], context) as server:
        async with connected(server, PinnedKey(CA.spki)) as server_tls:
            assert len(server.server_names) == 2
        _, writer = await server_tls.open(lambda: tcp.connect("127.0.0.1", server.port), NAME)
        await tls.close(writer)
        assert len(server.server_names) == 3, "the anchor is remembered"


@pytest.mark.asyncio
async def test_pinned_key_of_a_ca_does_not_excuse_a_wrong_name(tmp_path: Path) -> None:
    context = server_context(LEAF, tmp_path, chain=[CA.certificate])
    with pytest.raises(TlsTrustError, match="not accepted: Hostname mismatch"):
        await handshake(context, PinnedKey(CA.spki), name="other.example.com")


@pytest.mark.asyncio
async def test_certificate_of_the_pinned_ca_that_did_not_sign_the_leaf_is_refused(tmp_path: Path) -> None:
    impostor = issue("leaf", issue("CA", ca=True), hosts=[NAME])
    context = server_context(impostor, tmp_path, chain=[CA.certificate])
    with pytest.raises(TlsTrustError, match="not accepted"):
        await handshake(context, PinnedKey(CA.spki))


# --- pinned certificate -------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_pinned_certificate_is_accepted(tmp_path: Path) -> None:
    await handshake(server_context(SELF_SIGNED, tmp_path), PinnedCertificate(Certificate.parse(SELF_SIGNED.der)))


@pytest.mark.asyncio
async def test_another_certificate_than_the_pinned_one_is_refused(tmp_path: Path) -> None:
    pin = PinnedCertificate(Certificate.parse(SELF_SIGNED.der))
    with pytest.raises(TlsTrustError, match="is not the one in trustedPublicKeyDataTls"):
        await handshake(server_context(issue(NAME), tmp_path), pin)


# --- anchors and public PKI ---------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_certificate_of_the_trusted_ca_is_accepted_and_its_name_is_sent(tmp_path: Path) -> None:
    server = await handshake(server_context(LEAF, tmp_path), Anchors((CA.der,)))
    assert server.server_names == [NAME]


@pytest.mark.asyncio
async def test_certificate_for_another_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TlsTrustError, match="Hostname mismatch"):
        await handshake(server_context(LEAF, tmp_path), Anchors((CA.der,)), name="other.example.com")


@pytest.mark.asyncio
async def test_certificate_of_another_ca_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TlsTrustError, match="unable to get local issuer"):
        await handshake(server_context(LEAF, tmp_path), Anchors((issue("other CA", ca=True).der,)))


@pytest.mark.asyncio
async def test_ip_address_is_checked_against_the_certificate_and_not_sent(tmp_path: Path) -> None:
    leaf = issue("address", CA, hosts=["127.0.0.1"])
    server = await handshake(server_context(leaf, tmp_path), Anchors((CA.der,)), name="127.0.0.1")
    assert server.server_names == [None]
    with pytest.raises(TlsTrustError, match="IP address mismatch"):
        await handshake(server_context(leaf, tmp_path), Anchors((CA.der,)), name="127.0.0.2")


@pytest.mark.asyncio
async def test_ca_file_stands_for_the_public_pki(tmp_path: Path) -> None:
    ca_file = tmp_path / "ca.pem"
    ca_file.write_bytes(CA.pem)
    await handshake(server_context(LEAF, tmp_path), PublicPki(ca_file))


@pytest.mark.asyncio
async def test_system_store_does_not_accept_a_private_ca(tmp_path: Path) -> None:
    with pytest.raises(TlsTrustError):
        await handshake(server_context(LEAF, tmp_path), PublicPki())


@pytest.mark.asyncio
async def test_unusable_ca_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(TlsTrustError, match=r"missing\.pem cannot be used"):
        await handshake(server_context(LEAF, tmp_path), PublicPki(tmp_path / "missing.pem"))


# --- dates --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shift", "reason"), [(40 * DAY, "expired on"), (-2 * DAY, "is not valid before")], ids=["late", "early"]
)
@pytest.mark.asyncio
async def test_dates_are_compared_with_the_best_known_time(tmp_path: Path, shift: object, reason: str) -> None:
    now = (NOW + shift).timestamp()  # type: ignore[operator]
    with pytest.raises(TlsTrustError, match=reason):
        await handshake(server_context(LEAF, tmp_path), Anchors((CA.der,)), now=now)


@pytest.mark.asyncio
async def test_certificate_that_is_expired_for_the_system_clock_passes_if_a_better_time_says_so(tmp_path: Path) -> None:
    old_ca = issue("old CA", ca=True, before=NOW - 20 * DAY, after=NOW - 10 * DAY)
    leaf = issue("old", old_ca, hosts=[NAME], before=NOW - 20 * DAY, after=NOW - 10 * DAY)
    then = (NOW - 15 * DAY).timestamp()
    await handshake(server_context(leaf, tmp_path), Anchors((old_ca.der,)), now=then)


@pytest.mark.asyncio
async def test_expired_intermediate_certificate_is_refused(tmp_path: Path) -> None:
    between = issue("between", CA, ca=True, after=NOW - DAY / 2)
    leaf = issue("leaf", between, hosts=[NAME])
    context = server_context(leaf, tmp_path, chain=[between.certificate])
    with pytest.raises(TlsTrustError, match="expired on"):
        await handshake(context, Anchors((CA.der,)))


# --- protocol -----------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_tls_1_1_is_refused(tmp_path: Path) -> None:
    context = server_context(SELF_SIGNED, tmp_path)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(NetworkError) as caught:
        await handshake(context, PinnedKey(SELF_SIGNED.spki))
    assert caught.value.layer == "tls"
    assert not isinstance(caught.value, TlsTrustError)


@pytest.mark.asyncio
async def test_brainpool_certificate_needs_the_brainpool_setting(tmp_path: Path) -> None:
    ca = issue("CA", ca=True, curve=ec.BrainpoolP256R1())
    leaf = issue("leaf", ca, hosts=[NAME], curve=ec.BrainpoolP256R1())
    context = server_context(leaf, tmp_path, curve="brainpoolP256r1")
    await handshake(context, Anchors((ca.der,)), brainpool=True)
    with pytest.raises(NetworkError):
        await handshake(context, Anchors((ca.der,)))


@pytest.mark.asyncio
async def test_connection_is_closed_with_close_notify(tmp_path: Path) -> None:
    context = server_context(SELF_SIGNED, tmp_path)
    listener = tcp.socket.create_server(("127.0.0.1", 0))
    seen: list[bytes | ssl.SSLError] = []

    def serve() -> None:
        sock, _ = listener.accept()
        with context.wrap_socket(sock, server_side=True, suppress_ragged_eofs=False) as stream:
            try:
                seen.append(stream.recv(100))
            except ssl.SSLError as error:
                seen.append(error)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        port = listener.getsockname()[1]
        server_tls = ServerTls(PinnedKey(SELF_SIGNED.spki), NOW.timestamp)
        _, writer = await server_tls.open(lambda: tcp.connect("127.0.0.1", port), NAME)
        await tls.close(writer)
    finally:
        thread.join()
        listener.close()
    assert seen == [b""], "a clean end and no ragged one"


@pytest.mark.asyncio
async def test_server_that_speaks_no_tls_is_a_failed_handshake() -> None:
    async with scripted_server([b"HTTP/1.1 400 Bad Request\r\n\r\n"]) as server:
        listener = tcp.socket.create_server(("127.0.0.1", 0))

        def serve() -> None:
            sock, _ = listener.accept()
            with sock:
                sock.recv(2000)
                sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=serve)
        thread.start()
        server.port = listener.getsockname()[1]
        with pytest.raises(NetworkError) as caught:
            async with connected(server, PinnedKey(SELF_SIGNED.spki)):
                pass
        thread.join()
        listener.close()
    assert caught.value.layer == "tls"


# --- what the configuration data mean -----------------------------------------------------------------


def trust_of(issued: Issued) -> Trust:
    return eim_trust(TrustedPublicKeyDataTls(trusted_certificate_tls=issued.der), PublicPki())


def test_trust_data_of_an_eim() -> None:
    public = PublicPki(Path("/ca.pem"))
    assert eim_trust(None, public) is public
    assert eim_trust(TrustedPublicKeyDataTls(trusted_eim_pk_tls=CA.spki), public) == PinnedKey(CA.spki)
    assert trust_of(CA) == Anchors((CA.der,))
    assert trust_of(LEAF) == PinnedCertificate(Certificate.parse(LEAF.der))


@pytest.mark.parametrize(
    "data",
    [
        TrustedPublicKeyDataTls(unknown=b"\xa2\x00"),
        TrustedPublicKeyDataTls(trusted_eim_pk_tls=bytes.fromhex("3003020101")),
        TrustedPublicKeyDataTls(trusted_certificate_tls=bytes.fromhex("300A30030201053000030100")),
    ],
    ids=["alternative", "key", "certificate"],
)
def test_trust_data_that_cannot_be_read_never_become_the_public_pki(data: TrustedPublicKeyDataTls) -> None:
    with pytest.raises(CodecError):
        eim_trust(data, PublicPki())
