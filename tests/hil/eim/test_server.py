"""The HTTPS binding over real loopback TLS, with a client that knows nothing of the bench."""

import asyncio
import gzip
import http.client
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from hil import crypto
from hil.clock import LoopClock
from hil.eim import VirtualEim, content
from hil.eim.faults import Fault, FaultKind
from hil.eim.knobs import NotificationAnswer, ProtocolHeader
from hil.eim.server import CONTENT_TYPE, PATH, EimServer, Exchange
from hil.eim.tls import Leaf, Leaves, server_credential
from hil.pki import Pki
from tests.hil.eim import vectors as v
from tests.hil.eim.conftest import make_eim

HEADERS = {
    "Content-Type": CONTENT_TYPE,
    "X-Admin-Protocol": "gsma/rsp/v2.1.0",
    "User-Agent": "gsma-rsp-ipad",
}


class CountingClock(LoopClock):
    """Pauses are written down, not made."""

    def __init__(self) -> None:
        self.pauses: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        await asyncio.sleep(0)


@dataclass
class Bench:
    eim: VirtualEim
    server: EimServer
    pki: Pki
    clock: CountingClock
    exchanges: list[Exchange]

    def trusting(self) -> ssl.SSLContext:
        return ssl.create_default_context(cadata=self.pki.tls_ca.pem.decode())

    def connect(self) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection("localhost", self.server.port, timeout=10, context=self.trusting())


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki.generate(tmp_path_factory.mktemp("pki"))


@pytest_asyncio.fixture
async def bench(pki: Pki, tmp_path: Path) -> AsyncIterator[Bench]:
    clock = CountingClock()
    eim = make_eim()
    eim.associate(v.EID, public_key=v.EUICC_KEY.public_key(), token=1, counter=4)
    exchanges: list[Exchange] = []
    leaves = Leaves(pki, pki.eim_tls, ("localhost", "127.0.0.1"), tmp_path)
    server = EimServer(eim, leaves, clock, exchanges.append)
    await server.start()
    yield Bench(eim, server, pki, clock, exchanges)
    await server.close()


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


def ask(
    bench: Bench,
    body: bytes = v.GEP1,
    method: str = "POST",
    path: str = PATH,
    headers: dict[str, str] | None = None,
) -> Answer:
    connection = bench.connect()
    try:
        connection.request(method, path, body, headers if headers is not None else HEADERS)
        response = connection.getresponse()
        return Answer(response.status, {k.lower(): x for k, x in response.getheaders()}, response.read())
    finally:
        connection.close()


Asking = Callable[..., Awaitable[Answer]]


async def asked(bench: Bench, *arguments: object, **options: object) -> Answer:
    return await asyncio.to_thread(ask, bench, *arguments, **options)  # type: ignore[arg-type]


@pytest.mark.asyncio
async def test_poll_is_answered_with_the_headers_of_the_binding(bench: Bench) -> None:
    answer = await asked(bench)
    assert (answer.status, answer.body) == (200, v.GER1)
    assert answer.headers["content-type"] == CONTENT_TYPE
    assert answer.headers["x-admin-protocol"] == "gsma/rsp/v2.1.0"
    assert bench.server.server_names == ["localhost"]


@pytest.mark.asyncio
async def test_notification_is_answered_without_a_body(bench: Bench) -> None:
    answer = await asked(bench, v.HN1)
    assert (answer.status, answer.body) == (204, b"")
    assert "content-length" not in answer.headers


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("knob", "status", "body"),
    [(NotificationAnswer.EMPTY_OK, 200, b""), (NotificationAnswer.BODY_OK, 200, b"accepted")],
)
async def test_other_ways_to_accept_a_notification(
    bench: Bench, knob: NotificationAnswer, status: int, body: bytes
) -> None:
    bench.eim.knobs.notification_answer = knob
    answer = await asked(bench, v.HN1)
    assert (answer.status, answer.body) == (status, body)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"path": "/gsma/rsp2/es9plus/getEimPackage"}, 404),
        ({"path": "/"}, 404),
        ({"method": "PUT"}, 405),
        ({"headers": {**HEADERS, "Content-Type": "application/json"}}, 415),
        ({"headers": {"X-Admin-Protocol": "gsma/rsp/v2.1.0"}}, 415),
        ({"headers": {**HEADERS, "X-Admin-Protocol": "gsma/rsp/2.1.0"}}, 400),
        ({"body": b""}, 400),
        ({"body": bytes.fromhex("BF6F00")}, 400),
        ({"body": v.GEP1 + b"\x00"}, 400),
    ],
)
async def test_status_tells_what_is_wrong_below_esipa(bench: Bench, change: dict[str, object], status: int) -> None:
    assert (await asked(bench, **change)).status == status


