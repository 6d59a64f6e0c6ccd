"""HTTPS server of the virtual eIM: the bindings of ESipa in ASN.1 and JSON (SGP.32 6.1, 6.4) with faults on demand.

Both are at the same port under their own paths. Whatever is wrong below ESipa is an HTTP status, whatever is wrong
inside a function is status 200 with the error alternative.
"""

import gzip
import logging
from dataclasses import replace
from http import HTTPStatus
from typing import Any, Final

from hil.clock import Clock
from hil.eim.core import VirtualEim, function_name
from hil.eim.exchange import Exchange, Observer
from hil.eim.faults import Fault, FaultKind, spoilt
from hil.eim.http_binding import CONTENT_TYPE, PATH, Incoming, delivery, is_agent, protocol_header, receive
from hil.eim.knobs import NotificationAnswer
from hil.eim.messages import MalformedRequestError
from hil.eim.tls import Leaf, LeafSwitch, Leaves, TlsKnobs
from hil.faults import FaultPlan
from hil.webserver import Delivery, Reply, Request, WebServer

log = logging.getLogger(__name__)

__all__ = ["CONTENT_TYPE", "PATH", "EimServer", "Exchange"]

_HTML: Final = b"<!DOCTYPE html><html><body>It works!</body></html>"


class EimServer:
    """Serves one VirtualEim on a loopback port."""

    def __init__(self, eim: VirtualEim, leaves: Leaves, clock: Clock, observer: Observer | None = None) -> None:
        self.eim = eim
        self.faults = FaultPlan[Fault]()
        self._leaves = LeafSwitch(leaves)
        self._clock = clock
        self._observer = observer
        self._server = WebServer(self._answer, clock.sleep)

    @property
    def server_names(self) -> list[str | None]:
        """SNI of each TLS handshake."""
        return self._leaves.server_names

    @property
    def port(self) -> int:
        """The port that the server listens on."""
        return self._server.port

    @property
    def connections(self) -> int:
        """Connections accepted so far."""
        return self._server.connections

    @property
    def open_connections(self) -> int:
        """Connections that were not closed by both sides yet."""
        return self._server.open_connections

    @property
    def leaf(self) -> Leaf:
        """The certificate that new connections see."""
        return self._leaves.leaf

    def show_leaf(self, leaf: Leaf) -> None:
        """Change the certificate for new connections. Raises PkiError when it cannot be issued."""
        self._leaves.show(leaf)

    @property
    def tls(self) -> TlsKnobs:
        """How new handshakes go."""
        return self._leaves.knobs

    def turn_tls(self, knobs: TlsKnobs) -> None:
        """Change how new handshakes go."""
        self._leaves.turn(knobs)

    async def forget_sessions(self) -> None:
        """Resume no session of before, as a server that was restarted. Raises PortTakenError."""
        await self._server.listen_anew(self._leaves.context())

    async def start(self, port: int = 0) -> None:
        """Listen. Raises PortTakenError."""
        await self._server.start(port, self._leaves.context())

    async def close(self) -> None:
        """Stop serving."""
        await self._server.close()

    async def _answer(self, request: Request) -> Reply:
        started = self._clock.monotonic()
        incoming = receive(request, self.eim.knobs, self.eim.identity.fqdn)
        function = function_name(incoming.message)
        fault = None if incoming.refusal is not None else self.faults.take(function)
        answer, reply = await self._serve(request, incoming, function, fault)
        if self._observer is not None:
            seconds = self._clock.monotonic() - started
            exchange = Exchange(
                function,
                incoming.message,
                reply.status,
                b"" if reply.delivery.drop else answer,
                request.wire_length,
                seconds,
                request.connection,
                fault.kind if fault else None,
                _remarks(request),
                incoming.binding.name,
            )
            self._observer(exchange)
        return reply

    async def _serve(
        self, request: Request, incoming: Incoming, function: str, fault: Fault | None
    ) -> tuple[bytes, Reply]:
        """The reply, and what it says in ASN.1, as far as that is a message."""
        if incoming.refusal is not None:
            return incoming.refusal.body, incoming.refusal
        if fault is not None and (instead := _instead(fault)) is not None:
            return instead.body, instead
        binding = incoming.binding
        headers = (("Content-Type", binding.content_type), *protocol_header(request, self.eim.knobs))
        try:
            answer = await self.eim.answer(incoming.message)
        except MalformedRequestError as error:
            log.info("%s refused: %s", function, error)
            refusal = Reply(HTTPStatus.BAD_REQUEST, str(error).encode(), headers[1:])
            return refusal.body, refusal
        reply = self._accepted(headers) if answer is None else Reply(HTTPStatus.OK, binding.body(answer), headers)
        usual = delivery(self.eim.knobs)
        delivered = replace(reply, delivery=replace(usual, empty_length=reply.delivery.empty_length))
        sent = delivered if fault is None else _spoilt(delivered, fault)
        unchanged = answer is not None and sent.body == reply.body
        return (answer if answer is not None and unchanged else sent.body), sent

    def _accepted(self, headers: tuple[tuple[str, str], ...]) -> Reply:
        match self.eim.knobs.notification_answer:
            case NotificationAnswer.NO_CONTENT:
                return Reply(HTTPStatus.NO_CONTENT, b"", headers[1:])
            case NotificationAnswer.NO_CONTENT_LENGTH:
                return Reply(HTTPStatus.NO_CONTENT, b"", headers[1:], Delivery(empty_length=True))
            case NotificationAnswer.EMPTY_OK:
                return Reply(HTTPStatus.OK, b"", headers)
            case NotificationAnswer.BODY_OK:
                return Reply(HTTPStatus.OK, b"accepted", (("Content-Type", "text/plain"), *headers[1:]))


def _remarks(request: Request) -> tuple[str, ...]:
    """Deviations that this server overlooks (SGP.32 6.1.1)."""
    remarks = []
    if request.header("x-admin-protocol") is None:
        remarks.append("no X-Admin-Protocol")
    agent = request.header("user-agent") or ""
    if not is_agent(agent):
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
    changed = spoilt(fault, body)
    if changed is not None:
        return replace(reply, body=changed)
    if fault.kind is FaultKind.GZIP:
        return replace(reply, body=gzip.compress(body), headers=(*reply.headers, ("Content-Encoding", "gzip")))
    if fault.kind in (FaultKind.CONTENT_TYPE, FaultKind.HTML):
        others = tuple(header for header in reply.headers if header[0] != "Content-Type")
        text = _HTML if fault.kind is FaultKind.HTML else body
        return replace(reply, body=text, headers=(("Content-Type", "text/html"), *others))
    return replace(reply, delivery=_delivery(fault, reply.delivery, len(body)))


def _delivery(fault: Fault, usual: Delivery, length: int) -> Delivery:
    changes: dict[FaultKind, dict[str, Any]] = {
        FaultKind.DROP_AFTER: {"drop": True},
        FaultKind.DELAY: {"delay": fault.seconds},
        FaultKind.TRUNCATED: {"cut_after": length // 2},
        FaultKind.CONTENT_LENGTH: {"declared_length": max(0, length + (fault.value or 1))},
        FaultKind.CHUNKED: {"chunked": True},
        FaultKind.INFORMATIONAL: {"informational": fault.value or 1},
        FaultKind.DRIP: {"drip": 1, "drip_pause": fault.seconds},
    }
    return replace(usual, **changes[fault.kind])
