"""HTTPS server of the virtual eIM: the ASN.1 binding of ESipa (SGP.32 6.1, 6.1.1) with faults on demand.

One path, one method, one content type; the function is known from the body alone. Whatever is wrong below
ESipa is an HTTP status, whatever is wrong inside a function is status 200 with the error alternative.
"""

import gzip
import logging
import re
import ssl
from collections.abc import Callable
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, Final

from hil.clock import Clock
from hil.eim.core import VirtualEim, function_name
from hil.eim.faults import Fault, FaultKind, FaultPlan
from hil.eim.knobs import NotificationAnswer, ProtocolHeader
from hil.eim.messages import MalformedRequestError
from hil.eim.tls import Leaf, Leaves
from hil.webserver import Delivery, Reply, Request, WebServer

log = logging.getLogger(__name__)

PATH: Final = "/gsma/rsp2/asn1"
CONTENT_TYPE: Final = "application/x-gsma-rsp-asn1"
ADMIN_PROTOCOL: Final = "gsma/rsp/v2.1.0"
_VERSION_PATTERN: Final = re.compile(r"gsma/rsp/v\d+\.\d+\.\d+")
_OVERSIZE: Final = 4 * 1024 * 1024
_HTML: Final = b"<!DOCTYPE html><html><body>It works!</body></html>"


@dataclass(frozen=True)
class Exchange:
    """One HTTP request with its answer, for the timeline."""

    function: str
    request: bytes
    status: int
    response: bytes
    received: int
    """Bytes of the request on the wire, without TLS."""
    seconds: float
    connection: int
    fault: FaultKind | None = None
    remarks: tuple[str, ...] = ()
    """What a stricter server would refuse."""


class EimServer:
    """Serves one VirtualEim on a loopback port."""

    def __init__(
        self, eim: VirtualEim, leaves: Leaves, clock: Clock, observer: Callable[[Exchange], None] | None = None
    ) -> None:
        self.eim = eim
        self.faults = FaultPlan()
        self._leaves = leaves
        self._leaf = Leaf.GOOD
        self._clock = clock
        self._observer = observer
        self._server = WebServer(self._answer, clock.sleep)
        self.server_names: list[str | None] = []
        """SNI of each TLS handshake."""

    @property
    def port(self) -> int:
        """The port that the server listens on."""
        return self._server.port

    @property
    def connections(self) -> int:
        """Connections accepted so far."""
        return self._server.connections

    @property
    def leaf(self) -> Leaf:
        """The certificate that new connections see."""
        return self._leaf

    def show_leaf(self, leaf: Leaf) -> None:
        """Change the certificate for new connections. Raises PkiError when it cannot be issued."""
        self._leaves.context(leaf)
        self._leaf = leaf

    async def start(self, port: int = 0) -> None:
        """Listen. Raises PortTakenError."""
        context = self._leaves.context(Leaf.GOOD)
        context.sni_callback = self._on_client_hello
        await self._server.start(port, context)

    async def close(self) -> None:
        """Stop serving."""
        await self._server.close()

    def _on_client_hello(self, connection: Any, name: str | None, _context: ssl.SSLContext) -> None:
        self.server_names.append(name)
        connection.context = self._leaves.context(self._leaf)

    async def _answer(self, request: Request) -> Reply:
        started = self._clock.monotonic()
        refusal = self._refusal(request)
        function = function_name(request.body)
        fault = None if refusal is not None else self.faults.take(function)
        reply = refusal or self._serve(request, function, fault)
        if self._observer is not None:
            seconds = self._clock.monotonic() - started
            exchange = Exchange(
                function,
                request.body,
                reply.status,
                b"" if reply.delivery.drop else reply.body,
                request.wire_length,
                seconds,
                request.connection,
                fault.kind if fault else None,
                _remarks(request),
            )
            self._observer(exchange)
        return reply

    def _refusal(self, request: Request) -> Reply | None:
        """The status of a request that never reaches the eIM."""
        if request.target.partition("?")[0] != PATH:
            return Reply(HTTPStatus.NOT_FOUND, f"no resource {request.target}".encode())
        if request.method != "POST":
            return Reply(HTTPStatus.METHOD_NOT_ALLOWED, b"POST only", (("Allow", "POST"),))
        content_type = (request.header("content-type") or "").partition(";")[0].strip().lower()
        if content_type != CONTENT_TYPE:
            return Reply(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"expected {CONTENT_TYPE}".encode())
        protocol = request.header("x-admin-protocol")
        match self.eim.knobs.admin_protocol:
            case ProtocolHeader.STRICT if protocol != ADMIN_PROTOCOL:
                return Reply(HTTPStatus.BAD_REQUEST, f"expected X-Admin-Protocol {ADMIN_PROTOCOL}".encode())
            case ProtocolHeader.ECHO if protocol is not None and not _VERSION_PATTERN.fullmatch(protocol):
                return Reply(HTTPStatus.BAD_REQUEST, b"X-Admin-Protocol is not gsma/rsp/v<x>.<y>.<z>")
            case _:
                return None

    def _serve(self, request: Request, function: str, fault: Fault | None) -> Reply:
        if fault is not None and (instead := _instead(fault)) is not None:
            return instead
        headers = (("Content-Type", CONTENT_TYPE), *self._protocol_header(request))
        try:
            body = self.eim.handle(request.body)
        except MalformedRequestError as error:
            log.info("%s refused: %s", function, error)
            return Reply(HTTPStatus.BAD_REQUEST, str(error).encode(), headers[1:])
        reply = Reply(HTTPStatus.OK, body, headers) if body is not None else self._accepted(headers)
        return reply if fault is None else _spoilt(reply, fault)

    def _accepted(self, headers: tuple[tuple[str, str], ...]) -> Reply:
        match self.eim.knobs.notification_answer:
            case NotificationAnswer.NO_CONTENT:
                return Reply(HTTPStatus.NO_CONTENT, b"", headers[1:])
            case NotificationAnswer.EMPTY_OK:
                return Reply(HTTPStatus.OK, b"", headers)
            case NotificationAnswer.BODY_OK:
                return Reply(HTTPStatus.OK, b"accepted", (("Content-Type", "text/plain"), *headers[1:]))

    def _protocol_header(self, request: Request) -> tuple[tuple[str, str], ...]:
        if self.eim.knobs.admin_protocol is ProtocolHeader.ABSENT:
            return ()
        return (("X-Admin-Protocol", request.header("x-admin-protocol") or ADMIN_PROTOCOL),)