@pytest.mark.asyncio
async def test_content_type_is_compared_without_case_and_parameters(bench: Bench) -> None:
    headers = {**HEADERS, "Content-Type": "Application/X-GSMA-RSP-ASN1; x=1"}
    assert (await asked(bench, headers=headers)).status == 200


@pytest.mark.asyncio
async def test_header_versions_are_echoed_or_refused(bench: Bench) -> None:
    newer = {**HEADERS, "X-Admin-Protocol": "gsma/rsp/v1.3.0"}
    assert (await asked(bench, headers=newer)).headers["x-admin-protocol"] == "gsma/rsp/v1.3.0"
    bench.eim.knobs.admin_protocol = ProtocolHeader.STRICT
    assert (await asked(bench, headers=newer)).status == 400
    assert (await asked(bench)).status == 200
    bench.eim.knobs.admin_protocol = ProtocolHeader.ABSENT
    assert "x-admin-protocol" not in (await asked(bench, headers=newer)).headers


@pytest.mark.asyncio
async def test_missing_headers_are_remarked(bench: Bench) -> None:
    await asked(bench, headers={"Content-Type": CONTENT_TYPE})
    assert bench.exchanges[-1].remarks == ("no X-Admin-Protocol", "User-Agent is ''")
    await asked(bench, headers={**HEADERS, "User-Agent": "gsma-rsp-ipad;thing/1"})
    assert bench.exchanges[-1].remarks == ()


@pytest.mark.asyncio
async def test_connection_is_kept_for_several_functions(bench: Bench) -> None:
    def several() -> list[int]:
        connection = bench.connect()
        statuses = []
        for body in (v.GEP1, v.HN1, v.GEP1):
            connection.request("POST", PATH, body, HEADERS)
            response = connection.getresponse()
            response.read()
            statuses.append(response.status)
        connection.close()
        return statuses

    assert await asyncio.to_thread(several) == [200, 204, 200]
    assert bench.server.connections == 1
    assert {exchange.connection for exchange in bench.exchanges} == {1}


@pytest.mark.asyncio
async def test_chunked_request_is_read(bench: Bench) -> None:
    def chunked() -> bytes:
        connection = bench.connect()
        connection.request("POST", PATH, iter([v.GEP1[:5], v.GEP1[5:]]), HEADERS, encode_chunked=True)
        body = connection.getresponse().read()
        connection.close()
        return body

    assert await asyncio.to_thread(chunked) == v.GER1


@pytest.mark.asyncio
async def test_client_that_waits_for_100_continue_gets_it(bench: Bench) -> None:
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {CONTENT_TYPE}\r\n"
        f"Content-Length: {len(v.GEP1)}\r\nExpect: 100-continue\r\n\r\n"
    )

    def careful() -> tuple[bytes, bytes]:
        raw = socket.create_connection(("localhost", bench.server.port), timeout=10)
        with bench.trusting().wrap_socket(raw, server_hostname="localhost") as connection:
            connection.sendall(head.encode())
            go_on = connection.recv(4096)
            connection.sendall(v.GEP1)
            return go_on, connection.recv(4096)

    go_on, answer = await asyncio.to_thread(careful)
    assert go_on.startswith(b"HTTP/1.1 100 ")
    assert answer.endswith(v.GER1)


