from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from hil.clock import ManualClock
from hil.coap import CoapsServer
from hil.dtls import DtlsServer
from ipad.clock import Clock, SystemClock
from ipad.errors import NetworkError
from ipad.net.authority import AddressOverrides, Authority
from ipad.net.interface_counters import Counters
from ipad.net.probe import LiveResolver, Look, PathProbe, ProbeSettings, ProbeTarget, ReachedLayer
from ipad.net.resolver import Resolution
from ipad.net.tls import Anchors, PinnedKey, ServerTls, Trust
from tests.coaps import HOST as COAP_HOST
from tests.coaps import answer, pki
from tests.ipad.net.issuing import DAY, NOW, Issued, issue, server_context
from tests.ipad.net.servers import SILENCE, scripted_server
from tests.ipad.net.test_dns_client import may_bind
from tests.waiting import pass_time

NAME = "eim.example.com"
CA = issue("CA", ca=True)
LEAF = issue("leaf", CA, hosts=[NAME])
PIN = PinnedKey(LEAF.spki)
TLS, TCP, DNS = ReachedLayer.TLS, ReachedLayer.TCP, ReachedLayer.DNS


class Names:
    """A resolver with these names, that of the eIM in the network."""

    def __init__(self, *, proves: bool = True, alive: bool = False, failure: NetworkError | None = None) -> None:
        self._proves = proves
        self._alive = alive
        self._failure = failure
        self.asked: list[tuple[str, str]] = []
        self.sisters: list[str] = []

    async def resolve(self, host: str, port: int, *, interface: str = "") -> Resolution:
        self.asked.append((host, interface))
        if self._failure is not None:
            raise self._failure
        return Resolution(((socket.AF_INET, ("127.0.0.1", port)),), proves=self._proves)

    async def is_alive(self, host: str, *, interface: str = "", patience: float | None = None) -> bool:
        self.sisters.append(host)
        return self._alive


def target(port: int, trust: Trust = PIN, *, now: float | None = None) -> ProbeTarget:
    moment = NOW.timestamp() if now is None else now
    return ProbeTarget("eim1", Authority(NAME, port), ServerTls(trust, lambda: moment))


def probe(
    names: LiveResolver | None = None,
    *,
    others: Sequence[int] = (),
    depth: ReachedLayer = TLS,
    interface: str = "",
    clock: Clock | None = None,
    explains: Callable[[tuple[float, float]], bool] = lambda _: False,
) -> PathProbe:
    servers = tuple(Authority("127.0.0.1", port) for port in others)
    settings = ProbeSettings(interface=interface, others=servers, depth=depth)
    return PathProbe(settings, clock or SystemClock(), names or Names(), explains)


@asynccontextmanager
async def https(tmp_path: Path, leaf: Issued = LEAF) -> AsyncIterator[int]:
    async with scripted_server([SILENCE] * 8, server_context(leaf, tmp_path)) as server:
        yield server.port


def unused_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


# --- how far it goes -------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_whole_way_is_measured_layer_by_layer(tmp_path: Path) -> None:
    async with https(tmp_path) as port:
        look = await probe().look([target(port)])
    assert (look.reached, look.packets, look.failure, look.target) == (TLS, True, "", "eim1")
    assert list(look.durations) == [DNS, TCP, TLS]
    assert all(seconds >= 0 for seconds in look.durations.values())
    assert look.others is None
    assert not look.clock


@pytest.mark.asyncio
async def test_look_sends_no_request_and_costs_little(tmp_path: Path) -> None:
    async with scripted_server([SILENCE], server_context(LEAF, tmp_path)) as server:
        look = await probe().look([target(server.port)])
        assert not server.requests
    assert look.usage.handshakes == 1
    assert 0 < look.usage.bytes_sent + look.usage.bytes_received < 3000
    assert look.transfer.received == look.usage.bytes_received
    assert look.transfer.segments.sent >= 2


