"""The two HTTPS bindings of ESipa at one port: which one a request is in, and what the eIM refuses of it (SGP.32 6)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from hil.eim import json_binding
from hil.eim.knobs import BindingName, EimKnobs, ProtocolHeader
from hil.eim.messages import MalformedRequestError
from hil.webserver import Reply, Request

PATH: Final = "/gsma/rsp2/asn1"
CONTENT_TYPE: Final = "application/x-gsma-rsp-asn1"
ADMIN_PROTOCOL: Final = "gsma/rsp/v2.1.0"
_VERSION_PATTERN: Final = re.compile(r"gsma/rsp/v\d+\.\d+\.\d+")


@dataclass(frozen=True)
class HttpBinding:
    """How messages are written in requests and replies."""

    name: BindingName
    content_type: str

    def message(self, request: Request) -> bytes:
        """The message of a request. Raises MalformedRequestError."""
        if self.name is BindingName.ASN1:
            return request.body
        return json_binding.to_message(request.target, request.body)

    def body(self, answer: bytes) -> bytes:
        """The body of a reply."""
        return answer if self.name is BindingName.ASN1 else json_binding.to_body(answer)


ASN1: Final = HttpBinding(BindingName.ASN1, CONTENT_TYPE)
JSON: Final = HttpBinding(BindingName.JSON, json_binding.CONTENT_TYPE)


@dataclass(frozen=True)
class Incoming:
    """A request: its binding, and either its message or the reply that refuses it."""

    binding: HttpBinding
    message: bytes = b""
    refusal: Reply | None = None


def receive(request: Request, knobs: EimKnobs) -> Incoming:
    """Take a request apart."""
    path = request.target.partition("?")[0]
    binding = JSON if path.startswith(json_binding.PATH) else ASN1
    refusal = _refusal(request, path, binding, knobs)
    if refusal is not None:
        return Incoming(binding, request.body if binding is ASN1 else b"", refusal)
    try:
        return Incoming(binding, binding.message(request))
    except json_binding.UnknownFunctionError:
        return Incoming(binding, refusal=Reply(HTTPStatus.NOT_FOUND, f"no resource {path}".encode()))
    except MalformedRequestError as error:
        return Incoming(binding, refusal=Reply(HTTPStatus.BAD_REQUEST, str(error).encode()))


def protocol_header(request: Request, knobs: EimKnobs) -> tuple[tuple[str, str], ...]:
    """The X-Admin-Protocol of a reply."""
    if knobs.admin_protocol is ProtocolHeader.ABSENT:
        return ()
    return (("X-Admin-Protocol", request.header("x-admin-protocol") or ADMIN_PROTOCOL),)


def _refusal(request: Request, path: str, binding: HttpBinding, knobs: EimKnobs) -> Reply | None:
    """The status of a request that never reaches the eIM."""
    if binding is ASN1 and path != PATH:
        return Reply(HTTPStatus.NOT_FOUND, f"no resource {request.target}".encode())
    if binding.name in knobs.refused_bindings:
        return Reply(knobs.refused_bindings[binding.name], f"{binding.name} is refused".encode())
    if request.method != "POST":
        return Reply(HTTPStatus.METHOD_NOT_ALLOWED, b"POST only", (("Allow", "POST"),))
    expected = binding.content_type.partition(";")[0]
    content_type = (request.header("content-type") or "").partition(";")[0].strip().lower()
    if content_type != expected:
        return Reply(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"expected {expected}".encode())
    return _wrong_protocol(request.header("x-admin-protocol"), knobs.admin_protocol)


def _wrong_protocol(protocol: str | None, treatment: ProtocolHeader) -> Reply | None:
    match treatment:
        case ProtocolHeader.STRICT if protocol != ADMIN_PROTOCOL:
            return Reply(HTTPStatus.BAD_REQUEST, f"expected X-Admin-Protocol {ADMIN_PROTOCOL}".encode())
        case ProtocolHeader.ECHO if protocol is not None and not _VERSION_PATTERN.fullmatch(protocol):
            return Reply(HTTPStatus.BAD_REQUEST, b"X-Admin-Protocol is not gsma/rsp/v<x>.<y>.<z>")
        case _:
            return None
