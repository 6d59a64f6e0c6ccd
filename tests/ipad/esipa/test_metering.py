"""What messages cost is entered under eIM and procedure."""

from __future__ import annotations

import pytest

from ipad.errors import HttpStatusError
from ipad.esipa.metering import MeteredBinding
from ipad.net.counters import Usage, UsageLedger
from tests.ipad.codec.test_vectors import VECTORS
from tests.ipad.esipa.scripted import Reply, ScriptedBinding, status


def vector(key: str) -> bytes:
    return bytes.fromhex(VECTORS[key]["hex"])


class Costly(ScriptedBinding):
    spent = Usage()

    async def exchange(self, message: bytes) -> bytes:
        self.spent += Usage(bytes_sent=100 + len(message), packets_sent=1)
        answer = await super().exchange(message)
        self.spent += Usage(bytes_received=50 + len(answer), packets_received=1)
        return answer


@pytest.mark.asyncio
async def test_each_procedure_pays_for_its_messages_failed_ones_too() -> None:
    replies: list[Reply] = [vector("GER1"), vector("GER1"), b"", vector("IB1"), vector("AD1"), status(500)]
    inner, ledger = Costly(replies), UsageLedger()
    binding = MeteredBinding("eim", inner, lambda: inner.spent, ledger)
    for key in ("GEP1", "GEP1", "HN1", "IA1", "AC1"):
        await binding.exchange(vector(key))
    with pytest.raises(HttpStatusError):
        await binding.exchange(vector("PR1"))
    costs = {purpose: (usage.exchanges, usage.bytes_sent) for (_, purpose), usage in ledger.entries.items()}
    assert costs == {
        "poll": (2, 200 + 2 * len(vector("GEP1"))),
        "notification": (1, 100 + len(vector("HN1"))),
        "download": (2, 200 + len(vector("IA1")) + len(vector("AC1"))),
        "result": (1, 100 + len(vector("PR1"))),
    }
    assert ledger.entries[("eim", "result")].bytes_received == 0
    assert ledger.total("eim") == inner.spent + Usage(exchanges=6)
    assert ledger.total("other") == Usage()
