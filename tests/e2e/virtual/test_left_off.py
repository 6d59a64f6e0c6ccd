"""A modem that the agent switched off and could not switch on again is no modem that somebody wanted off."""

from __future__ import annotations

from dataclasses import replace

from hil.modem import Direction
from hil.network import Service
from tests.e2e.virtual.device import ONE, TWO, Device
from tests.e2e.virtual.test_daemon import HOUR, Daemon
from tests.e2e.virtual.test_supervision import IMSI_TWO, rolled_back, switch


def hang(device: Device, *, silent: bool) -> None:
    device.modem.set_knobs(replace(device.modem.knobs, silent=silent))


def functionality(device: Device) -> int:
    return device.modem.device.functionality


def test_modem_that_hangs_while_its_sim_is_off_is_switched_on_later(device: Device) -> None:
    """It ignores REFRESH, so the ladder switches it off and on; in between it falls silent for minutes."""
    device.modem.set_knobs(replace(device.modem.knobs, ignore_refresh=True))
    package = switch(device)
    seen: list[int] = []

    def off() -> None:
        seen.append(functionality(device))
        hang(device, silent=True)

    def trace(_seconds: float, _direction: Direction, text: str) -> None:
        if text == "AT+CFUN=0" and not seen:
            device.clock.call_later(1.0, off)

    device.modem.on_trace(trace)
    Daemon(device).serve((300.0, lambda: hang(device, silent=False)), until=HOUR)
    assert seen == [0], "the modem was to hang while it is switched off"
    assert functionality(device) == 1
    assert device.bearer_up
    assert not device.port.in_use
    assert device.states[TWO] or (rolled_back(package) and device.states[ONE])


def test_process_that_ends_while_the_modem_is_off_leaves_it_to_the_next_one(device: Device) -> None:
    device.network.set_service(Service(coverage=False), imsi=IMSI_TWO)
    package = switch(device)
    Daemon(device).serve(until=100.0)
    device.modem.device.set_functionality(0)  # as a process leaves it that is killed on a rung
    Daemon(device).serve(until=HOUR)
    assert rolled_back(package)
    assert functionality(device) == 1
    assert device.bearer_up


def test_modem_that_somebody_else_switched_off_stays_off(device: Device) -> None:
    Daemon(device).serve(
        (HOUR, lambda: device.modem.device.set_functionality(4)),
        until=5 * HOUR,
    )
    assert functionality(device) == 4