@pytest.mark.asyncio
async def test_second_look_resumes_the_session_under_the_same_trust(tmp_path: Path) -> None:
    async with https(tmp_path) as port:
        where = target(port)
        first, second = [await probe().look([where]) for _ in range(2)]
    assert (first.usage.resumed_handshakes, second.usage.resumed_handshakes) == (0, 1)
    assert second.usage.bytes_received < first.usage.bytes_received


@pytest.mark.asyncio
@pytest.mark.parametrize(("depth", "expected"), [(DNS, [DNS]), (TCP, [DNS, TCP])])
async def test_look_that_is_wanted_to_be_short(
    depth: ReachedLayer, expected: list[ReachedLayer], tmp_path: Path
) -> None:
    async with https(tmp_path) as port:
        look = await probe(depth=depth).look([target(port)])
        assert (look.reached, look.packets, list(look.durations)) == (depth, True, expected)
        assert (await probe().look([target(port)], depth=depth)).reached is depth


@pytest.mark.asyncio
async def test_name_is_not_resolved() -> None:
    names = Names(failure=NetworkError("eim.example.com: name not resolved: no server answered", layer="dns"))
    look = await probe(names).look([target(443)])
    assert (look.reached, look.packets) == (ReachedLayer.BEARER, False)
    assert look.failure == "eim1: dns: eim.example.com: name not resolved: no server answered"
    assert list(look.durations) == [DNS]


@pytest.mark.asyncio
async def test_server_that_refuses_the_name_is_a_packet() -> None:
    refusal = NetworkError("eim.example.com: name not resolved: REFUSED", layer="dns", answered=True)
    look = await probe(Names(failure=refusal)).look([target(443)])
    assert (look.reached, look.packets) == (ReachedLayer.BEARER, True)


@pytest.mark.asyncio
async def test_refused_connection_is_a_packet_and_names_its_layer() -> None:
    look = await probe(Names(proves=False)).look([target(unused_port())])
    assert (look.reached, look.packets) == (ReachedLayer.BEARER, True)
    assert look.failure.startswith("eim1: tcp: ")


@pytest.mark.asyncio
async def test_name_from_a_cache_on_a_dead_path_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    _silence(monkeypatch)
    names = Names(proves=False, alive=False)
    look = await _in_silence(names)
    assert (look.reached, look.packets) == (ReachedLayer.BEARER, False)
    assert names.sisters == [NAME]


@pytest.mark.asyncio
async def test_name_from_a_cache_with_a_network_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    _silence(monkeypatch)
    look = await _in_silence(Names(proves=False, alive=True))
    assert (look.reached, look.packets) == (DNS, True)
    assert "silence" in look.failure


@pytest.mark.asyncio
async def test_name_from_the_network_needs_no_second_question(monkeypatch: pytest.MonkeyPatch) -> None:
    _silence(monkeypatch)
    names = Names(proves=True)
    look = await _in_silence(names)
    assert (look.reached, look.packets) == (DNS, True)
    assert not names.sisters


def _silence(monkeypatch: pytest.MonkeyPatch) -> None:
    async def sock_connect(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncio.get_running_loop(), "sock_connect", sock_connect)


async def _in_silence(names: Names) -> Look:
    clock = ManualClock()
    looking = asyncio.ensure_future(probe(names, clock=clock).look([target(443)]))
    await pass_time(clock, looking.done, count=20)
    assert clock.monotonic() == 20.0, "the limit of one layer"
    return await looking


# --- trust and time --------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_wrong_server_is_a_failure_of_tls(tmp_path: Path) -> None:
    async with https(tmp_path) as port:
        look = await probe(explains=lambda _: True).look([target(port, PinnedKey(CA.spki))])
    assert (look.reached, look.packets, look.clock) == (TCP, True, False)
    assert look.failure.startswith("eim1: tls: ")


