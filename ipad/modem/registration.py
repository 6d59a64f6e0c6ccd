"""Network registration: +CREG, +CGREG, +CEREG, +C5GREG (3GPP TS 27.007 7.2, 10.1.20, 10.1.22, 10.1.47), +CEER (6.10).

Firmware prints these lines in many ways: unquoted or with blanks, with leading zeros, with a letter as access
technology, with a second cell. A field that makes no sense is absent in the result; nothing here raises.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from enum import IntEnum
from typing import Final

from ipad.board.values import Technology
from ipad.modem.fields import at, hexadecimal, number, split_fields, split_prefix
from ipad.modem.power_timers import active_time, periodic_update
from ipad.records import dataclass


class RegistrationStatus(IntEnum):
    """<stat>; UNKNOWN stands for values that 27.007 does not know as well."""

    NOT_SEARCHING = 0
    HOME = 1
    SEARCHING = 2
    DENIED = 3
    UNKNOWN = 4
    ROAMING = 5
    HOME_SMS_ONLY = 6
    ROAMING_SMS_ONLY = 7
    EMERGENCY_ONLY = 8
    HOME_CSFB_NOT_PREFERRED = 9
    ROAMING_CSFB_NOT_PREFERRED = 10
    RLOS = 11
    UICC_FAILURE = 90

    @classmethod
    def _missing_(cls, _value: object) -> RegistrationStatus:
        return cls.UNKNOWN

    @property
    def data_capable(self) -> bool:
        """Whether packet data can flow."""
        return self in _DATA_CAPABLE


_DATA_CAPABLE = frozenset(
    {
        RegistrationStatus.HOME,
        RegistrationStatus.ROAMING,
        RegistrationStatus.HOME_CSFB_NOT_PREFERRED,
        RegistrationStatus.ROAMING_CSFB_NOT_PREFERRED,
    }
)


class AccessTechnology(IntEnum):
    """<AcT>."""

    GSM = 0
    GSM_COMPACT = 1
    UTRAN = 2
    GSM_EGPRS = 3
    UTRAN_HSDPA = 4
    UTRAN_HSUPA = 5
    UTRAN_HSPA = 6
    E_UTRAN = 7
    EC_GSM_IOT = 8
    NB_IOT = 9
    E_UTRA_5GC = 10
    NR_5GC = 11
    NG_RAN = 12
    EN_DC = 13
    OTHER = -1

    @classmethod
    def _missing_(cls, _value: object) -> AccessTechnology:
        return cls.OTHER


@dataclass(frozen=True, slots=True)
class Registration:
    """One line. `area` is LAC or TAC, `cell` the cell identity, `cause` a value of 3GPP when `cause_type` is 0.

    `active` and `periodic` are the seconds of T3324 and of the extended T3412 that the network granted (n = 4, 5); None
    without power saving mode.
    """

    domain: str
    n: int | None
    stat: RegistrationStatus
    stat_value: int
    area: int | None = None
    cell: int | None = None
    technology: AccessTechnology | None = None
    cause_type: int | None = None
    cause: int | None = None
    slice_length: int | None = None
    slices: str | None = None
    active: float | None = None
    periodic: float | None = None

    @property
    def reject_cause(self) -> int | None:
        """The reject cause of 3GPP; None also for a number that only the manufacturer understands."""
        return self.cause if self.cause_type == 0 else None


_BARE_NUMBER = re.compile(r"\d{1,3}")


def is_read_form(value: str) -> bool:
    """Whether a value begins with `<n>,<stat>` (answer to the read command) and not with `<stat>` (event)."""
    fields = _fields(value)
    if len(fields) < 2 or not _BARE_NUMBER.fullmatch(fields[0]) or int(fields[0]) > 5:
        return False
    if not _BARE_NUMBER.fullmatch(fields[1]):
        return False
    return len(fields) == 2 or int(fields[1]) <= 11 or int(fields[1]) == RegistrationStatus.UICC_FAILURE


def parse_registration(line: str) -> Registration | None:
    """Read an answer or event of any of the four commands; None when the line is none or has no status."""
    prefix, value = split_prefix(line)
    if prefix not in ("+CREG", "+CGREG", "+CEREG", "+C5GREG"):
        return None
    fields = _fields(value)
    n = None
    if is_read_form(value):
        n, fields = number(fields[0]), fields[1:]
    stat = number(at(fields, 0))
    if stat is None:
        return None
    result = _Layout(prefix, fields)
    return Registration(
        domain=prefix[1:],
        n=n,
        stat=RegistrationStatus(stat),
        stat_value=stat,
        area=hexadecimal(at(fields, 1)),
        cell=hexadecimal(at(fields, result.cell)),
        technology=result.technology(),
        cause_type=result.cause(0),
        cause=result.cause(1),
        slice_length=number(at(fields, 4)) if prefix == "+C5GREG" else None,
        slices=at(fields, 5) if prefix == "+C5GREG" else None,
        active=active_time(result.power_saving(prefix, 2)),
        periodic=periodic_update(result.power_saving(prefix, 3)),
    )


_STANDING: Final = (
    (RegistrationStatus.DENIED,),
    (RegistrationStatus.HOME_SMS_ONLY, RegistrationStatus.ROAMING_SMS_ONLY),
    (RegistrationStatus.EMERGENCY_ONLY, RegistrationStatus.RLOS),
    (RegistrationStatus.SEARCHING,),
    (RegistrationStatus.UNKNOWN, RegistrationStatus.UICC_FAILURE),
    (RegistrationStatus.NOT_SEARCHING,),
)
"""Of several domains without packet data, the one that says most."""


def packet_registration(domains: Mapping[str, Registration], order: Collection[str]) -> Registration | None:
    """What several domains say about packet data together; None when none says anything.

    Circuit switched registration (+CREG) counts only where there is nothing else. `order` are the domains of the board,
    the preferred one first.
    """
    packet = [entry for name, entry in domains.items() if name != "CREG"] or list(domains.values())
    names = [name.upper() for name in order]
    packet.sort(key=lambda entry: names.index(entry.domain) if entry.domain in names else len(names))
    capable = [entry for entry in packet if entry.stat.data_capable]
    if capable:
        return capable[0]
    return next((entry for stats in _STANDING for entry in packet if entry.stat in stats), None)


def technology_of(act: AccessTechnology | None, rats: Collection[Technology]) -> Technology | None:
    """The radio technology of <AcT>, in the words of board definitions; None when it is not known.

    Modems that have LTE-M and no other LTE call it E-UTRAN (Nordic, u-blox SARA-R5); others use the 8 of EC-GSM-IoT,
    which no network has (Quectel BG9x, u-blox SARA-R4).
    """
    if act is AccessTechnology.E_UTRAN and "lte" not in rats and "lte-m" in rats:
        return "lte-m"
    if act is AccessTechnology.E_UTRAN and "lte" not in rats and "nb-iot" in rats:
        return "nb-iot"
    return _TECHNOLOGIES.get(act) if act is not None else None


_TECHNOLOGIES: Final[dict[AccessTechnology, Technology]] = {
    AccessTechnology.GSM: "gsm",
    AccessTechnology.GSM_COMPACT: "gsm",
    AccessTechnology.GSM_EGPRS: "gsm",
    AccessTechnology.UTRAN: "umts",
    AccessTechnology.UTRAN_HSDPA: "umts",
    AccessTechnology.UTRAN_HSUPA: "umts",
    AccessTechnology.UTRAN_HSPA: "umts",
    AccessTechnology.E_UTRAN: "lte",
    AccessTechnology.E_UTRA_5GC: "lte",
    AccessTechnology.EC_GSM_IOT: "lte-m",
    AccessTechnology.NB_IOT: "nb-iot",
    AccessTechnology.NR_5GC: "nr5g",
    AccessTechnology.NG_RAN: "nr5g",
    AccessTechnology.EN_DC: "nr5g",
}

_MOBILITY_CAUSE = re.compile(r"\b(?:EMM|GMM|MM|5GMM)[ _-]?(?:reject[ _-]?)?cause\b\D{0,12}(\d{1,3})\b", re.IGNORECASE)


def parse_ceer(lines: Iterable[str]) -> int | None:
    """The cause of mobility management in the free text of AT+CEER; None for other text, such as a session's cause."""
    for line in lines:
        match = _MOBILITY_CAUSE.search(split_prefix(line)[1])
        if match and 0 < int(match[1]) < 256:
            return int(match[1])
    return None


