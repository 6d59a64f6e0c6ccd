"""Sleep: timers as they are printed, what is concluded from them, and a watch that lets a sleeping modem sleep."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from hil.modem import Knobs, load_personality
from hil.modem.personality import PowerSavingStyle
from ipad.modem.facts import ModemCondition, ModemFact, RegistrationFact, SleepFact
from ipad.modem.power_saving import DEFAULT_PERIODIC, PowerSaving
from ipad.modem.power_timers import active_time, parse_connection, parse_edrx, periodic_update
from ipad.modem.registration import Registration, RegistrationStatus, parse_registration
from tests.ipad.modem.watched import Watched, watched

GRANTED = parse_registration('+CEREG: 1,"002F","0012BEEF",9,,,"00001111","00000100"')
"""T3324 30 s, T3412 40 min."""


def granted() -> Registration:
    assert GRANTED is not None
    return GRANTED


@pytest.mark.parametrize(
    ("bits", "seconds"),
    [
        ("00000100", 8.0),
        ("00101010", 600.0),
        ("01000001", 360.0),
        ("11100000", None),
        ("10000010", 120.0),
        ("0000010", None),
        ("", None),
        (None, None),
    ],
)
def test_active_time(bits: str | None, seconds: float | None) -> None:
    assert active_time(bits) == seconds


@pytest.mark.parametrize(
    ("bits", "seconds"),
    [
        ("00000100", 2400.0),
        ("00100110", 21600.0),
        ("01000001", 36000.0),
        ("01100001", 2.0),
        ("10000010", 60.0),
        ("10100010", 120.0),
        ("11000001", 1152000.0),
        ("11100001", None),
        ("0010011x", None),
    ],
)
def test_periodic_update(bits: str, seconds: float | None) -> None:
    assert periodic_update(bits) == seconds


@pytest.mark.parametrize(
    ("line", "seconds"),
    [
        ('+CEDRXP: 4,"0010","0101","0000"', 81.92),
        ("+CEDRXRDP: 0", 0.0),
        ('+CEDRXRDP: 5,"1110","1110","0011"', 5242.88),
        ("+CEDRXP: 4", 0.0),
        ("+CREG: 1", None),
    ],
)
def test_edrx_cycle(line: str, seconds: float | None) -> None:
    assert parse_edrx(line) == seconds


@pytest.mark.parametrize(
    ("line", "connected"),
    [("+CSCON: 1", True), ("+CSCON: 0", False), ("+CSCON: 1,0", False), ("+CSCON: 1,7", True), ("+CSCON: x", None)],
)
def test_signalling_connection(line: str, connected: bool | None) -> None:
    assert parse_connection(line) is connected


def test_timers_of_a_registration() -> None:
    assert (granted().active, granted().periodic, granted().cause) == (30.0, 2400.0, None)
    entry = parse_registration('+CGREG: 5,1,"002F","0012BEEF",0,"01",,,"00100001","00000100","00000000"')
    assert entry is not None
    assert (entry.active, entry.periodic) == (60.0, 2400.0)


def test_sleep_begins_after_the_active_time_and_ends_with_the_periodic_update() -> None:
    power = PowerSaving()
    power.seen(granted())
    power.line("+CSCON: 0", 100.0)
    assert (power.remaining(129.0), power.changes_at(129.0)) == (0.0, 130.0)
    assert power.remaining(130.0) == 2370.0
    assert power.changes_at(131.0) == 2500.0
    assert power.remaining(2500.0) == 0.0


def test_anything_that_a_modem_says_shows_that_it_is_awake() -> None:
    for line in ("+CSCON: 1", "+CEREG: 1", "RDY"):
        power = PowerSaving()
        power.seen(granted())
        power.line("PSM POWER DOWN", 100.0)
        assert power.remaining(101.0) == pytest.approx(2369.0)
        power.line(line, 200.0)
        assert power.remaining(200.0) == 0.0
    power.line("+CSCON: 0", 300.0)
    power.heard(400.0)
    assert power.remaining(400.0) == 0.0


def test_timers_of_the_vendor_and_lines_of_the_board() -> None:
    power = PowerSaving(("+NAP",))
    power.line("+QPSMTIMER: 5400,10", 0.0)
    power.line("+CSCON: 0", 100.0)
    assert power.remaining(110.0) == 5390.0
    other = PowerSaving(("+NAP",))
    other.line("+NAP", 10.0)
    assert other.remaining(10.0) == DEFAULT_PERIODIC
    other.line("+QPSMTIMER: x", 20.0)
    assert not other.granted


def test_silence_is_sleep_only_where_the_modem_may_sleep_and_only_for_its_time() -> None:
    power = PowerSaving()
    assert not power.fell_silent(0.0, 100.0)
    assert not power.fell_silent(80.0, 100.0)
    power.asked('1,,,"00000100","00001111"')
    assert power.fell_silent(0.0, 100.0)
    assert power.remaining(100.0) == 2300.0
    assert power.fell_silent(0.0, 2401.0)
    assert not power.fell_silent(0.0, 2462.0)
    power.asked("0")
    assert not power.granted


def test_a_modem_that_tells_of_its_connection_is_not_taken_for_asleep_within_its_active_time() -> None:
    power = PowerSaving()
    power.seen(granted())
    power.line("+CSCON: 1", 0.0)
    assert not power.fell_silent(0.0, 100.0)
    power.line("+CSCON: 0", 100.0)
    assert not power.fell_silent(100.0, 120.0)
    assert power.fell_silent(100.0, 140.0)


def test_a_read_registration_without_timers_ends_power_saving() -> None:
    power = PowerSaving()
    power.seen(granted())
    power.seen(Registration("CEREG", 3, RegistrationStatus.HOME, 1))
    assert power.granted
    power.seen(Registration("CEREG", 5, RegistrationStatus.HOME, 1))
    assert not power.granted


async def through_the_night(bench: Watched) -> None:
    """From the attach over the sleep to the next periodic update."""
    await bench.after(60)
    sleep = bench.last(SleepFact)
    assert sleep.seconds == pytest.approx(2370, abs=60)
    slept_at = bench.clock.monotonic()
    assert await bench.sent_in(2200) == []
    assert bench.virtual.device.power_saving.asleep
    await asyncio.gather(bench.watch.look(), bench.after(1))
    assert bench.commands[-1][0] < slept_at
    assert ModemCondition.ABSENT not in [fact.condition for fact in bench.all(ModemFact)]
    await bench.after(170)
    assert SleepFact() in bench.all(SleepFact)
    assert [fact.status for fact in bench.all(RegistrationFact)] == [RegistrationStatus.HOME] * len(
        bench.all(RegistrationFact)
    )
    assert ModemCondition.ABSENT not in [fact.condition for fact in bench.all(ModemFact)]


@pytest.mark.asyncio
async def test_nb_iot_modem_that_says_good_night() -> None:
    """Quectel BG95: PSM POWER DOWN, and RDY when it is back, with everything forgotten."""
    async with watched("quectel-bg95", knobs=Knobs(power_saving=True)) as bench:
        await through_the_night(bench)
        assert [command for _, command in bench.commands].count("AT+CEREG=4") == 2


@pytest.mark.asyncio
async def test_modem_whose_sleep_follows_from_connection_and_timers() -> None:
    """u-blox SARA-R5 with +CSCON and the timers in +CEREG: not a word when it falls asleep."""
    async with watched("ublox-sara-r5", knobs=Knobs(power_saving=True)) as bench:
        bench.virtual.receive(b'AT+CPSMS=1,,,"00000100","00001111"\r')
        bench.virtual.device.power_saving.traffic()
        await through_the_night(bench)


@pytest.mark.asyncio
async def test_modem_that_vanishes_from_usb_to_sleep() -> None:
    night = PowerSavingStyle(asleep=("PSM POWER DOWN",), awake=("RDY",), forgets=True, hangs_up=True)
    personality = replace(load_personality("quectel-bg95"), power_saving=night)
    async with watched(personality, knobs=Knobs(power_saving=True)) as bench:
        await bench.after(60)
        assert bench.last(SleepFact).seconds > 2300
        assert bench.last(ModemFact).condition is ModemCondition.ON
        await bench.after(2500)
        assert bench.last(ModemFact).condition is ModemCondition.ON
        assert ModemCondition.ABSENT not in [fact.condition for fact in bench.all(ModemFact)]


@pytest.mark.asyncio
async def test_modem_that_does_not_come_back_from_its_sleep_is_absent() -> None:
    async with watched("quectel-bg95", knobs=Knobs(power_saving=True)) as bench:
        await bench.after(60)
        bench.set_knobs(silent=True)
        await bench.after(2300)
        assert bench.last(ModemFact).condition is ModemCondition.ON
        await bench.after(400)
        assert bench.last(ModemFact).condition is ModemCondition.ABSENT
        bench.set_knobs(silent=False, power_saving=False)
        bench.virtual.device.power_saving.traffic()
        await bench.after(60)
        assert bench.last(ModemFact).condition is ModemCondition.ON


@pytest.mark.asyncio
async def test_power_saving_that_the_network_does_not_grant_is_none() -> None:
    async with watched("ublox-sara-r5") as bench:
        bench.virtual.receive(b'AT+CPSMS=1,,,"00000100","00001111"\r')
        bench.virtual.device.power_saving.traffic()
        await bench.after(600)
        assert bench.all(SleepFact) == []