def _remarks(request: Request) -> tuple[str, ...]:
    """Deviations that this server overlooks (SGP.32 6.1.1)."""
    remarks = []
    if request.header("x-admin-protocol") is None:
        remarks.append("no X-Admin-Protocol")
    agent = request.header("user-agent") or ""
    if agent.partition(";")[0].strip() not in ("gsma-rsp-ipad", "gsma-rsp-ipae"):
        remarks.append(f"User-Agent is {agent!r}")
    return tuple(remarks)


def _instead(fault: Fault) -> Reply | None:
    """The reply of a fault that keeps the message from the eIM."""
    match fault.kind:
        case FaultKind.STATUS:
            status = fault.value or HTTPStatus.INTERNAL_SERVER_ERROR
            headers = (("Retry-After", str(int(fault.seconds))),) if fault.seconds else ()
            return Reply(status, b"fault on demand", (("Content-Type", "text/plain"), *headers))
        case FaultKind.DROP_BEFORE:
            return Reply(HTTPStatus.OK, delivery=Delivery(drop=True))
        case FaultKind.REDIRECT:
            location = (("Location", f"https://elsewhere.example.com{PATH}"),)
            return Reply(HTTPStatus.TEMPORARY_REDIRECT, b"", location)
        case _:
            return None


def _spoilt(reply: Reply, fault: Fault) -> Reply:
    """The right reply, made wrong (or unusual) as the fault says."""
    body = reply.body
    bodies: dict[FaultKind, Callable[[], bytes]] = {
        FaultKind.OVERSIZED: lambda: body + bytes(fault.value or _OVERSIZE),
        FaultKind.WRONG_TAG: lambda: b"\xbf\x3c" + body[2:],
        FaultKind.TRAILING_BYTES: lambda: body + b"\x05\x00",
        FaultKind.EMPTY: lambda: b"",
    }
    if fault.kind in bodies:
        return replace(reply, body=bodies[fault.kind]())
    if fault.kind is FaultKind.GZIP:
        return replace(reply, body=gzip.compress(body), headers=(*reply.headers, ("Content-Encoding", "gzip")))
    if fault.kind in (FaultKind.CONTENT_TYPE, FaultKind.HTML):
        others = tuple(header for header in reply.headers if header[0] != "Content-Type")
        text = _HTML if fault.kind is FaultKind.HTML else body
        return replace(reply, body=text, headers=(("Content-Type", "text/html"), *others))
    return replace(reply, delivery=_delivery(fault, len(body)))


def _delivery(fault: Fault, length: int) -> Delivery:
    deliveries = {
        FaultKind.DROP_AFTER: Delivery(drop=True),
        FaultKind.DELAY: Delivery(delay=fault.seconds),
        FaultKind.TRUNCATED: Delivery(cut_after=length // 2),
        FaultKind.CONTENT_LENGTH: Delivery(declared_length=max(0, length + (fault.value or 1))),
        FaultKind.CHUNKED: Delivery(chunked=True),
        FaultKind.INFORMATIONAL: Delivery(informational=fault.value or 1),
        FaultKind.DRIP: Delivery(drip=1, drip_pause=fault.seconds),
    }
    return deliveries[fault.kind]
