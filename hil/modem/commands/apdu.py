"""APDU access for clients: +CSIM, +CCHO, +CGLA, +CCHC (TS 27.007 8.17, 8.43, 8.45, 8.46) with family quirks."""

from __future__ import annotations

import re
from collections.abc import Callable

from hil.modem.command import Command
from hil.modem.commands.sim import card
from hil.modem.device import Device
from hil.modem.personality import ApduStyle, Personality, TestForms
from hil.modem.reply import ERROR, Cme, Final, Refused, Reply, refuse
from hil.modem.terminal import CardTerminal, class_byte

# A modem that fetches the answer itself has a buffer of this many bytes.
_FETCH_LIMIT = 4096

_UPPER_HEX = re.compile(r"(?:[0-9A-F]{2})+")
_ANY_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+")


def handlers(personality: Personality) -> dict[str, Callable[[Device, Command], Reply]]:
    """Commands of this group, as far as the family has them."""
    style = personality.apdu
    table: dict[str, Callable[[Device, Command], Reply]] = {}
    if style.csim:
        table |= {"+CSIM=": _generic_access, "+CSIM=?": _test("+CSIM")}
    if style.managed:
        table |= {"+CCHO=": _open, "+CCHO=?": _test("+CCHO"), "+CGLA=": _logical_access, "+CGLA=?": _test("+CGLA")}
    if style.managed and style.cchc:
        table |= {"+CCHC=": _close, "+CCHC=?": _test("+CCHC")}
    return table


def _test(name: str) -> Callable[[Device, Command], Reply]:
    syntax = {
        "+CCHO": "+CCHO: <dfname>",
        "+CCHC": "+CCHC: <sessionid>",
        "+CGLA": "+CGLA: <sessionid>,<length>,<command>",
    }

    def handler(device: Device, _command: Command) -> Reply:
        forms = device.personality.apdu.test_forms
        if forms is TestForms.ERROR:
            raise Refused(ERROR)
        return Reply((syntax[name],) if forms is TestForms.SYNTAX and name in syntax else ())

    return handler


def _hex(style: ApduStyle, command: Command, index: int) -> bytes:
    """A hexadecimal parameter under the rules of the family."""
    text = command.text(index)
    if style.quotes_required and not command.quoted(index):
        raise Refused(ERROR)
    if not (_ANY_HEX if style.lower_case else _UPPER_HEX).fullmatch(text):
        raise refuse(Cme.INCORRECT_PARAMETERS)
    return bytes.fromhex(text)


def _apdu(style: ApduStyle, command: Command, index: int) -> bytes:
    """Length (hexadecimal characters) and APDU of a command."""
    length, data = command.number(index), _hex(style, command, index + 1)
    if length != 2 * len(data) or not 4 <= len(data) <= style.max_apdu:
        raise refuse(Cme.INCORRECT_PARAMETERS)
    return data


def _exchange(device: Device, terminal: CardTerminal, apdu: bytes) -> bytes:
    """One APDU of a client, and the fetching of its answer where the modem does that."""
    counters = device.counters
    counters.apdus += 1
    counters.apdu_bytes_up += len(apdu)
    answer = terminal.exchange(apdu)
    data = answer[:-2]
    while device.personality.apdu.get_response and answer[-2] == 0x61 and len(data) < _FETCH_LIMIT:
        answer = terminal.exchange(bytes([apdu[0], 0xC0, 0x00, 0x00, answer[-1]]))
        data += answer[:-2]
    whole = data + answer[-2:]
    counters.apdu_bytes_down += len(whole)
    return whole


def _answer(device: Device, name: str, response: bytes) -> Reply:
    time, limit = device.knobs.apdu_time, device.personality.apdu.timer
    if limit and time > limit:
        return Reply(final=ERROR, delay=limit)
    return Reply((f'{name}: {2 * len(response)},"{response.hex().upper()}"',), delay=time)


def _generic_access(device: Device, command: Command) -> Reply:
    style = device.personality.apdu
    apdu = _apdu(style, command, 0)
    if f"{apdu[1]:02X}" in style.csim_filter:
        raise Refused(Final.parse(style.csim_refusal))
    return _answer(device, "+CSIM", _exchange(device, card(device), apdu))


def _open(device: Device, command: Command) -> Reply:
    style = device.personality.apdu
    aid = _hex(style, command, 0)
    if not 5 <= len(aid) <= 16:
        raise refuse(Cme.INCORRECT_PARAMETERS)
    session = device.sessions.open(card(device), aid)
    return Reply((session.handle if style.bare_id else f"+CCHO: {session.handle}",), delay=device.knobs.apdu_time)


def _logical_access(device: Device, command: Command) -> Reply:
    style = device.personality.apdu
    handle, apdu = command.text(0), _apdu(style, command, 1)
    terminal = card(device)
    session = device.sessions.find(handle)
    if style.patch_cla:
        apdu = bytes([class_byte(_kind(apdu[0]), session.channel)]) + apdu[1:]
    return _answer(device, "+CGLA", _exchange(device, terminal, apdu))


def _kind(cla: int) -> int:
    """CLA without its channel bits: interindustry 00, everything else 80."""
    return cla & 0x80


def _close(device: Device, command: Command) -> Reply:
    device.sessions.close(card(device), command.text(0))
    return Reply(("+CCHC",) if device.personality.apdu.cchc_line else ())
