"""Meaning of +CME ERROR and +CMS ERROR (3GPP TS 27.007 9.2; 27.005 3.2.5)."""

from __future__ import annotations

CME = {
    0: "phone failure",
    1: "no connection to phone",
    3: "operation not allowed",
    4: "operation not supported",
    5: "PH-SIM PIN required",
    10: "SIM not inserted",
    11: "SIM PIN required",
    12: "SIM PUK required",
    13: "SIM failure",
    14: "SIM busy",
    15: "SIM wrong",
    16: "incorrect password",
    17: "SIM PIN2 required",
    18: "SIM PUK2 required",
    20: "memory full",
    21: "invalid index",
    22: "not found",
    23: "memory failure",
    30: "no network service",
    31: "network timeout",
    32: "network not allowed, emergency calls only",
    40: "network personalisation PIN required",
    50: "incorrect parameters",
    100: "unknown",
    103: "illegal MS",
    106: "illegal ME",
    107: "packet services not allowed",
    111: "PLMN not allowed",
    112: "location area not allowed",
    113: "roaming not allowed in this location area",
    126: "insufficient resources",
    127: "missing or unknown APN",
    128: "unknown PDP address or type",
    129: "user authentication failed",
    132: "service option not supported",
    133: "service option not subscribed",
    134: "service option temporarily out of order",
    148: "unspecified packet error",
    149: "PDP authentication failure",
    192: "IPv4 only allowed",
    193: "IPv6 only allowed",
}
_NUMBER = {text.lower(): number for number, text in CME.items()}
# Words that firmware uses instead of those of 27.007.
_NUMBER |= {
    "illegal me": 106,
    "sim pin not inserted": 10,
    "parameters error": 50,
    "invalid parameters": 50,
    "command not supported": 4,
    "command not support": 4,
    "network timeout": 31,
}
_TRANSIENT = frozenset({14, 31, 100, 126, 134})


def error_code(final: str, code: int | None) -> int | None:
    """The number of a +CME ERROR, also when the modem gave it in words (AT+CMEE=2)."""
    if code is not None:
        return code
    return _NUMBER.get(final.partition(":")[2].strip().lower() or final.strip().lower())


def describe_error(final: str, code: int | None) -> str:
    """The final result with its meaning: `+CME ERROR: 13 (SIM failure)`."""
    if code is None or not final.upper().startswith("+CME"):
        return final
    return f"{final} ({CME.get(code, 'a number of the vendor')})"


def is_transient(final: str, code: int | None) -> bool:
    """Whether the same command may succeed a little later."""
    return error_code(final, code) in _TRANSIENT
