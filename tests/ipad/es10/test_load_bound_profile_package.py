from __future__ import annotations

import pytest

from ipad.codec import tlv
from ipad.codec.bpp import BoundProfilePackage
from ipad.errors import CardError, CodecError, StatusWordError
from ipad.es10.euicc import Euicc
from tests.ipad.es10.scripted import Answer, ScriptedSession, refused
from tests.vectors.sgp32 import VECTORS

PACKAGE = BoundProfilePackage.parse(bytes.fromhex(VECTORS["GC1"]["values"]["bound_profile_package"]))
_PIR = tlv.find(tlv.read_single(bytes.fromhex(VECTORS["HN2"]["hex"])).value, 0xA0, 0xBF37)
assert _PIR is not None
RESULT = bytes(_PIR.raw)


async def load(*answers: Answer) -> tuple[ScriptedSession, list[tuple[int, int]], object]:
    session = ScriptedSession(list(answers))
    progress: list[tuple[int, int]] = []
    try:
        found: object = await Euicc(session).load_bound_profile_package(
            PACKAGE, lambda done, total: progress.append((done, total))
        )
    except (CardError, CodecError) as error:
        found = error
    return session, progress, found


@pytest.mark.asyncio
async def test_segments_go_out_unchanged_until_the_result_comes() -> None:
    segments = list(PACKAGE.segments())
    session, progress, found = await load(*[b""] * (len(segments) - 1), RESULT)
    assert [bytes(segment) for segment in segments] == session.segments
    assert b"".join(session.segments) == bytes.fromhex(VECTORS["GC1"]["values"]["bound_profile_package"])
    assert progress[-1] == (PACKAGE.size, PACKAGE.size)
    assert [done for done, _ in progress] == sorted(done for done, _ in progress)
    assert getattr(found, "raw", None) == RESULT


@pytest.mark.asyncio
async def test_no_segment_follows_an_early_result() -> None:
    session, _, found = await load(b"", RESULT, b"", b"")
    assert len(session.segments) == 2
    assert getattr(found, "raw", None) == RESULT


@pytest.mark.asyncio
async def test_refused_segment_ends_the_loading() -> None:
    session, _, found = await load(b"", refused(0x6985), b"")
    assert isinstance(found, StatusWordError)
    assert len(session.segments) == 2


@pytest.mark.asyncio
async def test_card_that_gives_no_result() -> None:
    _, _, found = await load(*[b""] * len(list(PACKAGE.segments())))
    assert isinstance(found, CardError)
    assert "no ProfileInstallationResult" in str(found)


@pytest.mark.asyncio
async def test_answer_that_is_no_result() -> None:
    _, _, found = await load(b"\xbf\x38\x00")
    assert isinstance(found, CodecError)
