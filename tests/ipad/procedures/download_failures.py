"""What the tests of failing downloads have in common."""

from __future__ import annotations

import pytest

from ipad.procedures.report import DownloadReport
from tests.ipad.procedures.download_bench import (
    CODE,
    ICCID,
    DownloadBench,
    code_data,
)

WAYS = pytest.mark.parametrize("relays", [False, True], ids=["direct", "relayed"])


async def failed(world: DownloadBench, *, relays: bool = False, code: str = CODE) -> DownloadReport:
    """A download that fails without a result of the eUICC; checks all that every failure has in common."""
    old = world.enabled()
    report = await world.triggered(code_data(code), relays=relays)
    assert report.installation is None
    assert report.error is not None
    assert world.enabled() == old
    assert ICCID not in world.iccids()
    world.told_error()
    assert world.ipa.journal.content.undelivered == ()
    assert world.ipa.journal.content.download is None
    assert [event.stage.value for event in world.events][-1] == "failed"
    return report


def cancel_calls(world: DownloadBench) -> int:
    return world.network.calls.count("cancelSession") + world.eim.messages.count(0xBF41)


def replaced(world: DownloadBench, function: str, **members: bytes | str | None) -> None:
    world.network.members[function] = members
