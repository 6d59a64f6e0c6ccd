"""Network registration: +CREG, +CGREG, +CEREG, +C5GREG (3GPP TS 27.007 7.2, 10.1.20, 10.1.22, 10.1.47).

Firmware prints these lines in many ways: unquoted or with blanks, with leading zeros, with a letter as access
technology, with a second cell. A field that makes no sense is absent in the result; nothing here raises.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum

from ipad.modem.fields import at, hexadecimal, number, split_fields, split_prefix


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
    """One line. `area` is LAC or TAC, `cell` the cell identity, `cause` the reject cause of `cause_type` 0 (3GPP)."""

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
    )


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
