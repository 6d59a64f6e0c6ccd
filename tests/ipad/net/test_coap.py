from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from unittest.mock import ANY

import pytest
from aiocoap import interfaces
from hypothesis import given
from hypothesis import strategies as st

from hil.clock import LoopClock
from hil.coap import BlockFault, CoapKnobs, Refusal
from hil.link import Link, LinkProfile, UdpDoor, Way
from ipad.errors import ExchangeError, NetworkError, NetworkTimeoutError, TlsTrustError
from ipad.net import coap, dtls
from ipad.net.authority import Authority
from ipad.net.dtls import DtlsSettings
from ipad.net.tls import Anchors
from tests.coaps import HOST, NOTHING, PATIENT, POLL, QUICK, Pair, client, pki, running

pytestmark = pytest.mark.asyncio
LARGE = bytes(i % 251 for i in range(5000))


async def post(pair: Pair, body: bytes = POLL) -> bytes:
    return await pair.post(body)


@asynccontextmanager
async def _relayed(pair: Pair, link: Link | None = None) -> AsyncIterator[tuple[Pair, UdpDoor]]:
    relay = (link or Link(LoopClock())).udp_door("server", port=pair.server.port)
    subject = client(relay.start(), pair.client._settings, dtls=pair.client._dtls.settings)
    try:
        yield Pair(subject, pair.server), relay
    finally:
        await subject.close()
        await relay.stop()


# --- exchanges -------------------------------------------------------------------------------------------------------


async def test_poll_is_one_confirmable_message_each_way() -> None:
    async with running() as pair:
        assert await post(pair) == NOTHING
        (request,) = pair.server.requests
        assert request.confirmable
        assert request.payload == POLL
        # Uri-Path three times, and nothing else.
        assert request.options == (11, 11, 11)


async def test_association_is_kept() -> None:
    async with running() as pair:
        for _ in range(3):
            assert await post(pair) == NOTHING
        assert pair.client.traffic.handshakes == 1
        assert {request.association for request in pair.server.requests} == {1}


async def test_idle_poll_costs_what_was_promised() -> None:
    async with running() as pair:
        traffic = pair.client.traffic

        def spent() -> int:
            return traffic.bytes_sent + traffic.bytes_received

        await post(pair)
        assert spent() <= 1750
        before = spent()
        await post(pair)
        assert spent() - before <= 150
        await pair.client.close()
        before = spent()
        await post(pair)
        assert spent() - before <= 900
        assert (traffic.handshakes, traffic.resumed_handshakes) == (2, 1)


async def test_traffic_is_what_the_server_saw() -> None:
    async with running() as pair:
        await post(pair, LARGE)
        traffic, counters = pair.client.traffic, pair.server.counters
        assert (traffic.datagrams_sent, traffic.bytes_sent) == (counters.datagrams_up, counters.bytes_up)
        assert (traffic.datagrams_received, traffic.bytes_received) == (counters.datagrams_down, counters.bytes_down)


