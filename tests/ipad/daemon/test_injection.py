"""The desk between listeners and service, and listeners whose address comes and goes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from ipad.codec.esipa import EimAcknowledgements
from ipad.codec.tlv import tlv
from ipad.daemon.injection import Doorway, Injection, InjectionDesk, InjectionServer, Listening, serve
from ipad.errors import CardError, ConfigError
from ipad.net.serving import Answer
from ipad.procedures.report import Handover
from ipad.state.journal import DownloadMarker
from tests.fakes.packages import euicc_package
from tests.ipad.daemon.fakes import HeldClock, SwiftClock
from tests.ipad.procedures.bench import Bench
from tests.ipad.procedures.test_injection import EIM, LIST
from tests.waiting import turns

pytestmark = pytest.mark.asyncio

ACKNOWLEDGEMENTS = tlv(0xBF4E, EimAcknowledgements(sequence_numbers=(7,)).encode())
RECEIVED = bytes.fromhex("BF4E020500")


class Desk(InjectionDesk):
    """A desk that counts how often it called the service."""

    def __init__(self, patience: float = 10.0, linger: float = 10.0) -> None:
        self.woken = 0
        super().__init__(self._count, retry_after=30, patience=patience, linger=linger)

    def _count(self) -> None:
        self.woken += 1

    async def leave(self, message: bytes = b"message") -> asyncio.Task[Answer]:
        task = asyncio.create_task(self.submit(EIM, message))
        await asyncio.sleep(0)
        return task

    def taken(self) -> Injection:
        injection = self.take()
        assert injection is not None
        return injection


async def test_message_is_taken_while_the_service_is_idle_and_the_service_is_called() -> None:
    desk = Desk()
    with desk.idle():
        waiting = await desk.leave()
    injection = desk.taken()
    assert (desk.woken, injection.eim_id, injection.message) == (1, EIM, b"message")
    given = asyncio.create_task(injection.give(b"answer"))
    answer = await waiting
    answer.sent(True)
    assert answer.body == b"answer"
    assert await given


async def test_busy_service_takes_nothing() -> None:
    desk = Desk()
    assert await desk.submit(EIM, b"x") == Answer(retry_after=30)
    assert desk.woken == 0


async def test_desk_takes_one_message_at_a_time() -> None:
    desk = Desk()
    with desk.idle():
        first = await desk.leave()
        assert (await desk.submit(EIM, b"y")).retry_after == 30
    desk.taken().refuse()
    assert (await first).retry_after == 30


async def test_message_whose_sender_has_gone_is_not_served() -> None:
    desk = Desk()
    with desk.idle():
        waiting = await desk.leave()
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert desk.take() is None
        again = await desk.leave()
    desk.clear()
    assert (await again).retry_after == 30
    assert desk.take() is None


async def test_sender_that_goes_while_it_is_served_gets_no_answer() -> None:
    desk = Desk()
    with desk.idle():
        waiting = await desk.leave()
    injection = desk.taken()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert not await injection.give(b"answer")
    injection.refuse()


async def test_acknowledgement_waits_until_the_result_before_it_is_rounded_off() -> None:
    desk = Desk()
    with desk.idle():
        first = await desk.leave()
    injection = desk.taken()
    assert (await desk.submit(EIM, b"too early")).retry_after == 30
    given = asyncio.create_task(injection.give(b"result"))
    (await first).sent(True)
    second = await desk.leave(b"acknowledgement")
    assert (await desk.submit(EIM, b"one too many")).retry_after == 30
    assert await given
    following = desk.taken()
    assert following.message == b"acknowledgement"
    following.refuse()
    await second


async def test_message_does_not_wait_for_ever_while_the_one_before_is_rounded_off() -> None:
    desk = Desk(linger=0.01)
    with desk.idle():
        first = await desk.leave()
    given = asyncio.create_task(desk.taken().give(b"received"))
    (await first).sent(True)
    assert (await desk.submit(EIM, b"next")).retry_after == 30
    assert desk.take() is None
    assert await given


async def test_service_that_went_on_to_something_else_is_busy() -> None:
    desk = Desk()
    with desk.idle():
        first = await desk.leave()
    given = asyncio.create_task(desk.taken().give(b"received"))
    (await first).sent(True)
    assert await given
    assert desk.take() is None
    assert (await desk.submit(EIM, b"next")).retry_after == 30


async def test_answer_that_never_goes_out_is_waited_for_a_while() -> None:
    desk = Desk(patience=0.01)
    with desk.idle():
        waiting = await desk.leave()
    assert not await desk.taken().give(b"answer")
    (await waiting).sent(True)


async def served(bench: Bench, message: bytes, *, sent: bool = True) -> tuple[Answer, list[Handover]]:
    """Have one message served by the agent; the answer, and what became of packages."""
    ipa = await bench.start() if not hasattr(bench, "ipa") else bench.ipa
    desk = Desk()
    with desk.idle():
        waiting = await desk.leave(message)
    serving = asyncio.create_task(serve(ipa, desk.taken()))
    answer = await waiting
    answer.sent(sent)
    return answer, [package.handover for package in (await serving).packages]


async def test_agent_serves_what_was_left_at_the_desk() -> None:
    bench = Bench()
    package = tlv(0xBF4E, euicc_package(LIST, counter=5).encode())
    answer, handovers = await served(bench, package)
    assert answer.body is not None
    assert answer.body.startswith(b"\xbf\x4e")
    assert handovers == [Handover.ANSWERED]
    assert (await served(bench, ACKNOWLEDGEMENTS))[0].body == RECEIVED
    assert not bench.card.results


async def test_lost_answer_is_delivered_at_once() -> None:
    bench = Bench()
    _, handovers = await served(bench, tlv(0xBF4E, euicc_package(LIST, counter=5).encode()), sent=False)
    assert handovers == [Handover.ACKNOWLEDGED]
    assert len(bench.eim.results) == 1


async def test_unfinished_business_turns_the_message_away() -> None:
    bench = Bench()
    ipa = await bench.start()
    marker = DownloadMarker(
        eim_id=None, eim_configuration=None, eim_transaction_id=None, direct=True, number_before=None
    )
    await ipa.journal.commit(replace(ipa.journal.content, download=marker))
    assert await served(bench, ACKNOWLEDGEMENTS) == (Answer(retry_after=30), [])


async def test_failing_card_turns_the_message_away_and_is_reported() -> None:
    bench = Bench()
    ipa = await bench.start()
    bench.euicc.fail["get_eim_configuration_data"] = CardError("gone")
    desk = Desk()
    with desk.idle():
        waiting = await desk.leave(ACKNOWLEDGEMENTS)
    with pytest.raises(CardError, match="gone"):
        await serve(ipa, desk.taken())
    assert (await waiting).retry_after == 30


@dataclass
class FakeServer:
    """Listens, or fails as it was told."""

    failures: list[Exception] = field(default_factory=list)
    log: list[str] = field(default_factory=list)

    async def start(self, host: str, port: int, *, interface: str = "") -> int:
        if self.failures:
            self.log.append("failed")
            raise self.failures.pop(0)
        self.log.append(f"listening {host} {port} {interface}".rstrip())
        return port or 4711

    async def close(self) -> None:
        self.log.append("closed")


def doorway(server: FakeServer, interface: str = "") -> Doorway:
    make: Callable[[], Listening] = lambda: server  # noqa: E731
    return Doorway("https://192.0.2.1:0", "192.0.2.1", 0, interface, make)


async def test_listeners_start_and_stop() -> None:
    server = FakeServer()
    front = InjectionServer((doorway(server),), HeldClock())
    await front.start()
    assert front.ports == {"https://192.0.2.1:0": 4711}
    await front.close()
    assert server.log == ["listening 192.0.2.1 0", "closed"]
    assert not front.ports


async def test_address_that_is_not_there_yet_is_waited_for_and_said_once(caplog: pytest.LogCaptureFixture) -> None:
    absent = OSError(99, "Cannot assign requested address")
    server = FakeServer(failures=[absent, absent, absent])
    clock = SwiftClock()
    front = InjectionServer((doorway(server),), clock)
    with caplog.at_level(logging.INFO):
        await front.start()
        await turns(20)
    assert front.ports
    assert clock.waits == [5.0, 10.0, 20.0]
    assert [record.message for record in caplog.records] == [
        "injection: https://192.0.2.1:0 cannot listen yet: [Errno 99] Cannot assign requested address",
        "injection: listening at https://192.0.2.1:0",
    ]
    await front.close()


async def test_useless_certificate_is_an_error_at_the_start_and_closes_the_door_later() -> None:
    front = InjectionServer((doorway(FakeServer(failures=[ConfigError("no key")])),), HeldClock())
    with pytest.raises(ConfigError):
        await front.start()
    server = FakeServer(failures=[OSError("not yet"), ConfigError("no key")])
    front = InjectionServer((doorway(server),), SwiftClock())
    await front.start()
    await turns(20)
    assert not front.ports
    await front.close()


async def test_interface_that_comes_back_as_another_one_is_listened_at_anew() -> None:
    indexes: list[int | Exception] = [3, 3, OSError("gone"), 4]

    def index(_name: str) -> int:
        found = indexes.pop(0) if len(indexes) > 1 else indexes[0]
        if isinstance(found, Exception):
            raise found
        return found

    server = FakeServer()
    front = InjectionServer((doorway(server, "wwan0"),), SwiftClock(), index)
    await front.start()
    await turns(40)
    await front.close()
    assert server.log[:3] == ["listening 192.0.2.1 0 wwan0", "closed", "listening 192.0.2.1 0 wwan0"]
    assert len([line for line in server.log if line.startswith("listening")]) == 2
