from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipad.errors import ExchangeError
from ipad.net.blockwise import CONTINUE, Block, BlockRequest, BlockwiseExchange, CoapResponse

CHANGED = 0x44
BODY = bytes(range(256)) * 10


def exchange(
    body: bytes = BODY, block_size: int = 512, single: int = 512, max_body: int = 1 << 16
) -> BlockwiseExchange:
    return BlockwiseExchange("eim", body, block_size=block_size, single_limit=single, max_body=max_body)


class Server:
    """Takes and gives blocks as RFC 7959 has it, of at most `size` bytes."""

    def __init__(self, response: bytes, size: int = 1024) -> None:
        self.response = response
        self.exponent = size.bit_length() - 5
        self.bodies: dict[bytes | None, bytes] = {}
        self.requests: list[BlockRequest] = []

    def answer(self, request: BlockRequest) -> CoapResponse:
        self.requests.append(request)
        if request.block2 is not None and request.block2.number:
            return self.block(request.block2)
        block = request.block1
        if block is None:
            self.bodies[None] = request.payload
        else:
            body = b"" if block.number == 0 else self.bodies[request.request_tag]
            assert len(body) == block.offset
            self.bodies[request.request_tag] = body + request.payload
            if block.more:
                assert len(request.payload) == block.size
                return CoapResponse(code=CONTINUE, block1=Block(block.number, True, min(block.exponent, self.exponent)))
        wish = request.block2 or Block(0, False, 6)
        first = self.block(Block(0, False, min(wish.exponent, self.exponent)))
        return CoapResponse(code=first.code, payload=first.payload, block1=block, block2=first.block2, etag=first.etag)

    def block(self, wish: Block) -> CoapResponse:
        payload = self.response[wish.offset : wish.offset + wish.size]
        more = wish.offset + wish.size < len(self.response)
        return CoapResponse(code=CHANGED, payload=payload, block2=Block(wish.number, more, wish.exponent), etag=b"e")


def run(subject: BlockwiseExchange, server: Server) -> CoapResponse:
    for _ in range(10_000):
        response = subject.receive(server.answer(subject.next_request()))
        if response is not None:
            return response
    raise AssertionError("no end")


@settings(max_examples=60)
@given(
    up=st.integers(0, 5000),
    down=st.integers(0, 5000),
    ours=st.sampled_from([16, 256, 512, 1024]),
    theirs=st.sampled_from([16, 64, 512, 1024]),
)
def test_bodies_arrive_whatever_the_sizes(up: int, down: int, ours: int, theirs: int) -> None:
    body, answer = bytes(i % 251 for i in range(up)), bytes(i % 241 for i in range(down))
    server = Server(answer, theirs)
    response = run(exchange(body, ours, ours), server)
    assert response.payload == answer
    assert server.bodies.popitem()[1] == body


def test_small_body_goes_in_one_message_without_options() -> None:
    request = exchange(b"abc", 1024, 1100).next_request()
    assert request == BlockRequest(payload=b"abc")


def test_small_blocks_are_asked_for_at_once() -> None:
    assert exchange(b"abc", 256).next_request().block2 == Block(0, False, 4)


def test_request_tag_is_the_same_over_a_body_and_its_response_and_another_for_the_next() -> None:
    server = Server(bytes(2000))
    run(exchange(), server)
    tags = {request.request_tag for request in server.requests}
    assert len(tags) == 1
    (tag,) = tags
    assert tag is not None
    assert 1 <= len(tag) <= 8
    assert exchange().next_request().request_tag != tag


def test_length_of_the_body_goes_with_the_first_block_only() -> None:
    server = Server(b"")
    run(exchange(), server)
    assert [request.size1 for request in server.requests] == [len(BODY), None, None, None, None]


def test_follow_up_requests_carry_no_body() -> None:
    server = Server(bytes(1500), 512)
    run(exchange(b"abc"), server)
    assert [request.payload for request in server.requests] == [b"abc", b"", b""]


def test_next_request_repeats_itself() -> None:
    subject = exchange()
    assert subject.next_request() == subject.next_request()


def test_server_that_forgot_gets_the_body_again_with_another_tag() -> None:
    subject = exchange()
    server = Server(b"ok")
    first = subject.next_request()
    server.answer(first)
    subject.receive(CoapResponse(code=CONTINUE, block1=first.block1))
    assert subject.receive(CoapResponse(code=0x88)) is None
    again = subject.next_request()
    assert again.block1 is not None
    assert again.block1.number == 0
    assert again.request_tag != first.request_tag
    assert run(subject, server).payload == b"ok"


def test_server_that_always_forgets_is_given_up() -> None:
    subject = exchange()
    responses = [subject.receive(CoapResponse(code=0x88)) for _ in range(3)]
    assert [response and response.code_text for response in responses] == [None, None, "4.08"]


def test_too_large_with_a_hint_means_smaller_blocks() -> None:
    subject = exchange(bytes(1000), 1024, 1100)
    assert subject.next_request().block1 is None
    assert subject.receive(CoapResponse(code=0x8D, block1=Block(0, False, 4))) is None
    assert subject.next_request().block1 == Block(0, True, 4)


