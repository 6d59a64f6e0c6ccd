"""Floors of handshakes and records against sums that were made by hand, and against hellos written byte by byte."""

from __future__ import annotations

import pytest

from hil.bench.floor import handshake
from hil.bench.floor.dtls import DtlsFloor
from hil.bench.floor.handshake import Choices
from hil.bench.floor.terms import Script, Term
from hil.bench.floor.tls import TlsFloor
from hil.eim.tls import TlsVersion
from hil.link.meter import Heading

CHOICES = Choices("localhost", (500,), ticket=200, tickets_full=(225, 225), tickets_resumed=(225,))
NO_TICKETS = Choices("localhost", (500,))

NAME = bytes.fromhex("0000 000E 000C 00 0009") + b"localhost"
GROUPS = bytes.fromhex("000A 0004 0002 0017")
SIGNATURES = bytes.fromhex("000D 0004 0002 0403")
SHARE = bytes.fromhex("0033 0047 0045 0017 0041") + bytes(65)
VERSIONS = bytes.fromhex("002B 0003 02 0304")
PSK_MODES = bytes.fromhex("002D 0002 01 01")
MASTER_SECRET = bytes.fromhex("0017 0000")


def hello(
    suites: str, extensions: bytes, *, version: str = "0303", session: bytes = b"", cookie: bytes | None = None
) -> bytes:
    """A ClientHello without the header of its message."""
    cookie_field = b"" if cookie is None else bytes((len(cookie),)) + cookie
    offered = bytes.fromhex(suites)
    return (
        bytes.fromhex(version)
        + bytes(32)
        + bytes((len(session),))
        + session
        + cookie_field
        + len(offered).to_bytes(2, "big")
        + offered
        + b"\x01\x00"
        + len(extensions).to_bytes(2, "big")
        + extensions
    )


def test_client_hello_of_tls_1_3() -> None:
    written = hello("1301", NAME + VERSIONS + GROUPS + SIGNATURES + SHARE + PSK_MODES)
    assert handshake.client_hello_13(CHOICES) == len(written) == 165


def test_client_hello_of_tls_1_3_with_a_ticket() -> None:
    psk = (
        bytes.fromhex("0029 00F3") + bytes.fromhex("00CE 00C8") + bytes(200 + 4) + bytes.fromhex("0021 20") + bytes(32)
    )
    assert len(psk) == 4 + 0xF3
    written = hello("1301", NAME + VERSIONS + GROUPS + SIGNATURES + SHARE + PSK_MODES + psk)
    assert handshake.client_hello_13(CHOICES, 200) == len(written)


@pytest.mark.parametrize(
    ("session", "ticket", "cookie", "size"),
    [(0, None, None, 83), (0, 0, None, 87), (0, 200, None, 287), (32, None, 16, 132)],
)
def test_client_hello_of_tls_and_dtls_1_2(session: int, ticket: int | None, cookie: int | None, size: int) -> None:
    extensions = NAME + GROUPS + SIGNATURES + MASTER_SECRET
    if ticket is not None:
        extensions += bytes.fromhex("0023") + ticket.to_bytes(2, "big") + bytes(ticket)
    written = hello("C02B 00FF", extensions, session=bytes(session), cookie=None if cookie is None else bytes(cookie))
    assert handshake.client_hello_12(CHOICES, session_id=session, ticket=ticket, cookie=cookie) == len(written) == size


def flights(script: Script) -> list[tuple[Heading, int]]:
    return [(flight.heading, flight.size) for flight in script.flights]


UP, DOWN = Heading.UP, Heading.DOWN


def test_full_handshake_of_tls_1_3() -> None:
    script = Script()
    TlsFloor(TlsVersion.V1_3, CHOICES).shake_hands(script, resumed=False)
    server_hello = 5 + 4 + 2 + 32 + 1 + 2 + 1 + 2 + 6 + 73
    protected = 5 + (4 + 2 + 4) + (4 + 1 + 3 + 3 + 500 + 2) + (4 + 2 + 2 + 70) + (4 + 32) + 1 + 16
    assert flights(script) == [(UP, 5 + 4 + 165), (DOWN, server_hello + protected), (UP, 5 + 4 + 32 + 1 + 16)]


def test_resumed_handshake_of_tls_1_3_shows_no_certificate() -> None:
    script = Script()
    TlsFloor(TlsVersion.V1_3, CHOICES).shake_hands(script, resumed=True)
    server_hello = 5 + 4 + 2 + 32 + 1 + 2 + 1 + 2 + 6 + 73 + 6
    assert flights(script)[1:] == [(DOWN, server_hello + 5 + 10 + 36 + 17), (UP, 58)]


