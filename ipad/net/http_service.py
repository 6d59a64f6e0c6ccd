"""HTTP/1.1 as a server of small requests, without I/O (RFC 9110, RFC 9112).

h11 does the framing. The head is judged as strictly as by the agent's own client (`ipad.net.http`): no folded lines, no
bare CR or LF, no Content-Length beside Transfer-Encoding. Head and body have limits.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

import h11

from ipad.net.http import BAD_HEAD, HEAD_END, OTHER_HEAD_END, Headers
from ipad.records import dataclass

MAX_HEAD: Final = 8 * 1024


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A complete request. `media_type` is Content-Type in lower case without parameters, "" without one.

    `query` is what stands behind the question mark, as it came.
    """

    method: str
    path: str
    media_type: str
    body: bytes
    query: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that is not served, and the status that says so; the connection is closed behind it."""

    status: HTTPStatus
    reason: str


class HttpService:
    """Requests and answers over one connection, one after the other. `max_body` in bytes."""

    def __init__(self, max_body: int) -> None:
        self._max_body = max_body
        self._connection = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD)
        self._head = bytearray()
        self._in_head = True
        self._request: h11.Request | None = None
        self._body = bytearray()
        self.busy = False
        """Whether a part of a request has come."""

    def receive(self, data: bytes) -> HttpRequest | Refusal | None:
        """Take bytes, b"" for nothing new; a request when it is complete, a refusal for one that breaks the rules."""
        self.busy = self.busy or bool(data)
        try:
            if self._in_head:
                self._head += data
                head = self._take_head()
                if head is None or isinstance(head, Refusal):
                    return head
                self._connection.receive_data(head)
                data, self._head = bytes(self._head), bytearray()
                refusal = self._read_head()
                if refusal is not None:
                    return refusal
            if data:
                self._connection.receive_data(data)
            return self._read_body()
        except h11.RemoteProtocolError as error:
            return Refusal(HTTPStatus(error.error_status_hint), f"malformed request: {error}")

    def interim(self) -> bytes:
        """What a client that waits for 100 Continue must be sent before it goes on; b"" for nothing."""
        if not self._connection.they_are_waiting_for_100_continue:
            return b""
        return self._connection.send(h11.InformationalResponse(status_code=100, headers=[])) or b""

    def reply(self, status: int, headers: Headers, body: bytes = b"", *, close: bool = False) -> bytes:
        """The bytes of the answer; after `close` the connection carries nothing more."""
        fields = [*headers, ("Content-Length", str(len(body)))]
        if close:
            fields.append(("Connection", "close"))
        parts = (
            self._connection.send(h11.Response(status_code=status, headers=fields)),
            self._connection.send(h11.Data(data=body)),
            self._connection.send(h11.EndOfMessage()),
        )
        return b"".join(part or b"" for part in parts)

    def begin_stream(self, status: int, headers: Headers) -> bytes:
        """The head of an answer whose length is not known; the connection ends with it."""
        fields = [*headers, ("Connection", "close")]
        return self._connection.send(h11.Response(status_code=status, headers=fields)) or b""

    def chunk(self, data: bytes) -> bytes:
        """A part of such an answer."""
        return self._connection.send(h11.Data(data=data)) or b""

    def end_stream(self) -> bytes:
        """Its end."""
        return self._connection.send(h11.EndOfMessage()) or b""

    def prepare_next(self) -> bool:
        """After an answer: make ready for another request; False when the connection cannot carry one."""
        if self._connection.our_state is not h11.DONE or self._connection.their_state is not h11.DONE:
            return False
        behind, closed = self._connection.trailing_data
        if closed:
            return False
        # What was pipelined behind the request is read as the next head, by the same rules.
        self._connection = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD)
        self._head, self._in_head, self._request, self._body = bytearray(behind), True, None, bytearray()
        self.busy = bool(behind)
        return True

    def _take_head(self) -> bytes | Refusal | None:
        end = self._head.find(HEAD_END)
        size = len(self._head) if end < 0 else end + len(HEAD_END)
        if size > MAX_HEAD:
            return Refusal(
                HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"the head of the request is longer than {MAX_HEAD} bytes"
            )
        if end < 0 and OTHER_HEAD_END.search(self._head) is None:
            return None
        head = bytes(self._head[:size])
        del self._head[:size]
        if BAD_HEAD.search(head) is not None:
            return Refusal(HTTPStatus.BAD_REQUEST, "the head has a folded line, a bare CR or LF, or a NUL")
        return head

    def _read_head(self) -> Refusal | None:
        event = self._connection.next_event()
        if not isinstance(event, h11.Request):
            return Refusal(HTTPStatus.BAD_REQUEST, "no head of a request")
        self._in_head, self._request = False, event
        lengths = [value for name, value in event.headers if name == b"content-length"]
        encodings = [value for name, value in event.headers if name == b"transfer-encoding"]
        if lengths and encodings:
            return Refusal(HTTPStatus.BAD_REQUEST, "Content-Length and Transfer-Encoding")
        if lengths and int(lengths[0]) > self._max_body:
            return self._too_large()
        if any(name == b"content-encoding" and value.lower() != b"identity" for name, value in event.headers):
            return Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "the body is encoded")
        return None

    def _read_body(self) -> HttpRequest | Refusal | None:
        while True:
            event = self._connection.next_event()
            if event is h11.NEED_DATA:
                return None
            if isinstance(event, h11.Data):
                self._body += event.data
                if len(self._body) > self._max_body:
                    return self._too_large()
            elif isinstance(event, h11.EndOfMessage):
                return self._finish()
            else:
                return Refusal(HTTPStatus.BAD_REQUEST, "the connection was closed within the request")

    def _finish(self) -> HttpRequest:
        assert self._request is not None
        kinds = [value for name, value in self._request.headers if name == b"content-type"]
        media_type = kinds[0].decode("latin-1").partition(";")[0].strip().lower() if len(kinds) == 1 else ""
        path, _, query = self._request.target.decode("latin-1").partition("?")
        return HttpRequest(self._request.method.decode("ascii"), path, media_type, bytes(self._body), query)

    def _too_large(self) -> Refusal:
        return Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body is longer than {self._max_body} bytes")