@pytest.mark.asyncio
@pytest.mark.parametrize("sent", [b"", b"POST /gsma", v.GEP1])
async def test_client_that_leaves_without_a_word_does_no_harm(bench: Bench, sent: bytes) -> None:
    def rude() -> None:
        raw = socket.create_connection(("localhost", bench.server.port), timeout=10)
        connection = bench.trusting().wrap_socket(raw, server_hostname="localhost")
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_RDWR)
        connection.close()

    await asyncio.to_thread(rude)
    assert (await asked(bench)).status == 200


@pytest.mark.asyncio
async def test_garbage_instead_of_http_gets_400_and_the_end(bench: Bench) -> None:
    def garbage() -> bytes:
        raw = socket.create_connection(("localhost", bench.server.port), timeout=10)
        with bench.trusting().wrap_socket(raw, server_hostname="localhost") as connection:
            connection.sendall(b"\x00\x01\x02\r\n\r\n")
            data = b""
            while piece := connection.recv(4096):
                data += piece
            return data

    assert (await asyncio.to_thread(garbage)).startswith(b"HTTP/1.1 400 ")


# Faults


def order(bench: Bench, kind: FaultKind, **options: object) -> None:
    bench.server.faults.add(Fault(kind, **options))  # type: ignore[arg-type]


@pytest.mark.asyncio
async def test_status_fault_carries_retry_after_and_processes_nothing(bench: Bench) -> None:
    package = bench.eim.queue(v.EID, content.data_request())
    order(bench, FaultKind.STATUS, value=503, seconds=7)
    answer = await asked(bench)
    assert (answer.status, answer.headers["retry-after"]) == (503, "7")
    assert package.handed_out == []
    assert (await asked(bench)).body == v.GER7


@pytest.mark.asyncio
async def test_faults_choose_function_and_moment_and_run_out(bench: Bench) -> None:
    order(bench, FaultKind.STATUS, function="ProvideEimPackageResult", times=2, after=1)
    assert (await asked(bench, v.GEP1)).status == 200
    statuses = [(await asked(bench, v.PR1)).status for _ in range(4)]
    assert statuses == [200, 500, 500, 200]
    assert bench.server.faults.faults == []


@pytest.mark.asyncio
@pytest.mark.parametrize(("kind", "processed"), [(FaultKind.DROP_BEFORE, 0), (FaultKind.DROP_AFTER, 1)])
async def test_dropped_connection(bench: Bench, kind: FaultKind, processed: int) -> None:
    package = bench.eim.queue(v.EID, content.data_request())
    order(bench, kind)
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError, ssl.SSLError)):
        await asked(bench)
    assert len(package.handed_out) == processed
    assert bench.exchanges[-1].fault is kind


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("kind", "value", "body"),
    [
        (FaultKind.WRONG_TAG, 0, bytes.fromhex("BF3C03020101")),
        (FaultKind.TRAILING_BYTES, 0, v.GER1 + bytes.fromhex("0500")),
        (FaultKind.EMPTY, 0, b""),
        (FaultKind.OVERSIZED, 70_000, v.GER1 + bytes(70_000)),
        (FaultKind.CHUNKED, 0, v.GER1),
        (FaultKind.INFORMATIONAL, 3, v.GER1),
        (FaultKind.DRIP, 0, v.GER1),
    ],
)
async def test_body_faults(bench: Bench, kind: FaultKind, value: int, body: bytes) -> None:
    order(bench, kind, value=value)
    answer = await asked(bench)
    assert (answer.status, answer.body) == (200, body)
    assert (await asked(bench)).body == v.GER1


@pytest.mark.asyncio
async def test_chunked_answer_says_so(bench: Bench) -> None:
    order(bench, FaultKind.CHUNKED)
    answer = await asked(bench)
    assert answer.headers["transfer-encoding"] == "chunked"
    assert "content-length" not in answer.headers


@pytest.mark.asyncio
@pytest.mark.parametrize(("kind", "value"), [(FaultKind.TRUNCATED, 0), (FaultKind.CONTENT_LENGTH, 10)])
async def test_answer_shorter_than_announced(bench: Bench, kind: FaultKind, value: int) -> None:
    order(bench, kind, value=value)
    with pytest.raises(http.client.IncompleteRead):
        await asked(bench)


