"""HTTP/1.1 as far as a POST to one server needs it, without I/O (RFC 9110, RFC 9112).

The framing is in `http_answer.py`. What many forgive and we do not: folded header lines, a bare CR or LF in the head,
Content-Length beside Transfer-Encoding, a body that nobody asked to be compressed. Answers 1xx are skipped. Head and
body have limits.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import Final

from ipad.errors import CodecError, HttpStatusError, NetworkError
from ipad.net.http_answer import Body, Head, parse_head, request_head
from ipad.records import dataclass

MAX_HEAD: Final = 16 * 1024
MAX_INTERIM_ANSWERS: Final = 10
MAX_RETRY_AFTER: Final = 86_400.0

HEAD_END = b"\r\n\r\n"
OTHER_HEAD_END = re.compile(rb"\n\r?\n")
BAD_HEAD = re.compile(rb"(?<!\r)\n|\r(?!\n)|\n[ \t]|\x00")
_SWITCHING_PROTOCOLS: Final = 101
_FIRST_FINAL: Final = 200
_TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})

Headers = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A complete answer. Names of headers are lower case."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        """The first header with this (lower-case) name."""
        return next((value for key, value in self.headers if key == name), None)

    @property
    def media_type(self) -> str | None:
        """Content-Type in lower case without parameters."""
        value = self.header("content-type")
        return None if value is None else value.partition(";")[0].strip().lower()

    @property
    def retry_after(self) -> float | None:
        """Retry-After in seconds, at most a day; a date is ignored."""
        value = self.header("retry-after") or ""
        return min(float(value), MAX_RETRY_AFTER) if value.isascii() and value.isdigit() else None

    def require_success(self, server: str) -> None:
        """Raise HttpStatusError for a status other than 200 and 204; `transient` says whether a later try may help."""
        if self.status in (200, 204):
            return
        redirected = 300 <= self.status < 400
        raise HttpStatusError(
            f"{server}: HTTP status {self.status}{', redirections are not followed' if redirected else ''}",
            status=self.status,
            transient=self.status in _TRANSIENT,
            retry_after=self.retry_after,
        )


class HttpConversation:
    """Requests and answers over one connection, one after the other."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._head = bytearray()
        self._interim = 0
        self._answer: Head | None = None
        self._framing: Body | None = None
        self._body = io.BytesIO()
        self._max_body = 0
        self.answered = False

    def request(self, path: str, headers: Headers, body: bytes, max_body: int) -> bytes:
        """Begin an exchange: the bytes to send. `max_body` bounds the answer's body."""
        self._head.clear()
        self._body = io.BytesIO()
        self._interim, self._answer, self._framing, self.answered = 0, None, None, False
        self._max_body = max_body
        fields = [("Host", self._host), *headers, ("Content-Length", str(len(body)))]
        try:
            return request_head(path, fields) + body
        except CodecError as error:
            raise self._broken(f"the request cannot be written: {error}") from error

    def receive(self, data: bytes) -> HttpResponse | None:
        """Take bytes of the answer, b"" for the end of the connection; the answer when it is complete.

        Raises NetworkError for an answer that breaks the rules or the limits.
        """
        self.answered = self.answered or bool(data)
        if not data and self._framing is None:
            raise self._broken(
                "the connection was closed before an answer came" if not self._head else "truncated head"
            )
        try:
            return self._receive(data)
        except CodecError as error:
            raise self._broken(f"malformed answer: {error}") from error

    def prepare_next(self) -> bool:
        """After an answer: whether the connection can carry another request."""
        if self._answer is None or self._framing is None or self._answer.last or not self._framing.complete:
            return False
        return not self._framing.rest  # after bytes that belong to no answer, whatever follows cannot be believed

    def _receive(self, data: bytes) -> HttpResponse | None:
        if self._framing is None:
            self._head += data
            while self._framing is None:
                head = self._take_head()
                if head is None:
                    return None
                self._read_head(parse_head(head))
            data, self._head = bytes(self._head), bytearray()
        elif not data:
            return self._finish_with_connection()
        for part in self._framing.receive(data):
            self._body.write(part)
            if self._body.tell() > self._max_body:
                raise self._broken(f"the answer has more than {self._max_body} bytes")
        return self._finish() if self._framing.complete else None

    def _take_head(self) -> bytes | None:
        end = self._head.find(HEAD_END)
        size = len(self._head) if end < 0 else end + len(HEAD_END)
        if size > MAX_HEAD:
            raise self._broken(f"the head of the answer is longer than {MAX_HEAD} bytes")
        if end < 0 and OTHER_HEAD_END.search(self._head) is None:
            return None
        head = bytes(self._head[:size])
        del self._head[:size]
        if BAD_HEAD.search(head) is not None:
            raise self._broken("the head of the answer has a folded line, a bare CR or LF, or a NUL")
        return head

    def _read_head(self, head: Head) -> None:
        if head.status == _SWITCHING_PROTOCOLS:
            raise self._broken("malformed answer: another protocol, which nobody asked for")
        if head.status < _FIRST_FINAL:
            self._interim += 1
            if self._interim > MAX_INTERIM_ANSWERS:
                raise self._broken(f"more than {MAX_INTERIM_ANSWERS} interim answers")
            return
        if head.length is not None and head.chunked:
            raise self._broken("the answer has Content-Length and Transfer-Encoding")
        if head.length is not None and head.length > self._max_body:
            raise self._broken(f"the answer has {head.length} bytes, at most {self._max_body} are accepted")
        for name, value in head.fields:
            if name == b"content-encoding" and value.lower() != b"identity":
                raise self._broken(f"the body is encoded as {value[:40].decode('latin-1')!r}, which was not asked for")
        self._answer, self._framing = head, Body(head)

    def _finish_with_connection(self) -> HttpResponse:
        if self._framing is None or self._framing.bounded:
            length = None if self._answer is None else self._answer.length
            wanted = "the end of a chunk" if length is None else f"{length}"
            raise self._broken(
                f"the connection was closed within the answer: received {self._body.tell()} bytes, expected {wanted}"
            )
        return self._finish()

    def _finish(self) -> HttpResponse:
        assert self._answer is not None
        body, self._body = self._body.getvalue(), io.BytesIO()  # hands its buffer over without a copy
        headers = tuple((name.decode("ascii"), value.decode("latin-1")) for name, value in self._answer.fields)
        return HttpResponse(self._answer.status, headers, body)

    def _broken(self, reason: str) -> NetworkError:
        return NetworkError(f"{self._host}: {reason}", layer="http")
