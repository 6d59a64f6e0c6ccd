"""The back end for ModemManager, against a model of it: called directly, and over a message bus of its own."""

from __future__ import annotations

import asyncio
import ipaddress
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from ipad.bearer.backend import Apn, Auth, BearerReason, BearerRequest, IpType, make_backend
from ipad.bearer.bus import JeepneyBus
from ipad.bearer.interface import InterfaceState
from ipad.bearer.message_bus import Call, MessageBus
from ipad.bearer.modemmanager import ModemManagerBearer
from ipad.bearer.modemmanager_objects import bearer_of, choose_modem, connect_arguments, modems_of
from ipad.bearer.settings import BearerConfig, ModemManagerConfig
from ipad.errors import BearerError, ConfigError
from tests.ipad.bearer.buses import NO_SERVICE, BusClock, CalledBus, a_bus, message_daemon, served
from tests.ipad.bearer.modemmanager_model import CORE, DbusRefusalError, ModelModem, ModelModemManager
from tests.ipad.modem.test_modem import modem_with

DEVICE = "/sys/devices/pci0000:00/usb1/1-1"
IMEI = "490154203237518"
IOT = Apn("iot.example", IpType.IPV4V6, "dev", "hush", Auth.CHAP)
KINDS = ("call", "daemon")


def request(apn: Apn | None = IOT, reason: BearerReason = BearerReason.BOOT) -> BearerRequest:
    return BearerRequest(None, None, apn, reason)


@dataclass
class Bench:
    """The back end and what it talks to."""

    model: ModelModemManager
    modem: ModelModem
    bus: MessageBus
    clock: BusClock
    bearer: ModemManagerBearer

    async def session(self, tries: int = 400) -> str | None:
        """The first link that is seen; looking takes two seconds each."""
        for _ in range(tries):
            session = await self.bearer.session()
            if session is not None:
                return session
            await self.clock.sleep(2.0)
        return None


@asynccontextmanager
async def bench(kind: str, tmp_path: Path, *, inhibit: bool = False, device: str = DEVICE) -> AsyncIterator[Bench]:
    modem = ModelModem(DEVICE, IMEI)
    model = ModelModemManager(ModelModem("/sys/devices/usb2", "353490069873319"), modem)
    async with a_bus(kind, model, tmp_path) as bus:
        clock = BusClock()
        bearer = ModemManagerBearer(ModemManagerConfig(device, inhibit), None, clock, bus)
        try:
            yield Bench(model, modem, bus, clock, bearer)
        finally:
            await bearer.close()


@pytest.mark.asyncio
@pytest.mark.parametrize("kind", KINDS)
async def test_it_connects_with_the_access_point(kind: str, tmp_path: Path) -> None:
    async with bench(kind, tmp_path) as own:
        assert await own.bearer.session() is None
        await own.bearer.bring_up(request())
        session = await own.session()
        assert session is not None
        assert session == await own.bearer.session()
        assert own.modem.links[0].asked == {
            "apn": ("s", "iot.example"),
            "ip-type": ("u", 4),
            "allowed-auth": ("u", 4),
            "user": ("s", "dev"),
            "password": ("s", "hush"),
        }
        assert own.model.modems[0].links == []


@pytest.mark.asyncio
async def test_asking_for_what_is_there_changes_nothing(tmp_path: Path) -> None:
    async with bench("call", tmp_path) as own:
        await own.bearer.bring_up(request())
        first = await own.session()
        own.model.calls.clear()
        await own.bearer.bring_up(request(reason=BearerReason.LOST))
        assert await own.session() == first
        assert not {"Connect", "Disconnect"} & set(own.model.calls)


@pytest.mark.asyncio
@pytest.mark.parametrize("change", [request(Apn("other.example")), request(reason=BearerReason.PROFILE_CHANGED)])
async def test_a_link_of_another_access_point_or_profile_is_replaced(tmp_path: Path, change: BearerRequest) -> None:
    async with bench("call", tmp_path) as own:
        await own.bearer.bring_up(request())
        first = await own.session()
        await own.bearer.bring_up(change)
        assert await own.session() not in (None, first)
        assert own.model.calls.count("Disconnect") == 1


