"""What an operator can set about the data link: the table `[bearer]` of the configuration file."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

from ipad.records import dataclass, field
from ipad.toml import Check, Position, Within

MAX_APN: Final = 100
"""Characters of an access point name (3GPP TS 23.003 9.1: 100 octets in its coded form, which is one longer)."""
MAX_CREDENTIAL: Final = 127
"""Characters of a user name or password that modems take."""

_APN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")


def is_apn(text: str) -> bool:
    """Whether the text is an access point name, or empty for that of the network."""
    return not text or (len(text) < MAX_APN and bool(_APN.fullmatch(text)))


def is_credential(text: str) -> bool:
    """Whether the text can be a user name or password of PAP and CHAP: printable ASCII."""
    return len(text) <= MAX_CREDENTIAL and text.isascii() and text.isprintable()


def _digits(text: str, longest: int) -> bool:
    return len(text) <= longest and (not text or (text.isascii() and text.isdigit()))


IccidPrefix = Annotated[str, Check(lambda text: _digits(text, 20), "the first digits of an ICCID")]
ImsiPrefix = Annotated[str, Check(lambda text: _digits(text, 15), "the first digits of an IMSI")]
ApnName = Annotated[str, Check(is_apn, "an access point name such as iot.example.com")]
HookPath = Annotated[str, Check(lambda text: not text or text.startswith("/"), "an absolute path")]
BusAddress = Annotated[
    str, Check(lambda text: not text or text.startswith("unix:"), 'a D-Bus address that begins with "unix:"')
]
Credential = Annotated[str, Check(is_credential, f"up to {MAX_CREDENTIAL} printable ASCII characters")]


@dataclass(frozen=True, slots=True)
class ApnConfig:
    """The access point of the profiles whose ICCID and IMSI begin with these digits; of all, where both are empty.

    An empty `apn` is the network's own choice. Without `auth` a user name is sent by CHAP.
    """

    iccid: IccidPrefix = ""
    imsi: ImsiPrefix = ""
    apn: ApnName = ""
    user: Credential = ""
    password: Credential = field(default="", repr=False, metadata={"secret": True})
    auth: Literal["none", "pap", "chap"] | None = None
    ip_type: Literal["ipv4", "ipv6", "ipv4v6"] = "ipv4v6"


@dataclass(frozen=True, slots=True)
class ModemManagerConfig:
    """Which modem of ModemManager is ours. Without `device` the one with our modem's IMEI, or the only one.

    `inhibit`: ModemManager lets go of the modem while the eUICC executes a package. `bus`: address of the message bus;
    empty is that of the system.
    """

    device: str = ""
    inhibit: bool = False
    bus: BusAddress = ""


@dataclass(frozen=True, slots=True)
class BearerConfig:
    """Who brings the data link up, and with which access point. `cid` None leaves the context to the board."""

    backend: Literal["none", "at", "exec", "modemmanager"] = "none"
    apn: tuple[ApnConfig, ...] = ()
    cid: Annotated[int, Within(0, 24)] | None = None
    hook: HookPath = ""
    hook_timeout: Annotated[float, Within(1, 900, "s")] = 60.0
    modemmanager: ModemManagerConfig = field(default_factory=ModemManagerConfig)


def contradiction(config: BearerConfig) -> tuple[tuple[str, ...], str] | None:
    """What makes no sense together, as keys below `[bearer]` and problem; None when everything does."""
    if config.backend == "exec" and not config.hook:
        return ("backend",), '"exec" needs bearer.hook, the program to run'
    for number, entry in enumerate(config.apn):
        if (entry.user or entry.password) and entry.auth == "none":
            return ("apn", Position(number), "auth"), '"none" contradicts the user name and password'
        if entry.auth in ("pap", "chap") and not entry.user:
            return ("apn", Position(number), "auth"), f'"{entry.auth}" needs a user name'
        if entry.password and not entry.user:
            return ("apn", Position(number), "password"), "a password needs a user name"
    return None
