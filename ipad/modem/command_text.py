"""The text of command lines: what can be sent, and what of it may be shown."""

from __future__ import annotations

import re

from ipad.errors import ModemError

_SECRET = re.compile(
    r"((?:AT(?:\+CPIN|\+CLCK|\+CPWD)=|(?:\+CGAUTH|\+QICSGP|\$QCPDPP|#PDPAUTH|\+UAUTHREQ|\^AUTHDATA) ?[=:])).*",
    re.IGNORECASE,
)
_CONTROL = re.compile(r"[\x00-\x1f]")
_LONG_HEX = re.compile(r"([0-9A-Fa-f]{32})[0-9A-Fa-f]+")


def check_line(command: str, max_line: int) -> None:
    """Raise ModemError for a command that cannot be sent as one line."""
    if len(command) > max_line:
        raise ModemError(
            f"{shown(command)}: {len(command)} characters, the modem takes lines of {max_line}", transient=False
        )
    if _CONTROL.search(command):
        raise ModemError(f"{shown(command)!r} contains control characters", transient=False)


def shown(text: str) -> str:
    """The text for logs and messages: no PIN, no password, no long payload."""
    return _LONG_HEX.sub(r"\1…", _SECRET.sub(r"\1…", text))
