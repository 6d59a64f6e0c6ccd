"""The AT port: one command at a time, limits, getting back into step, a line that vanishes."""

from __future__ import annotations

import asyncio
import logging

import pytest

from hil.clock import ManualClock
from ipad.board import BoardLibrary
from ipad.errors import ModemError, PortError, PortTimeoutError
from ipad.modem.port import AtPort, PortSettings
from tests.ipad.modem.peer import Chunker, FakeModem, bytewise, framed, whole
from tests.waiting import turns


@pytest.mark.asyncio
@pytest.mark.parametrize("chunker", [whole, bytewise])
@pytest.mark.parametrize("echo", [False, True])
async def test_a_command_returns_its_lines(chunker: Chunker, echo: bool) -> None:
    modem = FakeModem({"AT+CSQ": ["+CSQ: 20,99"]}, chunker=chunker, echo=echo)
    port = modem.port()
    answer = await port.command("AT+CSQ")
    assert answer.lines == ("+CSQ: 20,99",)
    assert answer.value("+CSQ") == "20,99"
    assert modem.commands == ["AT", "ATE0", "ATV1", "AT+CMEE=1", "ATQ0", "AT+CMEE?", "AT+CSQ"]


@pytest.mark.asyncio
async def test_commands_wait_for_each_other() -> None:
    modem = FakeModem({f"AT+N{index}": [f"+N{index}: x"] for index in range(8)})
    port = modem.port()
    answers = await asyncio.gather(*(port.command(f"AT+N{index}") for index in range(8)))
    assert [answer.lines for answer in answers] == [(f"+N{index}: x",) for index in range(8)]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("final", "code", "text"),
    [
        ("+CME ERROR: 13", 13, "SIM failure"),
        ("+CME ERROR: SIM not inserted", 10, "SIM not inserted"),
        ("ERROR", None, "ERROR"),
        ("+CME ERROR: 902", 902, "number of the vendor"),
        ("COMMAND NOT SUPPORT", 4, "COMMAND NOT SUPPORT"),
    ],
)
async def test_an_error_names_port_command_code_and_meaning(final: str, code: int | None, text: str) -> None:
    port = FakeModem({"AT+CIMI": final}).port()
    with pytest.raises(ModemError, match=r"/dev/fake: AT\+CIMI was answered") as caught:
        await port.command("AT+CIMI")
    assert caught.value.code == code
    assert text in str(caught.value)


@pytest.mark.asyncio
async def test_events_reach_every_subscriber_until_it_leaves() -> None:
    modem = FakeModem({"AT+CSQ": b"\r\n+CEREG: 1\r\n\r\n+CSQ: 20,99\r\n\r\nOK\r\n+CEREG: 5\r\n"})
    port = modem.port()
    first: list[str] = []
    second: list[str] = []
    leave = port.subscribe(first.append)
    port.subscribe(second.append)
    assert (await port.command("AT+CSQ")).lines == ("+CSQ: 20,99",)
    leave()
    await port.command("AT+CSQ")
    assert first == ["+CEREG: 1", "+CEREG: 5"]
    assert len(second) == 4


@pytest.mark.asyncio
@pytest.mark.parametrize("late", [framed("+COPS: 0", "OK"), framed("ERROR"), b""])
async def test_a_late_answer_does_not_shift_the_following_ones(late: bytes) -> None:
    modem = FakeModem({"AT+COPS?": None, "AT+CSQ": ["+CSQ: 20,99"], "AT+CGMM": ["EG25"]})
    port = modem.port()
    with pytest.raises(PortTimeoutError, match=r"no result of AT\+COPS\? within 8 s"):
        await port.command("AT+COPS?")
    # The modem finishes the old command when the next one comes, then serves it.
    modem.table["AT"] = late + framed("OK")
    assert (await port.command("AT+CSQ")).lines == ("+CSQ: 20,99",)
    assert (await port.command("AT+CGMM")).lines == ("EG25",)


