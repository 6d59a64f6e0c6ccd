"""The way into multiplexer mode, against a modem on a pseudo terminal."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from ipad.board import BoardLibrary
from ipad.board.hardware import Multiplexer
from ipad.clock import SystemClock
from ipad.errors import HelperError
from ipad.helper.multiplexer import Multiplexers, close_down
from tests.ipad.helper.kernel import SET_DISCIPLINE, FakeKernel

BOARD = BoardLibrary().load("rpi-waveshare-sim7080")
N_GSM0710 = 21


class Quick(SystemClock):
    """A tenth of a second for a second."""

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds / 20)


@asynccontextmanager
async def modem(answer: Callable[[bytes], bytes]) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A modem that answers each line by a function; its device node, and what it heard."""
    ours, theirs = os.openpty()
    heard: list[bytes] = []
    buffer = bytearray()
    loop = asyncio.get_running_loop()

    def take() -> None:
        buffer.extend(os.read(ours, 4096))
        while True:
            end = next((index for index, octet in enumerate(buffer) if octet in b"\r"), -1)
            if buffer.startswith(b"\xf9") and buffer.count(b"\xf9") >= 2:
                end = buffer.index(b"\xf9", 1)
            if end < 0:
                return
            line = bytes(buffer[: end + 1])
            del buffer[: end + 1]
            heard.append(line)
            os.write(ours, answer(line))

    loop.add_reader(ours, take)
    try:
        yield os.ttyname(theirs), heard
    finally:
        loop.remove_reader(ours)
        os.close(ours)
        os.close(theirs)


def obliging(_line: bytes) -> bytes:
    return b"\r\nOK\r\n"


def multiplexers(tmp_path: Path) -> tuple[Multiplexers, FakeKernel]:
    kernel = FakeKernel(tmp_path)
    return Multiplexers(Quick(), kernel.ioctl), kernel


@pytest.mark.asyncio
async def test_the_modem_is_switched_and_the_line_is_given_to_the_kernel(tmp_path: Path) -> None:
    muxes, kernel = multiplexers(tmp_path)
    settings = Multiplexer(init=("AT+IPR=115200",), mode="advanced", frame_size=512)
    async with modem(obliging) as (path, heard):
        await muxes.attach(replace(BOARD, mux=settings), path, anew=False)
        assert heard == [b"AT\r", b"AT+IPR=115200\r", b"AT+CMUX=0\r"]
        assert kernel.discipline == N_GSM0710
        _, encapsulation, initiator, *_, mru, mtu, _, _ = kernel.mux
        assert (encapsulation, initiator, mru, mtu) == (1, 1, 512, 512)
        assert muxes.holding
        await muxes.attach(replace(BOARD, mux=settings), path, anew=False)
        assert len(heard) == 3, "it is attached"
        await muxes.attach(replace(BOARD, mux=settings), path, anew=True)
        assert len(heard) == 6
        muxes.close()
        assert not muxes.holding


@pytest.mark.asyncio
async def test_a_modem_that_is_left_in_multiplexer_mode_is_brought_out_of_it(tmp_path: Path) -> None:
    muxes, kernel = multiplexers(tmp_path)
    awake: list[bool] = []

    def answer(line: bytes) -> bytes:
        if line == bytes.fromhex("F903EF05C301F2F9"):
            awake.append(True)
            return b""
        return b"\r\nOK\r\n" if awake else b"\xf9\xf9"

    async with modem(answer) as (path, heard):
        await muxes.attach(BOARD, path, anew=False)
        assert heard[-2:] == [b"AT\r", b"AT+CMUX=0\r"]
        assert kernel.discipline == N_GSM0710
        muxes.close()


@pytest.mark.asyncio
async def test_a_modem_that_is_silent_or_refuses_leaves_the_line_free(tmp_path: Path) -> None:
    muxes, kernel = multiplexers(tmp_path)
    async with modem(lambda line: b"\r\nERROR\r\n" if b"CMUX" in line else b"\r\nOK\r\n") as (path, _):
        with pytest.raises(HelperError, match=r"does not accept AT\+CMUX=0"):
            await muxes.attach(BOARD, path, anew=False)
        await Multiplexers(Quick(), kernel.ioctl).attach(
            replace(BOARD, mux=Multiplexer(command="AT")), path, anew=False
        )
    async with modem(lambda _line: b"") as (path, _):
        with pytest.raises(HelperError, match="does not answer"):
            await muxes.attach(BOARD, path, anew=False)
    assert not muxes.holding


@pytest.mark.asyncio
async def test_a_kernel_without_the_discipline_says_what_is_missing(tmp_path: Path) -> None:
    muxes, kernel = multiplexers(tmp_path)
    kernel.refuse = SET_DISCIPLINE
    async with modem(obliging) as (path, _):
        with pytest.raises(HelperError, match="n_gsm: Operation not permitted") as caught:
            await muxes.attach(BOARD, path, anew=False)
    assert "CONFIG_N_GSM" in (caught.value.hint or "")


@pytest.mark.asyncio
async def test_a_line_that_is_missing_in_use_or_too_fast_is_an_error(tmp_path: Path) -> None:
    muxes, _ = multiplexers(tmp_path)
    with pytest.raises(HelperError, match="No such file"):
        await muxes.attach(BOARD, str(tmp_path / "ttyX"), anew=False)
    async with modem(obliging) as (path, _):
        await muxes.attach(BOARD, path, anew=False)
        with pytest.raises(HelperError, match="in use by another program"):
            await Multiplexers(Quick()).attach(BOARD, path, anew=False)
        muxes.close()
        odd = replace(BOARD, serial=replace(BOARD.serial, baud=123456))
        with pytest.raises(HelperError, match="no line speed of 123456"):
            await muxes.attach(odd, path, anew=False)


def test_the_command_that_ends_multiplexer_mode() -> None:
    assert close_down(Multiplexer()) == bytes.fromhex("F903EF05C301F2F9")
    assert close_down(Multiplexer(mode="advanced"))[:5] == bytes.fromhex("7E03EFC301")
