"""The modem's facts, the recovery ladder and the bearer over time, over the AT port."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from ipad.board import Board, BoardLibrary
from ipad.errors import ModemError, PortError
from ipad.ids import Iccid, Plmn
from ipad.modem.connectivity import ModemConnectivity
from ipad.modem.modem import Modem
from ipad.modem.recovery import SimRecovery
from ipad.modem.sim import SimCondition
from tests.ipad.modem.peer import FakeModem, FastClock, framed

OLD = "8986001234567890123"
NEW = "8986009999999999999"


def modem_with(table: Mapping[str, object], board: str | Board = "quectel-eg25") -> tuple[Modem, FakeModem]:
    definition = BoardLibrary().load(board) if isinstance(board, str) else board
    fake = FakeModem(table)
    fake.default = "ERROR"
    fake.table |= dict.fromkeys(("AT", "ATE0", "ATV1", "ATQ0", "AT+CMEE=1"), ()) | dict(table)
    clock = FastClock()
    return Modem(fake.port(clock, urcs=definition.at.urcs), definition, clock), fake


@pytest.mark.asyncio
async def test_identity_and_imei() -> None:
    modem, _ = modem_with(
        {"AT+CGMI": ["Quectel"], "AT+CGMM": ["EG25"], "AT+CGMR": ["R07"], "AT+CGSN=1": ['+CGSN: "490154203237518"']}
    )
    identity = await modem.identify()
    assert (identity.manufacturer, identity.model, identity.revision) == ("Quectel", "EG25", "R07")
    facts = await modem.device_facts()
    assert facts.imei is not None
    assert facts.imei.tac == "49015420"
    assert facts.rats == ("gsm", "umts", "lte")
    other, _ = modem_with({"ATI": ["Manufacturer: SIMCOM", "Model: A7670E"]})
    assert (await other.identify()).model == "A7670E"
    assert await other.imei() is None


@pytest.mark.asyncio
async def test_imei_is_asked_once_of_each_dialogue() -> None:
    modem, fake = modem_with({"AT+CGSN": ["490154203237518"]})
    for _ in range(2):
        assert str(await modem.imei()) == "490154203237518"
    assert fake.commands.count("AT+CGSN") == 1
    await modem.port.renew()
    await modem.imei()
    assert fake.commands.count("AT+CGSN") == 2


@pytest.mark.asyncio
async def test_imei_that_may_have_been_misread_is_asked_again() -> None:
    modem, fake = modem_with({"AT+CGSN": ["490154203237519"]})
    for _ in range(2):
        await modem.imei()
    assert fake.commands.count("AT+CGSN") == 2


@pytest.mark.asyncio
async def test_one_look_asks_for_each_fact_once_and_only_this_task_profits() -> None:
    table = {"AT+QCCID": [f"+QCCID: {OLD}"], "AT+CEREG?": ["+CEREG: 2,1"], "AT+CGATT?": ["+CGATT: 1"]}
    modem, fake = modem_with(table)

    async def ask() -> None:
        await modem.iccid()
        await modem.registration()
        await modem.registered_for_data()
        await modem.attached()

    with modem.one_look():
        for _ in range(3):
            await ask()
        assert [fake.commands.count(command) for command in table] == [1, 1, 1]
        fake.say(framed("+CEREG: 0"))
        await asyncio.sleep(0)
        await ask()
        assert [fake.commands.count(command) for command in table] == [2, 2, 2]
    await ask()
    assert fake.commands.count("AT+QCCID") == 3


@pytest.mark.asyncio
async def test_answer_that_says_nothing_is_asked_for_again_within_a_look() -> None:
    modem, fake = modem_with({})
    with modem.one_look():
        assert await modem.attached() is None
        fake.table["AT+CGATT?"] = ["+CGATT: 1"]
        assert await modem.attached() is True


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("table", "registered", "asked"),
    [
        ({"AT+CEREG?": ["+CEREG: 2,1"]}, True, 1),
        ({"AT+CEREG?": ["+CEREG: 2,2"], "AT+CGREG?": ["+CGREG: 2,5"]}, True, 2),
        ({"AT+CREG?": ["+CREG: 2,1"]}, True, 3),
        ({"AT+CEREG?": ["+CEREG: 2,2"], "AT+CREG?": ["+CREG: 2,1"]}, False, 3),
        ({}, False, 3),
    ],
)
async def test_domains_are_asked_until_one_carries_data(table: dict[str, object], registered: bool, asked: int) -> None:
    modem, fake = modem_with(table)
    assert await modem.registered_for_data() is registered
    assert sum("REG?" in command for command in fake.commands) == asked


@pytest.mark.asyncio
async def test_iccid_by_the_first_command_that_answers() -> None:
    modem, fake = modem_with({"AT+CRSM=176,12258,0,0,10": ['+CRSM: 144,0,"98680021436587092143"']})
    assert str(await modem.iccid()) == "89860012345678901234"
    assert fake.commands[-3:] == ["AT+QCCID", "AT+CCID", "AT+CRSM=176,12258,0,0,10"]
    await modem.iccid()
    assert fake.commands[-2:] == ["AT+CRSM=176,12258,0,0,10"] * 2
    assert await modem_with({})[0].iccid() is None


@pytest.mark.asyncio
async def test_sim_state_of_answer_and_error() -> None:
    assert (await modem_with({"AT+CPIN?": ["+CPIN: READY"]})[0].sim_state()).condition is SimCondition.READY
    assert (await modem_with({"AT+CPIN?": "+CME ERROR: 13"})[0].sim_state()).condition is SimCondition.FAILURE
    assert (await modem_with({"AT+CPIN?": ()})[0].sim_state()).condition is SimCondition.UNKNOWN


@pytest.mark.asyncio
async def test_registration_operator_signal_and_time() -> None:
    modem, _ = modem_with(
        {
            "AT+CEREG?": ['+CEREG: 3,5,"142D","04F2C791",7'],
            "AT+CREG?": ["+CREG: 2,3"],
            "AT+COPS=3,2": (),
            "AT+COPS?": ['+COPS: 0,2,"26201",7'],
            "AT+QCSQ": ['+QCSQ: "NOSERVICE"'],
            "AT+CESQ": ["+CESQ: 99,99,255,255,20,57"],
            "AT+CCLK?": ['+CCLK: "26/05/01,10:00:00+08"'],
            "AT+CIMI": ["262011234567890"],
        }
    )
    found = await modem.registration()
    assert sorted(found) == ["CEREG", "CREG"]
    assert await modem.registered_for_data()
    assert await modem.registered_plmn() == Plmn("262", "01")
    signal = await modem.signal()
    assert signal is not None
    assert signal.rsrp == -84.0
    assert await modem.network_time() == datetime(2026, 5, 1, 8, tzinfo=UTC)
    assert await modem.imsi() == "262011234567890"
    mute, _ = modem_with({})
    assert (await mute.registration(), await mute.operator(), await mute.signal()) == ({}, None, None)
    assert (await mute.network_time(), await mute.bearer()) == (None, None)


BEARER = {
    "AT+CGATT?": ["+CGATT: 1"],
    "AT+CGACT?": ["+CGACT: 1,1"],
    "AT+CGPADDR=1": ['+CGPADDR: 1,"10.0.0.1"'],
    "AT+CEREG?": ["+CEREG: 2,1"],
    "AT+QCCID": [f"+QCCID: {OLD}"],
    "AT+CPIN?": ["+CPIN: READY"],
}


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("change", "up"),
    [
        ({}, True),
        ({"AT+CGATT?": ["+CGATT: 0"]}, False),
        ({"AT+CGACT?": ["+CGACT: 1,0"]}, False),
        ({"AT+CGPADDR=1": ['+CGPADDR: 1,"0.0.0.0"']}, False),
        ({"AT+CGPADDR=1": "ERROR"}, True),
        ({"AT+CGPADDR=1": "ERROR", "AT+CGCONTRDP": ['+CGCONTRDP: 1,5,"apn","10.0.0.1.255.0.0.0"']}, True),
        ({"AT+CGATT?": "ERROR"}, True),
    ],
)
async def test_a_bearer_is_attach_context_and_address(change: dict[str, object], up: bool) -> None:
    modem, _ = modem_with({**BEARER, **change})
    assert (await modem.bearer() is not None) is up


@pytest.mark.asyncio
async def test_events_are_subscribed_once_for_each_start_of_the_dialogue() -> None:
    modem, fake = modem_with({"AT+CREG=2": (), "AT+CGREG=2": (), "AT+CEREG=2": (), "AT+CGEREP=1": ()})
    await modem.port.open()
    await modem.subscribe()
    await modem.subscribe()
    assert fake.commands[6:] == ["AT+CREG=2", "AT+CGREG=2", "AT+CEREG=3", "AT+CEREG=2", "AT+CGEREP=2,1", "AT+CGEREP=1"]
    fake.link.hang_up()
    await modem.port.open()
    await modem.subscribe()
    assert fake.commands.count("AT+CREG=2") == 2


@pytest.mark.asyncio
async def test_a_bearer_with_the_same_address_is_new_after_a_loss() -> None:
    modem, fake = modem_with(BEARER)
    connectivity = ModemConnectivity(modem)
    before = await connectivity.data_session()
    assert before == "0/10.0.0.1"
    assert await connectivity.data_session() == before
    fake.say(framed("+CGEV: NW DETACH"))
    await asyncio.sleep(0)
    assert await connectivity.data_session() == "1/10.0.0.1"
    fake.table["AT+CGATT?"] = ["+CGATT: 0"]
    assert await connectivity.data_session() is None
    fake.table["AT+CGATT?"] = ["+CGATT: 1"]
    assert await connectivity.wait_new_session("1/10.0.0.1", 10.0)
    assert not await connectivity.wait_new_session("2/10.0.0.1", 10.0)


@pytest.mark.asyncio
async def test_the_old_bearer_is_not_taken_for_that_of_the_new_profile() -> None:
    modem, fake = modem_with(BEARER)
    connectivity = ModemConnectivity(modem)
    before = await connectivity.data_session()
    fake.table["AT+QCCID"] = [f"+QCCID: {NEW}"]
    assert await connectivity.data_session() is None
    fake.say(framed("+CEREG: 0"))
    await asyncio.sleep(0)
    after = await connectivity.data_session()
    assert after is not None
    assert after != before
    fake.say(framed("+QUSIM: 1"))
    await asyncio.sleep(0)
    assert await connectivity.data_session() is None
    assert await connectivity.wait_new_session(after, 30.0)


@pytest.mark.asyncio
async def test_a_modem_that_restarts_is_waited_for() -> None:
    modem, fake = modem_with(BEARER)
    connectivity = ModemConnectivity(modem)
    before = await connectivity.data_session()
    fake.link.hang_up()
    fake.missing = 2
    assert await connectivity.wait_new_session(before, 60.0)
    connectivity.close()


class Switching:
    """A modem that shows the new ICCID only after a certain command."""

    def __init__(self, trigger: str | None, board: Board | str = "generic-3gpp") -> None:
        self.modem, self.fake = modem_with(
            {"AT+CPIN?": ["+CPIN: READY"], "AT+CCID": lambda: (f"+CCID: {self.shown}",)}, board
        )
        self.shown = OLD
        self.fake.default = ()
        if trigger is not None:
            self.fake.table[trigger] = self.switch

    def switch(self) -> tuple[str, ...]:
        self.shown = NEW
        return ()


@pytest.mark.asyncio
async def test_nothing_is_done_when_the_modem_shows_the_card_already() -> None:
    bench = Switching(None)
    bench.shown = NEW
    assert await SimRecovery(bench.modem).recover(Iccid.parse(NEW)) is None
    assert not [command for command in bench.fake.commands if "CFUN" in command]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("trigger", "rung"), [("AT+CFUN=4", "cfun4"), ("AT+CFUN=0", "cfun0"), ("AT+CFUN=1,1", "reset")]
)
async def test_the_ladder_ends_at_the_rung_that_helps(trigger: str, rung: str) -> None:
    bench = Switching(trigger)
    assert await SimRecovery(bench.modem).recover(Iccid.parse(NEW)) == rung
    assert bench.fake.commands[-1] == "AT+COPS=0"


@pytest.mark.asyncio
async def test_waiting_is_the_first_rung() -> None:
    bench = Switching(None)
    polls = iter(range(100))
    bench.fake.table["AT+CCID"] = lambda: (f"+CCID: {NEW if next(polls) > 4 else OLD}",)
    assert await SimRecovery(bench.modem).recover(Iccid.parse(NEW)) == "wait"


@pytest.mark.asyncio
async def test_a_ladder_without_success_is_an_error_that_names_the_rungs() -> None:
    bench = Switching(None)
    with pytest.raises(ModemError, match="after wait, cfun4, cfun0, reset"):
        await SimRecovery(bench.modem).recover(Iccid.parse(NEW))


@pytest.mark.asyncio
async def test_a_port_that_disappears_at_the_reset_is_opened_again() -> None:
    bench = Switching(None)

    def restart() -> None:
        bench.shown = NEW
        bench.fake.missing = 3
        bench.fake.link.hang_up()

    bench.fake.table["AT+CFUN=1,1"] = restart
    assert await SimRecovery(bench.modem).recover(Iccid.parse(NEW)) == "reset"
    assert len(bench.fake.links) == 2


@pytest.mark.asyncio
async def test_a_port_that_disappears_at_cfun0_gets_both_commands_at_once() -> None:
    generic = BoardLibrary().load("generic-3gpp")
    board = replace(generic, quirks=("cfun-in-one-line",), refresh=replace(generic.refresh, ladder=("cfun0",)))
    bench = Switching("AT+CFUN=0", board)
    assert await SimRecovery(bench.modem).recover(Iccid.parse(NEW)) == "cfun0"
    position = bench.fake.commands.index("AT+CFUN=0")
    assert bench.fake.commands[position + 1] == "AT+CFUN=1"


@pytest.mark.asyncio
async def test_without_expectation_the_sim_is_restarted_once() -> None:
    bench = Switching(None)
    assert await SimRecovery(bench.modem).recover(None) == "cfun0"
    assert bench.fake.commands[-3:-1] == ["AT+CFUN=0", "AT+CFUN=1"]


@pytest.mark.asyncio
async def test_a_modem_that_never_comes_back_is_a_port_error() -> None:
    bench = Switching(None)

    def die() -> None:
        bench.fake.missing = 100_000
        bench.fake.link.hang_up()

    bench.fake.table["AT+CFUN=1,1"] = die
    with pytest.raises(PortError, match="no such port"):
        await SimRecovery(bench.modem).reset()