@pytest.mark.asyncio
@pytest.mark.parametrize("explained", [True, False])
async def test_dates_that_a_wrong_clock_explains(explained: bool, tmp_path: Path) -> None:
    asked: list[tuple[float, float]] = []

    def explains(dates: tuple[float, float]) -> bool:
        asked.append(dates)
        return explained

    leaf = issue("leaf", CA, hosts=[NAME], before=NOW + 5 * DAY, after=NOW + 9 * DAY)
    async with https(tmp_path, leaf) as port:
        look = await probe(explains=explains).look([target(port, Anchors((CA.der,)))])
    assert (look.reached, look.packets, look.clock) == (TCP, True, explained)
    valid = leaf.certificate
    assert asked[0][0] == valid.not_valid_before_utc.timestamp()
    assert asked[0][1] == valid.not_valid_after_utc.timestamp()


@pytest.mark.asyncio
async def test_wrong_name_beside_wrong_dates_is_not_explained_by_the_clock(tmp_path: Path) -> None:
    leaf = issue("leaf", CA, hosts=["other.example"], before=NOW + 5 * DAY, after=NOW + 9 * DAY)
    async with https(tmp_path, leaf) as port:
        look = await probe(explains=lambda _: True).look([target(port, Anchors((CA.der,)))])
    assert not look.clock


@pytest.mark.asyncio
async def test_chain_that_was_never_valid_as_a_whole_is_not_explained_by_the_clock(tmp_path: Path) -> None:
    old = issue("old CA", ca=True, before=NOW - 30 * DAY, after=NOW - 20 * DAY)
    leaf = issue("leaf", old, hosts=[NAME])
    async with https(tmp_path, leaf) as port:
        look = await probe(explains=lambda _: True).look([target(port, Anchors((old.der,)))])
    assert (look.reached, look.clock) == (TCP, False)


@pytest.mark.asyncio
async def test_server_that_speaks_no_tls() -> None:
    async with scripted_server([]) as server:
        look = await probe().look([target(server.port)])
    assert (look.reached, look.packets) == (TCP, True)
    assert look.failure.startswith("eim1: tls: ")


@pytest.mark.asyncio
async def test_server_that_closes_after_the_handshake_was_reached(tmp_path: Path) -> None:
    async with scripted_server([], server_context(LEAF, tmp_path)) as server:
        assert (await probe().look([target(server.port)])).reached is TLS


# --- several servers -------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_second_eim_is_tried_when_the_first_cannot_be_reached(tmp_path: Path) -> None:
    async with https(tmp_path) as port:
        look = await probe().look([target(unused_port()), target(port)])
    assert (look.reached, look.failure) == (TLS, "")


@pytest.mark.asyncio
async def test_failure_of_the_eim_that_got_furthest_is_told(tmp_path: Path) -> None:
    async with https(tmp_path) as port:
        look = await probe().look([target(port, PinnedKey(CA.spki)), target(unused_port())])
    assert look.reached is TCP
    assert look.failure.startswith("eim1: tls: ")


@pytest.mark.asyncio
async def test_other_server_is_asked_when_no_eim_answers() -> None:
    async with scripted_server([]) as server:
        look = await probe(others=[unused_port(), server.port]).look([target(unused_port())])
    assert (look.reached, look.others, look.packets) == (DNS, True, True)


@pytest.mark.asyncio
async def test_other_server_that_refuses_says_neither_yes_nor_no() -> None:
    look = await probe(Names(proves=False), others=[unused_port()]).look([target(unused_port())])
    assert look.others is None


@pytest.mark.asyncio
async def test_silence_of_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    _silence(monkeypatch)
    clock = ManualClock()
    looking = asyncio.ensure_future(probe(Names(proves=False), others=[443], clock=clock).look([target(443)]))
    await pass_time(clock, looking.done, count=20)
    assert (await looking).others is False


