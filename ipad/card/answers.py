"""What modems answer to AT+CCHO, AT+CGLA and AT+CSIM (3GPP TS 27.007 8.17, 8.43, 8.45)."""

from __future__ import annotations

import logging
import re
from typing import Final

from ipad.errors import CardError
from ipad.modem.answer import AtAnswer
from ipad.modem.fields import split_fields, unquote

logger = logging.getLogger(__name__)

_SESSION: Final = re.compile(r"[0-9A-Za-z]{1,32}")
_LENGTH_SLACK: Final = 2


def session_id(answer: AtAnswer) -> str:
    """The session of AT+CCHO, as printed: a bare number, one behind `+CCHO:`, or a handle of 16 hexadecimal digits.

    It stays text, because it must go back exactly as it came. Raises CardError when there is none.
    """
    values = (*answer.values("+CCHO"), *answer.bare())
    for value in values:
        fields = split_fields(value)
        if fields and _SESSION.fullmatch(unquote(fields[0])):
            return unquote(fields[0])
    shown = f"got {values[0][:40]!r}" if values else "got OK without one"
    raise CardError(f"AT+CCHO: expected a session id, {shown}")


def apdu_from_answer(prefix: str, answer: AtAnswer) -> bytes:
    """The response APDU of `+CSIM: <length>,"<hex>"` or `+CGLA: …`; the length counts hexadecimal digits.

    A length that is off by one byte, or counts bytes, is believed less than digits that end in a status word.
    Raises CardError for anything that cannot be a response APDU.
    """
    value = answer.value(prefix)
    if value is None:
        got = f"got {answer.lines[0][:40]!r}" if answer.lines else "got OK alone"
        raise CardError(f"expected {prefix}: <length>,<response>, {got}")
    fields = split_fields(value)
    declared = int(fields[0]) if len(fields) > 1 and fields[0].isascii() and fields[0].isdigit() else None
    text = "".join(unquote(fields[-1] if fields else "").replace('"', "").split())
    try:
        response = bytes.fromhex(text)
    except ValueError as error:
        raise CardError(f"{prefix}: expected hexadecimal digits, got {_shown(text)}") from error
    if len(response) < 2 or response[-2] >> 4 not in (0x6, 0x9):
        raise CardError(f"{prefix}: {_shown(text)} does not end in a status word")
    if declared is not None and declared != len(text):
        if abs(declared - len(text)) > _LENGTH_SLACK and declared != len(response):
            raise CardError(f"{prefix}: {declared} digits announced, {len(text)} came")
        logger.info("%s: %d digits announced, %d came and end in a status word", prefix, declared, len(text))
    return response


def _shown(text: str) -> str:
    return f"{text[:16]!r}… of {len(text)} characters" if len(text) > 16 else repr(text)