def test_tickets_of_tls_1_3_share_a_record() -> None:
    tls = TlsFloor(TlsVersion.V1_3, CHOICES)
    assert sum(term.size for term in tls.tickets(resumed=False)) == 2 * 225 + 22
    assert sum(term.size for term in tls.tickets(resumed=True)) == 225 + 22
    assert TlsFloor(TlsVersion.V1_3, NO_TICKETS).tickets(resumed=False) == ()


FINISH_12 = (5 + 1) + (5 + 8 + 4 + 12 + 16)


def test_full_handshake_of_tls_1_2() -> None:
    script = Script()
    TlsFloor(TlsVersion.V1_2, CHOICES).shake_hands(script, resumed=False)
    server = (4 + 2 + 32 + 1 + 2 + 1 + 2 + 5 + 4 + 4 + 4) + (4 + 3 + 3 + 500) + (4 + 4 + 65 + 4 + 70) + 4
    assert flights(script) == [
        (UP, 5 + 4 + 87),
        (DOWN, 5 + server),
        (UP, 5 + 4 + 66 + FINISH_12),
        (DOWN, 5 + 450 + FINISH_12),
    ]


def test_resumed_handshake_of_tls_1_2() -> None:
    script = Script()
    TlsFloor(TlsVersion.V1_2, CHOICES).shake_hands(script, resumed=True)
    server_hello = 4 + 2 + 32 + 1 + 2 + 1 + 2 + 5 + 4 + 4
    assert flights(script) == [(UP, 5 + 4 + 287), (DOWN, 5 + server_hello + 225 + FINISH_12), (UP, FINISH_12)]


FINISH_DTLS = (13 + 1) + (13 + 8 + 12 + 12 + 16)


def test_full_handshake_of_dtls() -> None:
    script = Script()
    DtlsFloor(NO_TICKETS).shake_hands(script, resumed=False)
    server = (12 + 2 + 32 + 33 + 2 + 1 + 2 + 13) + (12 + 3 + 3 + 500) + (12 + 4 + 65 + 4 + 70) + 12
    assert flights(script) == [
        (UP, 13 + 12 + 84),
        (DOWN, 13 + 12 + 3 + 16),
        (UP, 13 + 12 + 100),
        (DOWN, 13 + server),
        (UP, 13 + 12 + 66 + FINISH_DTLS),
        (DOWN, FINISH_DTLS),
    ]


def test_resumed_handshake_of_dtls() -> None:
    script = Script()
    DtlsFloor(NO_TICKETS).shake_hands(script, resumed=True)
    server_hello = 12 + 2 + 32 + 33 + 2 + 1 + 2 + 9
    assert flights(script) == [
        (UP, 13 + 12 + 116),
        (DOWN, 44),
        (UP, 13 + 12 + 132),
        (DOWN, 13 + server_hello + FINISH_DTLS),
        (UP, FINISH_DTLS),
    ]


@pytest.mark.parametrize(("version", "size"), [(TlsVersion.V1_2, 31), (TlsVersion.V1_3, 24)])
def test_close_notify_of_both_sides(version: TlsVersion, size: int) -> None:
    script = Script()
    TlsFloor(version, CHOICES).close(script)
    assert flights(script) == [(UP, size), (DOWN, size)]


@pytest.mark.parametrize(("size", "records"), [(1, 1), (16384, 1), (16385, 2)])
def test_long_data_takes_several_records(size: int, records: int) -> None:
    assert sum(term.size for term in TlsFloor(TlsVersion.V1_3, CHOICES).data(size)) == 22 * records


# --- sums -------------------------------------------------------------------------------------------------------------


def test_packets_and_round_trips_of_a_connection() -> None:
    script = Script()
    script.up(Term("a", 100, ""))
    script.down(Term("b", 1448 * 4, ""))
    script.up(Term("c", 10, ""))
    script.up(Term("d", 10, ""))
    script.down(Term("e", 10, ""))
    floor = script.floor(connections=1)
    assert (floor.up, floor.down, floor.payload) == (120, 5802, 5922)
    assert floor.round_trips == 1 + 2
    # SYN both ways; one, four with one acknowledgement between them, one, one; the last acknowledgement.
    assert floor.packets == 2 + 1 + 4 + 1 + 1 + 1 + 1
    assert floor.wire == 5922 + 2 * 60 + 9 * 52


def test_datagrams_are_not_joined() -> None:
    script = Script()
    for _ in range(2):
        script.up(Term("a", 100, ""))
    script.down(Term("b", 50, ""))
    floor = script.floor()
    assert (floor.packets, floor.round_trips, floor.wire) == (3, 1, 250 + 3 * 28)


def test_terms_are_added_up_by_name_and_source() -> None:
    script = Script()
    script.up(Term("a", 1, "x"), Term("b", 2, "x"))
    script.down(Term("a", 4, "x"), Term("a", 8, "y"))
    floor = script.floor()
    assert [(term.name, term.size, term.source) for term in floor.sums()] == [
        ("a", 5, "x"),
        ("b", 2, "x"),
        ("a", 8, "y"),
    ]
