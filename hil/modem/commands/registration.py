"""Registration and operator selection: TS 27.007 6.10, 7.2, 7.3, 10.1.20, 10.1.22, 10.1.30."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from hil.modem.command import Command
from hil.modem.device import Device
from hil.modem.personality import Personality
from hil.modem.radio import Selection
from hil.modem.reply import Cme, Reply, refuse
from hil.network import Operator

_NAMES = ("+CREG", "+CGREG", "+CEREG")


def handlers(personality: Personality) -> dict[str, Callable[[Device, Command], Reply]]:
    """Commands of this group."""
    style = personality.registration
    highest = dict(zip(_NAMES, (style.creg, style.cgreg, style.cereg), strict=True))
    table: dict[str, Callable[[Device, Command], Reply]] = {
        "+COPS?": _operator,
        "+COPS=": _select,
        "+COPS=?": _scan,
        "+CEER": _last_cause,
        "+CSCON?": _connection,
        "+CSCON=": _set_connection,
    }
    for name, limit in highest.items():
        if limit >= 0:
            table[f"{name}?"] = partial(_read, name)
            table[f"{name}="] = partial(_set, name)
            table[f"{name}=?"] = partial(_modes, name)
    return table


def _read(name: str, device: Device, _command: Command) -> Reply:
    return Reply((device.reports.read(name),))


def _set(name: str, device: Device, command: Command) -> Reply:
    device.reports.set_mode(name, command.number(0, 0, among=range(device.reports.highest(name) + 1)))
    return Reply()


def _modes(name: str, device: Device, _command: Command) -> Reply:
    return Reply((f"{name}: (0-{device.reports.highest(name)})",))


def _name(device: Device, operator: Operator) -> str:
    quote = '"' if device.personality.registration.operator_quoted else ""
    names = (operator.long_name or operator.plmn, operator.short_name or operator.plmn, operator.plmn)
    return f"{quote}{names[device.operator_format]}{quote}"


def _operator(device: Device, _command: Command) -> Reply:
    mode, view = int(device.radio.selection), device.radio.view
    if not view.registered or view.operator is None:
        return Reply((f"+COPS: {mode}",))
    name = _name(device, view.operator)
    return Reply((f"+COPS: {mode},{device.operator_format},{name},{int(view.operator.access)}",))


def _select(device: Device, command: Command) -> Reply:
    """Automatic (0), manual (1), deregister (2), format only (3), manual then automatic (4)."""
    mode = command.number(0, among=range(5))
    if mode == 3:
        device.operator_format = command.number(1, among=range(3))
    elif mode in (1, 4):
        device.radio.select(Selection.MANUAL, _plmn(device, command.number(1, 2, among=range(3)), command.text(2)))
    else:
        device.radio.select(Selection.AUTOMATIC if mode == 0 else Selection.DEREGISTERED)
    return Reply()


def _plmn(device: Device, form: int, text: str) -> str:
    if form == 2:
        if not (text.isascii() and text.isdecimal() and len(text) in (5, 6)):
            raise refuse(Cme.INCORRECT_PARAMETERS)
        return text
    for operator in device.radio.visible():
        if text in ((operator.long_name or operator.plmn) if form == 0 else (operator.short_name or operator.plmn)):
            return operator.plmn
    raise refuse(Cme.NO_NETWORK_SERVICE)


def _scan(device: Device, _command: Command) -> Reply:
    if not device.radio.on:
        raise refuse(Cme.OPERATION_NOT_ALLOWED)
    serving = device.radio.view.operator
    entries = []
    for operator in device.radio.visible():
        stat = 2 if serving is not None and operator.plmn == serving.plmn else 1
        names = f'"{operator.long_name or operator.plmn}","{operator.short_name or operator.plmn}","{operator.plmn}"'
        entries.append(f"({stat},{names},{int(operator.access)})")
    line = "+COPS: " + ",".join([*entries, "", "(0-4)", "(0-2)"])
    return Reply((line,), delay=device.personality.registration.scan_time)


def _last_cause(device: Device, _command: Command) -> Reply:
    emm, esm = device.radio.view.cause, device.contexts.last_cause
    text = (
        f"EMM cause {emm}"
        if emm is not None
        else f"ESM cause {esm}"
        if esm is not None
        else "No cause information available"
    )
    return Reply((f'+CEER: "{text}"',))


def _connection(device: Device, _command: Command) -> Reply:
    mode = device.echo_values.get("+CSCON", "0")
    return Reply((f"+CSCON: {mode},{int(device.power_saving.connected)}",))


def _set_connection(device: Device, command: Command) -> Reply:
    device.echo_values["+CSCON"] = str(command.number(0, 0, among=range(2)))
    return Reply()