@pytest.mark.asyncio
async def test_asking_returns_before_the_link_is_up(tmp_path: Path) -> None:
    async with bench("call", tmp_path) as own:
        own.model.hold = asyncio.Event()
        await own.bearer.bring_up(request())
        assert await own.bearer.session() is None
        own.model.hold.set()
        assert await own.session() is not None


@pytest.mark.asyncio
@pytest.mark.parametrize("kind", KINDS)
async def test_a_modem_that_comes_back_as_another_object_is_found(kind: str, tmp_path: Path) -> None:
    async with bench(kind, tmp_path) as own:
        await own.bearer.bring_up(request())
        first = await own.session()
        before = own.modem.path
        own.model.drop(own.modem)
        await own.bearer.bring_up(request(reason=BearerReason.PROFILE_CHANGED))
        for _ in range(5):
            assert await own.bearer.session() is None
            await own.clock.sleep(2.0)
        own.model.export(own.modem, state=1)
        assert await own.bearer.session() is None
        own.modem.state = 8
        assert await own.session() not in (None, first)
        assert own.modem.path != before


@pytest.mark.asyncio
async def test_a_modem_that_stays_away_is_given_up_and_found_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with bench("call", tmp_path) as own:
        own.model.drop(own.modem)
        await own.bearer.bring_up(request())
        for _ in range(200):
            assert await own.bearer.session() is None
            await own.clock.sleep(2.0)
        assert "is not there after 180 s" in caplog.text
        own.model.export(own.modem)
        assert await own.session() is not None


@pytest.mark.asyncio
@pytest.mark.parametrize("kept", [True, False])
async def test_a_lost_link_is_connected_again_and_has_another_name(tmp_path: Path, kept: bool) -> None:
    async with bench("call", tmp_path) as own:
        await own.bearer.bring_up(request())
        first = await own.session()
        own.modem.links[0].connected, own.modem.state = False, 8
        own.modem.links = own.modem.links if kept else []
        assert await own.session() not in (None, first)


@pytest.mark.asyncio
async def test_taken_down_it_stays_down(tmp_path: Path) -> None:
    async with bench("call", tmp_path) as own:
        await own.bearer.bring_up(request())
        assert await own.session() is not None
        await own.bearer.take_down(BearerReason.STOP)
        assert own.modem.links == []
        assert await own.session(tries=100) is None


