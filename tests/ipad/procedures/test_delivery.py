"""Delivery of results: attempts, answers, bounds."""

from __future__ import annotations

import pytest

from ipad.codec.esipa import ProvideEimPackageResultError
from ipad.errors import HttpStatusError, NetworkError, TlsTrustError
from ipad.policy.limits import Limits
from ipad.procedures.delivery import deliver, remove_acknowledged, with_undelivered
from ipad.procedures.report import Handover
from ipad.state.journal import UndeliveredResult
from tests.fakes.packages import eim_configuration
from tests.ipad.procedures.bench import Bench
from tests.vectors.sgp32 import MESSAGES

EIM = eim_configuration()
RESULT = bytes.fromhex("A003020102")
PAUSES = (10.0, 30.0, 90.0)


async def failing(*errors: NetworkError) -> Bench:
    bench = Bench()
    await bench.start()
    left = list(errors)
    provide = bench.eim.provide

    def answer(request: object) -> object:
        if left:
            raise left.pop(0)
        return provide(request)  # type: ignore[arg-type]

    bench.eim.provide = answer  # type: ignore[method-assign, assignment]
    return bench


LOST = NetworkError("reset", layer="tcp")
BUSY = HttpStatusError("503", status=503, transient=True, retry_after=45.0)
FOREVER = HttpStatusError("503", status=503, transient=True, retry_after=1e9)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("errors", "slept", "handover"),
    [
        ((), [], Handover.ANSWERED),
        ((LOST, LOST, LOST), [10, 30, 90], Handover.ANSWERED),
        ((LOST,) * 4, [10, 30, 90], Handover.KEPT),
        ((BUSY, FOREVER), [45, 300], Handover.ANSWERED),
        ((TlsTrustError("wrong pin"),), [], Handover.KEPT),
    ],
)
async def test_attempts(errors: tuple[NetworkError, ...], slept: list[float], handover: Handover) -> None:
    bench = await failing(*errors)
    delivery = await deliver(bench.ipa, (EIM,), RESULT, pauses=PAUSES)
    assert delivery.handover is handover
    assert bench.clock.slept == slept
    assert (delivery.network_error is not None) is (handover is Handover.KEPT)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("answer", "handover", "numbers"),
    [
        (MESSAGES["PA1"], Handover.ACKNOWLEDGED, (7, 8, 9)),
        (MESSAGES["PA2"], Handover.ANSWERED, ()),
        (MESSAGES["PA5"], Handover.ANSWERED, ()),
        (MESSAGES["V5"], Handover.ANSWERED, ()),
        (MESSAGES["PA3"], Handover.REFUSED, ()),
        (bytes.fromhex("BF500CBF530980010780010780 01FF"), Handover.ACKNOWLEDGED, (7,)),
    ],
    ids=["acknowledged", "empty", "no numbers", "older empty", "error", "repeated and negative"],
)
async def test_answers(answer: bytes, handover: Handover, numbers: tuple[int, ...]) -> None:
    bench = await failing()
    bench.eim.answers.append(answer)
    delivery = await deliver(bench.ipa, (EIM,), RESULT)
    assert (delivery.handover, delivery.acknowledged) == (handover, numbers)
    if handover is Handover.REFUSED:
        assert delivery.refusal == ProvideEimPackageResultError.EID_NOT_FOUND


@pytest.mark.asyncio
async def test_acknowledgements_are_bounded_and_unknown_numbers_no_error() -> None:
    bench = Bench(limits=Limits(acknowledgements=2))
    await bench.start()
    bench.eim.answers.append(MESSAGES["PA1"])
    delivery = await deliver(bench.ipa, (EIM,), RESULT)
    assert delivery.acknowledged == (7, 8)
    await remove_acknowledged(bench.ipa, delivery.acknowledged)
    assert bench.euicc.removed == [7, 8]


def item(name: str, size: int = 10) -> UndeliveredResult:
    return UndeliveredResult(eim_id=name, eim_configuration=b"", result=b"\0" * size)


def test_owed_results_are_bounded_in_number_and_size_and_never_doubled() -> None:
    limits = Limits(undelivered_results=2, undelivered_bytes=100)
    owed = with_undelivered((item("a"), item("b")), item("c"), limits)
    assert [one.eim_id for one in owed] == ["b", "c"]
    assert with_undelivered(owed, item("c"), limits) == owed
    assert with_undelivered(owed, item("d", 95), limits) == (item("d", 95),)
    assert with_undelivered((), item("e", 1000), limits) == (item("e", 1000),)