def test_too_large_without_a_hint_means_blocks_once() -> None:
    subject = exchange(bytes(1100), 1024, 1100)
    assert subject.receive(CoapResponse(code=0x8D)) is None
    assert subject.next_request().block1 == Block(0, True, 6)
    final = subject.receive(CoapResponse(code=0x8D))
    assert final is not None
    assert final.status == 413


def test_too_large_with_a_useless_hint_is_final() -> None:
    final = exchange(bytes(100), 1024, 1100).receive(CoapResponse(code=0x8D, block1=Block(0, False, 6)))
    assert final is not None


@pytest.mark.parametrize("code", [0x80, 0x84, 0xA3])
def test_error_in_the_middle_of_an_upload_is_the_answer(code: int) -> None:
    final = exchange().receive(CoapResponse(code=code, max_age=5))
    assert final is not None
    assert (final.code, final.max_age) == (code, 5)


def test_error_in_the_middle_of_a_download_is_the_answer() -> None:
    subject = exchange(b"")
    subject.receive(CoapResponse(code=CHANGED, payload=bytes(512), block2=Block(0, True, 5)))
    final = subject.receive(CoapResponse(code=0x88))
    assert final is not None
    assert final.status == 408


@pytest.mark.parametrize(
    ("response", "message"),
    [
        (CoapResponse(code=CHANGED), "without Block1"),
        (CoapResponse(code=CONTINUE), "without Block1"),
        (CoapResponse(code=CONTINUE, block1=Block(1, True, 5)), "number 1 in the answer to block 0"),
        (CoapResponse(code=CONTINUE, block1=Block(0, True, 7)), "reserved"),
    ],
)
def test_wrong_answer_to_a_block_of_the_request(response: CoapResponse, message: str) -> None:
    with pytest.raises(ExchangeError, match=message):
        exchange().receive(response)


def test_continue_after_the_end_is_wrong() -> None:
    with pytest.raises(ExchangeError, match="complete"):
        exchange(b"").receive(CoapResponse(code=CONTINUE))
    subject = exchange(bytes(600))
    subject.receive(CoapResponse(code=CONTINUE, block1=Block(0, True, 5)))
    with pytest.raises(ExchangeError, match="after the last block"):
        subject.receive(CoapResponse(code=CONTINUE, block1=Block(1, True, 5)))


FIRST = CoapResponse(code=CHANGED, payload=bytes(512), block2=Block(0, True, 5), etag=b"1")


@pytest.mark.parametrize(
    ("response", "message"),
    [
        (CoapResponse(code=CHANGED, payload=bytes(512), block2=Block(2, True, 5), etag=b"1"), "expected 512"),
        (CoapResponse(code=CHANGED, payload=bytes(512), block2=Block(0, True, 5), etag=b"1"), "expected 512"),
        (CoapResponse(code=CHANGED, payload=bytes(511), block2=Block(1, True, 5), etag=b"1"), "511 bytes in block 1"),
        (CoapResponse(code=CHANGED, payload=bytes(513), block2=Block(1, False, 5), etag=b"1"), "513 bytes in block 1"),
        (CoapResponse(code=CHANGED, payload=bytes(256), block2=Block(1, True, 4), etag=b"1"), "byte 256"),
        (CoapResponse(code=CHANGED, payload=bytes(512), block2=Block(1, True, 5), etag=b"2"), "changed"),
        (CoapResponse(code=CHANGED, payload=bytes(512), block2=Block(1, True, 5)), "changed"),
        (CoapResponse(code=0x45, payload=bytes(512), block2=Block(1, True, 5), etag=b"1"), "changed"),
        (CoapResponse(code=CHANGED, payload=bytes(512), etag=b"1"), "without Block2"),
        (CoapResponse(code=CHANGED, payload=bytes(512), block2=Block(1, True, 7), etag=b"1"), "reserved"),
    ],
)
def test_wrong_block_of_the_response(response: CoapResponse, message: str) -> None:
    subject = exchange(b"")
    assert subject.receive(FIRST) is None
    with pytest.raises(ExchangeError, match=message):
        subject.receive(response)


def test_response_that_begins_in_the_middle_is_wrong() -> None:
    with pytest.raises(ExchangeError, match="begins with block 1"):
        exchange(b"").receive(CoapResponse(code=CHANGED, payload=bytes(512), block2=Block(1, True, 5)))


def test_response_without_end_is_bounded() -> None:
    subject = exchange(b"", max_body=4096)
    blocks = [CoapResponse(code=CHANGED, payload=bytes(512), block2=Block(number, True, 5)) for number in range(9)]
    assert [subject.receive(block) for block in blocks[:8]] == [None] * 8
    with pytest.raises(ExchangeError, match="longer than 4096"):
        subject.receive(blocks[8])


def test_single_response_is_bounded_too() -> None:
    with pytest.raises(ExchangeError, match="longer than 10"):
        exchange(b"", max_body=10).receive(CoapResponse(code=CHANGED, payload=bytes(11)))


def test_block_size_must_be_one_of_the_protocol() -> None:
    with pytest.raises(ValueError, match="block size 1000"):
        exchange(block_size=1000)