@pytest.mark.parametrize("size", [1024, 512, 256])
async def test_large_bodies_go_both_ways_in_blocks(size: int) -> None:
    async with running(replace(PATIENT, block_size=size)) as pair:
        assert await post(pair, LARGE) == LARGE
        uploads = [request for request in pair.server.requests if request.block1]
        assert len(uploads) == -(-len(LARGE) // size)
        assert len({request.request_tag for request in pair.server.requests}) == 1
        assert max(request.length for request in pair.server.requests) <= size + 40


async def test_body_that_fits_a_datagram_is_not_cut() -> None:
    async with running() as pair:
        await post(pair, bytes(1110))
        assert pair.server.requests[0].block1 is None


async def test_largest_datagram_respects_the_mtu() -> None:
    sizes: list[int] = []
    settings = replace(PATIENT, block_size=256)
    async with running(settings, dtls=DtlsSettings(mtu=400)) as pair, _relayed(pair) as (through, relay):
        take = relay.up.take

        def noting(data: bytes, forward: Callable[[bytes], None]) -> None:
            sizes.append(len(data))
            take(data, forward)

        relay.up.take = noting  # type: ignore[method-assign]
        assert await through.post(LARGE) == LARGE
    assert max(sizes) <= 400


async def test_server_that_wants_smaller_blocks_gets_them() -> None:
    async with running() as pair:
        pair.server.knobs.block_size = 256
        assert await post(pair, LARGE) == LARGE
        assert [len(request.payload) for request in pair.server.requests][:3] == [1024, 256, 256]


async def test_server_that_wants_no_large_datagram_at_all() -> None:
    async with running() as pair:
        pair.server.knobs.block_size = 256
        assert await post(pair, bytes(1000)) == bytes(1000)


async def test_separate_response_is_waited_for() -> None:
    async with running() as pair:
        pair.server.knobs.separate = True
        assert await post(pair, LARGE) == LARGE


async def test_separate_response_after_a_long_time_needs_no_retransmission() -> None:
    asked, answers = asyncio.Event(), asyncio.Event()

    async def handler(body: bytes) -> bytes:
        asked.set()
        await answers.wait()
        return body

    async with running(handler=handler) as pair:
        pair.server.knobs.separate = True
        task = asyncio.create_task(post(pair))
        await asked.wait()
        sent = pair.client.traffic.datagrams_sent
        answers.set()
        assert await task == POLL
        assert pair.client.traffic.datagrams_sent == sent + 1
        assert len(pair.server.requests) == 1


async def test_one_exchange_at_a_time() -> None:
    running_now, most = 0, 0

    async def handler(body: bytes) -> bytes:
        nonlocal running_now, most
        running_now += 1
        most = max(most, running_now)
        await asyncio.sleep(0)
        running_now -= 1
        return body

    async with running(handler=handler) as pair:
        assert await asyncio.gather(*(post(pair, bytes((i,))) for i in range(5))) == [bytes((i,)) for i in range(5)]
    assert most == 1


async def test_uri_host_is_sent_if_configured() -> None:
    async with running(replace(PATIENT, send_uri_host=True)) as pair:
        await post(pair, bytes(1095))
        assert 3 in pair.server.requests[0].options


async def test_error_codes_are_handed_back() -> None:
    async with running() as pair:
        pair.server.knobs.refusals.append(Refusal("5.03", max_age=300))
        response = await pair.client.post(("gsma", "rsp2", "asn1"), POLL, max_body=100)
        assert (response.status, response.max_age, response.is_success) == (503, 300, False)
        assert (await pair.client.post(("other",), POLL, max_body=100)).code_text == "4.04"
        assert await post(pair) == NOTHING


# --- loss and dead associations --------------------------------------------------------------------------------------


async def test_lost_client_hello_is_repeated() -> None:
    async with running() as pair:
        pair.server.knobs.drop_received = {0}
        assert await post(pair) == NOTHING
        assert pair.client.traffic.handshakes == 1


async def test_slow_link_needs_no_repetition_with_a_longer_timer() -> None:
    link = Link(LoopClock())
    async with running(dtls=DtlsSettings(first_timer=9)) as pair, _relayed(pair, link) as (through, relay):
        take = relay.down.take

        def take_the_first_late(data: bytes, forward: Callable[[bytes], None]) -> None:
            # Later than the timer of the library.
            link.profile = LinkProfile(down=Way(delay=0.0 if relay.down.taken else 1.1))
            take(data, forward)

        relay.down.take = take_the_first_late  # type: ignore[method-assign]
        assert await through.post(POLL) == NOTHING
        traffic = through.client.traffic
        assert (traffic.datagrams_sent, traffic.datagrams_received) == (4, 4)


@pytest.mark.parametrize("direction", ["drop_received", "drop_sent"])
async def test_lost_messages_are_repeated(direction: str) -> None:
    async with running(QUICK) as pair:
        await post(pair)
        counters = pair.server.counters
        count = counters.datagrams_up if direction == "drop_received" else counters.datagrams_down
        setattr(pair.server.knobs, direction, {count, count + 3})
        assert await post(pair, LARGE) == LARGE
        assert pair.client.traffic.handshakes == 1


async def test_lost_separate_response_is_repeated_by_the_server() -> None:
    async with running() as pair:
        await post(pair)
        pair.server.knobs.separate, pair.server.knobs.ack_timeout = True, 0.1
        # The empty acknowledgement passes, the response behind it is lost.
        pair.server.knobs.drop_sent = {pair.server.counters.datagrams_down + 1}
        assert await post(pair) == NOTHING
        assert len(pair.server.requests) == 2


async def test_server_that_forgot_us_gets_one_new_handshake() -> None:
    async with running(replace(QUICK, idle=0.0)) as pair:
        await post(pair)
        pair.server.end_associations(notify=False)
        assert await post(pair) == NOTHING
        assert (pair.client.traffic.handshakes, pair.client.traffic.resumed_handshakes) == (2, 1)


async def test_server_that_ended_the_association_gets_a_new_handshake_without_waiting() -> None:
    async with running(PATIENT) as pair:
        await post(pair)
        pair.server.end_associations(notify=True)
        assert await post(pair) == NOTHING
        assert pair.client.traffic.handshakes == 2


async def test_association_that_ends_during_an_exchange() -> None:
    async def handler(body: bytes) -> bytes:
        if len(pair.server.requests) == 2:
            pair.server.end_associations(notify=True)
        return body

    async with running(PATIENT, handler=handler) as pair:
        await post(pair)
        assert await post(pair) == POLL
        assert pair.client.traffic.handshakes == 2
        assert len(pair.server.requests) == 3


async def test_rebinding_of_a_nat_is_survived_in_the_middle_of_a_transfer() -> None:
    async def handler(body: bytes) -> bytes:
        return LARGE

    async with running(QUICK, handler=handler) as pair, _relayed(pair) as (through, relay):
        assert await through.post(b"first") == LARGE
        relay.rebind()
        assert await through.post(b"again") == LARGE
        assert relay.rebinds == 1
        assert through.client.traffic.resumed_handshakes == 1
        assert pair.server.dtls.counters.strays > 0


async def test_server_that_is_silent_from_the_start_is_not_tried_twice() -> None:
    async with running(QUICK) as pair:
        # The handshake passes, no message ever does.
        pair.server.knobs.drop_received = set(range(3, 1000))
        with pytest.raises(NetworkError, match="without an answer") as caught:
            await post(pair)
        assert caught.value.layer == "coap"
        assert caught.value.transient
        assert pair.client.traffic.handshakes == 1
        pair.server.knobs.drop_received = set()
        assert await post(pair) == NOTHING


async def test_second_failure_in_a_row_is_an_error() -> None:
    async with running(replace(QUICK, idle=0.0, handshake_timeout=0.2)) as pair:
        await post(pair)
        pair.server.knobs.drop_received = set(range(4, 1000))
        with pytest.raises(NetworkTimeoutError, match="no handshake"):
            await post(pair)


async def test_nobody_behind_the_port() -> None:
    unused = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    unused.bind(("127.0.0.1", 0))
    port = unused.getsockname()[1]
    unused.close()
    with pytest.raises(NetworkError, match="refused") as caught:
        await client(port).post(("a",), b"", max_body=1)
    assert caught.value.layer == "udp"


async def test_bearer_that_goes_away_during_an_exchange() -> None:
    async with running(replace(QUICK, ack_timeout=0.02)) as pair, _relayed(pair) as (through, relay):
        await through.post(POLL)
        relay.shut()
        with pytest.raises(NetworkError, match="refused"):
            await through.post(POLL)
        relay.open()
        assert await through.post(POLL) == NOTHING
        assert through.client.traffic.resumed_handshakes == 1


async def test_whole_exchange_has_a_limit() -> None:
    async with running(replace(PATIENT, timeout=0.1)) as pair:
        pair.server.knobs.silent = True
        with pytest.raises(NetworkTimeoutError, match="no complete answer") as caught:
            await post(pair)
        assert caught.value.layer == "coap"
        pair.server.knobs.silent = False
        assert await post(pair) == NOTHING


async def test_cancelled_exchange_leaves_nothing_behind() -> None:
    asked = asyncio.Event()

    async def handler(body: bytes) -> bytes:
        asked.set()
        await asyncio.Event().wait()
        return body

    async with running(handler=handler) as pair:
        task = asyncio.create_task(post(pair))
        await asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        sent = pair.client.traffic.datagrams_sent
        await asyncio.sleep(0)
        assert pair.client.traffic.datagrams_sent == sent


# --- trust -----------------------------------------------------------------------------------------------------------


async def test_wrong_server_gets_no_request() -> None:
    async with running(trust=Anchors((pki().ci.certificate,))) as pair:
        with pytest.raises(TlsTrustError):
            await post(pair)
        assert not pair.server.requests


async def test_name_that_does_not_exist() -> None:
    with pytest.raises(NetworkError, match="not resolved") as caught:
        await coap.CoapClient(Authority("eim.invalid"), dtls.DtlsClient("eim.invalid", Anchors(()), lambda: 0.0)).post(
            ("a",), b"", max_body=1
        )
    assert caught.value.layer == "dns"


# --- wrong blocks ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        BlockFault.SKIP,
        BlockFault.REPEAT,
        BlockFault.SHORT,
        BlockFault.CHANGED,
        BlockFault.WITHOUT_OPTION,
        BlockFault.WRONG_UPLOAD_NUMBER,
    ],
)
async def test_wrong_block_ends_the_exchange(fault: BlockFault) -> None:
    async with running() as pair:
        pair.server.knobs.block_fault = fault
        with pytest.raises(ExchangeError):
            await post(pair, LARGE)
        pair.server.knobs.block_fault = None
        assert await post(pair, LARGE) == LARGE


