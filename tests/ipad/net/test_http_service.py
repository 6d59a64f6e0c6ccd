"""The HTTP/1.1 server without I/O."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus

import pytest

from ipad.net.http_service import MAX_HEAD, HttpRequest, HttpService, Refusal
from tests.ipad.net.doors import post

TYPE = "Content-Type: application/x-gsma-rsp-asn1"
REQUEST = HttpRequest("POST", "/gsma/rsp2/asn1", "application/x-gsma-rsp-asn1", b"body")


def status(data: bytes) -> HTTPStatus | None:
    outcome = HttpService(100).receive(data)
    return outcome.status if isinstance(outcome, Refusal) else None


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_request_is_read_however_it_is_cut(size: int) -> None:
    data = post(b"body", TYPE)
    service = HttpService(100)
    outcomes = [service.receive(data[start : start + size]) for start in range(0, len(data), size)]
    assert [item for item in outcomes if item is not None] == [REQUEST]


def test_chunked_request_is_read() -> None:
    head = f"POST /gsma/rsp2/asn1?x=1 HTTP/1.1\r\nHost: d\r\n{TYPE}; charset=x\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert HttpService(100).receive(head.encode() + b"4\r\nbody\r\n0\r\n\r\n") == replace(REQUEST, query="x=1")


def test_connection_carries_one_request_after_the_other_also_when_they_come_at_once() -> None:
    service = HttpService(100)
    assert service.receive(post(b"body", TYPE) + post(b"more", TYPE)) == REQUEST
    assert service.reply(200, (("A", "b"),), b"answer") == b"HTTP/1.1 200 \r\nA: b\r\nContent-Length: 6\r\n\r\nanswer"
    assert service.prepare_next()
    assert service.busy
    second = service.receive(b"")
    assert isinstance(second, HttpRequest)
    assert second.body == b"more"


def test_connection_that_is_to_be_closed_carries_no_other_request() -> None:
    service = HttpService(100)
    service.receive(post(b"body", TYPE, "Connection: close"))
    assert b"close" in service.reply(200, ())
    assert not service.prepare_next()


def test_client_that_waits_is_told_to_continue() -> None:
    service = HttpService(100)
    head = post(b"body", TYPE, "Expect: 100-continue")[:-4]
    assert service.receive(head) is None
    assert service.interim().startswith(b"HTTP/1.1 100 ")
    assert service.receive(b"body") == REQUEST


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (post(bytes(101)), HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
        (b"POST / HTTP/1.1\r\nHost: d\r\nContent-Length: 99999999999\r\n\r\n", HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
        (
            b"POST / HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n" + bytes(0x65) + b"\r\n0\r\n\r\n",
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        ),
        (bytes([65]) * (MAX_HEAD + 1), HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE),
        (b"POST / HTTP/1.1\r\nHost: d\r\n folded: x\r\n\r\n", HTTPStatus.BAD_REQUEST),
        (b"POST / HTTP/1.1\nHost: d\n\n", HTTPStatus.BAD_REQUEST),
        (b"POST / HTTP/1.1\r\nHost: d\r\nA: \0\r\n\r\n", HTTPStatus.BAD_REQUEST),
        (b"POST / HTTP/1.1\r\n\r\n", HTTPStatus.BAD_REQUEST),
        (b"\x16\x03\x01 no HTTP\r\n\r\n", HTTPStatus.BAD_REQUEST),
        (post(b"x", "Content-Length: 2"), HTTPStatus.BAD_REQUEST),
        (post(b"x", "Transfer-Encoding: chunked"), HTTPStatus.BAD_REQUEST),
        (post(b"x", "Content-Encoding: gzip"), HTTPStatus.UNSUPPORTED_MEDIA_TYPE),
        (
            b"POST / HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            HTTPStatus.BAD_REQUEST,
        ),
    ],
)
def test_request_that_breaks_the_rules_is_refused(data: bytes, expected: HTTPStatus) -> None:
    assert status(data) is expected


def test_refused_request_can_be_answered() -> None:
    service = HttpService(100)
    refusal = service.receive(b"POST / HTTP/1.1\r\n\r\n")
    assert isinstance(refusal, Refusal)
    assert service.reply(refusal.status, (), close=True).startswith(b"HTTP/1.1 400 ")
