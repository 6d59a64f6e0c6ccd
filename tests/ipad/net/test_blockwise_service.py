"""Block-wise transfer at the server, without I/O."""

from __future__ import annotations

import pytest

from ipad.net.blockwise import Block, BlockRequest, BlockwiseExchange, CoapResponse
from ipad.net.blockwise_service import BlockMessage, BlockwiseService

BODY = bytes(range(256)) * 10


def message(request: BlockRequest) -> BlockMessage:
    return BlockMessage(
        payload=request.payload, block1=request.block1, block2=request.block2, tag=request.request_tag or b""
    )


def talk(service: BlockwiseService, exchange: BlockwiseExchange, answer: bytes) -> tuple[bytes, CoapResponse]:
    """The body that the service got, and what the client got."""
    got = b""
    while True:
        request = message(exchange.next_request())
        taken = service.take(request)
        if isinstance(taken, bytes):
            got, taken = taken, service.answer(request, answer)
        whole = exchange.receive(taken)
        if whole is not None:
            return got, whole


def exchange(body: bytes, size: int = 1024) -> BlockwiseExchange:
    return BlockwiseExchange("device", body, block_size=size, single_limit=size, max_body=1 << 16)


@pytest.mark.parametrize("size", [1024, 256, 16])
@pytest.mark.parametrize("answer", [b"", b"x", BODY[:1024], BODY[:1025], BODY])
@pytest.mark.parametrize("body", [b"x", BODY[:1024], BODY])
def test_client_of_the_agent_and_server_of_the_agent_agree(body: bytes, answer: bytes, size: int) -> None:
    got, response = talk(BlockwiseService(1 << 16), exchange(body, size), answer)
    assert got == body
    assert response.code_text == "2.04"
    assert response.payload == answer


def test_server_cuts_smaller_than_it_was_asked_to() -> None:
    service = BlockwiseService(1 << 16, block_size=256)
    first = service.answer(BlockMessage(payload=b"x"), BODY)
    assert (first.block2, len(first.payload)) == (Block(0, True, 4), 256)


@pytest.mark.parametrize(
    ("blocks", "code"),
    [
        ([(Block(1, True, 6), 1024)], "4.08"),
        ([(Block(0, True, 6), 1024), (Block(2, True, 6), 1024)], "4.08"),
        ([(Block(0, True, 6), 1023)], "4.00"),
        ([(Block(0, False, 6), 1025)], "4.00"),
        ([(Block(0, True, 7), 1024)], "4.00"),
        ([(Block(0, True, 6), 1024), (Block(1, True, 6), 1024), (Block(2, True, 6), 1024)], "4.13"),
    ],
)
def test_wrong_blocks_are_refused(blocks: list[tuple[Block, int]], code: str) -> None:
    service = BlockwiseService(2048)
    for block, size in blocks:
        outcome = service.take(BlockMessage(payload=bytes(size), block1=block))
    assert isinstance(outcome, CoapResponse)
    assert outcome.code_text == code


def test_endless_upload_ends() -> None:
    service = BlockwiseService(2048)
    outcomes = [service.take(BlockMessage(payload=bytes(1024), block1=Block(n, True, 6))) for n in range(9)]
    codes = [outcome.code_text for outcome in outcomes if isinstance(outcome, CoapResponse)]
    assert codes[:3] == ["2.31", "2.31", "4.13"]
    assert set(codes[3:]) == {"4.08"}


def test_blocks_of_two_bodies_are_never_joined() -> None:
    service = BlockwiseService(1 << 16)
    service.take(BlockMessage(payload=bytes(1024), block1=Block(0, True, 6), tag=b"a"))
    outcome = service.take(BlockMessage(payload=b"end", block1=Block(1, False, 6), tag=b"b"))
    assert isinstance(outcome, CoapResponse)
    assert outcome.code_text == "4.08"


def test_body_in_one_piece_has_a_limit() -> None:
    outcome = BlockwiseService(10).take(BlockMessage(payload=bytes(11)))
    assert isinstance(outcome, CoapResponse)
    assert outcome.code_text == "4.13"


@pytest.mark.parametrize(("wish", "code"), [(Block(9, False, 6), "4.00"), (Block(1, False, 7), "4.00")])
def test_block_that_is_not_there_cannot_be_fetched(wish: Block, code: str) -> None:
    service = BlockwiseService(1 << 16)
    service.answer(BlockMessage(payload=b"x"), BODY)
    outcome = service.take(BlockMessage(payload=b"", block2=wish))
    assert isinstance(outcome, CoapResponse)
    assert outcome.code_text == code


def test_answer_of_another_request_cannot_be_fetched() -> None:
    service = BlockwiseService(1 << 16)
    service.answer(BlockMessage(payload=b"x", tag=b"a"), BODY)
    outcome = service.take(BlockMessage(payload=b"", block2=Block(1, False, 6), tag=b"b"))
    assert isinstance(outcome, CoapResponse)
    assert outcome.code_text == "4.08"
