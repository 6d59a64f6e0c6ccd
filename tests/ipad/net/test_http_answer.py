"""Heads and bodies of answers: what h11 reads strictly, this reads as well, and nothing that it refuses."""

from __future__ import annotations

import h11
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipad.errors import CodecError
from ipad.net.http_answer import Body, parse_head, request_head

TOKENS = st.text("abcXYZ019-_!~", min_size=1, max_size=8)
VALUES = st.text("ab 1,;=\t/\xe9", max_size=12)
PIECES = st.lists(st.binary(min_size=1, max_size=40), max_size=4)

LINES = [b"\r\n", b"\n", b"0", b"5", b"abcde", b";x", b" ", b"Z: 1", b"ff", b":"]


def by_h11(data: bytes) -> tuple[int, list[tuple[bytes, bytes]], bytes, bytes] | None:
    """Status, fields, body and what lies behind; None for what it refuses or waits to be completed."""
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method="POST", target="/", headers=[("Host", "a")]))
    connection.send(h11.EndOfMessage())
    try:
        connection.receive_data(data)
        head, body = connection.next_event(), b""
        if not isinstance(head, h11.Response):
            return None
        while not isinstance(event := connection.next_event(), h11.EndOfMessage):
            if not isinstance(event, h11.Data):
                return None
            body += event.data
    except h11.RemoteProtocolError:
        return None
    return head.status_code, list(head.headers), body, connection.trailing_data[0]


def by_us(data: bytes, size: int) -> tuple[int, list[tuple[bytes, bytes]], bytes, bytes] | None:
    end = data.find(b"\r\n\r\n") + 4
    try:
        head = parse_head(data[:end])
        body, found = Body(head), b""
        for at in range(end, len(data), size):
            found += b"".join(map(bytes, body.receive(data[at : at + size])))
    except CodecError:
        return None
    return (head.status, list(head.fields), found, body.rest) if body.complete else None


@given(
    status=st.integers(200, 599),
    fields=st.lists(st.tuples(TOKENS, VALUES), max_size=4),
    pieces=PIECES,
    chunked=st.booleans(),
    behind=st.binary(max_size=5),
    size=st.integers(1, 50),
)
@settings(max_examples=300, deadline=None)
def test_answers_are_read_as_h11_reads_them(
    status: int, fields: list[tuple[str, str]], pieces: list[bytes], chunked: bool, behind: bytes, size: int
) -> None:
    content = b"".join(pieces)
    if chunked:
        framing = ("Transfer-Encoding", "chunked")
        content = b"".join(b"%x;a=b\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\nTrailer: x\r\n\r\n"
    else:
        framing = ("Content-Length", str(len(content)))
    lines = [f"HTTP/1.1 {status} some reason", *(f"{name}: {value}" for name, value in [*fields, framing])]
    data = "\r\n".join([*lines, "", ""]).encode("latin-1") + content + behind
    expected = by_h11(data)
    assert expected is not None
    assert by_us(data, size) == expected


@given(
    st.lists(st.sampled_from([b"\r\n", b"\n", b"0", b"5", b"abcde", b";x", b" ", b"Z: 1", b"ff", b":"]), max_size=12)
)
@settings(max_examples=400, deadline=None)
def test_chunks_that_h11_refuses_are_refused(parts: list[bytes]) -> None:
    data = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"".join(parts)
    found = by_us(data, 3)
    assert found is None or found == by_h11(data)


@pytest.mark.parametrize(
    "line",
    [
        b"X : a",
        b": a",
        b"X",
        b"X: a\x01",
        b"X: a\x7f",
        b"Content-Length: 1, 2",
        b"Content-Length: +1",
        b"Content-Length: 0x1",
        b"Content-Length: " + b"9" * 16,
        b"Content-Length:",
        b"Transfer-Encoding: chunked, chunked",
        b"Transfer-Encoding: identity",
    ],
)
def test_header_line_that_breaks_the_grammar_is_refused(line: bytes) -> None:
    with pytest.raises(CodecError):
        parse_head(b"HTTP/1.1 200 OK\r\n" + line + b"\r\n\r\n")


@pytest.mark.parametrize("line", [b"HTTP/1.1 099 X", b"HTTP/1.1 20 X", b"HTTP/1.1  200 X", b"http/1.1 200 X", b""])
def test_status_line_that_breaks_the_grammar_is_refused(line: bytes) -> None:
    with pytest.raises(CodecError):
        parse_head(line + b"\r\n\r\n")


def test_length_may_be_repeated_and_the_reason_be_absent() -> None:
    head = parse_head(b"HTTP/1.1 200\r\nContent-Length: 3, 3\r\nCONTENT-LENGTH: 3\r\n\r\n")
    assert (head.status, head.length, head.chunked, head.last) == (200, 3, False, False)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"5" * 4097, "longer than 4096"),
        (b"1\r\nab\r\n", "bytes behind the end"),
        (b"1\nab", "bare LF"),
        (b"\r\n", "head of a chunk"),
        (b"0\r\n" + (b"X: " + b"a" * 4000 + b"\r\n") * 5, "16384 bytes of header lines"),
        (b"0\r\nno header\r\n\r\n", "header line"),
    ],
)
def test_chunks_have_limits(data: bytes, reason: str) -> None:
    body = Body(parse_head(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"))
    with pytest.raises(CodecError, match=reason):
        list(body.receive(data))


@pytest.mark.parametrize(
    ("target", "name", "value"),
    [("/a b", "X", "y"), ("/\r\n", "X", "y"), ("/", "X Y", "z"), ("/", "X", "y\r\nZ: 1"), ("/", "X", "\u00e9")],
)
def test_request_that_would_break_its_lines_is_refused(target: str, name: str, value: str) -> None:
    with pytest.raises(CodecError):
        request_head(target, [(name, value)])
