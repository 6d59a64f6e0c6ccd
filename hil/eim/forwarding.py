"""Installation results and notifications go on to the SM-DP+ that they are addressed to (SGP.32 3.7, 5.14.7).

Acknowledging comes first, forwarding goes on beside it. What a server does not take now is tried again with the next
one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from hil.eim.download import Source
from hil.eim.history import Record, RecordKind
from hil.eim.intake import Arrival
from hil.eim.relay import Routes
from hil.rsp.json_client import JsonClient, NoAnswerError
from hil.rsp.status import RspStatus


class Forwarder:
    """Forwards the notifications among the records of one eIM. Those for servers without a route stay records.

    The result of a direct download is not forwarded: the IPA gives it to the SM-DP+ itself and only tells the eIM.
    """

    def __init__(self, routes: Routes, report: Callable[[Arrival], None], user_agent: str) -> None:
        self._routes = routes
        self._report = report
        self._user_agent = user_agent
        self._waiting: list[tuple[str, bytes]] = []
        self._task: asyncio.Task[None] | None = None
        self._told = ""
        """The last result of a direct download, in hexadecimal."""

    @property
    def waiting(self) -> int:
        """Notifications that no server has taken yet."""
        return len(self._waiting)

    def record_arrived(self, record: Record) -> None:
        """A listener of the eIM: takes new notifications."""
        if record.kind is RecordKind.DOWNLOAD and record.function == "HandleNotification":
            self._told = record.raw
        if record.kind is not RecordKind.NOTIFICATION or not record.news or record.raw in self._told:
            return
        address = str(record.details.get("notificationAddress", ""))
        raw = bytes.fromhex(record.raw)
        if not address or self._routes.route(address, Source.SMDP) is None:
            return
        self._waiting.append((address, raw))
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._forward(), name="notification forwarding")

    async def settled(self) -> None:
        """Wait until everything was tried."""
        if self._task is not None:
            await asyncio.wait({self._task})

    async def close(self) -> None:
        """Stop forwarding."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _forward(self) -> None:
        kept = []
        while self._waiting:
            address, raw = self._waiting.pop(0)
            route = self._routes.route(address, Source.SMDP)
            if route is None:
                continue
            try:
                client = JsonClient(route, self._user_agent)
                await client.call("handleNotification", {"pendingNotification": raw})
                self._report(Arrival(RecordKind.RELAY, f"notification forwarded to {address}", raw))
            except (RspStatus, NoAnswerError) as error:
                kept.append((address, raw))
                self._report(Arrival(RecordKind.RELAY, f"notification not taken by {address}: {error}", raw))
        self._waiting = kept