@pytest.mark.asyncio
async def test_others_are_asked_once_for_each_bearer_while_all_is_well(tmp_path: Path) -> None:
    async with https(tmp_path) as port, scripted_server([]) as other:
        looker = probe(others=[other.port])
        answers = [(await looker.look([target(port)], session=session)).others for session in (None, "a", "a", "b")]
    assert answers == [None, True, None, True]


@pytest.mark.asyncio
async def test_nothing_to_look_for_is_no_evidence() -> None:
    look = await probe().look([])
    assert (look.reached, look.packets, look.failure) == (ReachedLayer.NOTHING, False, "there is no eIM to look for")


# --- CoAPS -----------------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_coaps_server_that_answers_a_hello_is_reached() -> None:
    server = CoapsServer(answer, DtlsServer(pki().eim_tls))
    where = Authority(COAP_HOST, await server.start())
    try:
        look = await probe(Names(proves=False)).look([ProbeTarget("eim1", where, None)])
    finally:
        await server.close()
    assert (look.reached, look.packets, look.failure) == (TCP, True, "")
    assert look.usage.bytes_sent + look.usage.bytes_received < 250


@pytest.mark.asyncio
async def test_nobody_behind_the_port() -> None:
    look = await probe(Names(proves=False)).look([ProbeTarget("eim1", Authority(COAP_HOST, unused_port()), None)])
    assert (look.reached, look.packets) == (ReachedLayer.BEARER, True)
    assert look.failure.startswith("eim1: udp: no DTLS server answers")


@pytest.mark.asyncio
async def test_hello_is_repeated_before_it_is_given_up() -> None:
    heard: list[bytes] = []

    class Deaf(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: object) -> None:
            heard.append(data)

    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Deaf, local_addr=("127.0.0.1", 0))
    clock = ManualClock()
    where = Authority(COAP_HOST, transport.get_extra_info("sockname")[1])
    looking = asyncio.ensure_future(probe(Names(proves=False), clock=clock).look([ProbeTarget("eim1", where, None)]))
    await pass_time(clock, looking.done, count=50)
    transport.close()
    look = await looking
    assert (look.reached, look.packets) == (ReachedLayer.BEARER, False)
    assert len(heard) == 4
    assert len(set(heard)) == 1


# --- the interface ---------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_interface_without_an_address_is_no_path_at_all() -> None:
    look = await probe(interface="nosuchif0").look([target(443)])
    assert (look.reached, look.failure) == (ReachedLayer.NOTHING, "nosuchif0 has no address")


@pytest.mark.asyncio
@pytest.mark.skipif(not may_bind(), reason="sockets cannot be bound to an interface here")
async def test_everything_goes_over_the_interface_and_is_counted(tmp_path: Path) -> None:
    readings = iter((0, 100_000))

    def counters(interface: str) -> Counters:
        assert interface == "lo"
        count = next(readings)
        return Counters(received_bytes=count, sent_bytes=count, received_packets=1, sent_packets=1, errors=0)

    names = Names()
    async with https(tmp_path) as port:
        settings = ProbeSettings(interface="lo")
        look = await PathProbe(settings, SystemClock(), names, lambda _: False, counters=counters).look([target(port)])
    assert look.reached is TLS
    assert names.asked == [(NAME, "lo")]
    assert look.rates is not None
    assert look.rates.received_kbps > 0


@pytest.mark.asyncio
async def test_address_of_the_configuration_takes_the_place_of_the_name(tmp_path: Path) -> None:
    names = Names()
    async with https(tmp_path) as port:
        overrides = AddressOverrides({f"https://{NAME}": f"127.0.0.1:{port}"})
        looker = PathProbe(ProbeSettings(overrides=overrides), SystemClock(), names, lambda _: False)
        look = await looker.look([ProbeTarget("eim1", Authority(NAME), target(port).tls)])
    assert look.reached is TLS
    assert names.asked == [("127.0.0.1", "")]