async def test_endless_response_is_bounded() -> None:
    async with running() as pair:
        pair.server.knobs.block_fault, pair.server.knobs.block_fault_at = BlockFault.ENDLESS, 0
        pair.server.knobs.block_fault_times = None
        with pytest.raises(ExchangeError, match="longer than 10000"):
            await pair.post(POLL, max_body=10_000)
        assert len(pair.server.requests) < 12


async def test_legal_changes_of_block_size_and_lost_uploads_are_survived() -> None:
    async with running() as pair:
        knobs: CoapKnobs = pair.server.knobs
        knobs.block_fault, knobs.block_fault_times = BlockFault.SMALLER, None
        assert await post(pair, LARGE) == LARGE
        knobs.block_fault, knobs.block_fault_at, knobs.block_fault_times = BlockFault.LOSE_UPLOAD, 2, 1
        assert await post(pair, LARGE) == LARGE
        assert len({request.request_tag for request in pair.server.requests}) == 3


# --- aiocoap ---------------------------------------------------------------------------------------------------------


async def test_aiocoap_finds_what_it_asks_of_a_transport() -> None:
    assert interfaces.MessageInterface.__abstractmethods__ <= set(dir(coap._MessageInterface))
    remote = coap._MessageInterface(Authority(HOST)).remote
    for name in interfaces.EndpointAddress.__abstractmethods__:
        assert hasattr(remote, name)
    assert remote.uri_base == f"coaps://{HOST}"
    assert remote.uri_base_local.startswith("coaps://")
    assert remote.as_response_address() is remote
    assert remote.blockwise_key == ANY