@pytest.mark.asyncio
async def test_answer_longer_than_announced(bench: Bench) -> None:
    order(bench, FaultKind.CONTENT_LENGTH, value=-2)
    assert (await asked(bench)).body == v.GER1[:-2]


@pytest.mark.asyncio
async def test_gzip_nobody_asked_for(bench: Bench) -> None:
    order(bench, FaultKind.GZIP)
    answer = await asked(bench)
    assert answer.headers["content-encoding"] == "gzip"
    assert gzip.decompress(answer.body) == v.GER1


@pytest.mark.asyncio
@pytest.mark.parametrize(("kind", "body"), [(FaultKind.CONTENT_TYPE, v.GER1), (FaultKind.HTML, None)])
async def test_wrong_content_type(bench: Bench, kind: FaultKind, body: bytes | None) -> None:
    order(bench, kind)
    answer = await asked(bench)
    assert answer.headers["content-type"] == "text/html"
    assert answer.body == body if body else answer.body.startswith(b"<!DOCTYPE")


@pytest.mark.asyncio
async def test_redirect(bench: Bench) -> None:
    order(bench, FaultKind.REDIRECT)
    answer = await asked(bench)
    assert (answer.status, answer.headers["location"]) == (307, f"https://elsewhere.example.com{PATH}")


@pytest.mark.asyncio
async def test_delay_and_drip_take_their_time(bench: Bench) -> None:
    order(bench, FaultKind.DELAY, seconds=3.5)
    await asked(bench)
    assert bench.clock.pauses == [3.5]
    order(bench, FaultKind.DRIP, seconds=0.25)
    await asked(bench)
    assert set(bench.clock.pauses[1:]) == {0.25}
    assert len(bench.clock.pauses) > 50


def test_fault_with_impossible_numbers_is_refused() -> None:
    with pytest.raises(ValueError, match="times"):
        Fault(FaultKind.DELAY, times=0)
    with pytest.raises(ValueError, match="negative"):
        Fault(FaultKind.DELAY, seconds=-1)


# Certificates


def leaf_seen(bench: Bench) -> bytes:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    raw = socket.create_connection(("localhost", bench.server.port), timeout=10)
    with context.wrap_socket(raw, server_hostname="localhost") as connection:
        certificate = connection.getpeercert(binary_form=True)
        assert certificate is not None
        return certificate


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("leaf", "same_key", "complaint"),
    [
        (Leaf.EXPIRED, True, "expired"),
        (Leaf.NOT_YET_VALID, True, "not yet valid"),
        (Leaf.WRONG_NAME, True, "mismatch"),
        (Leaf.OTHER_KEY, False, None),
        (Leaf.UNTRUSTED, False, "unable to get local issuer"),
    ],
)
async def test_wrong_leaves(bench: Bench, leaf: Leaf, same_key: bool, complaint: str | None) -> None:
    bench.server.show_leaf(leaf)
    certificate = await asyncio.to_thread(leaf_seen, bench)
    key = crypto.spki(crypto.public_key_from_certificate(certificate))
    assert (key == crypto.spki(bench.pki.eim_tls.public_key)) is same_key
    if complaint is None:
        assert (await asked(bench)).status == 200
    else:
        with pytest.raises(ssl.SSLCertVerificationError, match=complaint):
            await asked(bench)
    bench.server.show_leaf(Leaf.GOOD)
    assert (await asked(bench)).status == 200


@pytest.mark.asyncio
async def test_right_leaf_is_the_one_that_the_configuration_names(bench: Bench) -> None:
    assert await asyncio.to_thread(leaf_seen, bench) == bench.pki.eim_tls.certificate


def test_credential_of_another_server_is_kept(pki: Pki, tmp_path: Path) -> None:
    first = server_credential(pki, ("eim2.example.com",), tmp_path, "eim2")
    assert server_credential(pki, ("eim2.example.com",), tmp_path, "eim2").certificate == first.certificate
    assert first.certificate != pki.eim_tls.certificate
