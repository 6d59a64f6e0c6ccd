"""Activation codes (SGP.22 4.1): `[LPA:]1$<SM-DP+ address>$<AC_Token>[$<SM-DP+ OID>[$<confirmation code flag>]]`.

People paste codes with blanks, percent-encoded or inside a link; such wrapping is removed first. What is left must
follow the grammar: a code is refused before anything goes over a network.
"""

from __future__ import annotations

import re
from typing import Self
from urllib.parse import parse_qsl, unquote, urlsplit

from ipad.errors import CodecError
from ipad.records import dataclass

MAX_LENGTH = 255

_HOST = re.compile(r"(?!-)[A-Za-z0-9.-]{1,253}(?<![-.])(?::\d{1,5})?")
_TOKEN = re.compile(r"[A-Za-z0-9-]*")
_OID = re.compile(r"[0-2](?:\.(?:0|[1-9]\d*)){1,}")


@dataclass(frozen=True, slots=True)
class ActivationCode:
    """What an activation code says. `matching_id` may be empty: the SM-DP+ then finds the order by EID."""

    smdp_address: str
    matching_id: str
    smdp_oid: str | None = None
    confirmation_code_required: bool = False

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a code as a person or an eIM gives it. Raises CodecError; the message never repeats the token."""
        code = _unwrap(text.strip())
        if len(code) > MAX_LENGTH:
            raise CodecError(f"activation code of {len(code)} characters, at most {MAX_LENGTH} are allowed")
        if not code.isascii() or not code.isprintable() or " " in code:
            raise CodecError("activation code holds characters that are not allowed (blank, control or non-ASCII)")
        if code[:4].upper() == "LPA:":
            code = code[4:]
        fields = code.split("$")
        if fields[0] != "1":
            raise CodecError(f"activation code begins with {fields[0][:8]!r}, expected format 1")
        if len(fields) < 3:
            raise CodecError(f"activation code has {len(fields)} fields, expected at least format, address and token")
        address, token = fields[1], fields[2]
        oid = fields[3] if len(fields) > 3 else ""
        flag = fields[4] if len(fields) > 4 else ""
        if not _HOST.fullmatch(address):
            raise CodecError(f"activation code: {address[:64]!r} is no SM-DP+ address")
        if not _TOKEN.fullmatch(token):
            raise CodecError("activation code: the token holds other characters than letters, digits and '-'")
        if oid and not _OID.fullmatch(oid):
            raise CodecError(f"activation code: {oid[:64]!r} is no SM-DP+ OID")
        if flag not in ("", "0", "1"):
            raise CodecError(f"activation code: confirmation code flag {flag[:8]!r}, expected 1 or nothing")
        return cls(address, token, oid or None, flag == "1")

    def __str__(self) -> str:
        """The code in its shortest form."""
        tail = f"${self.smdp_oid or ''}" if self.smdp_oid or self.confirmation_code_required else ""
        return f"1${self.smdp_address}${self.matching_id}{tail}{'$1' if self.confirmation_code_required else ''}"

    def masked(self) -> str:
        """For logs: a token is as good as the profile."""
        return f"1${self.smdp_address}${'…' if self.matching_id else ''}"


def _unwrap(text: str) -> str:
    if "$" not in text and "%24" in text:
        text = unquote(text)
    if "://" not in text:
        return text
    try:
        parts = urlsplit(text)
    except ValueError as error:
        raise CodecError(f"no address: {error}", path="ActivationCode") from error
    for _, value in parse_qsl(parts.query):
        if "$" in value:
            return value
    return parts.path.lstrip("/")
