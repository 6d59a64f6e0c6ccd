"""HTTP/1.1 as far as a POST to one server needs it, without I/O (RFC 9110, RFC 9112).

h11 does the framing. What it forgives and we do not: folded header lines, a bare CR or LF in the head, Content-Length
beside Transfer-Encoding, a body that nobody asked to be compressed. Answers 1xx are skipped. Head and body have limits.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import Final

import h11

from ipad.errors import HttpStatusError, NetworkError
from ipad.records import dataclass

MAX_HEAD: Final = 16 * 1024
MAX_INTERIM_ANSWERS: Final = 10
MAX_RETRY_AFTER: Final = 86_400.0

HEAD_END = b"\r\n\r\n"
OTHER_HEAD_END = re.compile(rb"\n\r?\n")
BAD_HEAD = re.compile(rb"(?<!\r)\n|\r(?!\n)|\n[ \t]|\x00")
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


def write_request(connection: h11.Connection, request: h11.Request, body: bytes) -> bytes:
    """The bytes of a request. Raises h11.LocalProtocolError for one that cannot be written."""
    parts = (connection.send(request), connection.send(h11.Data(data=body)), connection.send(h11.EndOfMessage()))
    return b"".join(part or b"" for part in parts)


class HttpConversation:
    """Requests and answers over one connection, one after the other."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD)
        self._head = bytearray()
        self._in_head = True
        self._interim = 0
        self._response: h11.Response | None = None
        self._body = io.BytesIO()
        self._max_body = 0
        self.answered = False

    def request(self, path: str, headers: Headers, body: bytes, max_body: int) -> bytes:
        """Begin an exchange: the bytes to send. `max_body` bounds the answer's body."""
        self._head.clear()
        self._body = io.BytesIO()
        self._in_head, self._interim, self._response, self.answered = True, 0, None, False
        self._max_body = max_body
        fields = [("Host", self._host), *headers, ("Content-Length", str(len(body)))]
        try:
            return write_request(self._connection, h11.Request(method="POST", target=path, headers=fields), body)
        except h11.LocalProtocolError as error:
            raise self._broken(f"the request cannot be written: {error}") from error

    def receive(self, data: bytes) -> HttpResponse | None:
        """Take bytes of the answer, b"" for the end of the connection; the answer when it is complete.

        Raises NetworkError for an answer that breaks the rules or the limits.
        """
        self.answered = self.answered or bool(data)
        if not data and self._in_head:
            raise self._broken(
                "the connection was closed before an answer came" if not self._head else "truncated head"
            )
        try:
            return self._receive(data)
        except h11.RemoteProtocolError as error:
            raise self._broken(f"malformed answer: {error}") from error

    def prepare_next(self) -> bool:
        """After an answer: make ready for another request; False when the connection cannot carry one."""
        if self._connection.our_state is not h11.DONE or self._connection.their_state is not h11.DONE:
            return False
        behind, closed = self._connection.trailing_data
        if behind or closed:
            return False  # after bytes that belong to no answer, whatever follows cannot be believed
        self._connection.start_next_cycle()
        return True

    def _receive(self, data: bytes) -> HttpResponse | None:
        if self._in_head:
            self._head += data
            while self._in_head:
                head = self._take_head()
                if head is None:
                    return None
                self._connection.receive_data(head)
                self._read_head()
            data, self._head = bytes(self._head), bytearray()
            if not data:
                return self._read_body()
        self._connection.receive_data(data)
        return self._read_body()

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

    def _read_head(self) -> None:
        event = self._connection.next_event()
        if isinstance(event, h11.InformationalResponse):
            self._interim += 1
            if self._interim > MAX_INTERIM_ANSWERS:
                raise self._broken(f"more than {MAX_INTERIM_ANSWERS} interim answers")
            return
        if not isinstance(event, h11.Response):
            raise self._broken(f"expected the head of an answer, got {type(event).__name__}")
        self._in_head = False
        self._response = event
        self._check_framing(event)

    def _check_framing(self, response: h11.Response) -> None:
        lengths = [value for name, value in response.headers if name == b"content-length"]
        encodings = [value for name, value in response.headers if name == b"transfer-encoding"]
        if lengths and encodings:
            raise self._broken("the answer has Content-Length and Transfer-Encoding")
        if lengths and int(lengths[0]) > self._max_body:
            raise self._broken(f"the answer has {int(lengths[0])} bytes, at most {self._max_body} are accepted")
        for name, value in response.headers:
            if name == b"content-encoding" and value.strip().lower() != b"identity":
                raise self._broken(f"the body is encoded as {value[:40].decode('latin-1')!r}, which was not asked for")

    def _read_body(self) -> HttpResponse | None:
        while True:
            event = self._connection.next_event()
            if event is h11.NEED_DATA:
                return None
            if isinstance(event, h11.Data):
                self._body.write(event.data)
                if self._body.tell() > self._max_body:
                    raise self._broken(f"the answer has more than {self._max_body} bytes")
            elif isinstance(event, h11.EndOfMessage):
                return self._finish()
            else:
                raise self._broken("the connection was closed within the answer")

    def _finish(self) -> HttpResponse:
        assert self._response is not None
        body, self._body = self._body.getvalue(), io.BytesIO()  # hands its buffer over without a copy
        headers = tuple((name.decode("ascii"), value.decode("latin-1")) for name, value in self._response.headers)
        return HttpResponse(self._response.status_code, headers, body)

    def _broken(self, reason: str) -> NetworkError:
        return NetworkError(f"{self._host}: {reason}", layer="http")
