"""A poll that finds nothing costs nothing on the card, as long as nothing can have changed there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from hil.eim import content
from hil.euicc.engine import Engine
from hil.modem.knobs import Knobs
from tests.e2e.virtual.device import Device, execute
from tests.e2e.virtual.test_daemon import HOUR, Daemon, done, queue_list

APDU_COMMANDS = (b"+CSIM", b"+CCHO", b"+CGLA", b"+CCHC")
POLLS = 12 * HOUR


@dataclass
class Counter:
    """AT commands that carry APDUs or open and close channels, since the last `take`."""

    device: Device
    _seen: int = 0
    _line: bytes = b""
    _requests: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        receive, self.device.card_fault = self.device.modem.receive, self._note_request

        def counting(data: bytes) -> None:
            self._line = (self._line + data)[-4096:]
            while b"\r" in self._line:
                line, _, self._line = self._line.partition(b"\r")
                self._seen += any(command in line.upper() for command in APDU_COMMANDS)
            receive(data)

        self.device.modem.receive = counting  # type: ignore[method-assign]

    def _note_request(self, engine: Engine, request: bytes) -> bytes:
        self._requests.append(request[:2])
        return execute(engine, request)

    def take(self) -> tuple[int, list[bytes]]:
        """AT commands, and what the ISD-R was asked."""
        found, self._seen = (self._seen, self._requests), 0
        self._requests = []
        return found


@pytest.fixture(name="counter")
def _counter(device: Device) -> Counter:
    return Counter(device)


def test_second_idle_poll_sends_no_apdu(device: Device, counter: Counter) -> None:
    costs: list[tuple[int, list[bytes]]] = []

    def take() -> None:
        costs.append(counter.take())

    Daemon(device).serve((HOUR, take), (POLLS + HOUR, take), (2 * POLLS + HOUR, take), until=2 * POLLS + 2 * HOUR)
    assert device.eim.association(device.eid).polls == 3
    assert costs[0][0] > 4
    assert b"\xbf\x55" in costs[0][1]
    assert costs[1:] == [(0, [])] * 2


def replug(device: Device) -> None:
    """Take the card out for a minute."""
    device.modem.set_knobs(Knobs(card_removed=True))
    device.clock.call_later(60.0, lambda: device.modem.set_knobs(Knobs()))


Change = Callable[[Device], object]
CHANGES: dict[str, Change] = {
    "card taken out and put back": replug,
    "a package": queue_list,
    "a data request": lambda device: device.queue(content.data_request((0xBF20, 0xBF22))),
}


@pytest.mark.parametrize("name", CHANGES)
def test_card_is_read_again_after_a_change(device: Device, counter: Counter, name: str) -> None:
    costs: list[tuple[int, list[bytes]]] = []

    def take() -> None:
        costs.append(counter.take())

    Daemon(device).serve(
        (HOUR, take),
        (2 * HOUR, lambda: CHANGES[name](device)),
        (POLLS + HOUR, take),
        (2 * POLLS + HOUR, take),
        (3 * POLLS + HOUR, take),
        until=3 * POLLS + 2 * HOUR,
    )
    assert costs[1][0] > 0, "what may have changed is read again"
    assert costs[3] == (0, []), "and then known again"


def test_package_after_idle_polls_is_executed_and_its_result_delivered(device: Device, counter: Counter) -> None:
    packages = []
    Daemon(device).serve((2 * POLLS - HOUR, lambda: packages.append(queue_list(device))), until=2 * POLLS + HOUR)
    assert done(packages[0])
    assert b"\xbf\x51" in counter.take()[1]


LOADED, REMOVED, LISTED = b"\xbf\x51", b"\xbf\x30", b"\xbf\x2b"
PROFILES = b"\xbf\x2d"
COSTS: dict[str, tuple[Change, list[bytes]]] = {
    "listProfileInfo": (queue_list, [PROFILES, LOADED, REMOVED]),
    "getRAT and listEim": (
        lambda device: device.queue(content.psmo_package(content.get_rat()), content.eco_package(content.list_eim())),
        [PROFILES, LOADED, REMOVED, LOADED, REMOVED],
    ),
    "delete": (
        lambda device: device.queue(
            content.psmo_package(content.delete(next(iccid for iccid, on in device.states.items() if not on)))
        ),
        [PROFILES, LOADED, LISTED, REMOVED, REMOVED],
    ),
    "data request": (
        lambda device: device.queue(content.data_request((0xBF20, 0xA0))),
        [b"\xbf\x20", LISTED],
    ),
}


@pytest.mark.parametrize("name", COSTS)
def test_package_costs_what_it_is_made_of_and_nothing_afterwards(device: Device, counter: Counter, name: str) -> None:
    change, expected = COSTS[name]
    found: list[list[bytes]] = []

    def take() -> None:
        found.append(counter.take()[1])

    Daemon(device).serve(
        (POLLS - HOUR, take),
        (POLLS - HOUR, lambda: change(device)),
        (POLLS + HOUR, take),
        (2 * POLLS + HOUR, take),
        until=2 * POLLS + 2 * HOUR,
    )
    assert found[1:] == [expected, []]


def test_profile_is_read_before_a_switch_whatever_is_remembered(device: Device, counter: Counter) -> None:
    spare = next(iccid for iccid, on in device.states.items() if not on)
    requests: list[bytes] = []
    Daemon(device).serve(
        (POLLS - HOUR, counter.take),
        (POLLS - HOUR, lambda: device.queue(content.psmo_package(content.enable(spare)))),
        (POLLS + HOUR, lambda: requests.extend(counter.take()[1])),
        until=POLLS + 2 * HOUR,
    )
    assert device.states[spare]
    assert requests[:3] == [PROFILES, LOADED, LISTED]
    assert PROFILES in requests[3:], "and afterwards, because a rollback hangs on it"
    assert requests.count(LISTED) == 1
