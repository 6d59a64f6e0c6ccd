from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipad.errors import HttpStatusError, NetworkError
from ipad.net.http import MAX_HEAD, HttpConversation, HttpResponse

OK = b"HTTP/1.1 200 OK\r\n"


def begun(max_body: int = 1000) -> HttpConversation:
    conversation = HttpConversation("eim.example.com")
    conversation.request("/path", [("User-Agent", "test")], b"question", max_body)
    return conversation


def read(*pieces: bytes, max_body: int = 1000) -> HttpResponse | None:
    conversation = begun(max_body)
    response = None
    for piece in pieces:
        assert response is None
        response = conversation.receive(piece)
    return response


def complete(data: bytes) -> HttpResponse:
    response = read(data)
    assert response is not None
    return response


def test_request_has_host_own_headers_and_length() -> None:
    sent = HttpConversation("eim.example.com:8443").request("/gsma", [("User-Agent", "ipad")], b"\xbf\x4f\x00", 10)
    assert sent == (
        b"POST /gsma HTTP/1.1\r\nHost: eim.example.com:8443\r\nUser-Agent: ipad\r\nContent-Length: 3\r\n\r\n"
        b"\xbf\x4f\x00"
    )


def test_header_that_would_break_the_line_is_refused() -> None:
    with pytest.raises(NetworkError, match="cannot be written"):
        HttpConversation("eim").request("/", [("X-Admin-Protocol", "a\r\nEvil: b")], b"", 10)


def test_answer_with_length() -> None:
    response = complete(OK + b"Content-Type: Application/X-GSMA-rsp-asn1; v=1\r\nContent-Length: 3\r\n\r\nabc")
    assert (response.status, response.body) == (200, b"abc")
    assert response.media_type == "application/x-gsma-rsp-asn1"
    assert response.header("missing") is None


def test_chunked_answer() -> None:
    data = OK + b"Transfer-Encoding: chunked\r\n\r\n3;ext=1\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: x\r\n\r\n"
    assert complete(data).body == b"abcde"


def test_answer_that_ends_with_the_connection() -> None:
    conversation = begun()
    assert conversation.receive(OK + b"\r\nab") is None
    assert conversation.receive(b"c") is None
    response = conversation.receive(b"")
    assert response is not None
    assert response.body == b"abc"
    assert not conversation.prepare_next()


def test_interim_answers_are_skipped() -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
    assert complete(interim + OK + b"Content-Length: 1\r\n\r\nx").body == b"x"


def test_endless_interim_answers_are_refused() -> None:
    with pytest.raises(NetworkError, match="interim"):
        read(b"HTTP/1.1 100 Continue\r\n\r\n" * 12)


@pytest.mark.parametrize("size", [1, 2, 7])
def test_answer_may_come_in_any_pieces(size: int) -> None:
    data = b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    response = read(*(data[at : at + size] for at in range(0, len(data), size)))
    assert response is not None
    assert response.body == b"abc"


def test_no_content_has_no_body() -> None:
    assert complete(b"HTTP/1.1 204 No Content\r\n\r\n").body == b""


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (OK + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", "Content-Length and Transfer"),
        (OK + b"X: a\r\n folded\r\nContent-Length: 0\r\n\r\n", "folded"),
        (OK + b"X: a\nContent-Length: 0\r\n\r\n", "bare CR or LF"),
        (OK + b"X: a\rb\r\nContent-Length: 0\r\n\r\n", "bare CR or LF"),
        (OK.replace(b"\r\n", b"\n") + b"Content-Length: 0\n\n", "bare CR or LF"),
        (OK + b"X: a\0b\r\nContent-Length: 0\r\n\r\n", "NUL"),
        (OK + b"X: " + b"a" * MAX_HEAD + b"\r\n\r\n", "longer than"),
        (OK + b"X: " + b"a" * MAX_HEAD, "longer than"),
        (OK + b"Content-Length: 1001\r\n\r\n", "at most 1000"),
        (OK + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc", "malformed"),
        (OK + b"Content-Length: -3\r\n\r\nabc", "malformed"),
        (OK + b"Transfer-Encoding: gzip\r\n\r\nabc", "malformed"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFFFFFFFFF\r\n", "malformed"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n3E9\r\n" + b"a" * 1001 + b"\r\n", "more than 1000"),
        (OK + b"Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc", "encoded as"),
        (b"HTTP/2 200\r\n\r\n", "malformed"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "malformed"),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", "malformed"),
    ],
)
def test_answer_that_breaks_a_rule_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(NetworkError, match=reason) as caught:
        read(data)
    assert caught.value.layer == "http"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "before an answer came"),
        (b"HTTP/1.1 200 OK\r\nConte", "truncated head"),
        (OK + b"Content-Length: 3\r\n\r\nab", "malformed|closed within"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", "malformed|closed within"),
    ],
)
def test_connection_that_ends_within_an_answer(data: bytes, reason: str) -> None:
    conversation = begun()
    if data:
        assert conversation.receive(data) is None
    with pytest.raises(NetworkError, match=reason):
        conversation.receive(b"")
    assert conversation.answered == bool(data)


def test_connection_serves_another_request() -> None:
    conversation = begun()
    for body in (b"1", b"2"):
        response = conversation.receive(OK + b"Content-Length: 1\r\n\r\n" + body)
        assert response is not None
        assert response.body == body
        assert conversation.prepare_next()
        conversation.request("/path", [], b"again", 10)
        assert not conversation.answered


@pytest.mark.parametrize(
    "data",
    [
        OK + b"Connection: close\r\nContent-Length: 1\r\n\r\nx",
        b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx",
        OK + b"Content-Length: 1\r\n\r\nxHTTP/1.1 200 OK\r\n",
    ],
    ids=["close", "http-1.0", "bytes behind the answer"],
)
def test_connection_that_cannot_be_used_again(data: bytes) -> None:
    conversation = begun()
    assert conversation.receive(data) is not None
    assert not conversation.prepare_next()


@pytest.mark.parametrize(
    ("status", "transient"),
    [
        *((status, False) for status in (301, 400, 404, 405, 415, 501)),
        *((status, True) for status in (408, 425, 429, 500, 502, 503, 504)),
    ],
)
def test_status_says_whether_a_later_try_may_help(status: int, transient: bool) -> None:
    response = complete(f"HTTP/1.1 {status} X\r\nRetry-After: 120\r\nContent-Length: 0\r\n\r\n".encode())
    with pytest.raises(HttpStatusError) as caught:
        response.require_success("eim")
    assert (caught.value.status, caught.value.transient, caught.value.retry_after) == (status, transient, 120.0)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("0", 0.0), ("99999999", 86400.0), ("Wed, 21 Oct 2026 07:28:00 GMT", None), ("-5", None), ("²", None)],
)
def test_retry_after_in_seconds_counts_and_is_bounded(value: str, seconds: float | None) -> None:
    assert HttpResponse(503, (("retry-after", value),), b"").retry_after == seconds


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_garbage_is_refused_or_waited_for_and_never_an_answer(data: bytes) -> None:
    with pytest.raises(NetworkError):
        read(data, b"")
