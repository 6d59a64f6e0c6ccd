"""Least HTTP/1.1 messages of the two HTTPS bindings (RFC 9110, RFC 9112; SGP.32 6.1.1, 6.4).

Headers are those that HTTP/1.1 and SGP.32 ask for, without the space behind the colon, which is optional (RFC 9112 5).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hil.eim.http_binding import ADMIN_PROTOCOL, CONTENT_TYPE
from hil.eim.http_binding import PATH as ASN1_PATH
from hil.eim.json_binding import CONTENT_TYPE as JSON_CONTENT_TYPE
from hil.eim.json_binding import PATH as JSON_PATH

_USER_AGENT: Final = "gsma-rsp-ipad"


@dataclass(frozen=True)
class HttpFloor:
    """Messages of one binding; `authority` is host and port as in the URL."""

    authority: str
    json: bool

    def request(self, function: str, body: int) -> int:
        """Head of a request with so many bytes of body."""
        path = JSON_PATH + function[0].lower() + function[1:] if self.json else ASN1_PATH
        return len(
            f"POST {path} HTTP/1.1\r\n"
            f"Host:{self.authority}\r\n"
            f"User-Agent:{_USER_AGENT}\r\n"
            f"X-Admin-Protocol:{ADMIN_PROTOCOL}\r\n"
            f"Content-Type:{self._content_type}\r\n"
            f"Content-Length:{body}\r\n\r\n"
        )

    def response(self, body: int) -> int:
        """Head of the answer; one without a body is status 204."""
        if not body:
            return len(f"HTTP/1.1 204 \r\nX-Admin-Protocol:{ADMIN_PROTOCOL}\r\n\r\n")
        return len(
            f"HTTP/1.1 200 \r\n"
            f"X-Admin-Protocol:{ADMIN_PROTOCOL}\r\n"
            f"Content-Type:{self._content_type}\r\n"
            f"Content-Length:{body}\r\n\r\n"
        )

    @property
    def _content_type(self) -> str:
        return JSON_CONTENT_TYPE if self.json else CONTENT_TYPE
