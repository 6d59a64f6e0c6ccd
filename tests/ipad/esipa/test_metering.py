"""What messages cost is entered under eIM and procedure."""

from __future__ import annotations

import pytest

from ipad.errors import HttpStatusError
from ipad.esipa.metering import Account, MeteredBinding, Procedure, procedure_of
from ipad.net.counters import Usage, UsageLedger
from tests.ipad.esipa.scripted import Reply, ScriptedBinding, status
from tests.vectors.sgp32 import VECTORS


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
    binding = MeteredBinding(inner, Account("eim", lambda: inner.spent, ledger))
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


def result(content: str) -> bytes:
    return bytes.fromhex(f"BF50{len(content) // 2:02X}{content}")


V10_DATA = result("BF520380017F")


@pytest.mark.parametrize(
    ("message", "procedure"),
    [
        (vector("GEP1"), Procedure.POLL),
        (vector("PR1"), Procedure.RESULT),
        (vector("PR2"), Procedure.RESULT),
        (vector("PR11"), Procedure.RESULT),
        (vector("PR5"), Procedure.DATA),
        (V10_DATA, Procedure.DATA),
        (vector("PR7"), Procedure.DOWNLOAD),
        (vector("HN1"), Procedure.NOTIFICATION),
        (vector("HN3"), Procedure.DOWNLOAD),
        (vector("V10"), Procedure.DOWNLOAD),
        (vector("IA1"), Procedure.DOWNLOAD),
        (vector("GB1"), Procedure.DOWNLOAD),
        (vector("CS1"), Procedure.DOWNLOAD),
        (result("FF"), Procedure.RESULT),
    ],
)
def test_every_message_belongs_to_a_procedure(message: bytes, procedure: Procedure) -> None:
    assert procedure_of(message) is procedure


@pytest.mark.asyncio
async def test_last_message_pays_for_the_end_of_the_connection() -> None:
    class Closing(Costly):
        async def close(self) -> None:
            self.spent += Usage(bytes_sent=7)

    inner, ledger = Closing([b"", vector("PA2")]), UsageLedger()
    account = Account("eim", lambda: inner.spent, ledger)
    bindings = [MeteredBinding(inner, account), MeteredBinding(inner, account)]
    await bindings[0].exchange(vector("HN1"))
    inner.spent += Usage(bytes_received=3)  # what comes late
    await bindings[1].exchange(vector("PR5"))
    for binding in bindings:
        await binding.close()
    costs = ledger.entries
    assert costs[("eim", "notification")].bytes_received == 50 + 3
    assert costs[("eim", "data")].bytes_sent == 100 + len(vector("PR5")) + 2 * 7
    assert ledger.total("eim") == inner.spent + Usage(exchanges=2)


@pytest.mark.asyncio
async def test_connection_that_no_message_used_costs_nothing() -> None:
    inner, ledger = Costly([]), UsageLedger()
    await MeteredBinding(inner, Account("eim", lambda: inner.spent, ledger)).close()
    assert not ledger.entries
