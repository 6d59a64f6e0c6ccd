"""Cards that are no eUICC or an ill one: one message, one exit code, and no package is lost or executed twice."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hil.eim import content
from hil.eim.association import Outcome, PackageState
from hil.euicc import PowerLossPoint
from hil.euicc.engine import Engine
from hil.euicc.errors import StatusError
from tests.e2e.commands import fails
from tests.e2e.virtual.device import ONE, TWO, Device, execute
from tests.hil.modem.fake_card import FakeCard

LOAD, RESULTS, NOTIFICATION_REMOVAL, GET_EID = b"\xbf\x51", b"\xbf\x2b", b"\xbf\x30", b"\xbf\x3e"
COMMANDS = [("run", "--once"), ("euicc", "info"), ("profile", "list"), ("eim", "list"), ("notification", "list")]


def refuses(_engine: Engine, _request: bytes) -> bytes:
    raise StatusError(0x6F00)


def cuts(engine: Engine, request: bytes) -> bytes:
    return execute(engine, request)[:-1]


def appends(engine: Engine, request: bytes) -> bytes:
    return execute(engine, request) + b"\x05\x00"


def says_nothing(_engine: Engine, _request: bytes) -> bytes:
    return b""


def babbles(_engine: Engine, _request: bytes) -> bytes:
    return bytes(range(200))


def answers_something_else(_engine: Engine, _request: bytes) -> bytes:
    return bytes.fromhex("BF3C00")


ILLNESSES = [refuses, cuts, appends, says_nothing, babbles, answers_something_else]


@pytest.mark.parametrize("command", COMMANDS)
def test_card_without_isdr(device: Device, command: tuple[str, ...]) -> None:
    device.insert("quectel-eg25", card=FakeCard(isdr=False))
    message = fails(device, command, 1, "no-euicc")
    assert "ISD-R" in message
    assert "6A82" in message


def test_card_that_answers_6f00_to_everything(device: Device) -> None:
    (package,) = device.queue(content.psmo_package(content.list_profile_info()))
    device.card_fault = refuses
    functions = {fails(device, command, 4, "status-word").partition(":")[0] for command in COMMANDS}
    assert functions == {"GetEID", "GetProfilesInfo", "RetrieveNotificationsList"}
    assert "6F00" in fails(device, COMMANDS[0], 4, "status-word")
    assert package.state is PackageState.QUEUED
    heals(device)
    assert package.outcome is Outcome.OK


@pytest.mark.parametrize("illness", ILLNESSES[1:])
def test_card_whose_answers_are_no_tlv(device: Device, illness: Callable[[Engine, bytes], bytes]) -> None:
    (package,) = device.queue(content.psmo_package(content.list_profile_info()))
    device.card_fault = illness
    for command in COMMANDS:
        message = fails(device, command, 1, "codec")
        assert "BF3E" in message or "BF2D" in message or "BF2B" in message or "tag 00" in message
    assert package.state is PackageState.QUEUED
    heals(device)
    assert package.outcome is Outcome.OK


def heals(device: Device) -> None:
    device.card_fault = None
    assert device.json("run", "--once")["outcome"] == "done"
    assert len(device.loaded) == len(set(device.loaded)) == 1


def only(
    tag: bytes, illness: Callable[[Engine, bytes], bytes], times: int = 1_000
) -> Callable[[Engine, bytes], bytes | None]:
    """The illness shows at one function, so many times."""
    left = [times]

    def fault(engine: Engine, request: bytes) -> bytes | None:
        if not request.startswith(tag) or not left[0]:
            return None
        left[0] -= 1
        return illness(engine, request)

    return fault


@pytest.mark.parametrize("illness", [refuses, says_nothing, babbles])
def test_package_that_the_card_did_not_execute_is_reported_as_undefined_error(
    device: Device, illness: Callable[[Engine, bytes], bytes]
) -> None:
    packages = device.queue(*[content.psmo_package(content.enable(TWO)), content.data_request()])
    device.card_fault = only(LOAD, illness)
    done = device.json("run", "--once")
    assert [package["result"] for package in done["packages"]] == ["undefinedError(127)", None]
    assert [package.state for package in packages] == [PackageState.CLOSED] * 2
    assert [package.outcome for package in packages] == [Outcome.IPA_ERROR, Outcome.OK]
    assert device.states[ONE]


@pytest.mark.parametrize("illness", [cuts, appends])
def test_executed_package_whose_answer_is_damaged_is_looked_up_on_the_card(
    device: Device, illness: Callable[[Engine, bytes], bytes]
) -> None:
    executed = []

    def executes(engine: Engine, request: bytes) -> bytes:
        executed.append(request)
        return illness(engine, request)

    (package,) = device.queue(content.psmo_package(content.enable(TWO, rollback=True)))
    device.card_fault = only(LOAD, executes)
    done = device.json("run", "--once")
    assert [package["result"] for package in done["packages"]] == ["enable ok(0)"]
    assert (package.state, package.outcome) == (PackageState.CLOSED, Outcome.OK)
    assert len(executed) == 1
    assert device.states[TWO]


@pytest.mark.parametrize("illness", [refuses, cuts, says_nothing, babbles])
def test_notifications_that_cannot_be_read_hold_no_result_back(
    device: Device, illness: Callable[[Engine, bytes], bytes]
) -> None:
    (package,) = device.queue(content.psmo_package(content.enable(TWO)))

    def notifications_only(engine: Engine, request: bytes) -> bytes | None:
        asks_for_results = request.startswith(RESULTS) and b"\x82" in request[3:5]
        return None if asks_for_results else only(RESULTS, illness)(engine, request)

    device.card_fault = notifications_only
    device.ipad("run", "--once")
    assert (package.state, package.outcome) == (PackageState.CLOSED, Outcome.OK)
    device.card_fault = None
    assert device.ipad("run", "--once").code == 0
    assert device.json("notification", "list")["notifications"] == []
    assert len(device.loaded) == 1


@pytest.mark.parametrize("illness", [refuses, cuts, says_nothing])
def test_acknowledged_result_that_the_card_does_not_remove_is_no_reason_to_stop(
    device: Device, illness: Callable[[Engine, bytes], bytes]
) -> None:
    packages = device.queue(*2 * [content.psmo_package(content.list_profile_info())])
    device.card_fault = only(NOTIFICATION_REMOVAL, illness, times=1)
    while device.ipad("run", "--once").code:
        assert device.clock.monotonic() < 3600
    assert [package.state for package in packages] == [PackageState.CLOSED] * 2
    assert len(device.loaded) == 2


def test_card_that_loses_its_power_in_the_middle_of_a_switch(device: Device) -> None:
    (package,) = device.queue(content.psmo_package(content.enable(TWO, rollback=True)))
    device.card.knobs.power_loss = PowerLossPoint.AFTER_RESULT_STORED
    while device.ipad("run", "--once").code:
        device.clock.advance(10)
        assert device.clock.monotonic() < 3600
    assert (package.state, package.outcome) == (PackageState.CLOSED, Outcome.OK)
    assert device.states[TWO]
    assert len(device.loaded) == 1


def test_misread_eid_does_not_cost_what_is_owed(device: Device) -> None:
    """A serial line has no checksum: an EID whose check digits are wrong is believed only if the card says it twice."""
    device.queue(content.data_request((0xBF20,)))
    device.internet.spoil = lambda message, answer: b"" if message.startswith(b"\xbf\x50") else answer
    assert device.ipad("run", "--once").code != 0
    device.internet.spoil = None
    misread = [True]

    def once(engine: Engine, request: bytes) -> bytes | None:
        answer = execute(engine, request)
        if request.startswith(GET_EID) and misread:
            misread.clear()
            return answer[:-1] + bytes([answer[-1] ^ 0x10])
        return answer

    device.card_fault = once
    assert device.json("run", "--once")["undelivered"] == 0
    assert not misread