@pytest.mark.asyncio
async def test_a_cancelled_wait_does_not_shift_the_following_answers() -> None:
    modem = FakeModem({"AT+COPS?": None, "AT+CSQ": ["+CSQ: 20,99"]})
    port = modem.port()
    await port.open()
    task = asyncio.ensure_future(port.command("AT+COPS?"))
    await turns(5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    modem.table["AT"] = framed("+COPS: 0", "OK", "OK")
    assert (await port.command("AT+CSQ")).lines == ("+CSQ: 20,99",)


@pytest.mark.asyncio
async def test_a_result_left_by_an_earlier_user_does_not_shift_the_answers() -> None:
    modem = FakeModem({"AT+CSQ": ["+CSQ: 20,99"]})
    port = modem.port()
    original = modem.open

    async def with_leftover() -> object:
        link = await original()
        link.set_receiver = lambda receiver, set_receiver=link.set_receiver: (  # type: ignore[method-assign, misc]
            set_receiver(receiver),
            modem.say(framed("OK")),
        )
        return link

    port._opener = with_leftover  # type: ignore[assignment]
    assert (await port.command("AT+CSQ")).lines == ("+CSQ: 20,99",)


@pytest.mark.asyncio
async def test_a_modem_that_never_answers_again_is_reported() -> None:
    modem = FakeModem()
    port = modem.port()
    await port.open()
    modem.default, modem.table = None, {}
    with pytest.raises(PortTimeoutError, match="no result"):
        await port.command("AT+CSQ")
    with pytest.raises(PortTimeoutError, match="does not answer any more"):
        await port.command("AT+CSQ")


@pytest.mark.asyncio
async def test_a_silent_port_is_told_from_one_that_talks_nonsense() -> None:
    silent = FakeModem({"AT": None, "ATQ0": None})
    with pytest.raises(PortTimeoutError, match="no answer to 6 AT commands"):
        await silent.port().open()
    assert silent.link.closed
    babbling = FakeModem({"AT": b"$GPGGA,1,2\r\n", "ATQ0": b"$GPGGA,1,2\r\n"})
    with pytest.raises(PortTimeoutError, match="got what is no AT result, such as"):
        await babbling.port().open()


@pytest.mark.asyncio
async def test_a_uart_that_swallows_the_first_lines_is_found() -> None:
    tries = iter([None, None, b"\xf8\x00garb\r\n"])
    modem = FakeModem({"AT+CSQ": ["+CSQ: 20,99"]})
    modem.table["AT"] = modem.table["ATQ0"] = lambda: next(tries, framed("OK"))
    assert (await modem.port().command("AT+CSQ")).lines == ("+CSQ: 20,99",)


@pytest.mark.asyncio
async def test_a_modem_in_numeric_mode_is_brought_to_words() -> None:
    state = {"v": 0}

    def ok() -> bytes:
        return b"0\r" if state["v"] == 0 else framed("OK")

    def verbose() -> bytes:
        state["v"] = 1
        return b"0\r"

    modem = FakeModem({"AT": ok, "ATE0": ok, "ATV1": verbose, "AT+CSQ": ["+CSQ: 20,99"]})
    assert (await modem.port().command("AT+CSQ")).lines == ("+CSQ: 20,99",)


@pytest.mark.asyncio
async def test_hang_up_ends_the_command_at_once_and_the_next_one_opens_the_port_again() -> None:
    modem = FakeModem({"AT+CSQ": ["+CSQ: 20,99"]})
    port = modem.port()
    await port.open()
    modem.table["AT+CFUN=1,1"] = modem.link.hang_up
    with pytest.raises(PortError, match="hung up") as caught:
        await port.command("AT+CFUN=1,1")
    assert not isinstance(caught.value, PortTimeoutError)
    assert not port.is_open
    assert (await port.command("AT+CSQ")).lines == ("+CSQ: 20,99",)
    assert len(modem.links) == 2
    assert port.openings == 2


@pytest.mark.asyncio
async def test_a_line_that_is_found_dead_when_writing_is_opened_again_by_the_next_command() -> None:
    modem = FakeModem({"AT+CSQ": ["+CSQ: 20,99"]})
    port = modem.port()
    await port.open()
    modem.link.closed = True
    with pytest.raises(PortError, match="hung up"):
        await port.command("AT+CSQ")
    assert (await port.command("AT+CSQ")).lines == ("+CSQ: 20,99",)


@pytest.mark.asyncio
async def test_reopen_waits_until_the_port_is_back() -> None:
    modem = FakeModem()
    port = modem.port()
    await port.open()
    modem.missing = 3
    await port.reopen(30.0)
    assert port.is_open
    modem.missing = 10_000
    with pytest.raises(PortError, match="no such port"):
        await port.reopen(5.0)


@pytest.mark.asyncio
async def test_a_prompt_is_left_by_escape() -> None:
    modem = FakeModem({"AT+CMGS=1": b"\r\n> "})
    port = modem.port()
    take = modem.take

    def watch(data: bytes) -> None:
        if data == b"\x1b":
            modem.say(framed("ERROR"))
        else:
            take(data)

    modem.take = watch  # type: ignore[method-assign]
    with pytest.raises(ModemError, match="ERROR"):
        await port.command("AT+CMGS=1")


@pytest.mark.asyncio
async def test_a_final_result_without_line_end_is_taken_after_a_silence() -> None:
    modem = FakeModem({"AT+CSQ": b"\r\n+CSQ: 20,99\r\n\r\nOK", "AT+CGMM": ["EG25"]})
    port = modem.port()
    assert (await port.command("AT+CSQ")).lines == ("+CSQ: 20,99",)
    assert (await port.command("AT+CGMM")).lines == ("EG25",)


@pytest.mark.asyncio
async def test_commands_that_cannot_be_one_line_are_refused() -> None:
    modem = FakeModem()
    port = modem.port(max_line=100)
    with pytest.raises(ModemError, match="the modem takes lines of 100"):
        await port.command("AT+" + "X" * 200)
    with pytest.raises(ModemError, match="control characters"):
        await port.command("AT\rAT+CFUN=0")
    assert modem.commands == []


@pytest.mark.asyncio
async def test_a_failed_start_command_is_fatal_only_when_the_board_says_so() -> None:
    await FakeModem({"ATE0": "ERROR"}).port().open()
    with pytest.raises(ModemError):
        await FakeModem({"AT+X": "ERROR"}).port(init_fatal=("AT+X",)).open()


@pytest.mark.asyncio
async def test_neither_pin_nor_long_payload_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(1)
    modem = FakeModem({'AT+CGLA=1,8,"x"': "ERROR"})
    port = modem.port()
    await port.command('AT+CPIN="4711"')
    await port.command('AT+CGAUTH=1,1,"user","geheim"')
    await port.command('AT+CGLA=1,80,"' + "AB" * 40 + '"')
    assert "4711" not in caplog.text
    assert "geheim" not in caplog.text
    assert "AB" * 17 not in caplog.text
    assert any(record.levelno < logging.DEBUG for record in caplog.records)


@pytest.mark.asyncio
async def test_close_ends_a_waiting_command() -> None:
    modem = FakeModem({"AT+COPS=?": None})
    port = modem.port()
    await port.open()
    task = asyncio.ensure_future(port.command("AT+COPS=?"))
    await turns(5)
    await port.close()
    with pytest.raises(PortError, match="was closed"):
        await task


@pytest.mark.asyncio
async def test_lines_sent_without_waiting_leave_the_port_in_step() -> None:
    modem = FakeModem({"AT+CSQ": ["+CSQ: 20,99"]})
    port = modem.port()
    await port.send_unanswered("AT+CFUN=0", "AT+CFUN=1")
    assert (await port.command("AT+CSQ")).lines == ("+CSQ: 20,99",)
    assert modem.commands[-4:] == ["AT+CFUN=0", "AT+CFUN=1", "AT", "AT+CSQ"]


def test_settings_come_from_the_board() -> None:
    settings = PortSettings.of_board(BoardLibrary().load("quectel-eg25"), "/dev/ttyUSB2")
    assert "+QUSIM" in settings.urcs
    assert settings.timeouts.cops == 180


@pytest.mark.asyncio
async def test_command_that_its_own_limit_did_not_end_is_late() -> None:
    clock = ManualClock()
    modem = FakeModem({"AT+CGLA": None, "AT+CMEE?": ["+CMEE: 1"]})
    port = AtPort(modem.open, PortSettings(name="/dev/fake"), clock)
    await port.open()
    assert port.late(clock.monotonic()) is None
    hanging = asyncio.ensure_future(port.command("AT+CGLA", limit=30.0))
    await turns(5)
    assert port.late(clock.monotonic() + 59.0) is None
    assert "AT+CGLA has not ended" in (port.late(clock.monotonic() + 61.0) or "")
    hanging.cancel()
    await asyncio.gather(hanging, return_exceptions=True)
    assert port.late(clock.monotonic() + 1e6) is None
