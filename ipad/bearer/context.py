"""A PDP context as AT commands define it (3GPP TS 27.007 10.1.1, 10.1.31), and those of vendors for credentials."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ipad.bearer.backend import Apn, Auth, IpType
from ipad.errors import BearerError
from ipad.modem.fields import at, number, split_fields, split_prefix
from ipad.records import dataclass

_PDP_TYPES: Final = {IpType.IPV4: "IP", IpType.IPV6: "IPV6", IpType.IPV4V6: "IPV4V6"}
_QICSGP_TYPES: Final = {IpType.IPV4: 1, IpType.IPV6: 2, IpType.IPV4V6: 3}
_AUTH_NUMBERS: Final = {Auth.NONE: 0, Auth.PAP: 1, Auth.CHAP: 2}
_NO_CREDENTIALS: Final = {
    "cgauth": "AT+CGAUTH={cid},0",
    "qicsgp": 'AT+QICSGP={cid},{family},"{apn}","","",0',
    "qcpdpp": "AT$QCPDPP={cid},0",
    "pdpauth": "AT#PDPAUTH={cid},0",
    "uauthreq": "AT+UAUTHREQ={cid},0",
}
_CREDENTIALS: Final = {
    "cgauth": 'AT+CGAUTH={cid},{auth},"{user}","{password}"',
    "qicsgp": 'AT+QICSGP={cid},{family},"{apn}","{user}","{password}",{auth}',
    "qcpdpp": 'AT$QCPDPP={cid},{auth},"{password}","{user}"',
    "pdpauth": 'AT#PDPAUTH={cid},{auth},"{user}","{password}"',
    "uauthreq": 'AT+UAUTHREQ={cid},{auth},"{user}","{password}"',
}


@dataclass(frozen=True, slots=True)
class Definition:
    """What +CGDCONT says about one context."""

    pdp_type: str
    apn: str

    @classmethod
    def of(cls, access: Apn) -> Definition:
        """The definition that an access point wants."""
        return cls(_PDP_TYPES[access.ip_type], access.name)

    def same_as(self, other: Definition | None) -> bool:
        """Whether both mean the same; access point names know no case (TS 23.003 9.1)."""
        if other is None:
            return False
        mine, theirs = (entry.pdp_type.upper() + " " + entry.apn.lower() for entry in (self, other))
        return mine == theirs


@dataclass(frozen=True, slots=True)
class Credentials:
    """What +CGAUTH says about one context; the password is not told."""

    auth: int
    user: str

    @classmethod
    def of(cls, access: Apn) -> Credentials:
        """What an access point wants to be told."""
        return cls(_AUTH_NUMBERS[access.auth], access.user if access.auth is not Auth.NONE else "")


def parse_definition(lines: Iterable[str], cid: int) -> Definition | None:
    """The definition of a context among the lines of AT+CGDCONT?; None when it has none."""
    for fields in _of_context(lines, "+CGDCONT", cid):
        return Definition(at(fields, 1) or "", at(fields, 2) or "")
    return None


def parse_credentials(lines: Iterable[str], cid: int) -> Credentials:
    """The credentials of a context among the lines of AT+CGAUTH?; modems leave out those that have none."""
    for fields in _of_context(lines, "+CGAUTH", cid):
        return Credentials(number(at(fields, 1)) or 0, at(fields, 2) or "")
    return Credentials(0, "")


def define_command(access: Apn, cid: int) -> str:
    """AT+CGDCONT that sets type and access point."""
    definition = Definition.of(access)
    return f'AT+CGDCONT={cid},"{definition.pdp_type}","{_quotable(definition.apn)}"'


def credentials_command(access: Apn, cid: int, style: str) -> str:
    """The command of this style that sets user name and password, or takes them away.

    Raises BearerError for characters that an AT string cannot hold.
    """
    template = (_NO_CREDENTIALS if access.auth is Auth.NONE else _CREDENTIALS)[style]
    return template.format(
        cid=cid,
        family=_QICSGP_TYPES[access.ip_type],
        apn=_quotable(access.name),
        auth=_AUTH_NUMBERS[access.auth],
        user=_quotable(access.user),
        password=_quotable(access.password),
    )


def _of_context(lines: Iterable[str], prefix: str, cid: int) -> list[tuple[str, ...]]:
    found = []
    for line in lines:
        own, value = split_prefix(line)
        fields = split_fields(value)
        if own == prefix and number(at(fields, 0)) == cid:
            found.append(fields)
    return found


def _quotable(text: str) -> str:
    """The text itself: V.250 5.4.2.2 escapes a quotation mark as backslash and digits, which few modems undo."""
    if any(char in '"\\' or not " " <= char <= "~" for char in text):
        raise BearerError(
            "user name or password holds a character that an AT command cannot carry",
            transient=False,
            hint='quotation marks and backslashes need another bearer.backend than "at"',
        )
    return text
