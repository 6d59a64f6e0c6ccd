"""The kinds of values in a board definition."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from ipad.toml import Check, Within


def _compiles(text: str) -> bool:
    try:
        re.compile(text)
    except re.error:
        return False
    return True


def _is_command(text: str) -> bool:
    return text[:2].upper() == "AT" and text.isascii() and text.isprintable()


Seconds = Annotated[float, Within(0, 3600, "s")]
CommandText = Annotated[str, Check(_is_command, "a command that begins with AT")]
OptionalCommand = Annotated[str, Check(lambda text: not text or _is_command(text), "a command that begins with AT")]
Regex = Annotated[str, Check(_compiles, "a regular expression")]
Aid = Annotated[bytes, Check(lambda aid: 5 <= len(aid) <= 16, "an AID of 5 to 16 bytes")]
TerminalCapability = Annotated[
    bytes,
    Check(lambda apdu: not apdu or (apdu[:2] == b"\x80\xaa" and len(apdu) < 261), "an APDU that starts with 80AA"),
]
Name = Annotated[str, Check(lambda text: bool(re.fullmatch(r"[a-z0-9][a-z0-9-]*", text)), "a name of [a-z0-9-]")]
OptionalName = Annotated[str, Check(lambda text: bool(re.fullmatch(r"[a-z0-9-]*", text)), "a name of [a-z0-9-]")]
DeviceId = Annotated[
    str,
    Check(
        lambda text: bool(re.fullmatch(r"[0-9a-f*?\[\]-]{1,8}:[0-9a-f*?\[\]-]{1,8}", text)),
        "vendor:product in lower-case hexadecimal",
    ),
]
NewId = Annotated[
    str,
    Check(lambda text: bool(re.fullmatch(r"[0-9a-f]{4} [0-9a-f]{4}", text)), 'vendor and product such as "2dee 4d57"'),
]
DevicePath = Annotated[str, Check(lambda text: not text or text.startswith("/dev/"), "a path below /dev")]
AbsolutePath = Annotated[str, Check(lambda text: not text or text.startswith("/"), "an absolute path")]
Interface = Annotated[int, Within(0, 63)]

QuirkName = Literal["no-cchc", "cfun-in-one-line"]
Rung = Literal["wait", "cfun4", "cfun0", "simdet", "cfun16", "reset", "power", "hook"]
Technology = Literal["gsm", "umts", "lte", "lte-m", "nb-iot", "nr5g"]
