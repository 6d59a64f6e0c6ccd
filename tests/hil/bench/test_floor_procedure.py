"""Floors of whole procedures: which handshakes and messages belong to them."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from hil.bench.errors import MissingMessageError
from hil.bench.floor import Floor
from hil.bench.floor.handshake import Choices
from hil.bench.floor.procedure import Server, floor_of
from hil.bench.rows import Procedure, Row, Start, Transport, rows

SERVER = Server(
    Choices("localhost", (500,), ticket=200, tickets_full=(225, 225), tickets_resumed=(225,)), "localhost:40883"
)


@dataclass(frozen=True)
class Message:
    function: str
    request: bytes
    response: bytes


POLL = Message(
    "GetEimPackage", bytes.fromhex("BF4F125A1089049032001234567890000000100070"), bytes.fromhex("BF4F03020101")
)
HANDED_OUT = Message("GetEimPackage", POLL.request, bytes(140))
RESULT = Message("ProvideEimPackageResult", bytes(300), bytes.fromhex("BF50053003800101"))


def floor(procedure: Procedure, transport: Transport, start: Start, *exchanges: Message) -> Floor:
    return floor_of(Row(procedure, transport, start), exchanges, SERVER)


def name_sizes(found: Floor) -> dict[str, int]:
    return {term.name: term.size for term in found.sums()}


def test_idle_poll_on_a_live_association_is_two_datagrams() -> None:
    found = floor(Procedure.IDLE, Transport.COAPS, Start.LIVE, POLL)
    assert [flight.size for flight in found.flights] == [78, 48]
    assert found.round_trips == 1


def test_idle_poll_with_a_resumed_session_of_dtls() -> None:
    found = floor(Procedure.IDLE, Transport.COAPS, Start.RESUMED, POLL)
    # Hellos with cookie, hello and Finished of the server, Finished, question, answer, both close_notify.
    assert [flight.size for flight in found.flights] == [141, 44, 157, 181, 75, 78, 48, 39, 39]


def test_idle_poll_with_a_resumed_session_of_tls_1_3() -> None:
    found = floor(Procedure.IDLE, Transport.ASN1_TLS13, Start.RESUMED, POLL)
    sizes = name_sizes(found)
    assert sizes["tickets"] == 225
    assert sizes["ESipa"] == 27
    assert "Certificate" not in sizes
    assert found.connections == 1
    assert found.round_trips == 1 + 3


def test_cold_start_is_a_full_handshake() -> None:
    for transport in Transport:
        assert name_sizes(floor(Procedure.IDLE, transport, Start.COLD, POLL))["Certificate"] >= 500


@pytest.mark.parametrize("start", list(Start))
def test_result_of_a_switch_needs_a_second_handshake_which_is_short(start: Start) -> None:
    found = floor(Procedure.ENABLE, Transport.COAPS, start, HANDED_OUT, RESULT, POLL)
    sizes = name_sizes(found)
    assert ("Certificate" in sizes) is (start is Start.COLD)
    hellos = {Start.COLD: 2, Start.RESUMED: 2, Start.LIVE: 1}[start]
    assert sizes["HelloVerifyRequest"] == hellos * 31
    assert sizes["close_notify"] == (2 if start is Start.LIVE else 4) * 2


def test_what_was_sent_again_or_without_need_is_no_part_of_it() -> None:
    least = floor(Procedure.ENABLE, Transport.ASN1_TLS12, Start.RESUMED, HANDED_OUT, RESULT, POLL)
    more = floor(Procedure.ENABLE, Transport.ASN1_TLS12, Start.RESUMED, HANDED_OUT, RESULT, RESULT, POLL, POLL)
    assert more == least


def test_procedure_that_did_not_happen_has_no_floor() -> None:
    with pytest.raises(MissingMessageError, match="ProvideEimPackageResult"):
        floor(Procedure.ENABLE, Transport.COAPS, Start.COLD, POLL)


def test_json_costs_more_than_asn1() -> None:
    asn1, in_json = (
        floor(Procedure.IDLE, transport, Start.COLD, POLL) for transport in (Transport.ASN1_TLS13, Transport.JSON_TLS13)
    )
    assert in_json.up - asn1.up == 18 + len('{"eidValue":""}') + 32 - 21
    assert in_json.down > asn1.down


def test_rows_are_in_a_stable_order_and_complete() -> None:
    names = [row.name for row in rows()]
    assert len(names) == len(set(names)) == 3 * (4 * 2 + 3)
    assert names[0] == "idle/https-asn1-tls1.2/cold"
    assert names[10] == "idle/coaps/live"
    assert names[-1] == "download/coaps/live"
