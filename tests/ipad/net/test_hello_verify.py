from __future__ import annotations

import pytest

from hil.dtls import DtlsServer
from ipad.net.hello_verify import GOODBYE, begins_handshake, client_hello, is_answer
from tests.coaps import HOST, pki

ADDRESS = ("192.0.2.1", 40000)
COOKIE = bytes.fromhex("16 FEFF 0000 000000000000 0017 03 00000B 0000 000000 00000B FEFF 08 0102030405060708")
HELLO = bytes.fromhex("16 FEFD 0000 000000000000 000E 02 000002 0000 000000 000002 FEFD")
ALERT = bytes.fromhex("15 FEFF 0000 000000000000 0002 02 28")


def test_server_answers_with_its_cookie_and_keeps_nothing() -> None:
    server = DtlsServer(pki().eim_tls)
    hello = client_hello(HOST, bytes(32))
    server.receive(ADDRESS, hello)
    answers = [datagram for _, datagram in server.datagrams()]
    assert len(answers) == 1
    assert is_answer(answers[0])
    assert not begins_handshake(answers[0])
    assert (len(hello), len(answers[0])) < (150, 70)


def test_address_is_no_server_name() -> None:
    assert len(client_hello("2001:db8::1", bytes(32))) < len(client_hello("a.b", bytes(32)))


@pytest.mark.parametrize("datagram", [COOKIE, HELLO, ALERT])
def test_what_a_dtls_server_says(datagram: bytes) -> None:
    assert is_answer(datagram)
    assert begins_handshake(datagram) is (datagram is HELLO)


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        COOKIE[:-1],
        COOKIE[:3] + b"\x00\x01" + COOKIE[5:],
        b"\x16\x03\x03" + COOKIE[3:],
        client_hello(HOST, bytes(32)),
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        ALERT[:12] + b"\x01\x02",
    ],
    ids=["empty", "cut off", "encrypted", "TLS", "echo", "HTTP", "short alert"],
)
def test_what_none_says(datagram: bytes) -> None:
    assert not is_answer(datagram)


def test_goodbye_is_a_fatal_alert() -> None:
    assert is_answer(GOODBYE)
    assert GOODBYE[-2:] == b"\x02\x5a"
