"""ES9+ over TLS on loopback against the virtual SM-DP+: trust, headers, and answers that arrive badly."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from hil.pki import Pki
from hil.pki.pki import Role
from hil.webserver import Delivery, Reply, Request, WebServer
from ipad.errors import (
    ExchangeError,
    HttpStatusError,
    NetworkError,
    NetworkTimeoutError,
    TlsTrustError,
)
from ipad.es9.https import MAX_ANSWER, HttpsJson
from ipad.net.authority import AddressOverrides, Authority
from ipad.net.client import HttpsClient, NetworkSettings
from ipad.net.tls import Anchors, ServerTls

HOST = "smdp.example.com"
NOW = 1_800_000_000.0
JSON = (("Content-Type", "application/json;charset=UTF-8"),)


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki.generate(tmp_path_factory.mktemp("pki"), hosts=(HOST,))


@dataclass
class Server:
    """A TLS server that answers what the test wants and remembers what it was asked."""

    reply: Reply
    requests: list[Request]
    port: int = 0

    async def handle(self, request: Request) -> Reply:
        self.requests.append(request)
        return self.reply

    def client(self, pki: Pki, *, host: str = HOST, ci: bytes | None = None, patience: float = 5.0) -> HttpsJson:
        overrides = AddressOverrides({f"https://{host}": f"127.0.0.1:{self.port}"})
        trust = ServerTls(Anchors((ci or pki.ci.certificate,)), lambda: NOW)
        settings = NetworkSettings(timeout=patience, overrides=overrides)
        return HttpsJson(HttpsClient(Authority.parse(host), trust, settings))


@pytest_asyncio.fixture
async def server(pki: Pki, tmp_path: Path) -> AsyncIterator[Server]:
    served = Server(Reply(200, b'{"x":1}', JSON), [])
    web = WebServer(served.handle)
    certificate, key = pki[Role.SMDP_TLS].write(tmp_path, "tls")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    await web.start(0, context)
    served.port = web.port
    yield served
    await web.close()


@pytest.mark.asyncio
async def test_request_has_the_headers_that_servers_look_at(server: Server, pki: Pki) -> None:
    client = server.client(pki)
    assert await client.post("initiateAuthentication", b"{}") == b'{"x":1}'
    assert client.server_certificate == pki[Role.SMDP_TLS].certificate
    await client.close()
    (request,) = server.requests
    assert request.target == "/gsma/rsp2/es9plus/initiateAuthentication"
    assert request.header("content-type") == "application/json"
    assert request.header("user-agent") == "gsma-rsp-lpad"
    assert request.header("x-admin-protocol") == "gsma/rsp/v2.2.0"
    assert request.header("host") == HOST


@pytest.mark.asyncio
async def test_connection_is_kept_within_a_session(server: Server, pki: Pki) -> None:
    client = server.client(pki)
    for function in ("initiateAuthentication", "authenticateClient", "getBoundProfilePackage"):
        await client.post(function, b"{}")
    await client.close()
    assert {request.connection for request in server.requests} == {1}


@pytest.mark.asyncio
async def test_accepted_notification_has_no_body(server: Server, pki: Pki) -> None:
    server.reply = Reply(204)
    client = server.client(pki)
    assert await client.post("handleNotification", b"{}") == b""
    await client.close()


@pytest.mark.asyncio
async def test_other_ci_is_not_trusted(server: Server, pki: Pki, tmp_path: Path) -> None:
    other = Pki.generate(tmp_path / "other")
    client = server.client(pki, ci=other.ci.certificate)
    with pytest.raises(TlsTrustError):
        await client.post("initiateAuthentication", b"{}")
    assert server.requests == []


@pytest.mark.asyncio
async def test_anchors_of_the_eim_are_not_those_of_the_sm_dp(server: Server, pki: Pki) -> None:
    client = server.client(pki, ci=pki.tls_ca.certificate)
    with pytest.raises(TlsTrustError):
        await client.post("initiateAuthentication", b"{}")


@pytest.mark.asyncio
async def test_certificate_for_another_host_is_refused(server: Server, pki: Pki) -> None:
    client = server.client(pki, host="other.example.com")
    with pytest.raises(TlsTrustError):
        await client.post("initiateAuthentication", b"{}")


@pytest.mark.asyncio
@pytest.mark.parametrize("status", [301, 404, 500])
async def test_status_that_is_no_success_is_an_error(server: Server, pki: Pki, status: int) -> None:
    server.reply = Reply(status, b"<html>", (("Content-Type", "text/html"),))
    client = server.client(pki)
    with pytest.raises(HttpStatusError) as caught:
        await client.post("authenticateClient", b"{}")
    assert caught.value.status == status
    await client.close()


@pytest.mark.asyncio
async def test_html_is_no_answer(server: Server, pki: Pki) -> None:
    server.reply = Reply(200, b"<html>Welcome</html>", (("Content-Type", "text/html"),))
    client = server.client(pki)
    with pytest.raises(ExchangeError, match="text/html"):
        await client.post("authenticateClient", b"{}")
    await client.close()


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "delivery", [Delivery(drop=True), Delivery(cut_after=3), Delivery(declared_length=99)], ids=["drop", "cut", "short"]
)
async def test_answer_that_breaks_off_is_a_network_error(server: Server, pki: Pki, delivery: Delivery) -> None:
    server.reply = Reply(200, b'{"x":1}', JSON, delivery)
    client = server.client(pki)
    with pytest.raises(NetworkError):
        await client.post("getBoundProfilePackage", b"{}")
    await client.close()


@pytest.mark.asyncio
async def test_server_that_hangs_is_given_up(server: Server, pki: Pki) -> None:
    hung = asyncio.Event()

    async def handle(request: Request) -> Reply:
        await hung.wait()
        return server.reply

    web = WebServer(handle)
    certificate, key = pki[Role.SMDP_TLS].write(pki.directory, "again")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    await web.start(0, context)
    hanging = Server(server.reply, [], web.port)
    with pytest.raises(NetworkTimeoutError):
        await hanging.client(pki, patience=0.3).post("initiateAuthentication", b"{}")
    hung.set()
    await web.close()


@pytest.mark.asyncio
async def test_only_a_package_may_be_large(server: Server, pki: Pki) -> None:
    server.reply = Reply(200, b" " * (MAX_ANSWER + 1), JSON)
    client = server.client(pki)
    assert len(await client.post("getBoundProfilePackage", b"{}")) == MAX_ANSWER + 1
    with pytest.raises(NetworkError):
        await client.post("authenticateClient", b"{}")
    await client.close()
