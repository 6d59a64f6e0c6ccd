"""Headers and framing of the HTTPS bindings: what a strict eIM refuses, and the answers that are unusual but right."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from hil.clock import LoopClock
from hil.eim import VirtualEim
from hil.eim.http_binding import delivery, protocol_header, receive
from hil.eim.knobs import AnswerFraming, EimKnobs, HeaderCheck, NotificationAnswer, ProtocolHeader
from hil.eim.server import EimServer
from hil.eim.tls import Leaves
from hil.webserver import HeaderCase, Reply, Request, encode_answer
from tests.coaps import pki
from tests.hil.eim import vectors as v

ASN1 = "/gsma/rsp2/asn1"
JSON = "/gsma/rsp2/esipa/getEimPackage"
BODY = b'{"eidValue":"89049032001234567890000000100070"}'


@dataclass
class Sent:
    """A request that is right in all its headers."""

    path: str = ASN1
    headers: dict[str, str] = field(default_factory=dict)
    without: str = ""

    @property
    def request(self) -> Request:
        is_json = self.path == JSON
        body = BODY if is_json else v.GEP1
        usual = {
            "host": "eim.example.com",
            "user-agent": "gsma-rsp-ipad",
            "x-admin-protocol": "gsma/rsp/v2.1.0",
            "content-type": "application/json;charset=UTF-8" if is_json else "application/x-gsma-rsp-asn1",
            "content-length": str(len(body)),
        }
        headers = {**usual, **self.headers}
        headers.pop(self.without, None)
        return Request("POST", self.path, tuple(headers.items()), body, len(body), 1)


def status(sent: Sent, knobs: EimKnobs) -> int:
    """Status with which the request is refused, 200 for none."""
    refusal = receive(sent.request, knobs, "eim.example.com").refusal
    return 200 if refusal is None else refusal.status


MISTAKES = [
    (HeaderCheck.ADMIN_PROTOCOL, Sent(without="x-admin-protocol"), 400),
    (HeaderCheck.USER_AGENT, Sent(without="user-agent"), 400),
    (HeaderCheck.USER_AGENT, Sent(headers={"user-agent": "curl/8"}), 400),
    (HeaderCheck.CONTENT_TYPE, Sent(headers={"content-type": "application/x-gsma-rsp-asn1; charset=UTF-8"}), 415),
    (HeaderCheck.CONTENT_TYPE, Sent(headers={"content-type": "Application/X-gsma-rsp-asn1"}), 415),
    (HeaderCheck.CONTENT_TYPE, Sent(JSON, {"content-type": "application/json"}), 415),
    (HeaderCheck.CONTENT_LENGTH, Sent(without="content-length"), 411),
    (HeaderCheck.HOST, Sent(headers={"host": "127.0.0.1"}), 421),
]


@pytest.mark.parametrize(("check", "sent", "expected"), MISTAKES)
def test_mistake_is_overlooked_unless_the_header_is_checked(check: HeaderCheck, sent: Sent, expected: int) -> None:
    assert status(sent, EimKnobs()) == 200
    assert status(sent, EimKnobs(strict_headers=(check,))) == expected
    others = tuple(other for other in HeaderCheck if other is not check)
    assert status(sent, EimKnobs(strict_headers=others)) == 200


@pytest.mark.parametrize("path", [ASN1, JSON])
def test_request_without_a_mistake_passes_all_checks(path: str) -> None:
    assert status(Sent(path), EimKnobs(strict_headers=tuple(HeaderCheck))) == 200
    assert status(Sent(path, {"user-agent": "gsma-rsp-ipae; x/1"}), EimKnobs(strict_headers=tuple(HeaderCheck))) == 200


@pytest.mark.parametrize(
    ("knobs", "sent", "expected", "answered"),
    [
        (EimKnobs(), "gsma/rsp/v1.3.0", 200, "gsma/rsp/v1.3.0"),
        (EimKnobs(), None, 200, "gsma/rsp/v2.1.0"),
        (EimKnobs(), "gsma/rsp/1", 400, None),
        (EimKnobs(admin_protocol=ProtocolHeader.STRICT), "gsma/rsp/v1.3.0", 400, None),
        (EimKnobs(admin_protocol=ProtocolHeader.STRICT), None, 400, None),
        (EimKnobs(admin_protocol=ProtocolHeader.STRICT), "gsma/rsp/v2.1.0", 200, "gsma/rsp/v2.1.0"),
        (
            EimKnobs(admin_protocol=ProtocolHeader.STRICT, own_protocol="gsma/rsp/v1.3.0"),
            "gsma/rsp/v2.1.0",
            400,
            None,
        ),
        (
            EimKnobs(admin_protocol=ProtocolHeader.OWN, own_protocol="gsma/rsp/v1.3.0"),
            "gsma/rsp/v2.1.0",
            200,
            "gsma/rsp/v1.3.0",
        ),
        (EimKnobs(admin_protocol=ProtocolHeader.OWN), "none", 400, None),
        (EimKnobs(admin_protocol=ProtocolHeader.ABSENT), "none", 200, ""),
    ],
)
def test_admin_protocol(knobs: EimKnobs, sent: str | None, expected: int, answered: str | None) -> None:
    request = Sent(headers={} if sent is None else {"x-admin-protocol": sent})
    if sent is None:
        request.without = "x-admin-protocol"
    assert status(request, knobs) == expected
    if answered is not None:
        assert dict(protocol_header(request.request, knobs)).get("X-Admin-Protocol", "") == answered


def wire(knobs: EimKnobs, reply: Reply) -> bytes:
    return encode_answer(Reply(reply.status, reply.body, reply.headers, delivery(knobs)))


def test_framing_and_letters_of_answers() -> None:
    reply = Reply(200, b"body", (("Content-Type", "text/plain"),))
    usual = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
    assert wire(EimKnobs(), reply) == usual + b"Content-Length: 4\r\n\r\nbody"
    chunked = wire(EimKnobs(answer_framing=AnswerFraming.CHUNKED), reply)
    assert chunked == usual + b"Transfer-Encoding: chunked\r\n\r\n2\r\nbo\r\n2\r\ndy\r\n0\r\n\r\n"
    closing = wire(EimKnobs(answer_framing=AnswerFraming.UNTIL_CLOSE), reply)
    assert closing == usual + b"Connection: close\r\n\r\nbody"
    assert wire(EimKnobs(keep_alive=False), reply).endswith(b"Connection: close\r\n\r\nbody")
    assert b"\r\ncontent-type: text/plain\r\n" in wire(EimKnobs(header_case=HeaderCase.LOWER), reply)
    assert b"\r\nCONTENT-LENGTH: 4\r\n" in wire(EimKnobs(header_case=HeaderCase.UPPER), reply)


@pytest.mark.parametrize("framing", list(AnswerFraming))
def test_answer_without_a_body_states_no_length(framing: AnswerFraming) -> None:
    head = wire(EimKnobs(answer_framing=framing), Reply(204))
    assert b"Content-Length" not in head
    assert b"chunked" not in head


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("answer", "expected", "length"),
    [
        (NotificationAnswer.NO_CONTENT, 204, None),
        (NotificationAnswer.NO_CONTENT_LENGTH, 204, b"Content-Length: 0"),
        (NotificationAnswer.EMPTY_OK, 200, b"Content-Length: 0"),
        (NotificationAnswer.BODY_OK, 200, b"Content-Length: 8"),
    ],
)
async def test_answers_to_notifications(
    eim: VirtualEim, tmp_path_factory: pytest.TempPathFactory, answer: NotificationAnswer, expected: int, length: bytes
) -> None:
    server = EimServer(eim, Leaves(pki(), pki().eim_tls, ("localhost",), tmp_path_factory.mktemp("tls")), LoopClock())
    eim.knobs.notification_answer = answer
    sent = Sent().request
    reply = await server._answer(Request("POST", ASN1, sent.headers, v.HN1, len(v.HN1), 1))
    assert reply.status == expected
    head = encode_answer(reply)
    assert (length in head) if length else (b"Content-Length" not in head)
