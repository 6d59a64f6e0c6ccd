"""What the functions of ES9+ and ES11 cost that the IPA itself asks of a server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ipad.es9.functions import JsonPost
from ipad.net.counters import Usage, UsageLedger

DOWNLOAD: Final = "download"
NOTIFICATION: Final = "notification"

_HANDLE_NOTIFICATION: Final = "handleNotification"


class MeteredJson:
    """Satisfies `es9.functions.JsonPost`: enters in a ledger what each function cost, failed ones too.

    `server` is the name in the ledger; `meter` tells what the client below has cost so far.
    """

    def __init__(self, server: str, post: JsonPost, meter: Callable[[], Usage], ledger: UsageLedger) -> None:
        self._server = server
        self._post = post
        self._meter = meter
        self._ledger = ledger
        self._entered = meter()
        self._purpose = DOWNLOAD

    @property
    def server_certificate(self) -> bytes | None:
        """As the connection says."""
        return self._post.server_certificate

    async def post(self, function: str, body: bytes) -> bytes:
        """As the connection does."""
        self._purpose = NOTIFICATION if function == _HANDLE_NOTIFICATION else DOWNLOAD
        try:
            return await self._post.post(function, body)
        finally:
            self._enter(exchanges=1)

    async def close(self) -> None:
        """Close the connection, which the last function pays for."""
        try:
            await self._post.close()
        finally:
            self._enter()

    def _enter(self, *, exchanges: int = 0) -> None:
        now = self._meter()
        usage = now - self._entered + Usage(exchanges=exchanges)
        self._entered = now
        if usage != Usage():
            self._ledger.add(self._server, self._purpose, usage)
