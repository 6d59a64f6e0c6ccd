"""Which binding is tried first, which next, and what is remembered."""

from __future__ import annotations

import pytest

from ipad.codec.eim import EimSupportedProtocol as Protocol
from ipad.errors import CoapStatusError, HttpStatusError, NetworkTimeoutError
from ipad.esipa.choice import ChoiceMemory, ChosenBinding, Transport, candidates
from tests.ipad.esipa.scripted import Reply, ScriptedBinding, status

ASN1, JSON, COAPS = Transport.ASN1, Transport.JSON, Transport.COAPS
HTTPS_BIT, COAPS_BIT = Protocol.EIM_RETRIEVE_HTTPS, Protocol.EIM_RETRIEVE_COAPS
ALL = (ASN1, JSON, COAPS)


@pytest.mark.parametrize(
    ("supported", "coaps", "expected"),
    [
        (None, True, (ASN1, JSON)),
        (Protocol(0), True, (ASN1, JSON)),
        (Protocol(1 << 7), True, (ASN1, JSON)),
        (HTTPS_BIT, True, (ASN1, JSON)),
        (HTTPS_BIT | COAPS_BIT, True, (ASN1, JSON, COAPS)),
        (HTTPS_BIT | COAPS_BIT, False, (ASN1, JSON)),
        (COAPS_BIT, True, (COAPS,)),
        (COAPS_BIT, False, ()),
        (Protocol.EIM_INJECT_HTTPS, True, ()),
        (Protocol.EIM_PROPRIETARY, True, ()),
        (Protocol.EIM_PROPRIETARY | HTTPS_BIT, True, (ASN1, JSON)),
    ],
)
def test_candidates_follow_the_protocols_of_the_eim(
    supported: Protocol | None, coaps: bool, expected: tuple[Transport, ...]
) -> None:
    assert candidates(supported, coaps=coaps) == expected


class Bench:
    def __init__(self, memory: ChoiceMemory | None = None, **replies: list[Reply]) -> None:
        self.bindings = {Transport(name): ScriptedBinding(script) for name, script in replies.items()}
        self.memory = memory or ChoiceMemory()
        among = tuple(self.bindings)
        self.chosen = ChosenBinding("eim", among, self.bindings.__getitem__, self.memory)

    @property
    def asked(self) -> dict[str, int]:
        return {str(name): len(binding.messages) for name, binding in self.bindings.items()}


@pytest.mark.parametrize("code", [404, 405, 415, 501])
@pytest.mark.asyncio
async def test_refused_binding_is_followed_by_the_next_one_which_is_kept(code: int) -> None:
    bench = Bench(asn1=[status(code)], json=[b"one", b"two"], coaps=[])
    assert await bench.chosen.exchange(b"\xbf\x4f\x00") == b"one"
    assert await bench.chosen.exchange(b"\xbf\x4f\x00") == b"two"
    assert bench.asked == {"asn1": 1, "json": 2, "coaps": 0}


@pytest.mark.asyncio
async def test_what_worked_is_remembered_beyond_the_connection() -> None:
    bench = Bench(asn1=[status(404)], json=[b"one"])
    await bench.chosen.exchange(b"")
    later = Bench(bench.memory, asn1=[], json=[b"two"])
    assert await later.chosen.exchange(b"") == b"two"
    other = ChosenBinding("eim2", tuple(later.bindings), lambda _: ScriptedBinding([b"first"]), bench.memory)
    assert await other.exchange(b"") == b"first"


@pytest.mark.parametrize("code", [404, 405])
@pytest.mark.asyncio
async def test_coap_is_refused_by_the_same_codes(code: int) -> None:
    refusal = CoapStatusError("4.04", status=code, transient=False)
    bench = Bench(coaps=[refusal], asn1=[b"one"])
    assert await bench.chosen.exchange(b"") == b"one"


@pytest.mark.parametrize(
    "failure", [status(400), status(403), status(500, transient=True), NetworkTimeoutError("no answer", layer="tcp")]
)
@pytest.mark.asyncio
async def test_other_failures_are_no_reason_to_change(failure: Exception) -> None:
    bench = Bench(asn1=[failure], json=[])
    with pytest.raises(type(failure)):
        await bench.chosen.exchange(b"")
    assert bench.asked["json"] == 0


@pytest.mark.asyncio
async def test_refusal_after_a_success_is_about_the_message() -> None:
    bench = Bench(asn1=[b"one", status(404), b"two"], json=[])
    await bench.chosen.exchange(b"")
    with pytest.raises(HttpStatusError):
        await bench.chosen.exchange(b"")
    assert await bench.chosen.exchange(b"") == b"two"
    assert bench.asked["json"] == 0


@pytest.mark.asyncio
async def test_when_all_refuse_the_first_error_counts_and_the_next_message_begins_anew() -> None:
    bench = Bench(asn1=[status(404), b"one"], json=[status(415)])
    with pytest.raises(HttpStatusError, match="404"):
        await bench.chosen.exchange(b"")
    assert await bench.chosen.exchange(b"") == b"one"


@pytest.mark.asyncio
async def test_all_that_was_opened_is_closed() -> None:
    bench = Bench(asn1=[status(404)], json=[b"one"], coaps=[])
    await bench.chosen.exchange(b"")
    await bench.chosen.close()
    assert [binding.closed for binding in bench.bindings.values()] == [1, 1, 0]
