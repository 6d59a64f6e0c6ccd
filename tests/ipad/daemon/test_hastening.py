"""When the line of the modem is fast: from the first segment of a package to its end, whatever that is."""

from __future__ import annotations

import pytest

from ipad.daemon.hastening import HastenedSession
from ipad.errors import CardError, ModemError, PortError
from tests.ipad.es10.scripted import ScriptedSession

pytestmark = pytest.mark.asyncio

RESULT = bytes.fromhex("BF3700")


class Line:
    """Notes what is asked of it, among the calls of the session."""

    def __init__(self, calls: list[str]) -> None:
        self.calls = calls
        self.fails = False

    async def hasten(self) -> None:
        self.calls.append("hasten")

    async def slacken(self, *, doubtful: bool = False) -> None:
        self.calls.append("slacken, doubtful" if doubtful else "slacken")
        if self.fails:
            raise PortError("gone")


class Session(ScriptedSession):
    """Answers in turn, and notes the kind of each request."""

    def __init__(self, calls: list[str], *answers: bytes | Exception) -> None:
        super().__init__([])
        self.noted = calls
        self.left: list[bytes | Exception] = [*answers]

    async def transceive(self, request: bytes, *, repeatable: bool = False) -> bytes:
        self.noted.append("request")
        return b""

    async def transceive_segment(self, data: bytes) -> bytes:
        self.noted.append("segment")
        answer = self.left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def close(self) -> None:
        self.noted.append("close")

    async def reset(self) -> None:
        self.noted.append("reset")


def session(*answers: bytes | Exception) -> tuple[HastenedSession, Line, list[str]]:
    calls: list[str] = []
    line = Line(calls)
    return HastenedSession(Session(calls, *answers), line), line, calls


async def test_line_is_fast_from_the_first_segment_to_the_result() -> None:
    hastened, _, calls = session(b"", b"", RESULT)
    await hastened.transceive(b"\xbf\x2e\x00")
    for _ in range(3):
        await hastened.transceive_segment(b"x")
    await hastened.transceive(b"\xbf\x2b\x00")
    assert calls == ["request", "hasten", "segment", "segment", "segment", "slacken", "request"]


async def test_second_package_is_fast_again() -> None:
    hastened, _, calls = session(RESULT, RESULT)
    await hastened.transceive_segment(b"x")
    await hastened.transceive_segment(b"x")
    assert calls == ["hasten", "segment", "slacken"] * 2


async def test_segment_that_fails_makes_the_line_slow_before_anything_else() -> None:
    hastened, _, calls = session(b"", CardError("lost"))
    await hastened.transceive_segment(b"x")
    with pytest.raises(CardError, match="lost"):
        await hastened.transceive_segment(b"x")
    assert calls == ["hasten", "segment", "segment", "slacken"]


def caused(error: CardError) -> CardError:
    error.__cause__ = ModemError("ERROR")
    return error


@pytest.mark.parametrize("error", [ModemError("ERROR"), caused(CardError("the outcome is open"))])
async def test_block_that_the_modem_refuses_makes_the_rate_doubtful(error: CardError) -> None:
    hastened, _, calls = session(error)
    with pytest.raises(type(error)):
        await hastened.transceive_segment(b"x")
    assert calls[-1] == "slacken, doubtful"


@pytest.mark.parametrize("end", ["close", "reset", "request"])
async def test_package_that_is_given_up_leaves_a_slow_line(end: str) -> None:
    hastened, _, calls = session(b"")
    await hastened.transceive_segment(b"x")
    match end:
        case "close":
            await hastened.close()
        case "reset":
            await hastened.reset()
        case _:
            await hastened.transceive(b"x")
    assert calls == ["hasten", "segment", "slacken", end]


async def test_result_is_not_lost_with_the_line() -> None:
    hastened, line, _ = session(RESULT)
    line.fails = True
    assert await hastened.transceive_segment(b"x") == RESULT


async def test_failure_of_a_segment_is_not_hidden_by_one_of_the_line() -> None:
    hastened, line, _ = session(CardError("lost"))
    line.fails = True
    with pytest.raises(CardError, match="lost"):
        await hastened.transceive_segment(b"x")


async def test_line_is_left_alone_without_a_package() -> None:
    hastened, _, calls = session()
    await hastened.transceive(b"x")
    await hastened.close()
    assert calls == ["request", "close"]
    assert hastened.fci == ScriptedSession([]).fci
