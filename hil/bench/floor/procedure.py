"""The floor of a row: its connections, and on each the messages that the procedure needs (SGP.32 3.3.1, 3.2.3.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from hil.bench.errors import MissingMessageError
from hil.bench.floor import coap
from hil.bench.floor.dtls import DtlsFloor
from hil.bench.floor.handshake import Choices
from hil.bench.floor.http import HttpFloor
from hil.bench.floor.json_request import json_request
from hil.bench.floor.terms import Floor, Script, Term
from hil.bench.floor.tls import TlsFloor
from hil.bench.rows import Procedure, Row, Start, Transport
from hil.eim import json_binding
from hil.eim.knobs import BindingName

POLL: Final = "GetEimPackage"

MESSAGES: Final[dict[Procedure, tuple[tuple[str, ...], ...]]] = {
    Procedure.IDLE: ((POLL,),),
    Procedure.ENABLE: ((POLL,), ("ProvideEimPackageResult", POLL)),
    Procedure.DOWNLOAD: (
        (
            POLL,
            "InitiateAuthentication",
            "AuthenticateClient",
            "GetBoundProfilePackage",
            "ProvideEimPackageResult",
            POLL,
            "HandleNotification",
        ),
    ),
}
"""Functions by connection. Enabling a profile takes the bearer of the first one away, so its result needs a second one.
Each procedure ends when the eIM has said that there is nothing more; the installation is notified to the SM-DP+ through
the eIM (SGP.22 3.5)."""


class Message(Protocol):
    """A message of the IPA and its answer in ASN.1."""

    @property
    def function(self) -> str: ...

    @property
    def request(self) -> bytes: ...

    @property
    def response(self) -> bytes: ...


@dataclass(frozen=True)
class Server:
    """What the eIM's server chooses, and its address as in `Host`."""

    choices: Choices
    authority: str


def floor_of(row: Row, exchanges: Sequence[Message], server: Server) -> Floor:
    """The least for this row. Messages that were exchanged without need are no part of it.

    A live association stays open; every other connection is closed by both sides. Raises MissingMessageError.
    """
    script = Script()
    connections = _choose(MESSAGES[row.procedure], exchanges)
    for number, messages in enumerate(connections):
        opened = row.start is not Start.LIVE or number > 0
        resumed = row.start is not Start.COLD or number > 0
        closed = row.start is not Start.LIVE or number + 1 < len(connections)
        if row.transport is Transport.COAPS:
            _over_coaps(script, server, messages, handshake=resumed if opened else None, closed=closed)
        else:
            _over_https(script, row.transport, server, messages, resumed=resumed)
    return script.floor(0 if row.transport is Transport.COAPS else len(connections))


def _over_coaps(
    script: Script, server: Server, messages: Sequence[Message], *, handshake: bool | None, closed: bool
) -> None:
    """`handshake`: whether it is a short one, None for none at all."""
    dtls = DtlsFloor(server.choices)
    if handshake is not None:
        dtls.shake_hands(script, resumed=handshake)
    for message in messages:
        coap.exchange(script, len(message.request), len(message.response))
    if closed:
        dtls.close(script)


def _over_https(
    script: Script, transport: Transport, server: Server, messages: Sequence[Message], *, resumed: bool
) -> None:
    tls = TlsFloor(transport.tls, server.choices)
    in_json = transport.binding is BindingName.JSON
    http = HttpFloor(server.authority, in_json)
    tls.shake_hands(script, resumed=resumed)
    tickets = tls.tickets(resumed=resumed)
    for message in messages:
        request, response = message.request, message.response
        if in_json:
            request = json_request(request)
            response = json_binding.to_body(response) if response else b""
        head = http.request(message.function, len(request))
        script.up(Term("HTTP", head, "RFC 9112 2.1, SGP.32 6"), _esipa(request), *tls.data(head + len(request)))
        head = http.response(len(response))
        answer = (Term("HTTP", head, "RFC 9112 2.1, SGP.32 6"), _esipa(response), *tls.data(head + len(response)))
        script.down(*tickets, *answer)
        tickets = ()
    tls.close(script)


def _esipa(body: bytes) -> Term:
    return Term("ESipa", len(body), "as sent")


def _choose(functions: Sequence[Sequence[str]], exchanges: Sequence[Message]) -> list[list[Message]]:
    """The first exchange of each needed function, in their order; what comes in between or again does not count."""
    rest = list(exchanges)
    chosen: list[list[Message]] = []
    for connection in functions:
        row: list[Message] = []
        for function in connection:
            position = next((number for number, one in enumerate(rest) if one.function == function), None)
            if position is None:
                raise MissingMessageError(f"{function} was not sent, only {[one.function for one in exchanges]}")
            row.append(rest[position])
            del rest[: position + 1]
        chosen.append(row)
    return chosen