class Collector:
    def __init__(self) -> None:
        self.messages: list[object] = []

    def dispatch_message(self, message: object) -> None:
        self.messages.append(message)


@given(data=st.binary(max_size=60))
async def test_bytes_that_are_no_message_are_dropped(data: bytes) -> None:
    interface = coap._MessageInterface(Authority(HOST))
    interface.manager = Collector()
    interface.receive(data)
    interface.receive(data[:3])
    interface.receive(bytes.fromhex("60441234"))
    assert 1 <= len(interface.manager.messages) <= 2


# --- other people's server -------------------------------------------------------------------------------------------

LIBCOAP = shutil.which("coap-server-openssl")


@pytest.mark.skipif(LIBCOAP is None, reason="coap-server-openssl (libcoap3-bin) is not installed")
async def test_libcoap_server_is_understood(tmp_path: Path) -> None:
    certificate, key = pki().eim_tls.write(tmp_path, "leaf")
    reserved = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    reserved.bind(("127.0.0.1", 0))
    port = reserved.getsockname()[1] - 1
    reserved.close()
    # It takes CoAPS on the port after the one that it is told.
    process = subprocess.Popen(  # noqa: ASYNC220
        [str(LIBCOAP), "-A", "127.0.0.1", "-p", str(port), "-c", str(certificate), "-j", str(key), "-n", "-d", "5"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        subject = client(port + 1)
        for attempt in range(50):
            try:
                response = await subject.post(("example_data",), b"x", max_body=1000)
                break
            except NetworkError:
                if attempt == 49:
                    raise
                await asyncio.sleep(0.05)
        assert response.code_text in ("4.04", "4.05")
        await subject.close()
        await subject.post(("example_data",), b"x", max_body=1000)
        assert subject.traffic.resumed_handshakes == 1
        await subject.close()
    finally:
        process.kill()
        process.communicate()
