"""One request and an answer that is read as it comes."""

from __future__ import annotations

import pytest

from ipad.errors import NetworkError
from ipad.net.http_exchange import AnswerHead, HttpExchange
from ipad.net.http_service import HttpRequest, HttpService


def begun() -> HttpExchange:
    exchange = HttpExchange("agent")
    exchange.request("GET", "/v1/events", ())
    return exchange


def test_server_reads_what_the_client_writes_and_the_client_the_stream() -> None:
    exchange, service = HttpExchange("agent"), HttpService(100)
    sent = exchange.request("POST", "/a?b=c", (("Content-Type", "application/json"),), b"{}")
    assert service.receive(sent) == HttpRequest("POST", "/a", "application/json", b"{}", "b=c")
    data = service.begin_stream(200, (("Content-Type", "application/jsonl; x=y"),))
    data += service.chunk(b"one\n") + service.chunk(b"two\n") + service.end_stream()
    found = [part for index in range(len(data)) for part in exchange.receive(data[index : index + 1])]
    assert found[0] == AnswerHead(200, "application/jsonl")
    assert b"".join(part for part in found if isinstance(part, bytes)) == b"one\ntwo\n"
    assert found[-1] is None


def test_interim_answers_are_passed_over() -> None:
    data = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"
    assert begun().receive(data) == [AnswerHead(200, ""), b"x", None]


@pytest.mark.parametrize("data", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", b"hello\r\n\r\n"])
def test_answer_that_is_none_or_ends_too_early_is_an_error(data: bytes) -> None:
    exchange = begun()

    def read() -> None:
        exchange.receive(data)
        exchange.receive(b"")

    with pytest.raises(NetworkError):
        read()


def test_target_that_cannot_be_written_is_an_error() -> None:
    with pytest.raises(NetworkError, match="cannot be written"):
        HttpExchange("agent").request("GET", "/a b\n", ())
