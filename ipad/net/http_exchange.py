"""One HTTP/1.1 request and its answer, read as it comes, without I/O (RFC 9110, RFC 9112).

For a server on the same machine that answers with small messages or with a stream of lines; towards servers of others
`ipad.net.http` is stricter. h11 does the framing.
"""

from __future__ import annotations

from typing import Final

import h11

from ipad.errors import NetworkError
from ipad.net.http import Headers
from ipad.records import dataclass

_MAX_HEAD: Final = 16 * 1024


@dataclass(frozen=True, slots=True)
class AnswerHead:
    """The beginning of an answer. `media_type` is Content-Type in lower case without parameters."""

    status: int
    media_type: str


class HttpExchange:
    """One request over one connection, which ends behind the answer. `peer` names the server in errors."""

    def __init__(self, peer: str) -> None:
        self._peer = peer
        self._connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MAX_HEAD)

    def request(self, method: str, target: str, headers: Headers, body: bytes = b"") -> bytes:
        """The bytes to send. Raises NetworkError for a target or header that cannot be written."""
        fields = [("Host", "localhost"), *headers, ("Connection", "close")]
        if body:
            fields.append(("Content-Length", str(len(body))))
        try:
            return _write_request(self._connection, h11.Request(method=method, target=target, headers=fields), body)
        except h11.LocalProtocolError as error:
            raise self._broken(f"the request cannot be written: {error}") from error

    def receive(self, data: bytes) -> list[AnswerHead | bytes | None]:
        """Take bytes, b"" for the end of the connection: the head, then parts of the body, then None for its end.

        Raises NetworkError for an answer that breaks the rules or ends too early.
        """
        found: list[AnswerHead | bytes | None] = []
        try:
            self._connection.receive_data(data)
            while True:
                event = self._connection.next_event()
                if isinstance(event, h11.Response):
                    found.append(AnswerHead(event.status_code, _media_type(event)))
                elif isinstance(event, h11.Data):
                    found.append(bytes(event.data))
                elif isinstance(event, h11.EndOfMessage):
                    found.append(None)
                    return found
                elif isinstance(event, h11.ConnectionClosed):
                    raise self._broken("the connection was closed before an answer came")
                elif not isinstance(event, h11.InformationalResponse):
                    return found
        except h11.RemoteProtocolError as error:
            raise self._broken(f"malformed answer: {error}") from error

    def _broken(self, reason: str) -> NetworkError:
        return NetworkError(f"{self._peer}: {reason}", layer="http")


def _media_type(response: h11.Response) -> str:
    kinds = [value for name, value in response.headers if name == b"content-type"]
    return kinds[0].decode("latin-1").partition(";")[0].strip().lower() if kinds else ""


def _write_request(connection: h11.Connection, request: h11.Request, body: bytes) -> bytes:
    """The bytes of a request. Raises h11.LocalProtocolError for one that cannot be written."""
    parts = (connection.send(request), connection.send(h11.Data(data=body)), connection.send(h11.EndOfMessage()))
    return b"".join(part or b"" for part in parts)
