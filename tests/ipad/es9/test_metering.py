"""What a server of a direct download costs."""

from __future__ import annotations

import pytest

from ipad.errors import NetworkError
from ipad.es9.functions import JsonPost
from ipad.es9.metering import MeteredJson
from ipad.net.counters import Usage, UsageLedger

pytestmark = pytest.mark.asyncio


class Costly:
    server_certificate = b"certificate"

    def __init__(self) -> None:
        self.spent = Usage()

    async def post(self, function: str, body: bytes) -> bytes:
        self.spent += Usage(bytes_sent=len(body), handshakes=0 if self.spent.handshakes else 1)
        if function == "cancelSession":
            raise NetworkError("gone", layer="tcp")
        return b"{}"

    async def close(self) -> None:
        self.spent += Usage(bytes_sent=1)


async def test_download_and_notification_pay_for_their_functions_failed_ones_too() -> None:
    inner, ledger = Costly(), UsageLedger()
    metered = MeteredJson("smdp.example.com", inner, lambda: inner.spent, ledger)
    port: JsonPost = metered
    assert port.server_certificate == b"certificate"
    assert await port.post("initiateAuthentication", b"12") == b"{}"
    with pytest.raises(NetworkError):
        await port.post("cancelSession", b"123")
    await port.post("handleNotification", b"1234")
    await port.close()
    assert dict(ledger.entries) == {
        ("smdp.example.com", "download"): Usage(exchanges=2, bytes_sent=5, handshakes=1),
        ("smdp.example.com", "notification"): Usage(exchanges=1, bytes_sent=5),
    }


async def test_server_that_was_not_asked_costs_nothing() -> None:
    ledger = UsageLedger()
    inner = Costly()
    MeteredJson("smdp.example.com", inner, lambda: inner.spent, ledger)
    assert not ledger.entries
