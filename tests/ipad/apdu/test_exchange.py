"""The exchange of one ES10 call against a card that keeps a response buffer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipad.apdu.exchange import ExchangeRules, StoreDataExchange
from ipad.errors import CardError, StatusWordError


class Card:
    """Collects STORE DATA blocks and hands the response out in the way of T=0 or in one piece."""

    def __init__(self, response: bytes, *, style: str = "61", last_sw: bytes = b"\x90\x00", fetch: int = 256) -> None:
        self.response = response
        self.style = style
        self.last_sw = last_sw
        self.fetch = fetch
        self.request = b""
        self.p2: list[int] = []
        self.commands: list[bytes] = []

    def transmit(self, command: bytes) -> bytes:
        self.commands.append(command)
        if command[1] == 0xC0:
            return self.take(command[4] or 256)
        assert command[1] == 0xE2
        size = command[4]
        if self.style == "6C" and command[2] == 0x91 and len(command) == 5 + size:
            return bytes((0x6C, min(len(self.response), 256) & 0xFF))
        self.request += command[5 : 5 + size]
        self.p2.append(command[3])
        if command[2] == 0x11:
            return b"\x90\x00"
        assert command[2] == 0x91
        if self.style == "61":
            return self.announce() if self.response else self.last_sw
        return self.take(256)

    def take(self, size: int) -> bytes:
        data, self.response = self.response[:size], self.response[size:]
        return data + (self.announce() if self.response else self.last_sw)

    def announce(self) -> bytes:
        return bytes((0x61, min(len(self.response), self.fetch) & 0xFF))


def run(exchange: StoreDataExchange, card: Card) -> bytes:
    command: bytes | None = exchange.start()
    while command is not None:
        command = exchange.receive(card.transmit(command))
    return exchange.response


@given(
    st.binary(min_size=1, max_size=900),
    st.binary(max_size=1100),
    st.integers(4, 255),
    st.sampled_from(["61", "data", "6C"]),
)
def test_every_request_and_response_arrive_whole(request: bytes, response: bytes, size: int, style: str) -> None:
    card = Card(response, style=style if response else "data")
    assert run(StoreDataExchange(request, ExchangeRules(max_data=size)), card) == response
    assert card.request == request
    assert card.p2 == list(range(len(card.p2)))


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 512, 513, 768, 65280])
@pytest.mark.parametrize("style", ["61", "data"])
def test_responses_of_the_sizes_that_break_loops(size: int, style: str) -> None:
    response = bytes(index % 251 for index in range(size))
    assert run(StoreDataExchange(b"\xbf\x2d\x00", ExchangeRules()), Card(response, style=style)) == response


def test_the_golden_dialogue_of_get_eid() -> None:
    exchange = StoreDataExchange(bytes.fromhex("BF3E035C015A"), ExchangeRules(max_data=120))
    assert exchange.start() == bytes.fromhex("80E2910006BF3E035C015A")
    assert exchange.receive(b"\x61\x15") == bytes.fromhex("00C0000015")
    eid = bytes.fromhex("BF3E125A1089049032123451234512345678901235")
    assert exchange.receive(eid + b"\x90\x00") is None
    assert exchange.response == eid
    assert not exchange.refresh_announced


def test_blocks_are_counted_and_the_last_is_marked() -> None:
    card = Card(b"")
    run(StoreDataExchange(bytes(300), ExchangeRules(max_data=120)), card)
    assert [command[:5].hex() for command in card.commands] == ["80e2110078", "80e2110178", "80e291023c"]


def test_the_last_byte_can_be_a_block_of_its_own() -> None:
    card = Card(b"")
    run(StoreDataExchange(bytes(100), ExchangeRules(max_data=120), split_last=True), card)
    assert [command[2:5].hex() for command in card.commands] == ["110063", "910101"]


def test_256_blocks_fit_and_257_do_not() -> None:
    card = Card(b"")
    run(StoreDataExchange(bytes(256 * 10), ExchangeRules(max_data=10)), card)
    assert card.p2[-1] == 255
    with pytest.raises(CardError, match="needs 257 blocks"):
        StoreDataExchange(bytes(256 * 10 + 1), ExchangeRules(max_data=10))


def test_le_and_the_class_of_get_response_follow_the_rules() -> None:
    exchange = StoreDataExchange(b"\xbf\x20\x00", ExchangeRules(append_le=True, get_response_cla=0x80))
    assert exchange.start() == bytes.fromhex("80E2910003BF200000")
    assert exchange.receive(b"\x61\x00") == bytes.fromhex("80C0000000")


def test_a_wrong_le_is_corrected_once() -> None:
    exchange = StoreDataExchange(b"\xbf\x20\x00", ExchangeRules())
    exchange.start()
    assert exchange.receive(b"\x6c\x37") == bytes.fromhex("80E2910003BF200037")
    with pytest.raises(StatusWordError, match="wrong Le"):
        exchange.receive(b"\x6c\x37")


def test_a_waiting_proactive_command_is_success() -> None:
    exchange = StoreDataExchange(b"\xbf\x51\x00", ExchangeRules())
    exchange.start()
    exchange.receive(b"\x61\x05")
    assert exchange.receive(bytes.fromhex("BF51028000910B")) is None
    assert exchange.refresh_announced


def test_a_refusal_says_which_block_and_why() -> None:
    exchange = StoreDataExchange(bytes(300), ExchangeRules(max_data=120))
    exchange.start()
    exchange.receive(b"\x90\x00")
    assert not exchange.last_block_sent
    with pytest.raises(
        StatusWordError, match=r"STORE DATA block 2 of 3: status word 6A80 \(incorrect data field\)"
    ) as caught:
        exchange.receive(b"\x6a\x80")
    assert caught.value.sw == 0x6A80
    assert not caught.value.transient


def test_data_before_the_last_block_end_the_call() -> None:
    exchange = StoreDataExchange(bytes(300), ExchangeRules(max_data=120))
    exchange.start()
    assert exchange.receive(b"\x61\x03") == bytes.fromhex("00C0000003")
    assert exchange.receive(bytes.fromhex("BF37009000")) is None
    assert exchange.response == bytes.fromhex("BF3700")


def test_data_announced_without_end_are_bounded() -> None:
    exchange = StoreDataExchange(b"\xbf\x2d\x00", ExchangeRules())
    exchange.start()
    for _ in range(4):
        exchange.receive(b"\x61\x00")
    with pytest.raises(CardError, match="without end"):
        exchange.receive(b"\x61\x00")
    exchange = StoreDataExchange(b"\xbf\x2d\x00", ExchangeRules(max_response=1000))
    exchange.start()
    for _ in range(3):
        exchange.receive(bytes(256) + b"\x61\x00")
    with pytest.raises(CardError, match="more than 1000 bytes"):
        exchange.receive(bytes(256) + b"\x61\x00")


def test_an_empty_request_is_no_request() -> None:
    with pytest.raises(ValueError, match="at least one byte"):
        StoreDataExchange(b"", ExchangeRules())
    with pytest.raises(ValueError, match="1 to 255"):
        ExchangeRules(max_data=256)
