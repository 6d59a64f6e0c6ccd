"""The way to the modem: configuration over board definition, recognition, opening and closing."""

import pytest

from ipad.board import GENERIC
from ipad.clock import SystemClock
from ipad.config import ModemConfig, ModemTimeouts
from ipad.daemon.link import board_library, configured, open_modem
from ipad.daemon.modem_facts import read_facts
from ipad.errors import ConfigError, PortError
from tests.ipad.daemon.at_server import AtServer


def test_board_holds_where_nothing_is_configured() -> None:
    board = board_library().load(GENERIC)
    assert configured(board, ModemConfig()) == board


def test_configuration_prevails_over_the_board() -> None:
    board = board_library().load(GENERIC)
    changed = configured(
        board,
        ModemConfig(
            baud=9600,
            flow="rtscts",
            uucp_lock=True,
            apdu=("csim",),
            max_data=60,
            isdr_aids=(b"\xa0\0\0\0\1",),
            terminal_capability=bytes.fromhex("80AA000005A903830107"),
            timeouts=ModemTimeouts(apdu=77.0),
        ),
    )
    assert (changed.serial.baud, changed.serial.flow) == (9600, "rtscts")
    assert "uucp" in changed.serial.lock
    assert changed.apdu.method == ("csim",)
    assert changed.apdu.max_data == 60
    assert changed.apdu.isdr_aids == (b"\xa0\0\0\0\1",)
    assert changed.apdu.terminal_capability == bytes.fromhex("80AA000005A903830107")
    assert changed.at.timeouts.apdu == 77.0
    assert changed.at.timeouts.ccho == board.at.timeouts.ccho


@pytest.mark.asyncio
async def test_modem_is_recognised_when_no_board_is_configured() -> None:
    with AtServer() as server:
        async with open_modem(ModemConfig(port=server.port, max_data=99), board_library(), SystemClock()) as modem:
            assert modem.board.name == "quectel-eg25"
            assert modem.board.apdu.max_data == 99
            assert modem.port.is_open
    assert not modem.port.is_open


@pytest.mark.asyncio
async def test_configured_board_is_taken_as_it_is() -> None:
    with AtServer() as server:
        config = ModemConfig(port=server.port, board=GENERIC)
        async with open_modem(config, board_library(), SystemClock()) as modem:
            assert modem.board.name == GENERIC
    assert "AT+CGMM" not in server.commands


@pytest.mark.asyncio
async def test_port_is_closed_when_the_work_fails() -> None:
    with AtServer() as server:
        config = ModemConfig(port=server.port, board=GENERIC)
        with pytest.raises(RuntimeError, match="broken"):
            async with open_modem(config, board_library(), SystemClock()) as modem:
                raise RuntimeError("broken")
    assert not modem.port.is_open


@pytest.mark.asyncio
async def test_facts_of_the_modem() -> None:
    with AtServer() as server:
        async with open_modem(ModemConfig(port=server.port), board_library(), SystemClock()) as modem:
            facts = await read_facts(modem)
    assert (facts.manufacturer, facts.model, facts.board) == ("Quectel", "EG25", "quectel-eg25")
    assert str(facts.imei) == "490154203237518"
    assert str(facts.iccid) == "8988123456789012345"
    assert facts.sim == "ready"
    assert facts.registration == {"cereg": "home"}
    assert str(facts.plmn) == "001-01"
    assert facts.signal == -73.0
    assert facts.addresses == ("10.0.0.7",)


@pytest.mark.parametrize(
    ("config", "error"),
    [
        (ModemConfig(), ConfigError),
        (ModemConfig(card="pcsc:"), ConfigError),
        (ModemConfig(port="/dev/does-not-exist"), PortError),
        (ModemConfig(port="x", board="no-such-board"), ConfigError),
    ],
)
@pytest.mark.asyncio
async def test_wrong_ways_are_refused(config: ModemConfig, error: type[Exception]) -> None:
    with pytest.raises(error):
        async with open_modem(config, board_library(), SystemClock()):
            pytest.fail("opened")


@pytest.mark.asyncio
async def test_a_gateway_that_may_have_several_modems_asks_which_it_is() -> None:
    with AtServer() as server:
        config = ModemConfig(port=server.port, board="rpi-sixfab")
        async with open_modem(config, board_library(), SystemClock()) as modem:
            assert (modem.board.name, modem.board.module) == ("rpi-sixfab", "quectel-eg25")
            assert modem.board.refresh.ladder == ("wait", "cfun0", "reset")


@pytest.mark.asyncio
async def test_without_a_port_the_board_says_where_it_is_and_the_second_port_stands_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with AtServer() as server:
        monkeypatch.setattr("ipad.board.location.at_ports", lambda *_: ("/dev/does-not-exist", server.port))
        async with open_modem(ModemConfig(board="quectel-eg25"), board_library(), SystemClock()) as modem:
            assert modem.port.name == server.port
        monkeypatch.setattr("ipad.board.location.at_ports", lambda *_: ("/dev/no-1", "/dev/no-2"))
        with pytest.raises(PortError, match="/dev/no-1: there is no such port"):
            async with open_modem(ModemConfig(board="quectel-eg25"), board_library(), SystemClock()):
                pass
