"""Signal quality in the codes of TS 27.007 8.5 (+CSQ) and 8.69 (+CESQ)."""

from __future__ import annotations

from collections.abc import Callable

from hil.modem.command import Command
from hil.modem.device import Device
from hil.modem.personality import Personality
from hil.modem.reply import Reply
from hil.network import Signal

# Received power of a whole LTE carrier of 10 MHz over that of one of its reference signals (600 subcarriers), dB.
_CARRIER_GAIN = 27.8


def handlers(_personality: Personality) -> dict[str, Callable[[Device, Command], Reply]]:
    """Commands of this group."""
    return {
        "+CSQ": _quality,
        "+CSQ=?": lambda _device, _command: Reply(("+CSQ: (0-31,99),(0-7,99)",)),
        "+CESQ": _extended_quality,
    }


def rssi(signal: Signal) -> float:
    """Received strength (dBm) that belongs to a reference signal power."""
    return signal.rsrp + _CARRIER_GAIN


def _code(value: float, highest: int) -> int:
    return max(0, min(highest, int(value)))


def _quality(device: Device, _command: Command) -> Reply:
    signal = device.radio.signal
    if signal is None:
        return Reply(("+CSQ: 99,99",))
    return Reply((f"+CSQ: {_code((rssi(signal) + 113) / 2, 31)},99",))


def _extended_quality(device: Device, _command: Command) -> Reply:
    signal = device.radio.signal
    if signal is None:
        return Reply(("+CESQ: 99,99,255,255,255,255",))
    rsrq, rsrp = _code((signal.rsrq + 20) * 2, 34), _code(signal.rsrp + 141, 97)
    return Reply((f"+CESQ: 99,99,255,255,{rsrq},{rsrp}",))
