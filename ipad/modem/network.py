"""The operator: +COPS, current and found ones (3GPP TS 27.007 7.3)."""

from __future__ import annotations

import re

from ipad.errors import CodecError
from ipad.ids import Plmn
from ipad.modem.fields import at, number, split_fields, split_prefix
from ipad.modem.registration import AccessTechnology
from ipad.records import dataclass

_GROUP = re.compile(r'\(((?:[^()"]|"[^"]*")*)\)')


@dataclass(frozen=True, slots=True)
class Operator:
    """`plmn` when the operator is given as a number, `name` otherwise; both None when not registered."""

    mode: int | None
    plmn: Plmn | None = None
    name: str | None = None
    technology: AccessTechnology | None = None


@dataclass(frozen=True, slots=True)
class FoundOperator:
    """One entry of a network search. `status`: 0 unknown, 1 available, 2 current, 3 forbidden."""

    status: int
    long_name: str | None
    short_name: str | None
    digits: str
    technology: AccessTechnology | None

    @property
    def plmn(self) -> Plmn | None:
        """The network, where the digits are five or six."""
        return parse_plmn(self.digits)


def parse_plmn(text: str | None) -> Plmn | None:
    """MCC and MNC of five or six digits; None for anything else."""
    try:
        return Plmn.parse(text or "")
    except CodecError:
        return None


def parse_cops(line: str) -> Operator | None:
    """Read `+COPS: <mode>[,<format>,<oper>[,<AcT>]]`; None when the line is no such answer."""
    prefix, value = split_prefix(line)
    if prefix != "+COPS" or value.startswith("("):
        return None
    fields = split_fields(value)
    operator = _text(at(fields, 2))
    plmn = parse_plmn(operator) if operator and operator.isdigit() else None
    return Operator(
        mode=number(at(fields, 0)),
        plmn=plmn,
        name=operator if plmn is None else None,
        technology=_technology(at(fields, 3)),
    )


def parse_cops_search(line: str) -> tuple[FoundOperator, ...]:
    """Read the answer to AT+COPS=?; the lists of modes and formats behind the operators are left out."""
    prefix, value = split_prefix(line)
    if prefix != "+COPS":
        return ()
    found: list[FoundOperator] = []
    for group in _GROUP.findall(value):
        fields = split_fields(group)
        status, digits = number(at(fields, 0)), _text(at(fields, 3))
        if len(fields) < 4 or status is None or not digits or not digits.isdigit():
            continue
        found.append(
            FoundOperator(status, _text(at(fields, 1)), _text(at(fields, 2)), digits, _technology(at(fields, 4)))
        )
    return tuple(found)


def _technology(field: str | None) -> AccessTechnology | None:
    value = number(field)
    return None if value is None else AccessTechnology(value)


def _text(field: str | None) -> str | None:
    """The text of a field; UCS2 in hexadecimal (character set of AT+CSCS="UCS2") is decoded."""
    if field and len(field) % 4 == 0 and re.fullmatch(r"(?:00[2-7][0-9A-Fa-f])+", field):
        return bytes.fromhex(field).decode("utf-16-be")
    return field
