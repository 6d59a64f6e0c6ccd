"""How long each command may take (maximum response times of the manuals, else practice)."""

from __future__ import annotations

from typing import Final

from ipad.board import Timeouts

_BY_NAME: Final = {
    "AT+CSIM": "apdu",
    "AT+CGLA": "apdu",
    "AT+CCHO": "ccho",
    "AT+CFUN": "cfun",
    "AT+COPS": "cops",
    "AT+CGACT": "cgact",
    "AT+CGATT": "cgatt",
}
_BASIC = 3.0
_SLOW_READ = 8.0


def limit(command: str, timeouts: Timeouts) -> float:
    """Seconds for a command line. Reading a state is quick, setting it may search for networks."""
    name, _, rest = command.upper().partition("=")
    if name.endswith("?"):
        return max(timeouts.default, _SLOW_READ) if name.rstrip("?") in _BY_NAME else timeouts.default
    kind = _BY_NAME.get(name)
    if kind is not None and (rest != "?" or name == "AT+COPS"):
        return float(getattr(timeouts, kind))
    basic = len(name) == 2 or name[2].isalnum()
    return min(_BASIC, timeouts.default) if basic else timeouts.default
