"""What a run costs is told, and a process that stays pays for one full handshake only."""

from __future__ import annotations

import asyncio

from hil.eim import content
from ipad.clock import SystemClock
from ipad.config import load
from ipad.daemon.assembly import AgentFactory
from ipad.net.counters import Usage
from tests.e2e.loopback.site import Site
from tests.e2e.virtual.device import FIRST


def test_cost_of_a_run_is_in_its_answer(site: Site) -> None:
    site.queue(content.data_request((0xBF20, 0xBF22)))
    for _ in range(2):
        rows = {row["procedure"]: row for row in site.json("run", "--once")["usage"]}
        assert {row["server"] for row in rows.values()} == {FIRST}
        poll = rows["poll"]
        assert (poll["handshakes"], poll["resumed_handshakes"]) == (1, 0), "each command begins anew"
        assert 400 < poll["bytes_sent"] < 1500
        assert 800 < poll["bytes_received"] < 3000
    assert set(rows) == {"poll"}


def test_sessions_outlive_the_card_session(site: Site) -> None:
    async def polls() -> list[Usage]:
        factory = AgentFactory(load(site.config)[0], SystemClock())
        spent = []
        for _ in range(3):
            before = factory.usage.snapshot()
            async with factory.open() as agent:
                await agent.poll(await agent.start())
            spent.append(factory.usage.snapshot().since(before).total(FIRST))
        return spent

    costs = asyncio.run(polls())
    assert [(cost.full_handshakes, cost.resumed_handshakes) for cost in costs] == [(1, 0), (0, 1), (0, 1)]
    assert all(cost.bytes_sent + cost.bytes_received < 2000 for cost in costs[1:])
