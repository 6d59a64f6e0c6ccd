"""The JSON binding of ES9+, ES11 and ESipa: members and the function execution status (SGP.22 6.5.1, SGP.32 6.4).

Binary members are base64 of complete TLVs. Servers exist that leave out the tag of a signature or of a key
identifier, or break the base64 into lines: both are mended here and nowhere else.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from ipad.codec import tlv
from ipad.errors import CodecError, RspStatusError

_MAX_TEXT = 200
_SUCCESS = ("Executed-Success", "Executed-WithWarning")


def encode(members: Mapping[str, str | int | bool]) -> bytes:
    """A request body without needless blanks."""
    return json.dumps(members, separators=(",", ":"), ensure_ascii=False).encode()


def b64(value: bytes) -> str:
    """Standard base64 with padding."""
    return base64.b64encode(value).decode("ascii")


def transaction_id(value: bytes) -> str:
    """A transaction id as upper-case hexadecimal digits."""
    return value.hex().upper()


class Answer:
    """The members of an answer whose function was executed."""

    def __init__(self, function: str, members: Mapping[str, Any], failure: RspStatusError | None = None) -> None:
        self._function = function
        self._members = members
        self.failure = failure
        """Why the function was not executed, for an answer that was read with `read`."""

    @classmethod
    def parse(cls, function: str, body: bytes) -> Answer:
        """Read an answer. Raises CodecError for no JSON object, RspStatusError for Failed or Expired."""
        answer = cls.read(function, body)
        if answer.failure is not None:
            raise answer.failure
        return answer

    @classmethod
    def read(cls, function: str, body: bytes) -> Answer:
        """Read an answer that may say Failed or Expired beside other members. Raises CodecError for no JSON object."""
        try:
            members = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise CodecError(f"no JSON: {str(error)[:80]}", path=function) from error
        if not isinstance(members, dict):
            raise CodecError(f"expected a JSON object, got {type(members).__name__}", path=function)
        return cls(function, members, _failure(function, _path(members, "header", "functionExecutionStatus")))

    def text(self, name: str) -> str | None:
        """A string member; absent, null and empty are the same."""
        value = self._members.get(name)
        if value is None or value == "":
            return None
        if not isinstance(value, str):
            raise self._wrong(name, f"expected a string, got {type(value).__name__}")
        return value

    def number(self, name: str) -> int | None:
        """An integer member."""
        value = self._members.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            raise self._wrong(name, f"expected a number, got {type(value).__name__}")
        return value

    def entries(self, name: str) -> list[Mapping[str, Any]]:
        """A member that is an array of objects."""
        value = self._members.get(name)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise self._wrong(name, "expected an array of objects")
        return value

    def binary(self, *names: str, tag: int | None = None) -> bytes | None:
        """A base64 member under the first of its names; `tag` is put around a content that came without it."""
        for name in names:
            text = self.text(name)
            if text is not None:
                try:
                    value = _from_base64(text)
                except ValueError as error:
                    raise self._wrong(name, f"no base64: {error}") from error
                return value if tag is None else _with_tag(value, tag)
        return None

    def required(self, *names: str, tag: int | None = None) -> bytes:
        """Like `binary`; absence raises CodecError."""
        value = self.binary(*names, tag=tag)
        if value is None:
            raise self._wrong(names[0], "missing")
        return value

    def tagged(self, *names: str, tag: int) -> bytes | None:
        """A base64 member that must be exactly one TLV with this tag."""
        value = self.binary(*names)
        if value is None:
            return None
        try:
            found = tlv.read_single(value).tag
        except CodecError as error:
            raise self._wrong(names[0], error.reason) from error
        if found != tag:
            raise self._wrong(names[0], f"expected the tag {tag:X}, got {found:X}")
        return value

    def transaction_id(self) -> str | None:
        """The transactionId as sent: servers look it up literally, so it is echoed unchanged."""
        value = self.text("transactionId")
        if value is not None and (len(value) > 32 or len(value) % 2 or not set(value) <= set("0123456789abcdefABCDEF")):
            raise self._wrong("transactionId", "expected 2 to 32 hexadecimal digits")
        return value

    def _wrong(self, name: str, reason: str) -> CodecError:
        return CodecError(reason, path=f"{self._function}.{name}")


def _failure(function: str, status: object) -> RspStatusError | None:
    if not isinstance(status, dict) or status.get("status") in _SUCCESS:
        return None
    data = status.get("statusCodeData")
    data = data if isinstance(data, dict) else {}
    return RspStatusError(
        function,
        status=_clean(status.get("status")),
        subject=_clean(data.get("subjectCode")),
        reason=_clean(data.get("reasonCode")),
        message=_clean(data.get("message")),
    )


def _from_base64(text: str) -> bytes:
    """Decode without a second copy of a package of a megabyte; only broken lines cost one."""
    if any(blank in text for blank in " \r\n\t"):
        text = "".join(text.split())
    return binascii.a2b_base64(text, strict_mode=True)


def _with_tag(value: bytes, tag: int) -> bytes:
    try:
        if tlv.read_single(value).tag == tag:
            return value
        inner = tlv.read_single(value)
        if inner.tag == 0x04:  # an OCTET STRING around the bare content
            return tlv.tlv(tag, inner.value)
    except CodecError:
        pass  # no TLV at all: the bare content
    return tlv.tlv(tag, value)


def _path(members: Mapping[str, Any], *names: str) -> object:
    value: object = members
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _clean(value: object) -> str:
    text = value if isinstance(value, str) else ""
    return "".join(char if char.isprintable() else " " for char in text)[:_MAX_TEXT]
