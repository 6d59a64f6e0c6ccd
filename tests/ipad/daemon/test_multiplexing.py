"""One UART for AT and data: who attaches the multiplexer, and when it is attached anew. And the clock of the system."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from ipad.board import BoardLibrary
from ipad.config import ModemConfig
from ipad.daemon import multiplexing
from ipad.daemon.clock_setting import set_clock
from ipad.daemon.link import open_modem
from ipad.errors import HelperError, PortError, PortTimeoutError
from ipad.modem.port import AtPort
from tests.ipad.modem.peer import FakeModem, FastClock

LIBRARY = BoardLibrary()
BOARD = LIBRARY.load("rpi-waveshare-sim7080")


class Attacher:
    """A helper that makes the channel appear, or fails."""

    def __init__(self, root: Path, failure: HelperError | None = None, *, appears: bool = True) -> None:
        self.root = root
        self.failure = failure
        self.appears = appears
        self.asked: list[tuple[str, bool]] = []

    async def attach_multiplexer(self, board: str, *, anew: bool) -> None:
        self.asked.append((board, anew))
        if self.failure is not None:
            raise self.failure
        if self.appears:
            (self.root / "dev").mkdir(exist_ok=True)
            (self.root / "dev/gsmtty1").touch()


@pytest.mark.asyncio
async def test_the_helper_attaches_the_multiplexer_once(tmp_path: Path) -> None:
    helper = Attacher(tmp_path)
    for anew in (False, False, True):
        await multiplexing.multiplex(BOARD, FastClock(), anew=anew, helper=helper, root=tmp_path)
    assert helper.asked == [("rpi-waveshare-sim7080", False), ("rpi-waveshare-sim7080", True)]


@pytest.mark.asyncio
async def test_a_helper_that_fails_is_an_error_of_the_port(tmp_path: Path) -> None:
    helper = Attacher(tmp_path, HelperError("no answer", transient=False, hint="start it"))
    with pytest.raises(PortError, match="board rpi-waveshare-sim7080: no answer") as caught:
        await multiplexing.multiplex(BOARD, FastClock(), helper=helper, root=tmp_path)
    assert (caught.value.transient, caught.value.hint) == (False, "start it")
    with pytest.raises(PortError, match="gsmtty1 does not appear in 5 s"):
        await multiplexing.multiplex(BOARD, FastClock(), helper=Attacher(tmp_path, appears=False), root=tmp_path)


@pytest.mark.asyncio
async def test_a_modem_that_is_silent_on_its_channel_is_multiplexed_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []
    fake = FakeModem()

    async def multiplex(_board: object, _clock: object, *, anew: bool = False) -> None:
        asked.append(anew)

    async def open_first(_board: object, _places: object, clock: FastClock) -> AtPort:
        if not asked[-1]:
            raise PortTimeoutError("/dev/gsmtty1: no answer to AT")
        port = fake.port(clock)
        await port.open()
        return port

    monkeypatch.setattr(multiplexing, "multiplex", multiplex)
    monkeypatch.setattr("ipad.daemon.link._open_first", open_first)
    monkeypatch.setattr("ipad.daemon.link._places", lambda _board, _boards: ("/dev/gsmtty1",))
    async with open_modem(ModemConfig(board=BOARD.name), LIBRARY, FastClock()) as modem:
        assert modem.board.mux is not None
    assert asked == [False, True]


class Clockmaker:
    """The part of the helper that sets the clock."""

    def __init__(self, failure: HelperError | None = None) -> None:
        self.failure = failure
        self.seconds: list[float] = []

    async def set_clock(self, seconds: float) -> None:
        self.seconds.append(seconds)
        if self.failure is not None:
            raise self.failure


@pytest.mark.asyncio
async def test_the_clock_is_set_by_the_helper_and_a_refusal_is_only_logged(caplog: pytest.LogCaptureFixture) -> None:
    told = datetime(2026, 3, 1, 12, tzinfo=UTC)
    helper = Clockmaker()
    assert await set_clock(told, helper)
    assert helper.seconds == [told.timestamp()]
    assert not await set_clock(told, Clockmaker(HelperError("is set already")))
    assert "the clock of the system was not set: is set already" in caplog.text
