"""What a recording of traffic may show of a message: everything but what would open an account, a profile or a door.

Left out, each as `…(number of bytes)`: Bound Profile Packages and their segments, replaced session keys, hashed
confirmation codes, matchingIds and the tokens of activation codes, access parameters of a profile, everything that is
long or that cannot be read. Of AT lines and APDUs only the header, the length and the status word are kept: what
they carry is recorded at ES10.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Any, Final

from ipad.codec import tlv
from ipad.errors import CodecError

_CUT: Final = frozenset(
    {
        0xBF36,  # BoundProfilePackage (SGP.22 5.7.6)
        0xBF23,  # InitialiseSecureChannel (SGP.22 5.5.1)
        0xBF24,  # ConfigureISDP (SGP.22 5.5.2)
        0xBF26,  # ReplaceSessionKeys (SGP.22 5.5.4)
        0xBF5F,  # GetConnectivityParameters (SGP.32 5.9.24)
    }
)
_HASH_CC, _HASH_SIZE = 0x04, 32
_MATCHING_ID, _CONTEXT, _DEVICE_INFO = 0x80, 0xA0, 0xA1
"""ctxParamsForCommonAuthentication has both inside (SGP.22 5.7.13)."""
_UTF8, _INITIATE_AUTHENTICATION = 0x0C, 0xBF39
_PLAIN_MEMBERS: Final = frozenset(("transactionId", "smdpAddress"))
_LONGEST_VALUE: Final = 128
_LONGEST_MESSAGE: Final = 4096
_ACTIVATION_CODE: Final = re.compile(rb"(?:LPA:)?1\$")
_HEX_RUN: Final = re.compile(r"(?<![0-9A-Fa-f])([0-9A-Fa-f]{10})([0-9A-Fa-f]+)")
_COMMAND: Final = re.compile(r"([0-9A-F]{8,10})(?: [0-9A-F]*(?:…\(\d+\))?)?")
_ANSWER: Final = re.compile(r"(?:([0-9A-F]+)(?:…\((\d+)\))? )?([0-9A-F]{4})")


def message(data: bytes) -> str:
    """A message of ES10 or ESipa in hexadecimal, with what is left out."""
    try:
        text = "".join(_element(element, ()) for element in tlv.children(data))
    except (CodecError, RecursionError):
        return _left_out(len(data))
    return text if len(text) <= _LONGEST_MESSAGE else f"{text[:_LONGEST_MESSAGE]}…"


def json_body(body: bytes) -> str:
    """A JSON body of ES9+ or ES11: data objects as those of ES10, other members as they are unless they are secret.

    What is no JSON object is left out.
    """
    if not body.strip():
        return "no body"
    try:
        members = json.loads(body)
    except (ValueError, RecursionError):
        return _left_out(len(body))
    if not isinstance(members, dict):
        return _left_out(len(body))
    return json.dumps({str(name): _member(str(name), value) for name, value in members.items()}, separators=(",", ":"))


def _member(name: str, value: Any) -> Any:
    if name == "header" and isinstance(value, dict):
        return value
    if not isinstance(value, str):
        return _left_out(len(json.dumps(value)))
    if name in _PLAIN_MEMBERS:
        return value if len(value) <= _LONGEST_VALUE else _left_out(len(value))
    try:
        return message(base64.b64decode(value, validate=True))
    except (binascii.Error, ValueError):
        return _left_out(len(value))


def at_line(text: str) -> str:
    """An AT line: of a long hexadecimal text the first five bytes, as of a command APDU its header."""
    return _HEX_RUN.sub(r"\1…", text)


def command(text: str) -> str:
    """A command APDU as the channel traces it: the header, with the length of the data in its last byte."""
    found = _COMMAND.fullmatch(text)
    return found[1] if found is not None else _left_out(len(text) // 2)


def answer(text: str) -> str:
    """A response APDU as the channel traces it: length of the data and status word."""
    found = _ANSWER.fullmatch(text)
    if found is None:
        return _left_out(len(text) // 2)
    size = int(found[2]) if found[2] else len(found[1] or "") // 2
    return f"{_left_out(size)} {found[3]}" if size else found[3]


def _element(element: tlv.Element, outer: tuple[int, ...]) -> str:
    head = bytes(element.raw[: len(element.raw) - len(element.value)]).hex().upper()
    if element.tag in _CUT:
        return head + _left_out(len(element.value))
    if element.constructed:
        return head + _content(element, (*outer, element.tag))
    return head + _primitive(element, outer)


def _content(element: tlv.Element, outer: tuple[int, ...]) -> str:
    try:
        parts = list(tlv.children(element.value))
    except CodecError:
        return _left_out(len(element.value))
    secret = element.tag == _CONTEXT and any(part.tag == _DEVICE_INFO for part in parts)
    return "".join(
        f"80{len(part.value):02X}{_left_out(len(part.value))}"
        if secret and part.tag == _MATCHING_ID
        else _element(part, outer)
        for part in parts
    )


def _primitive(element: tlv.Element, outer: tuple[int, ...]) -> str:
    value = bytes(element.value)
    hashed = element.tag == _HASH_CC and len(value) == _HASH_SIZE
    matching_id = element.tag == _UTF8 and _INITIATE_AUTHENTICATION in outer
    if hashed or matching_id or len(value) > _LONGEST_VALUE or _ACTIVATION_CODE.match(value):
        return _left_out(len(value))
    return value.hex().upper()


def _left_out(size: int) -> str:
    return f"…({size})"