class _Layout:
    """Where the optional fields stand: they moved between releases of 27.007 and between vendors."""

    def __init__(self, prefix: str, fields: tuple[str, ...]) -> None:
        self.fields = fields
        # Early LTE firmware puts a routing area code of two digits between area and cell.
        self.cell = 3 if prefix == "+CEREG" and len(fields) >= 5 and self._is_short_hex(2) and self._is_cell(3) else 2
        self.act = self.cell + 1
        self.causes = self.act + 1 + self._fields_before_cause(prefix)

    def _fields_before_cause(self, prefix: str) -> int:
        """How many fields stand between access technology and cause type."""
        after = len(self.fields) - self.act - 1
        if prefix == "+C5GREG":
            return 2
        if prefix == "+CGREG":  # the routing area code, since release 8
            return 1 if after in (1, 3) or after >= 5 else 0
        if prefix == "+CEREG" and after == 3 and number(at(self.fields, self.act + 1)) is None:
            return 1  # Quectel BC66 keeps an empty field there
        return 0

    def _is_short_hex(self, index: int) -> bool:
        text = at(self.fields, index) or ""
        return len(text) == 2 and hexadecimal(text) is not None

    def _is_cell(self, index: int) -> bool:
        text = at(self.fields, index) or ""
        return len(text) >= 4 and hexadecimal(text) is not None

    def technology(self) -> AccessTechnology | None:
        value = number(at(self.fields, self.act))
        return None if value is None else AccessTechnology(value)

    def power_saving(self, prefix: str, offset: int) -> str | None:
        """The field so far behind the cause type; +CREG and +C5GREG have none."""
        return at(self.fields, self.causes + offset) if prefix in ("+CEREG", "+CGREG") else None

    def cause(self, offset: int) -> int | None:
        if number(at(self.fields, self.causes)) is None:
            return None
        return number(at(self.fields, self.causes + offset))


def _fields(value: str) -> tuple[str, ...]:
    fields = split_fields(value)
    if len(fields) == 1 and " " in fields[0]:
        # SIM7680 in one log: a blank where the comma belongs.
        fields = tuple(fields[0].split())
    return fields
