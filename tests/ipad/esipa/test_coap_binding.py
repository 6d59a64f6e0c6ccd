from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from hil.coap import Refusal
from ipad.codec.esipa import GetEimPackageRequest
from ipad.errors import CoapStatusError, CodecError, ExchangeError, HttpStatusError
from ipad.esipa import binding
from ipad.esipa.binding import EsipaBinding
from ipad.esipa.coap_binding import CoapBinding
from tests.coaps import NOTHING, POLL, Pair, running

pytestmark = pytest.mark.asyncio
NOTIFICATION = bytes.fromhex("BF3D02A000")


@pytest_asyncio.fixture(name="pair")
async def _pair() -> AsyncIterator[Pair]:
    async with running() as pair:
        yield pair


async def test_message_and_answer_pass_unchanged(pair: Pair) -> None:
    subject: EsipaBinding = CoapBinding(pair.client)
    assert GetEimPackageRequest.decode(POLL).encode() == POLL
    assert await subject.exchange(POLL) == NOTHING
    (request,) = pair.server.requests
    # Neither Content-Format (12) nor Accept (17).
    assert set(request.options) == {11}
    await subject.close()


async def test_handle_notification_has_no_answer(pair: Pair) -> None:
    assert await CoapBinding(pair.client).exchange(NOTIFICATION) == b""


@pytest.mark.parametrize(
    ("code", "transient"),
    [
        ("4.00", False),
        ("4.04", False),
        ("4.05", False),
        ("4.08", True),
        ("4.13", False),
        ("4.15", False),
        ("4.29", True),
        ("5.00", True),
        ("5.01", False),
        ("5.03", True),
        ("5.04", True),
    ],
)
async def test_error_codes_are_those_of_http(pair: Pair, code: str, transient: bool) -> None:
    pair.server.knobs.refusals.append(Refusal(code))
    with pytest.raises(CoapStatusError, match=f"CoAP code {code}") as caught:
        await CoapBinding(pair.client).exchange(POLL)
    assert isinstance(caught.value, HttpStatusError)
    assert caught.value.status == int(code.replace(".", ""))
    assert caught.value.transient is transient
    assert caught.value.retry_after is None
    assert caught.value.layer == "coap"


async def test_max_age_of_an_overloaded_server_says_when_to_come_back(pair: Pair) -> None:
    pair.server.knobs.refusals += [Refusal("5.03", max_age=900), Refusal("5.03", max_age=0xFFFFFFFF)]
    subject = CoapBinding(pair.client)
    waits = []
    for _ in range(2):
        with pytest.raises(CoapStatusError) as caught:
            await subject.exchange(POLL)
        waits.append(caught.value.retry_after)
    assert waits == [900.0, 604800.0]
    assert await subject.exchange(POLL) == NOTHING


@pytest.mark.parametrize("code", ["2.01", "2.05"])
async def test_other_success_codes_are_as_good(pair: Pair, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _answer_with(pair, code, monkeypatch)
    assert await CoapBinding(pair.client).exchange(POLL) == NOTHING


@pytest.mark.parametrize("code", ["2.02", "2.03"])
async def test_success_that_carries_no_result_is_none(pair: Pair, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _answer_with(pair, code, monkeypatch)
    with pytest.raises(ExchangeError, match=code):
        await CoapBinding(pair.client).exchange(POLL)


async def test_only_a_profile_package_may_be_large(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ipad.esipa.coap_binding.MAX_MESSAGE", 3000)
    large = bytes(3000)
    subject = CoapBinding(pair.client)
    with pytest.raises(ExchangeError, match="longer than 3000"):
        await subject.exchange(b"\xbf\x4f\x82\x0b\xb8" + large)
    assert await subject.exchange(b"\xbf\x3a\x82\x0b\xb8" + large) == b"\xbf\x3a\x82\x0b\xb8" + large
    assert binding.MAX_PACKAGE_MESSAGE > binding.MAX_MESSAGE


async def test_what_is_no_message_is_not_sent(pair: Pair) -> None:
    with pytest.raises(CodecError):
        await CoapBinding(pair.client).exchange(b"\xbf")
    assert not pair.server.requests


def _answer_with(pair: Pair, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    number = (int(code[0]) << 5) | int(code[2:])
    blocks = pair.server._site.blocks
    begin = blocks.begin
    monkeypatch.setattr(blocks, "begin", lambda request, _code, body: begin(request, number, body))
