"""The registered network is asked for once, until the modem tells of a change."""

from __future__ import annotations

import pytest

from ipad.board import BoardLibrary
from ipad.modem.modem import Modem
from ipad.modem.network_memory import LIFETIME, NetworkMemory
from tests.ipad.modem.peer import FakeModem, FastClock

pytestmark = pytest.mark.asyncio


class Bench:
    """A memory before a modem that is registered in 00101. `agreed`: it takes reports of registration and bearer."""

    def __init__(self, *, agreed: bool = True) -> None:
        self.fake = FakeModem({"AT+COPS?": ['+COPS: 0,2,"00101",7'], "AT+CGEREP=2,1": [] if agreed else "ERROR"})
        if not agreed:
            self.fake.table["AT+CGEREP=1"] = "ERROR"
        self.clock = FastClock()
        self.port = self.fake.port(self.clock)
        self.modem = Modem(self.port, BoardLibrary().load("generic-3gpp"), self.clock)
        self.memory = NetworkMemory(self.modem)

    async def ask(self) -> str:
        return str(await self.memory.registered_plmn())

    @property
    def asked(self) -> int:
        return self.fake.commands.count("AT+COPS?")


async def subscribed(*, agreed: bool = True) -> Bench:
    bench = Bench(agreed=agreed)
    await bench.modem.subscribe()
    return bench


async def test_network_is_asked_for_once() -> None:
    bench = await subscribed()
    assert {await bench.ask() for _ in range(5)} == {"001-01"}
    assert bench.asked == 1


@pytest.mark.parametrize("line", ['+CEREG: 5,"142E","04F2C791",7', "+CGREG: 2", "+CGEV: NW DETACH"])
async def test_change_of_the_registration_has_it_asked_again(line: str) -> None:
    bench = await subscribed()
    await bench.ask()
    bench.fake.table["AT+COPS?"] = ['+COPS: 0,2,"00102",7']
    bench.port.data_received(f"\r\n{line}\r\n".encode())
    assert await bench.ask() == "001-02"


async def test_modem_that_reports_nothing_is_asked_each_time() -> None:
    bench = await subscribed(agreed=False)
    await bench.ask()
    await bench.ask()
    assert bench.asked == 2


async def test_new_dialogue_and_an_hour_have_it_asked_again() -> None:
    bench = await subscribed()
    await bench.ask()
    await bench.port.renew()
    await bench.modem.subscribe()
    await bench.ask()
    assert bench.asked == 2
    bench.clock.now += LIFETIME
    await bench.ask()
    assert bench.asked == 3


async def test_modem_without_network_is_asked_each_time() -> None:
    bench = await subscribed()
    bench.fake.table["AT+COPS?"] = ["+COPS: 0"]
    assert await bench.ask() == "None"
    assert await bench.ask() == "None"
    assert bench.asked > 1


async def test_closed_memory_listens_no_more() -> None:
    bench = await subscribed()
    await bench.ask()
    bench.memory.close()
    await bench.ask()
    assert bench.asked == 2
