"""Downloads that break: packages that do not fit, networks that fail, cards that are lost."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable

import pytest

from hil import tlv
from ipad.errors import (
    CodecError,
    EuiccResultError,
    ExchangeError,
    HttpStatusError,
    NetworkError,
    NetworkTimeoutError,
    RspStatusError,
    StatusWordError,
    TlsTrustError,
)
from tests.hil.smdp.lpa import segments
from tests.ipad.procedures.download_bench import (
    ICCID,
    DownloadBench,
    ProfileState,
    code_data,
    lost,
    make_order,
)
from tests.ipad.procedures.download_failures import WAYS, cancel_calls, failed

# --- the package ---------------------------------------------------------------------------------------


def flipped(index: int) -> Callable[[bytes], bytes]:
    def tamper(package: bytes) -> bytes:
        pieces = segments(package)
        offset = sum(len(piece) for piece in pieces[: index + 1]) - 1
        return package[:offset] + bytes([package[offset] ^ 1]) + package[offset + 1 :]

    return tamper


@pytest.mark.asyncio
@WAYS
@pytest.mark.parametrize(("index", "command", "reason"), [(0, 0, 2), (1, 1, 8), (3, 2, 8), (5, 5, 8), (6, 5, 8)])
async def test_flipped_byte_in_each_segment_is_the_result_of_the_card(
    world: DownloadBench, relays: bool, index: int, command: int, reason: int
) -> None:
    world.smdp.orders.add(make_order())
    world.tamper(flipped(index))
    old = world.enabled()
    report = await world.triggered(relays=relays)
    assert isinstance(report.error, EuiccResultError)
    assert report.error.code == reason
    assert report.installation is not None
    error = report.installation.profile_installation_result_data.final_result.error_result
    assert error is not None
    assert (error.bpp_command_id, error.error_reason) == (command, reason)
    assert world.enabled() == old
    assert ICCID not in world.iccids()
    assert cancel_calls(world) == 0
    assert (world.smdp.reports[-1].command, world.smdp.reports[-1].reason) == (command, reason)
    told = world.told().profile_download_trigger_result
    assert told is not None
    assert told.profile_download_trigger_result_data.profile_installation_result == report.installation
    assert await world.pending_results() == 0


def reordered(package: bytes) -> bytes:
    parts = tlv.children(tlv.single(package, 0xBF36).value)
    return tlv.build(0xBF36, parts[0].raw, parts[2].raw, parts[1].raw, *(part.raw for part in parts[3:]))


def other_transaction(package: bytes) -> bytes:
    at = package.index(b"\x80\x10") + 2
    return package[:at] + bytes(16) + package[at + 16 :]


def other_metadata(package: bytes) -> bytes:
    return package.replace(b"Test profile", b"Tost profile")


@pytest.mark.asyncio
@WAYS
@pytest.mark.parametrize(
    ("tamper", "reason"),
    [
        (lambda package: package[:-20], 127),
        (reordered, 127),
        (other_transaction, 127),
        (other_metadata, 4),
        (lambda package: tlv.build(0xBF36), 127),
    ],
    ids=["truncated", "reordered", "other transaction", "other metadata", "empty"],
)
async def test_package_that_does_not_fit_never_reaches_the_card(
    world: DownloadBench, relays: bool, tamper: Callable[[bytes], bytes], reason: int
) -> None:
    world.smdp.orders.add(make_order())
    world.tamper(tamper)
    await failed_package(world, relays, reason)


async def failed_package(world: DownloadBench, relays: bool, reason: int) -> None:
    report = await failed(world, relays=relays)
    assert report.error_response is None
    assert cancel_calls(world) == 1
    relayed_truncation = isinstance(report.error, ExchangeError)
    expected = 2 if relayed_truncation else reason
    assert world.order.history[-1].endswith(f"reason {expected}") or relayed_truncation
    assert "installing" not in [event.stage.value for event in world.events]


@pytest.mark.asyncio
async def test_oversized_package_is_not_even_read_to_its_end(world: DownloadBench) -> None:
    world.smdp.orders.add(make_order())
    world.network.body["getBoundProfilePackage"] = b'{"boundProfilePackage":"' + b"A" * 3_000_000 + b'"}'
    report = await failed(world)
    assert isinstance(report.error, NetworkError)
    assert cancel_calls(world) == 1


@pytest.mark.asyncio
async def test_package_of_more_than_two_megabytes_never_reaches_the_card(world: DownloadBench) -> None:
    world.smdp.orders.add(make_order())
    world.tamper(lambda package: tlv.build(0xBF36, bytes(2 * 1024 * 1024)))
    report = await failed(world)
    assert isinstance(report.error, CodecError)
    assert "at most 2097152" in str(report.error)


@pytest.mark.asyncio
async def test_full_card_is_found_by_the_server(world: DownloadBench) -> None:
    world.smdp.orders.add(make_order(size=800_000))
    report = await failed(world)
    assert isinstance(report.error, RspStatusError)
    assert (report.error.subject, report.error.reason) == ("8.1", "4.8")


@pytest.mark.asyncio
async def test_full_card_is_found_by_the_card(world: DownloadBench) -> None:
    world.smdp.orders.add(make_order(size=800_000))
    world.smdp.knobs.ignore_eligibility = True
    report = await world.triggered(relays=False)
    assert isinstance(report.error, EuiccResultError)
    assert report.error.code == 10
    assert report.error.code.spec_name.startswith("installFailedDueToInsufficientMemory")
    assert world.smdp.reports[-1].reason == 10


# --- the network ---------------------------------------------------------------------------------------

FUNCTIONS = ("initiateAuthentication", "authenticateClient", "getBoundProfilePackage")


@pytest.mark.asyncio
@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("executed", [False, True], ids=["request lost", "answer lost"])
async def test_lost_answer_is_asked_for_again(world: DownloadBench, function: str, executed: bool) -> None:
    world.smdp.orders.add(make_order())
    (world.network.lose_answer if executed else world.network.lose)[function] = [lost()]
    assert (await world.triggered(relays=False)).installed
    assert world.network.calls.count(function) == 2
    assert cancel_calls(world) == 0


@pytest.mark.asyncio
@pytest.mark.parametrize("function", FUNCTIONS[1:])
async def test_download_begins_again_when_the_answers_stay_away(world: DownloadBench, function: str) -> None:
    world.smdp.orders.add(make_order())
    world.network.lose_answer[function] = [NetworkTimeoutError("no answer", layer="http")] * 3
    assert (await world.triggered(relays=False)).installed
    assert world.network.calls.count("initiateAuthentication") == 2
    assert cancel_calls(world) == 0


@pytest.mark.asyncio
async def test_second_download_uses_the_same_one_time_key(world: DownloadBench) -> None:
    world.smdp.orders.add(make_order())
    world.network.lose_answer["getBoundProfilePackage"] = [lost()] * 3
    assert (await world.triggered(relays=False)).installed
    bodies = [json.loads(body) for function, body in world.network.requests if function == "getBoundProfilePackage"]
    responses = [base64.b64decode(body["prepareDownloadResponse"]) for body in bodies]
    keys = [tlv.find(response, 0xBF21, 0xA0, 0x30, 0x5F49).value for response in responses]
    assert len(responses) == 4
    assert len({body["transactionId"] for body in bodies}) == 2
    assert len(set(keys)) == 1


@pytest.mark.asyncio
@pytest.mark.parametrize("function", FUNCTIONS[1:])
async def test_server_that_never_answers_again_is_given_up_and_the_session_cancelled(
    world: DownloadBench, function: str
) -> None:
    world.smdp.orders.add(make_order())
    world.network.lose[function] = [NetworkTimeoutError("no answer", layer="http")] * 99
    report = await failed(world)
    assert isinstance(report.error, NetworkTimeoutError)
    assert world.network.calls.count(function) == 6
    assert cancel_calls(world) == 1
    assert world.order.state in (ProfileState.RELEASED, ProfileState.DOWNLOADED)


@pytest.mark.asyncio
async def test_server_that_cannot_be_reached_is_told_without_a_session(world: DownloadBench) -> None:
    report = await failed(world, code="1$nowhere.example.com$X")
    assert isinstance(report.error, NetworkError)
    assert cancel_calls(world) == 0
    assert world.network.calls == ["initiateAuthentication"] * 3


@pytest.mark.asyncio
async def test_untrusted_server_is_not_asked_twice(world: DownloadBench) -> None:
    world.network.lose["initiateAuthentication"] = [TlsTrustError("wrong CI")]
    report = await failed(world)
    assert isinstance(report.error, TlsTrustError)
    assert world.network.calls == ["initiateAuthentication"]


@pytest.mark.asyncio
@pytest.mark.parametrize(("http_status", "asked"), [(500, 3), (404, 1)])
async def test_http_errors_are_repeated_only_while_they_may_pass(
    world: DownloadBench, http_status: int, asked: int
) -> None:
    world.network.http_status["initiateAuthentication"] = http_status
    report = await failed(world)
    assert isinstance(report.error, HttpStatusError)
    assert report.error.status == http_status
    assert world.network.calls.count("initiateAuthentication") == asked


@pytest.mark.asyncio
@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("body", [b"<html>Sorry</html>", b"[]", b"{", b"{}", b"\xff\xfe"])
async def test_answer_that_is_no_json_of_the_function_is_an_exchange_error(
    world: DownloadBench, function: str, body: bytes
) -> None:
    world.smdp.orders.add(make_order())
    world.network.body[function] = body
    report = await failed(world)
    assert isinstance(report.error, ExchangeError)
    assert cancel_calls(world) == (function != "initiateAuthentication")


@pytest.mark.asyncio
async def test_cancel_that_fails_does_not_hide_the_reason(world: DownloadBench) -> None:
    world.smdp.orders.add(make_order(iccid=world.card.profiles[1].iccid))
    world.network.lose["cancelSession"] = [lost()]
    report = await failed(world)
    assert "is on the eUICC already" in str(report.error)


@pytest.mark.asyncio
async def test_card_that_cannot_cancel_does_not_hide_the_reason(world: DownloadBench) -> None:
    world.smdp.orders.add(make_order(iccid=world.card.profiles[1].iccid))
    world.card.knobs.forced_codes["cancelSessionResponseError"] = 127
    report = await failed(world)
    assert "is on the eUICC already" in str(report.error)
    assert world.network.calls[-1] == "cancelSession"


# --- the card ------------------------------------------------------------------------------------------


@pytest.mark.asyncio
@WAYS
async def test_card_that_refuses_a_segment_cancels_with_its_reason(world: DownloadBench, relays: bool) -> None:
    world.smdp.orders.add(make_order())
    await world.associate(relays=relays)
    world.eim.offer(code_data())
    await world.start()
    world.tamper(lambda package: refuse_from_here(world, package))
    (package,) = (await world.run()).packages
    assert package.download is not None
    assert isinstance(package.download.error, StatusWordError)
    assert world.told_error() is None
    assert cancel_calls(world) == 1
    assert ICCID not in world.iccids()


def refuse_from_here(world: DownloadBench, package: bytes) -> bytes:
    world.link.count_from_here()
    world.link.refuse_at = 6
    return package


@pytest.mark.asyncio
async def test_card_that_is_lost_while_loading_has_a_result_after_its_reset(world: DownloadBench) -> None:
    world.smdp.orders.add(make_order(size=5000))
    await world.associate(relays=False)
    world.eim.offer(code_data())
    await world.start()

    def cut(package: bytes) -> bytes:
        world.link.count_from_here()
        world.link.cut_at = 20
        return package

    world.tamper(cut)
    (package,) = (await world.run()).packages
    assert package.download is not None
    assert isinstance(package.download.error, EuiccResultError)
    assert package.download.error.code == 11
    assert world.smdp.reports[-1].reason == 11
    assert ICCID not in world.iccids()
