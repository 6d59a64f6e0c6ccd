"""SIM state, identity and files: TS 27.007 5.6, 8.3, 8.18, 8.65 and the ICCID commands of the families."""

from __future__ import annotations

import re
from collections.abc import Callable

from hil.modem.command import Command
from hil.modem.device import Device
from hil.modem.personality import Personality
from hil.modem.reply import Cme, Final, Refused, Reply, refuse
from hil.modem.sim import SimState
from hil.modem.terminal import CardAnswer, CardTerminal, swapped

_READ_BINARY, _READ_RECORD, _GET_RESPONSE = 176, 178, 192
_UPDATE_BINARY, _UPDATE_RECORD, _STATUS = 214, 220, 242


def handlers(personality: Personality) -> dict[str, Callable[[Device, Command], Reply]]:
    """Commands of this group."""
    style = personality.sim
    table: dict[str, Callable[[Device, Command], Reply]] = {
        "+CPIN?": _state,
        "+CPIN=": _enter_pin,
        "+CPINR": _retries,
        "+CPINR=": _retries,
        "+CIMI": _imsi,
        style.iccid_command.upper() + style.iccid_form: _iccid,
    }
    if style.crsm:
        table["+CRSM="] = _restricted_access
    if style.sim_detect:
        table["+QSIMSTAT?"] = _detection
        table["+QSIMSTAT="] = lambda _device, _command: Reply()
    return table


def card(device: Device) -> CardTerminal:
    """The card for an APDU.

    Raises:
        Refused: there is none, it has no supply, or it is being started.
    """
    terminal = device.sim.terminal
    if terminal is not None:
        return terminal
    state = device.sim.state
    raise refuse({SimState.ABSENT: Cme.SIM_NOT_INSERTED, SimState.BUSY: Cme.SIM_BUSY}.get(state, Cme.SIM_FAILURE))


def _identified(device: Device) -> None:
    card(device)
    if device.sim.state is SimState.NO_IDENTITY:
        final = Final.parse(device.personality.sim.no_identity)
        raise Refused(final) if final.cme is not None or final.word == "ERROR" else refuse(Cme.SIM_FAILURE)


def _state(device: Device, _command: Command) -> Reply:
    style, state = device.personality.sim, device.sim.state
    if state is SimState.ABSENT and style.not_inserted:
        return Reply((f"+CPIN: {style.not_inserted}",))
    if state is SimState.NO_IDENTITY:
        final = Final.parse(style.no_identity)
        if final.cme is None and final.word != "ERROR":
            return Reply((f"+CPIN: {final.word}",))
    _identified(device)
    return Reply(("+CPIN: READY",))


def _enter_pin(device: Device, _command: Command) -> Reply:
    """No profile of the bench has a PIN that is switched on."""
    _identified(device)
    raise refuse(Cme.OPERATION_NOT_ALLOWED)


def _retries(device: Device, command: Command) -> Reply:
    _identified(device)
    lines = {
        "SIM PIN": "+CPINR: SIM PIN,3,3",
        "SIM PUK": "+CPINR: SIM PUK,10,10",
        "SIM PIN2": "+CPINR: SIM PIN2,3,3",
        "SIM PUK2": "+CPINR: SIM PUK2,10,10",
    }
    wanted = command.text(0, "")
    if wanted and wanted not in lines:
        raise refuse(Cme.INCORRECT_PARAMETERS)
    return Reply((lines[wanted],) if wanted else tuple(lines.values()))


def _imsi(device: Device, _command: Command) -> Reply:
    _identified(device)
    return Reply((device.sim.facts.imsi or "",))


def _iccid(device: Device, _command: Command) -> Reply:
    card(device)
    style, facts = device.personality.sim, device.sim.facts
    raw = swapped(facts.iccid) if facts.iccid else ""
    raw = device.knobs.stale_iccid.ljust(20, "F") if device.knobs.stale_iccid else raw
    if not raw:
        raise refuse(Cme.SIM_FAILURE)
    digits = "".join(raw[n + 1] + raw[n] for n in range(0, 20, 2)) if style.iccid_swapped else raw
    if not style.iccid_padded and not style.iccid_swapped:
        digits = digits.rstrip("F")
    return Reply((f"{style.iccid_prefix}: {digits}" if style.iccid_prefix else digits,))


def _detection(device: Device, _command: Command) -> Reply:
    return Reply((f"+QSIMSTAT: 1,{int(device.sim.present)}",))


def _restricted_access(device: Device, command: Command) -> Reply:
    """+CRSM: the modem selects the file and executes one command; OK comes whatever the card says."""
    terminal = card(device)
    kind, identifier = command.number(0), command.number(1, 0)
    if identifier in device.personality.sim.crsm_refused:
        raise refuse(Cme.OPERATION_NOT_ALLOWED)
    p1, p2, p3 = (command.number(n, 0, among=range(256)) for n in (2, 3, 4))
    data, path = command.text(5, ""), command.text(6, "")
    if not all(re.fullmatch(r"(?:[0-9A-Fa-f]{2})*", text) for text in (data, path)) or len(path) % 4:
        raise refuse(Cme.INCORRECT_PARAMETERS)
    if not 0 <= identifier <= 0xFFFF:
        raise refuse(Cme.INCORRECT_PARAMETERS)
    answer = _access(terminal, kind, (identifier, bytes.fromhex(path)), bytes([p1, p2, p3]), bytes.fromhex(data))
    sw1, sw2 = answer.sw >> 8, answer.sw & 0xFF
    response = f',"{answer.data.hex().upper()}"' if answer.data else ""
    return Reply((f"+CRSM: {sw1},{sw2}{response}",))


def _access(terminal: CardTerminal, kind: int, file: tuple[int, bytes], parameters: bytes, data: bytes) -> CardAnswer:
    if kind == _STATUS:
        return terminal.command(bytes([0x80, 0xF2]) + parameters)
    selected = terminal.select_file(*file)
    if kind == _GET_RESPONSE or not selected.ok:
        return selected
    if kind in (_READ_BINARY, _READ_RECORD):
        return terminal.command(bytes([0x00, kind]) + parameters)
    if kind in (_UPDATE_BINARY, _UPDATE_RECORD):
        if len(data) != parameters[2]:
            raise refuse(Cme.INCORRECT_PARAMETERS)
        return terminal.command(bytes([0x00, kind]) + parameters + data)
    raise refuse(Cme.OPERATION_NOT_SUPPORTED)
