"""The two HTTPS bindings of ESipa at one port: which one a request is in, and what the eIM refuses of it (SGP.32 6)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from hil.eim import json_binding, version1
from hil.eim.knobs import AnswerFraming, BindingName, EimKnobs, EimVersion, HeaderCheck, ProtocolHeader
from hil.eim.messages import MalformedRequestError
from hil.webserver import Delivery, Reply, Request

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


def receive(request: Request, knobs: EimKnobs, fqdn: str = "") -> Incoming:
    """Take a request to the eIM with this eimFqdn apart."""
    path = request.target.partition("?")[0]
    binding = JSON if path.startswith(json_binding.PATH) else ASN1
    refusal = _refusal(request, path, binding, knobs) or _overlooked(request, binding, knobs.strict_headers, fqdn)
    if refusal is not None:
        return Incoming(binding, request.body if binding is ASN1 else b"", refusal)
    try:
        message = binding.message(request)
        older = binding is JSON and knobs.version is EimVersion.V1_0
        return Incoming(binding, version1.from_json(message) if older else message)
    except json_binding.UnknownFunctionError:
        return Incoming(binding, refusal=Reply(HTTPStatus.NOT_FOUND, f"no resource {path}".encode()))
    except MalformedRequestError as error:
        return Incoming(binding, refusal=Reply(HTTPStatus.BAD_REQUEST, str(error).encode()))


def protocol_header(request: Request, knobs: EimKnobs) -> tuple[tuple[str, str], ...]:
    """The X-Admin-Protocol of a reply."""
    if knobs.admin_protocol is ProtocolHeader.ABSENT:
        return ()
    echoed = request.header("x-admin-protocol") if knobs.admin_protocol is ProtocolHeader.ECHO else None
    return (("X-Admin-Protocol", echoed or knobs.own_protocol),)


def is_agent(user_agent: str) -> bool:
    """Whether a User-Agent is that of an IPA; anything may follow after a semicolon."""
    return user_agent.partition(";")[0].strip() in ("gsma-rsp-ipad", "gsma-rsp-ipae")


def delivery(knobs: EimKnobs) -> Delivery:
    """How an answer goes on the wire when no fault says otherwise."""
    return Delivery(
        chunked=knobs.answer_framing is AnswerFraming.CHUNKED,
        until_close=knobs.answer_framing is AnswerFraming.UNTIL_CLOSE,
        close=not knobs.keep_alive,
        header_case=knobs.header_case,
    )


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
    return _wrong_protocol(request.header("x-admin-protocol"), knobs)


def _overlooked(request: Request, binding: HttpBinding, checks: tuple[HeaderCheck, ...], fqdn: str) -> Reply | None:
    """The status of a request with a mistake that other eIMs overlook."""
    found: dict[HeaderCheck, tuple[bool, HTTPStatus]] = {
        HeaderCheck.ADMIN_PROTOCOL: (request.header("x-admin-protocol") is None, HTTPStatus.BAD_REQUEST),
        HeaderCheck.USER_AGENT: (not is_agent(request.header("user-agent") or ""), HTTPStatus.BAD_REQUEST),
        HeaderCheck.CONTENT_TYPE: (
            request.header("content-type") != binding.content_type,
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        ),
        HeaderCheck.CONTENT_LENGTH: (request.header("content-length") is None, HTTPStatus.LENGTH_REQUIRED),
        HeaderCheck.HOST: (request.header("host") != fqdn, HTTPStatus.MISDIRECTED_REQUEST),
    }
    for check in checks:
        wrong, status = found[check]
        if wrong:
            return Reply(status, f"{check} is not what it has to be".encode())
    return None


def _wrong_protocol(protocol: str | None, knobs: EimKnobs) -> Reply | None:
    well_formed = protocol is None or _VERSION_PATTERN.fullmatch(protocol)
    match knobs.admin_protocol:
        case ProtocolHeader.STRICT if protocol != knobs.own_protocol:
            return Reply(HTTPStatus.BAD_REQUEST, f"expected X-Admin-Protocol {knobs.own_protocol}".encode())
        case ProtocolHeader.ECHO | ProtocolHeader.OWN if not well_formed:
            return Reply(HTTPStatus.BAD_REQUEST, b"X-Admin-Protocol is not gsma/rsp/v<x>.<y>.<z>")
        case _:
            return None
