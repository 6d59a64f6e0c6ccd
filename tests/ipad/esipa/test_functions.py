from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from ipad.codec.esipa import GetEimPackageRequest, HandleNotificationEsipa, ProvideEimPackageResult
from ipad.codec.esipa_rsp import (
    AuthenticateClientRequestEsipa,
    CancelSessionRequestEsipa,
    GetBoundProfilePackageRequestEsipa,
    InitiateAuthenticationRequestEsipa,
)
from ipad.errors import ExchangeError, NetworkError
from ipad.esipa.functions import EsipaClient
from tests.vectors.sgp32 import VECTORS


@dataclass
class ScriptedBinding:
    """Answers with these messages."""

    answers: list[bytes]
    messages: list[bytes] = field(default_factory=list)
    closed: int = 0

    async def exchange(self, message: bytes) -> bytes:
        self.messages.append(message)
        return self.answers.pop(0)

    async def close(self) -> None:
        self.closed += 1


def data(key: str) -> bytes:
    return bytes.fromhex(VECTORS[key]["hex"])


def client(*answers: bytes) -> tuple[EsipaClient, ScriptedBinding]:
    binding = ScriptedBinding(list(answers))
    return EsipaClient(binding), binding


Call = Callable[[EsipaClient, bytes], Awaitable[Any]]
FUNCTIONS: dict[str, tuple[Call, str, tuple[str, ...]]] = {
    "GetEimPackage": (
        lambda eim, message: eim.get_eim_package(GetEimPackageRequest.decode(message)),
        "GEP2",
        ("GER1", "GER6", "GER7", "GER8"),
    ),
    "ProvideEimPackageResult": (
        lambda eim, message: eim.provide_eim_package_result(ProvideEimPackageResult.decode(message)),
        "PR2",
        ("PA1", "PA2", "PA3", "PA5", "V5"),
    ),
    "InitiateAuthentication": (
        lambda eim, message: eim.initiate_authentication(InitiateAuthenticationRequestEsipa.decode(message)),
        "IA1",
        ("IB1", "IB3", "IB6"),
    ),
    "AuthenticateClient": (
        lambda eim, message: eim.authenticate_client(AuthenticateClientRequestEsipa.decode(message)),
        "AC1",
        ("AD1", "AD3", "AD6"),
    ),
    "GetBoundProfilePackage": (
        lambda eim, message: eim.get_bound_profile_package(GetBoundProfilePackageRequestEsipa.decode(message)),
        "GB1",
        ("GC1", "GC2"),
    ),
    "CancelSession": (
        lambda eim, message: eim.cancel_session(CancelSessionRequestEsipa.decode(message)),
        "CS1",
        ("CT1", "CT2"),
    ),
}
each = pytest.mark.parametrize(("call", "request_", "responses"), FUNCTIONS.values(), ids=FUNCTIONS)


@each
@pytest.mark.asyncio
async def test_messages_pass_in_both_directions(call: Call, request_: str, responses: tuple[str, ...]) -> None:
    eim, binding = client(*map(data, responses))
    for key in responses:
        assert (await call(eim, data(request_))).raw == data(key)
    assert binding.messages == [data(request_)] * len(responses)


@each
@pytest.mark.parametrize("fault", ["none", "other function", "trailing", "truncated", "indefinite", "two alternatives"])
@pytest.mark.asyncio
async def test_answer_that_is_none_of_the_function_is_not_used(
    call: Call, request_: str, responses: tuple[str, ...], fault: str
) -> None:
    good = data(responses[-1])
    bad = {
        "none": b"",
        "other function": data("TS4"),
        "trailing": good + b"\0",
        "truncated": good[:-1],
        "indefinite": good[:2] + b"\x80" + good[3:] + b"\0\0",
        "two alternatives": good[:2] + bytes([6]) + bytes.fromhex("810101810101"),
    }[fault]
    eim, _ = client(bad)
    with pytest.raises(ExchangeError) as caught:
        await call(eim, data(request_))
    assert caught.value.transient


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name != "GetEimPackage"])
@pytest.mark.asyncio
async def test_unknown_alternative_is_not_used(name: str) -> None:
    call, request, responses = FUNCTIONS[name]
    eim, _ = client(data(responses[0])[:2] + bytes.fromhex("03BF6F00"))
    with pytest.raises(ExchangeError, match=f"{name}: unknown alternative BF6F00"):
        await call(eim, data(request))


@pytest.mark.parametrize("package", ["BF6F00", "BF52048304A1A2", "BF54048204A1A2", "BF51023000"])
@pytest.mark.asyncio
async def test_package_that_is_unknown_or_damaged_is_handed_on_for_an_answer(package: str) -> None:
    content = bytes.fromhex(package)
    eim, _ = client(b"\xbf\x4f" + bytes([len(content)]) + content)
    response = await eim.get_eim_package(GetEimPackageRequest.decode(data("GEP1")))
    assert response.unknown == content


@pytest.mark.parametrize("answer", [b"", b"anything"])
@pytest.mark.asyncio
async def test_notification_is_accepted_whatever_comes_with_it(answer: bytes) -> None:
    eim, binding = client(answer)
    await eim.handle_notification(HandleNotificationEsipa.decode(data("HN2")))
    assert binding.messages == [data("HN2")]


@pytest.mark.asyncio
async def test_error_of_the_binding_passes() -> None:
    class Broken(ScriptedBinding):
        async def exchange(self, message: bytes) -> bytes:
            raise NetworkError("no route", layer="tcp")

    with pytest.raises(NetworkError, match="no route"):
        await EsipaClient(Broken([])).handle_notification(HandleNotificationEsipa.decode(data("HN2")))


@pytest.mark.asyncio
async def test_close_closes_the_binding() -> None:
    eim, binding = client()
    await eim.close()
    assert binding.closed == 1
