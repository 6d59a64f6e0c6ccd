"""Signal strength: +CSQ, +CESQ and vendor answers, as dBm and dB (3GPP TS 27.007 8.5, 8.69)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Final

from ipad.board.values import Technology
from ipad.modem.fields import at, number, split_fields, split_prefix
from ipad.records import dataclass


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

    def reference(self, technology: Technology) -> float | None:
        """Power of the reference signal in dBm: RSRP, RSCP or RXLEV; None when nothing was measured.

        Where only the RSSI of the whole carrier is known, it is what the reference signal can be at most: in the
        narrowest carrier of the technology (TS 36.214 5.1.1, 5.1.3; RSCP and RXLEV are at most the RSSI).
        """
        match technology:
            case "gsm":
                measured = self.rxlev
            case "umts":
                measured = self.rscp
            case _:
                measured = self.rsrp
        if measured is not None:
            return measured
        return None if self.rssi is None else self.rssi - _CARRIER_OVER_REFERENCE[technology]

    def carrier(self, rats: Collection[Technology]) -> Technology | None:
        """The technology that the measurement itself shows, of those that the modem has; None when it shows none."""
        named = _NAMES.get(self.technology)
        if named is not None and (named != "lte" or "lte" in rats):
            return named
        measured: tuple[tuple[float | None, tuple[Technology, ...]], ...] = (
            (self.rsrp, ("lte", "lte-m", "nb-iot", "nr5g")),
            (self.rscp, ("umts",)),
            (self.rxlev, ("gsm",)),
        )
        for value, technologies in measured:
            known = [technology for technology in technologies if technology in rats]
            if value is not None and known:
                return known[0]
        return None


_NAMES: Final[dict[str, Technology]] = {
    "LTE": "lte",
    "CAT-M1": "lte-m",
    "eMTC": "lte-m",
    "CAT-NB1": "nb-iot",
    "NBIoT": "nb-iot",
    "WCDMA": "umts",
    "GSM": "gsm",
    "NR5G": "nr5g",
}
_CARRIER_OVER_REFERENCE: Final[dict[Technology, float]] = {
    "gsm": 0.0,
    "umts": 0.0,
    "lte": 18.6,
    "lte-m": 18.6,
    "nb-iot": 10.8,
    "nr5g": 23.8,
}
"""dB: 10 log10 of the subcarriers of the narrowest carrier (LTE 72, NB-IoT 12, NR 240: a synchronisation block)."""


def parse_signal(lines: Iterable[str]) -> Signal | None:
    """Read the first line of a known kind; None when there is none."""
    for line in lines:
        prefix, value = split_prefix(line)
        if prefix in _PARSERS and not value.startswith("("):
            return _PARSERS[prefix](split_fields(value))
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
    if technology == "NR5G":
        sinr = number(at(fields, 2))
        return Signal(rsrp=rssi, sinr=None if sinr is None else float(sinr), rsrq=third, technology=technology)
    return Signal(rssi=rssi if technology == "GSM" else None, technology=technology)


def parse_cpsi(fields: tuple[str, ...]) -> Signal:
    """SIMCom: technology, mode, PLMN, cell, ... in LTE followed by RSRQ, RSRP, RSSI, SINR as the last four.

    SIM7600 gives tenths of dB, SIM7080 whole ones; a level below -200 can only be tenths.
    """
    technology = at(fields, 0) or ""
    if not technology.startswith(("LTE", "CAT-", "NB-IOT")) or len(fields) < 14:
        return Signal(technology=technology)
    values = [number(at(fields, index)) for index in range(10, 14)]
    rsrp = values[1]
    scale = 10.0 if rsrp is not None and rsrp < -200 else 1.0
    rsrq, rsrp_dbm, rssi, sinr = (None if value is None else value / scale for value in values)
    return Signal(
        rssi=rssi if rssi is not None and -140 < rssi < 0 else None,
        rsrp=rsrp_dbm if rsrp_dbm is not None and -140 < rsrp_dbm < 0 else None,
        rsrq=rsrq if rsrq is not None and -50 < rsrq < 0 else None,
        sinr=sinr if sinr is not None and -50 < sinr < 60 else None,
        technology="NBIoT" if "NB" in technology else "eMTC" if "M1" in technology else "LTE",
    )


def parse_own_cesq(fields: tuple[str, ...]) -> Signal:
    """Nordic `%CESQ: <rsrp>,<threshold index>,<rsrq>,<threshold index>`, in the codes of +CESQ; it comes unasked."""
    rsrp = _scaled(fields, 0, 97, 1.0, -141.0) if number(at(fields, 0)) else None
    return Signal(rsrp=rsrp, rsrq=_scaled(fields, 2, 34, 0.5, -20.0) if rsrp is not None else None)


_PARSERS: Final[dict[str, Callable[[tuple[str, ...]], Signal]]] = {
    "+CSQ": parse_csq,
    "+CESQ": parse_cesq,
    "+QCSQ": parse_qcsq,
    "+CPSI": parse_cpsi,
    "%CESQ": parse_own_cesq,
}


def _scaled(fields: tuple[str, ...], index: int, top: int, step: float, base: float) -> float | None:
    value = number(at(fields, index))
    return None if value is None or not 0 <= value <= top else base + step * value


def _plausible(value: int | None) -> float | None:
    return None if value is None or not -140 < value < 0 else float(value)
