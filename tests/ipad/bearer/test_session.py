"""Names of links, the back end that only watches, and the pauses of dialling."""

from __future__ import annotations

import ipaddress

import pytest

from ipad.bearer.backend import BearerReason, BearerRequest, make_backend
from ipad.bearer.interface import InterfaceState
from ipad.bearer.none import WatchedBearer
from ipad.bearer.redial import Redial
from ipad.bearer.session import InterfaceWatch
from ipad.bearer.settings import BearerConfig
from ipad.errors import ConfigError
from tests.ipad.modem.peer import FastClock
from tests.ipad.modem.test_modem import modem_with

REQUEST = BearerRequest(None, None, None, BearerReason.BOOT)
UP = {
    "AT+CREG?": ["+CREG: 2,0"],
    "AT+CEREG?": ["+CEREG: 3,1"],
    "AT+CGATT?": ["+CGATT: 1"],
    "AT+CGACT?": ["+CGACT: 1,1"],
    "AT+CGPADDR=1": ['+CGPADDR: 1,"10.0.0.1"'],
}


class Kernel:
    """An interface that tests change."""

    def __init__(self, *addresses: str, index: int = 7) -> None:
        self.index = index
        self.addresses: tuple[str, ...] | None = addresses

    def read(self, name: str) -> InterfaceState | None:
        assert name == "wwan0"
        if self.addresses is None:
            return None
        return InterfaceState(self.index, True, tuple(ipaddress.ip_address(text) for text in self.addresses))


def test_a_link_keeps_its_name_until_it_is_gone() -> None:
    kernel = Kernel("10.0.0.1")
    watch = InterfaceWatch("wwan0", kernel.read)
    first = watch.session()
    assert first is not None
    assert watch.session() == first
    kernel.addresses = ()
    assert watch.session() is None
    kernel.addresses = ("10.0.0.1",)
    assert watch.session() not in (None, first)


def test_another_address_is_another_link() -> None:
    kernel = Kernel("10.0.0.1")
    watch = InterfaceWatch("wwan0", kernel.read)
    names = {watch.session()}
    kernel.addresses = ("10.0.0.2",)
    names.add(watch.session())
    kernel.index = 8
    names.add(watch.session())
    assert len(names) == 3


@pytest.mark.asyncio
async def test_there_is_a_link_when_modem_and_interface_have_one() -> None:
    modem, fake = modem_with(UP)
    kernel = Kernel("10.0.0.1")
    bearer = WatchedBearer(modem, "wwan0", kernel.read)
    name = await bearer.session()
    assert name is not None
    assert name == await bearer.session()
    kernel.addresses = None
    assert await bearer.session() is None
    kernel.addresses = ("10.0.0.1",)
    fake.table["AT+CEREG?"] = ["+CEREG: 3,2"]
    assert await bearer.session() is None
    fake.table["AT+CEREG?"] = ["+CEREG: 3,1"]
    assert await bearer.session() not in (None, name)
    await bearer.close()


@pytest.mark.asyncio
async def test_without_an_interface_the_modem_decides_and_without_both_the_host() -> None:
    modem, fake = modem_with(UP)
    bearer = WatchedBearer(modem, "")
    assert "10.0.0.1" in (await bearer.session() or "")
    fake.table["AT+CGACT?"] = ["+CGACT: 1,0"]
    assert await bearer.session() is None
    assert await WatchedBearer(None, "").session() == "host"
    assert "10.9.9.9" in (await WatchedBearer(None, "wwan0", Kernel("10.9.9.9").read).session() or "")


@pytest.mark.asyncio
async def test_the_watching_back_end_sends_nothing() -> None:
    modem, fake = modem_with(UP)
    bearer = make_backend(BearerConfig(), modem, modem.clock, "")
    await bearer.bring_up(REQUEST)
    async with bearer.package():
        await bearer.take_down(BearerReason.STOP)
    await bearer.close()
    assert fake.commands == []


def test_a_card_in_a_reader_cannot_be_dialled_for() -> None:
    with pytest.raises(ConfigError, match='"at" needs a modem'):
        make_backend(BearerConfig(backend="at"), None, FastClock(), "")


def test_pauses_grow_and_are_spread() -> None:
    redial = Redial((10.0, 30.0), chance=lambda: 0.5)
    assert redial.due(0.0)
    redial.tried(0.0)
    assert not redial.due(9.9)
    assert redial.due(10.0)
    for start in (10.0, 100.0):
        redial.tried(start)
        assert not redial.due(start + 29.9)
        assert redial.due(start + 30.0)
    redial.reset()
    assert redial.due(100.1)
    for chance, earliest in ((0.0, 8.0), (1.0, 12.0)):
        spread = Redial((10.0,), chance=lambda chance=chance: chance)
        spread.tried(0.0)
        assert not spread.due(earliest - 0.1)
        assert spread.due(earliest)
