"""The watch over virtual modems of many kinds: what is told, and how little is asked."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from hil.modem import Knobs, load_personality
from hil.modem.knobs import CommandFault
from hil.modem.personality import Personality, RegistrationStyle
from hil.network import Access, Network, Operator, Service, Signal
from ipad.errors import NetworkError
from ipad.ids import Iccid, Plmn
from ipad.modem.facts import (
    AntennaCondition,
    BearerFact,
    ModemCondition,
    ModemFact,
    RegistrationFact,
    SignalFact,
    SimFact,
)
from ipad.modem.registration import RegistrationStatus
from ipad.modem.watch import RadioWatch, WatchSettings
from tests.hil.modem.fake_card import HOME
from tests.ipad.modem.watched import LIBRARY, Watched, watched

ONE_OF_EACH = {
    "quectel-eg25": "lte",
    "quectel-rm520n": "lte",
    "sierra-em7565": "lte",
    "telit-le910c4": "lte",
    "simcom-a7600": "lte",
    "fibocom-fm350": "lte",
    "cinterion-pls63": "lte",
    "ublox-lara-r6": "lte",
    "ublox-sara-r5": "lte-m",
    "nordic-nrf91": "lte-m",
    "quectel-bg95": "lte-m",
}
SILENT = replace(load_personality("plain"), registration=RegistrationStyle(creg=0, cgreg=0, cereg=0))
"""A modem whose registration can only be asked for."""
DEAF = replace(load_personality("plain"), registration=RegistrationStyle(events=False))
"""One that agrees to tell, and never does."""


def registered(technology: str = "lte") -> RegistrationFact:
    return RegistrationFact(status=RegistrationStatus.HOME, technology=technology, plmn=Plmn("262", "01"))  # type: ignore[arg-type]


@pytest.mark.asyncio
@pytest.mark.parametrize(("personality", "technology"), ONE_OF_EACH.items())
async def test_everything_is_told_at_the_start_and_then_nothing_is_asked(personality: str, technology: str) -> None:
    async with watched(personality) as bench:
        assert bench.all(ModemFact) == [ModemFact(condition=ModemCondition.ON, antenna=AntennaCondition.UNKNOWN)]
        assert bench.all(RegistrationFact) == [registered(technology)]
        assert [fact.iccid for fact in bench.all(SimFact)] == [Iccid.parse(HOME.iccid)]
        assert bench.all(BearerFact) == [BearerFact(session="0/10.64.0.2", attached=True)]
        (signal,) = bench.all(SignalFact)
        assert (signal.technology, signal.dbm) == (technology, pytest.approx(-85.0, abs=1))
        assert await bench.sent_in(3000) == []


@pytest.mark.asyncio
@pytest.mark.parametrize("personality", ONE_OF_EACH)
async def test_loss_and_return_of_the_network_are_told_at_once(personality: str) -> None:
    async with watched(personality) as bench:
        network = bench.network
        network.default_service = replace(network.default_service, coverage=False)
        network.set_antenna(connected=False)
        await bench.after(2)
        assert bench.last(RegistrationFact).status in (RegistrationStatus.SEARCHING, RegistrationStatus.NOT_SEARCHING)
        assert bench.last(BearerFact).session is None
        network.default_service = Service()
        network.set_antenna(connected=True)
        await bench.after(40)
        assert bench.last(RegistrationFact) == registered(ONE_OF_EACH[personality])
        assert bench.last(BearerFact).session not in (None, "0/10.64.0.2")
        assert bench.last(ModemFact).condition is ModemCondition.ON


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("personality", "told_by"),
    [
        ("telit-le910c4", "AT+CEREG=3"),  # <cause_type>,<reject_cause> in the line itself
        ("nordic-nrf91", "AT+CEREG=5"),
        ("quectel-eg25", "AT+CEER"),  # the line has none
        ("quectel-bg95", "AT+CEER"),
    ],
)
@pytest.mark.parametrize("cause", [3, 7, 11, 15, 17])
async def test_a_refusal_is_told_with_its_cause(personality: str, told_by: str, cause: int) -> None:
    async with watched(personality) as bench:
        bench.set_knobs(registration_cause=cause)
        await bench.after(20)
        denied = [fact for fact in bench.all(RegistrationFact) if fact.status is RegistrationStatus.DENIED]
        assert denied[-1].cause == cause
        assert any(command.startswith(told_by) for _, command in bench.commands)
        bench.set_knobs(registration_cause=None)
        bench.virtual.device.radio.switch(on=False)
        bench.virtual.device.radio.switch(on=True)
        await bench.after(30)
        assert bench.last(RegistrationFact) == registered(ONE_OF_EACH[personality])


@pytest.mark.asyncio
async def test_a_border_is_seen_by_the_network_and_its_country() -> None:
    abroad = Operator("20801", "France", "FR", access=Access.E_UTRAN)
    home = Operator("26201", "Germany", "DE", access=Access.E_UTRAN)
    async with watched("quectel-eg25", network=Network([home, abroad])) as bench:
        assert bench.last(RegistrationFact).plmn == Plmn("262", "01")
        bench.network.set_signal("26201", None)
        await bench.after(60)
        fact = bench.last(RegistrationFact)
        assert (fact.status, fact.plmn) == (RegistrationStatus.ROAMING, Plmn("208", "01"))


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("access", "technology"), [(Access.GSM, "gsm"), (Access.UTRAN, "umts"), (Access.NB_IOT, "nb-iot")]
)
async def test_the_technology_of_the_cell_is_told(access: Access, technology: str) -> None:
    network = Network([Operator("26201", "Home", "H", access=access)])
    board = replace(LIBRARY.load("generic-3gpp"), rats=("gsm", "umts", "lte", "nb-iot"))
    async with watched("plain", board=board, network=network) as bench:
        assert bench.last(RegistrationFact).technology == technology


@pytest.mark.asyncio
async def test_a_modem_without_events_is_asked_once_a_minute() -> None:
    async with watched(SILENT) as bench:
        assert not bench.watch.tells
        await bench.after(100)
        sent = await bench.sent_in(600)
        assert sent.count("AT+CFUN?") == 10
        assert not [command for command in sent if command.startswith(("AT+CESQ", "AT+CSQ"))]
        bench.set_knobs(registration_cause=7)
        await bench.after(61)
        assert bench.last(RegistrationFact).cause == 7


@pytest.mark.asyncio
async def test_a_modem_that_agrees_to_tell_and_does_not_is_asked_from_then_on() -> None:
    async with watched(DEAF) as bench:
        assert bench.watch.tells
        bench.watch.hurry(True)
        bench.set_knobs(registration_cause=7)
        await bench.after(20)
        assert not bench.watch.tells
        bench.watch.hurry(False)
        assert (await bench.sent_in(600)).count("AT+CFUN?") in (9, 10)


@pytest.mark.asyncio
@pytest.mark.parametrize(("modem", "looks"), [("quectel-eg25", (1, 3)), (DEAF, (9, 11))], ids=["tells", "deaf"])
async def test_hurry_that_lasts_asks_ever_more_rarely(modem: str | Personality, looks: tuple[int, int]) -> None:
    async with watched(modem) as bench:
        bench.watch.hurry(True)
        bench.set_knobs(registration_cause=7)
        await bench.after(3 * 3600)
        assert looks[0] <= (await bench.sent_in(600)).count("AT+CEREG?") <= looks[1]
        bench.watch.hurry(False)
        bench.watch.hurry(True)
        assert (await bench.sent_in(40)).count("AT+CEREG?") >= 9


@pytest.mark.asyncio
async def test_in_a_hurry_the_modem_is_asked_every_few_seconds() -> None:
    async with watched("quectel-eg25") as bench:
        bench.watch.hurry(True)
        assert 9 <= (await bench.sent_in(40)).count("AT+CEREG?") <= 11
        bench.watch.hurry(False)
        await bench.after(5)
        assert await bench.sent_in(600) == []


@pytest.mark.asyncio
async def test_the_signal_is_measured_only_when_it_is_wanted() -> None:
    async with watched("quectel-eg25", settings=WatchSettings(signal=300)) as bench:
        bench.network.set_operator(Operator("26201", "Home", "H", signal=Signal(rsrp=-121.0)))
        assert set(await bench.sent_in(600)) == {"AT+QCSQ"}
        assert bench.last(SignalFact).dbm == -121.0


@pytest.mark.asyncio
async def test_flight_mode_of_somebody_else_is_told_and_its_end() -> None:
    async with watched("quectel-eg25") as bench:
        for functionality, condition in ((4, ModemCondition.FLIGHT), (0, ModemCondition.OFF)):
            bench.virtual.device.set_functionality(functionality)
            await bench.after(5)
            assert bench.last(ModemFact).condition is condition
            assert "AT+CFUN=1" not in [command for _, command in bench.commands]
            bench.virtual.device.set_functionality(1)
            await bench.after(65)
            assert bench.last(ModemFact).condition is ModemCondition.ON
            assert bench.last(RegistrationFact) == registered()
            assert bench.last(SimFact).iccid == Iccid.parse(HOME.iccid)


@pytest.mark.asyncio
async def test_a_port_that_vanishes_is_told_and_its_return_begins_anew() -> None:
    async with watched("quectel-eg25") as bench:
        bench.virtual.device.restart()
        assert bench.last(ModemFact).condition is ModemCondition.ABSENT
        sent = await bench.sent_in(60)
        assert bench.last(ModemFact).condition is ModemCondition.ON
        assert bench.last(RegistrationFact) == registered()
        assert bench.last(BearerFact).session not in (None, "0/10.64.0.2")
        assert sent.count("AT+CGEREP=2,1") >= 1
        assert await bench.sent_in(1200) == []


@pytest.mark.asyncio
async def test_a_modem_that_falls_silent_is_absent_until_it_answers() -> None:
    async with watched("quectel-eg25", settings=WatchSettings(net=600)) as bench:
        bench.set_knobs(silent=True)
        await bench.after(700)
        assert bench.last(ModemFact).condition is ModemCondition.ABSENT
        bench.set_knobs(silent=False)
        await bench.after(60)
        assert bench.last(ModemFact).condition is ModemCondition.ON
        assert bench.last(RegistrationFact) == registered()


@pytest.mark.asyncio
async def test_a_restart_behind_a_uart_is_seen_by_its_first_line() -> None:
    """The line stays, yet echo and subscriptions are gone."""
    async with watched("nordic-nrf91") as bench:
        before = bench.last(BearerFact).session
        bench.virtual.device.restart()
        sent = await bench.sent_in(60)
        assert {"ATE0", "AT+CEREG=5", "AT+CGEREP=2,1"} <= set(sent)
        assert bench.last(RegistrationFact) == registered("lte-m")
        assert bench.last(BearerFact).session not in (None, before)


@pytest.mark.asyncio
async def test_a_restart_without_any_line_is_found_at_the_next_look() -> None:
    quiet = replace(load_personality("ublox-sara-r5"), power=replace(load_personality("ublox-sara-r5").power, boot=()))
    async with watched(quiet, settings=WatchSettings(net=600)) as bench:
        bench.virtual.device.reports.reset()
        sent = await bench.sent_in(700)
        assert sent.count("AT+CEREG=5") == 1
        bench.set_knobs(registration_cause=8)
        await bench.after(20)
        assert bench.last(RegistrationFact).cause == 8


@pytest.mark.asyncio
async def test_a_card_that_starts_is_not_taken_for_one_without_profile() -> None:
    async with watched("quectel-eg25") as bench:
        bench.set_knobs(sim_busy=3.0)
        bench.virtual.device.sim.stop()
        bench.virtual.device.sim.start()
        bench.virtual._announce("+CPIN: NOT READY")
        await bench.after(20)
        assert [fact.iccid for fact in bench.all(SimFact)] == [Iccid.parse(HOME.iccid)]


@pytest.mark.asyncio
async def test_a_card_that_is_gone_is_told_after_its_time_to_start() -> None:
    async with watched("quectel-eg25") as bench:
        bench.set_knobs(card_removed=True)
        await bench.after(20)
        assert bench.last(SimFact).iccid is None
        bench.set_knobs(card_removed=False)
        await bench.after(20)
        assert bench.last(SimFact).iccid == Iccid.parse(HOME.iccid)


@pytest.mark.asyncio
async def test_a_look_tells_everything_again() -> None:
    async with watched("quectel-eg25") as bench:
        bench.facts.clear()
        await asyncio.gather(bench.watch.look(), bench.after(5))
        kinds = [type(fact) for _, fact in bench.facts]
        assert sorted(kinds, key=str) == sorted((ModemFact, RegistrationFact, SimFact, BearerFact, SignalFact), key=str)


@pytest.mark.asyncio
async def test_a_look_at_what_is_still_unknown_asks_and_tells_nothing_twice() -> None:
    async with watched("quectel-eg25") as bench:
        bench.facts.clear()
        count = len(bench.commands)
        await asyncio.gather(bench.watch.look(anew=False), bench.after(5))
        assert (bench.facts, bench.commands[count:]) == ([], [])


@pytest.mark.asyncio
async def test_a_look_at_what_is_still_unknown_waits_for_the_first_one() -> None:
    async with watched("quectel-eg25", start=False) as bench:
        watching = asyncio.ensure_future(bench.watch.run())
        await asyncio.sleep(0)
        look = asyncio.ensure_future(bench.watch.look(anew=False))
        await bench.after(5)
        assert look.done()
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        assert len(bench.all(SimFact)) == 1
        asked = [command for _, command in bench.commands if command.endswith("?") or command == "AT+QCCID"]
        assert all(asked.count(command) == 1 for command in ("AT+QCCID", "AT+CEREG?", "AT+CGATT?", "AT+CGACT?"))


@pytest.mark.asyncio
async def test_while_held_nothing_is_sent_and_events_are_still_told() -> None:
    async with watched("quectel-eg25") as bench:
        bench.watch.hold(True)
        bench.watch.hurry(True)
        bench.network.set_antenna(connected=False)
        assert await bench.sent_in(30) == []
        assert bench.last(RegistrationFact).status is not RegistrationStatus.HOME
        bench.network.set_antenna(connected=True)
        bench.watch.hold(False)
        await bench.after(60)
        assert bench.last(RegistrationFact) == registered()


@pytest.mark.asyncio
async def test_a_back_end_names_the_bearer_in_place_of_the_modem() -> None:
    async with watched("quectel-eg25", start=False) as bench:
        names: list[str | Exception] = ["wwan0/1", NetworkError("the bus is gone", layer="dns")]

        async def session() -> str | None:
            name = names.pop(0)
            if isinstance(name, Exception):
                raise name
            return name

        watch = RadioWatch(bench.modem, bench.clock, lambda fact: bench.facts.append((0.0, fact)), session=session)
        for _ in range(2):
            await asyncio.gather(watch.look(), bench.after(5))
        assert [fact.session for fact in bench.all(BearerFact)] == ["wwan0/1"]


@pytest.mark.asyncio
async def test_an_answer_that_never_comes_does_not_end_the_watch() -> None:
    faults = (
        CommandFault(command="+CFUN?", silent=True, times=2),
        CommandFault(command="+COPS", answer="ERROR", times=0),
    )
    async with watched("quectel-eg25", knobs=Knobs(faults=faults)) as bench:
        await bench.after(60)
        assert bench.last(ModemFact).condition is ModemCondition.ON
        assert bench.last(RegistrationFact).plmn is None


async def conditions(bench: Watched, seconds: float) -> list[ModemCondition]:
    return [fact.condition for fact in await bench.after(seconds) if isinstance(fact, ModemFact)]


@pytest.mark.asyncio
@pytest.mark.parametrize("personality", ["quectel-eg25", "nordic-nrf91", "ublox-sara-r5", "telit-le910c4"])
async def test_what_the_agent_switches_off_itself_is_no_flight_mode(personality: str) -> None:
    async with watched(personality) as bench:
        bench.watch.hurry(True)
        climbs = [rung for rung in bench.modem.board.refresh.ladder if rung != "wait"]
        for rung in climbs:
            told, _ = await asyncio.gather(conditions(bench, 90), bench.recovery.climb(rung))
            assert not {ModemCondition.FLIGHT, ModemCondition.OFF} & set(told)
            assert bench.last(ModemFact).condition is ModemCondition.ON
            assert bench.last(RegistrationFact) == registered(ONE_OF_EACH[personality])
            assert bench.last(BearerFact).session is not None


@pytest.mark.asyncio
async def test_a_look_that_a_recovery_overtakes_finds_no_flight_mode() -> None:
    """The radio goes off between two commands of the look, by the agent's own doing."""
    slow = (CommandFault(command="+CFUN?", delay=0.5, times=0),)
    async with watched("quectel-eg25", knobs=Knobs(faults=slow)) as bench:
        for _ in range(3):
            look = asyncio.ensure_future(bench.watch.look())
            await bench.after(0.1)
            climb = asyncio.ensure_future(bench.recovery.climb("cfun4"))
            await bench.after(60)
            assert look.done()
            assert climb.done()
        assert {fact.condition for fact in bench.all(ModemFact)} == {ModemCondition.ON}
        assert bench.last(RegistrationFact) == registered()


@pytest.mark.asyncio
async def test_one_event_makes_a_modem_believed_again() -> None:
    async with watched(DEAF) as bench:
        bench.watch.hurry(True)
        bench.network.set_antenna(connected=False)
        await bench.after(10)
        bench.watch.hurry(False)
        assert not bench.watch.tells
        bench.virtual._announce("+CEREG: 2")
        await bench.after(5)
        assert bench.watch.tells
