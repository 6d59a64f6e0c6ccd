"""Floors of messages of HTTP, JSON and CoAP against sums that were made by hand."""

from __future__ import annotations

import json

import pytest

from hil import tlv
from hil.bench.floor import coap
from hil.bench.floor.http import HttpFloor
from hil.bench.floor.json_request import json_request
from hil.bench.floor.terms import Script
from hil.eim.json_binding import to_message

EID = "89049032001234567890000000100070"


# --- HTTP -------------------------------------------------------------------------------------------------------------


def test_request_of_the_asn1_binding() -> None:
    head = (
        b"POST /gsma/rsp2/asn1 HTTP/1.1\r\nHost:localhost:40883\r\nUser-Agent:gsma-rsp-ipad\r\n"
        b"X-Admin-Protocol:gsma/rsp/v2.1.0\r\nContent-Type:application/x-gsma-rsp-asn1\r\nContent-Length:21\r\n\r\n"
    )
    assert HttpFloor("localhost:40883", json=False).request("GetEimPackage", 21) == len(head)


def test_request_of_the_json_binding_names_its_function() -> None:
    asn1, in_json = (HttpFloor("h", json=choice) for choice in (False, True))
    longer = len("esipa/getEimPackage") - len("asn1") + len("application/json;charset=UTF-8")
    longer -= len("application/x-gsma-rsp-asn1")
    assert in_json.request("GetEimPackage", 21) - asn1.request("GetEimPackage", 21) == longer


def test_responses() -> None:
    http = HttpFloor("h", json=False)
    common = b"X-Admin-Protocol:gsma/rsp/v2.1.0\r\n"
    typed = b"HTTP/1.1 200 \r\n" + common + b"Content-Type:application/x-gsma-rsp-asn1\r\nContent-Length:6\r\n\r\n"
    assert http.response(6) == len(typed)
    assert http.response(0) == len(b"HTTP/1.1 204 \r\n" + common + b"\r\n")


# --- JSON -------------------------------------------------------------------------------------------------------------

REQUESTS = {
    "getEimPackage": {"eidValue": EID, "notifyStateChange": True, "stateChangeCause": 1, "rPLMN": "130062"},
    "provideEimPackageResult": {"eidValue": EID, "eimPackageResult": "v1QLggShoqOkMAOAAX8="},
    "handleNotification": {"pendingNotification": "v1QLggShoqOkMAOAAX8="},
    "initiateAuthentication": {
        "euiccChallenge": "ABEiM0RVZneImaq7zN3u/w==",
        "smdpAddress": "smdp.example.com",
        "euiccInfo1": "vyAA",
        "eimTransactionId": "A1A2A3A4",
    },
    "authenticateClient": {"transactionId": "0102030405060708", "authenticateServerResponse": "vzgA"},
    "getBoundProfilePackage": {"transactionId": "0102030405060708", "prepareDownloadResponse": "vyEA"},
}


@pytest.mark.parametrize("function", REQUESTS)
def test_json_requests_say_the_same_without_a_space(function: str) -> None:
    message = to_message(f"/gsma/rsp2/esipa/{function}", json.dumps(REQUESTS[function]).encode())
    written = json_request(message)
    assert json.loads(written) == REQUESTS[function]
    assert b" " not in written
    assert to_message(f"/gsma/rsp2/esipa/{function}", written) == message


def test_plain_poll_in_json() -> None:
    assert json_request(tlv.build(0xBF4F, tlv.build(0x5A, bytes.fromhex(EID)))) == b'{"eidValue":"%s"}' % EID.encode()


# --- CoAP -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ((), 0),
        (((11, 4), (11, 4), (11, 4)), 15),
        (((27, 1),), 3),
        (((292, 1),), 1 + 2 + 1),
        (((27, 1), (292, 1)), 3 + (1 + 1 + 1)),
        (((23, 1), (292, 8)), 3 + (1 + 2 + 8)),
        (((35, 13),), 1 + 1 + 1 + 13),
    ],
)
def test_options(options: tuple[tuple[int, int], ...], size: int) -> None:
    assert coap.options_size(options) == size


@pytest.mark.parametrize(("number", "more", "length"), [(0, False, 1), (15, True, 1), (16, True, 2), (4096, False, 3)])
def test_block_values(number: int, more: bool, length: int) -> None:
    assert coap.block_length(number, more) == length


def test_poll_on_a_live_association() -> None:
    script = Script()
    coap.exchange(script, 21, 6)
    assert [flight.size for flight in script.flights] == [37 + 4 + 15 + 1 + 21, 37 + 4 + 1 + 6]


def test_message_without_payload_has_no_marker() -> None:
    script = Script()
    coap.exchange(script, 21, 0)
    assert script.flights[-1].size == 37 + 4


def test_longest_body_without_blocks() -> None:
    assert len(list(coap.exchanges(1132, 1147))) == 1
    assert len(list(coap.exchanges(1133, 6))) == 2
    assert len(list(coap.exchanges(1132, 1148))) == 2


def test_blocks_both_ways() -> None:
    pairs = [(up.overhead, up.payload, down.overhead, down.payload) for up, down in coap.exchanges(2629, 1500)]
    path, block1, tag, later_tag = 15, 3, 3, 4
    assert pairs == [
        (4 + path + block1 + tag + 1, 1024, 4 + block1, 0),
        (4 + path + block1 + tag + 1, 1024, 4 + block1, 0),
        (4 + path + block1 + tag + 1, 581, 4 + 3 + 2 + 1, 1024),
        (4 + path + 2 + later_tag, 0, 4 + 3 + 1, 476),
    ]


def test_no_block_is_missing() -> None:
    pairs = list(coap.exchanges(184, 61141))
    assert len(pairs) == 60
    assert sum(down.payload for _, down in pairs) == 61141
    assert [up.payload for up, _ in pairs] == [184] + [0] * 59
