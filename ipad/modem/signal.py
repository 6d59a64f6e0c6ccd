"""Signal strength: +CSQ, +CESQ and vendor answers, as dBm and dB (3GPP TS 27.007 8.5, 8.69)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ipad.modem.fields import at, number, split_fields, split_prefix


@dataclass(frozen=True, slots=True)
class Signal:
    """What was measured; None = no value. rssi, rsrp, rscp, rxlev in dBm, rsrq, ecno, sinr in dB (lower bounds)."""

    rssi: float | None = None
    rxlev: float | None = None
    rscp: float | None = None
    ecno: float | None = None
    rsrq: float | None = None
    rsrp: float | None = None
    sinr: float | None = None
    ber: int | None = None
    technology: str = ""

    @property
    def known(self) -> bool:
        """Whether there is any measurement."""
        return any(value is not None for value in (self.rssi, self.rxlev, self.rscp, self.rsrp))

    @property
    def bars(self) -> int:
        """0 to 5, by RSRP, else by RSSI."""
        if self.rsrp is not None:
            return 1 + sum(self.rsrp >= limit for limit in (-110, -100, -90, -80))
        if self.rssi is not None:
            return 1 + sum(self.rssi >= limit for limit in (-103, -93, -83, -73))
        return 0


def parse_signal(lines: Iterable[str]) -> Signal | None:
    """Read the first line of a known kind; None when there is none."""
    parsers = {"+CSQ": parse_csq, "+CESQ": parse_cesq, "+QCSQ": parse_qcsq}
    for line in lines:
        prefix, value = split_prefix(line)
        if prefix in parsers and not value.startswith("("):
            return parsers[prefix](split_fields(value))
    return None


def parse_csq(fields: tuple[str, ...]) -> Signal:
    """`<rssi>,<ber>`: 0 = -113 dBm or less, 31 = -51 or more, 99 unknown; 100 to 191 is the RSCP of TD-SCDMA."""
    rssi, ber = number(at(fields, 0)), number(at(fields, 1))
    return Signal(
        rssi=None if rssi is None or not 0 <= rssi <= 31 else -113.0 + 2 * rssi,
        rscp=None if rssi is None or not 100 <= rssi <= 191 else rssi - 216.0,
        ber=ber if ber is not None and 0 <= ber <= 7 else None,
    )


def parse_cesq(fields: tuple[str, ...]) -> Signal:
    """`<rxlev>,<ber>,<rscp>,<ecno>,<rsrq>,<rsrp>[,<ss_rsrq>,<ss_rsrp>,<ss_sinr>]`; NR wins over LTE.

    An RSRP of 0 ("less than -140 dBm") is what modems without a cell print: no measurement.
    """
    ber = number(at(fields, 1))
    rsrp = _scaled(fields, 5, 97, 1.0, -141.0) if number(at(fields, 5)) else None
    rsrq = _scaled(fields, 4, 34, 0.5, -20.0) if rsrp is not None else None
    ss_rsrq, ss_rsrp = _scaled(fields, 6, 126, 0.5, -43.5), _scaled(fields, 7, 126, 1.0, -157.0)
    return Signal(
        rxlev=_scaled(fields, 0, 63, 1.0, -111.0),
        ber=ber if ber is not None and 0 <= ber <= 7 else None,
        rscp=_scaled(fields, 2, 96, 1.0, -121.0),
        ecno=_scaled(fields, 3, 49, 0.5, -24.5),
        rsrq=rsrq if ss_rsrq is None else ss_rsrq,
        rsrp=rsrp if ss_rsrp is None else ss_rsrp,
        sinr=_scaled(fields, 8, 127, 0.5, -23.5),
    )


def parse_qcsq(fields: tuple[str, ...]) -> Signal:
    """Quectel: technology, then dBm as they are; SINR in fifths of dB above -20."""
    technology = at(fields, 0) or ""
    values = [_plausible(number(at(fields, index))) for index in range(1, 5)]
    rssi, second, third, fourth = values
    if technology in ("LTE", "CAT-M1", "CAT-NB1", "eMTC", "NBIoT"):
        sinr = number(at(fields, 3))
        return Signal(
            rssi=rssi,
            rsrp=second,
            sinr=None if sinr is None or not 0 <= sinr <= 250 else sinr / 5 - 20,
            rsrq=fourth,
            technology=technology,
        )
    if technology == "WCDMA":
        return Signal(rssi=rssi, rscp=second, ecno=third, technology=technology)
    return Signal(rssi=rssi if technology == "GSM" else None, technology=technology)


def _scaled(fields: tuple[str, ...], index: int, top: int, step: float, base: float) -> float | None:
    value = number(at(fields, index))
    return None if value is None or not 0 <= value <= top else base + step * value


def _plausible(value: int | None) -> float | None:
    return None if value is None or not -140 < value < 0 else float(value)