@pytest.mark.asyncio
async def test_a_refused_link_is_tried_again_with_pauses(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with bench("call", tmp_path) as own:
        own.model.refuse["Connect"] = DbusRefusalError(f"{CORE}.Failed", "unknown APN")
        await own.bearer.bring_up(request())
        assert await own.session(tries=150) is None
        assert 4 <= own.model.calls.count("Connect") <= 7
        assert "unknown APN" in caplog.text
        assert "hush" not in caplog.text
        del own.model.refuse["Connect"]
        assert await own.session() is not None


@pytest.mark.asyncio
@pytest.mark.parametrize("kind", KINDS)
async def test_modemmanager_lets_go_while_a_package_is_executed(kind: str, tmp_path: Path) -> None:
    async with bench(kind, tmp_path, inhibit=True) as own:
        await own.bearer.bring_up(request())
        first = await own.session()
        async with own.bearer.package():
            assert list(own.model.inhibited) == [DEVICE]
            assert await own.bearer.session() is None
        assert own.model.inhibited == {}
        assert await own.session() not in (None, first)


@pytest.mark.asyncio
async def test_it_is_left_alone_where_that_is_not_configured(tmp_path: Path) -> None:
    async with bench("call", tmp_path) as own:
        await own.bearer.bring_up(request())
        first = await own.session()
        async with own.bearer.package():
            assert await own.bearer.session() == first
        assert "InhibitDevice" not in own.model.calls


@pytest.mark.asyncio
async def test_the_modem_is_given_back_when_a_package_fails_or_is_cut_short(tmp_path: Path) -> None:
    async with bench("call", tmp_path, inhibit=True) as own:
        for failure in (RuntimeError, asyncio.CancelledError):
            with pytest.raises(failure):
                async with own.bearer.package():
                    raise failure
            assert own.model.inhibited == {}


@pytest.mark.asyncio
async def test_a_package_is_executed_although_nothing_can_be_inhibited(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with bench("call", tmp_path, inhibit=True) as own:
        own.model.refuse["InhibitDevice"] = DbusRefusalError(f"{CORE}.Unauthorized", "ask an administrator")
        async with own.bearer.package():
            assert own.model.inhibited == {}
        assert "keeps the modem" in caplog.text
        own.model.drop(own.modem)
        async with own.bearer.package():
            pass
        assert "nothing to inhibit" in caplog.text


@pytest.mark.asyncio
async def test_leaving_the_bus_ends_an_inhibition_that_cannot_be_ended_otherwise(tmp_path: Path) -> None:
    async with bench("call", tmp_path, inhibit=True) as own:
        async with own.bearer.package():
            own.model.refuse["InhibitDevice"] = DbusRefusalError(f"{CORE}.Failed", "")
        assert own.model.inhibited == {}
        assert own.modem.path is not None


@pytest.mark.asyncio
async def test_the_interface_of_the_host_must_have_an_address_too(tmp_path: Path) -> None:
    states = {"wwan0": InterfaceState(3, True, ())}
    modem = ModelModem(DEVICE, IMEI)
    clock = BusClock()
    bearer = ModemManagerBearer(
        ModemManagerConfig(DEVICE), None, clock, CalledBus(ModelModemManager(modem)), "wwan0", states.get
    )
    own = Bench(ModelModemManager(), modem, CalledBus(ModelModemManager()), clock, bearer)
    await bearer.bring_up(request())
    assert await own.session(tries=50) is None
    states["wwan0"] = InterfaceState(3, True, (ipaddress.ip_address("10.0.0.1"),))
    assert await own.session() is not None
    await bearer.close()


@pytest.mark.asyncio
async def test_without_modemmanager_the_request_cannot_be_made(tmp_path: Path) -> None:
    bus = CalledBus(ModelModemManager())
    bus.running = False
    bearer = ModemManagerBearer(ModemManagerConfig(DEVICE), None, BusClock(), bus)
    with pytest.raises(BearerError) as caught:
        await bearer.bring_up(request())
    assert caught.value.name == NO_SERVICE
    with pytest.raises(BearerError):
        await bearer.session()
    await bearer.close()


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("cgsn", "found"), [(["490154203237518"], True), (["353490069873319"], False), ("ERROR", False)]
)
async def test_of_several_modems_the_imei_tells_ours(tmp_path: Path, cgsn: object, found: bool) -> None:
    modem, _ = modem_with({"AT+CGSN": cgsn})
    ours = ModelModem(DEVICE, IMEI)
    model = ModelModemManager(ModelModem("/sys/devices/usb3", "868686868686868"), ours)
    bearer = ModemManagerBearer(ModemManagerConfig(), modem, BusClock(), CalledBus(model))
    own = Bench(model, ours, CalledBus(model), BusClock(), bearer)
    if cgsn == "ERROR":
        with pytest.raises(BearerError, match="2 modems"):
            await bearer.bring_up(request())
    else:
        await bearer.bring_up(request())
        assert (await own.session(tries=50) is not None) is found
        assert bool(ours.links) is found
    await bearer.close()


def test_objects_that_make_no_sense_are_refused_or_empty() -> None:
    with pytest.raises(BearerError):
        modems_of([])
    with pytest.raises(BearerError):
        bearer_of("/x", None)
    modem_name = "org.freedesktop.ModemManager1.Modem"
    assert modems_of({"/a": None, "/b": {}, 3: {modem_name: {}}}) == ()
    (modem,) = modems_of({"/c": {modem_name: {"Device": 3, "State": ("s", "x"), "Bearers": ("ao", [1, "/d"])}}})
    assert (modem.device, modem.state, modem.bearers, modem.usable) == ("", 0, ("/d",), False)
    bearer = bearer_of("/d", {"Connected": ("b", 1), "Properties": ("s", "x"), "Ip4Config": None})
    assert (bearer.connected, bearer.apn, bearer.addresses) == (False, "", ())


def test_the_only_modem_is_ours_when_nothing_else_is_known() -> None:
    (modem,) = modems_of({"/c": {"org.freedesktop.ModemManager1.Modem": {"EquipmentIdentifier": ("s", IMEI)}}})
    assert choose_modem((modem,), "", None) == modem
    assert choose_modem((modem,), "", IMEI[:14] + "0") == modem
    assert choose_modem((modem,), DEVICE, IMEI) is None
    assert choose_modem((), "", None) is None


def test_the_network_chooses_where_no_access_point_is_known() -> None:
    assert connect_arguments(request(None).access) == {"apn": ("s", ""), "ip-type": ("u", 4)}


def test_the_library_is_asked_for_by_name_when_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jeepney", None)
    monkeypatch.delitem(sys.modules, "ipad.bearer.bus")
    with pytest.raises(ConfigError, match="jeepney") as caught:
        make_backend(BearerConfig(backend="modemmanager"), None, BusClock(), "")
    assert caught.value.hint == "pip install 'ipad[modemmanager]'"


LIST = Call("/org/freedesktop/ModemManager1", "org.freedesktop.DBus.ObjectManager", "GetManagedObjects")
SERVICE = "org.freedesktop.ModemManager1"


@pytest.mark.asyncio
async def test_errors_of_a_real_bus_are_told_and_a_lost_bus_is_found_again(tmp_path: Path) -> None:
    bus = JeepneyBus(f"unix:path={tmp_path}/bus", BusClock())
    with pytest.raises(BearerError, match=r"cannot be used: .*No such file"):
        await bus.call(SERVICE, LIST, 20.0)
    async with message_daemon(tmp_path) as address:
        with pytest.raises(BearerError) as caught:
            await bus.call(SERVICE, LIST, 20.0)
        assert caught.value.name == NO_SERVICE
        model = ModelModemManager()
        model.refuse["InhibitDevice"] = DbusRefusalError(f"{CORE}.Unauthorized", "no")
        async with served(model, address):
            assert await bus.call(SERVICE, LIST, 20.0) == ({},)
            with pytest.raises(BearerError, match="Unauthorized: no"):
                await bus.call(SERVICE, Call("/x", SERVICE, "InhibitDevice", "sb", ("uid", True)), 20.0)
    for _ in range(2):
        with pytest.raises(BearerError):
            await bus.call(SERVICE, LIST, 20.0)
    assert bus.connections == 1
    (tmp_path / "bus").unlink(missing_ok=True)
    async with message_daemon(tmp_path) as address, served(ModelModemManager(), address):
        assert await bus.call(SERVICE, LIST, 20.0) == ({},)
        assert bus.connections == 2
        await bus.close()
        await bus.close()


@pytest.mark.asyncio
async def test_a_service_that_does_not_answer_is_given_up(tmp_path: Path) -> None:
    model = ModelModemManager(ModelModem(DEVICE, IMEI))
    model.hold = asyncio.Event()
    async with a_bus("daemon", model, tmp_path) as bus:
        connect = Call("/org/freedesktop/ModemManager1/Modem/0", f"{SERVICE}.Modem.Simple", "Connect", "a{sv}", ({},))
        with pytest.raises(BearerError, match="no answer to Connect within 3 s"):
            await bus.call(SERVICE, connect, 3.0)
        assert len((await bus.call(SERVICE, LIST, 20.0))[0]) == 1
