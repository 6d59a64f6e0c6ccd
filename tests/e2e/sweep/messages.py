"""Messages to eIMs and calls of the SM-DP+, on their way over the air."""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from hil.rsp.json_client import JsonClient
from hil.webserver import Reply, Request
from ipad.errors import HttpStatusError, NetworkError, NetworkTimeoutError
from ipad.net.http import HttpResponse
from tests.e2e.scenarios.air import Air
from tests.e2e.scenarios.smdp import Servers, _Client
from tests.e2e.sweep.catalogue import Fault, Interface
from tests.e2e.sweep.damage import damaged
from tests.e2e.sweep.fate import Fate

_PATIENCE, _DELAY, _DRIP = 90.0, 40.0, 20.0
_STATUSES = {Fault.ERROR_BEFORE: (500, True), Fault.BUSY: (503, True), Fault.NOT_FOUND: (404, False)}
_RETRY_AFTER = 30.0

Exchange = Callable[[], Awaitable[bytes]]


@dataclass
class Way:
    """One kind of messages. `before` is the last answer to each server."""

    interface: Interface
    fate: Fate
    before: dict[str, bytes] = field(default_factory=dict)

    async def carry(self, host: str, label: str, exchange: Exchange) -> bytes:
        """One exchange; `exchange` does it for good. Raises NetworkError."""
        fate = self.fate
        if fate.dead:
            await fate.never()
        fault = fate.gates.passes(self.interface, label)
        if fault is None:
            answer = await exchange()
        else:
            await self._before(fault, host)
            answer = await self._after(fault, host, exchange)
        if fate.dead:
            await fate.never()
        self.before[host] = answer
        return answer

    async def _before(self, fault: Fault, host: str) -> None:
        """What keeps the request from the server."""
        match fault:
            case Fault.KILL_BEFORE:
                self.fate.die()
                await self.fate.never()
            case Fault.SILENCE_BEFORE:
                await self.fate.sleep(_PATIENCE)
                raise NetworkTimeoutError(f"{host}: no answer within {_PATIENCE:g} s", layer="http")
            case Fault.DISCONNECT_BEFORE:
                raise NetworkError(f"{host}: connection reset by peer", layer="tcp")
            case Fault.DNS:
                raise NetworkError(f"{host}: name or service not known", layer="dns")
            case Fault.TLS:
                raise NetworkError(f"{host}: handshake failed", layer="tls")
            case Fault.CLOCK_FORWARD | Fault.CLOCK_BACK:
                self.fate.move_clock(fault)
            case Fault.ERROR_BEFORE | Fault.BUSY | Fault.NOT_FOUND:
                raise self._refused(fault, host)

    def _refused(self, fault: Fault, host: str) -> HttpStatusError:
        status, transient = _STATUSES[fault]
        pause = _RETRY_AFTER if fault is Fault.BUSY else None
        return HttpStatusError(f"{host}: HTTP status {status}", status=status, transient=transient, retry_after=pause)

    async def _after(self, fault: Fault, host: str, exchange: Exchange) -> bytes:
        """The server has acted; what becomes of its answer."""
        answer = await exchange()
        match fault:
            case Fault.KILL_AFTER:
                self.fate.die()
                await self.fate.never()
            case Fault.SILENCE_AFTER:
                await self.fate.sleep(_PATIENCE)
                raise NetworkTimeoutError(f"{host}: no answer within {_PATIENCE:g} s", layer="http")
            case Fault.DELAY | Fault.DRIP:
                await self.fate.sleep(_DELAY if fault is Fault.DELAY else _DRIP)
            case Fault.DUPLICATE:
                return await exchange()
            case Fault.ERROR_AFTER:
                raise self._refused(Fault.ERROR_BEFORE, host)
            case Fault.DISCONNECT_AFTER:
                raise NetworkError(f"{host}: the connection broke", layer="http")
            case Fault.MEMORY:
                raise MemoryError
            case Fault.CLOCK_FORWARD | Fault.CLOCK_BACK:
                pass
            case _:
                spoil = damaged if self.interface is Interface.ESIPA else damaged_json
                changed = spoil(answer, fault, self.before.get(host))
                self.fate.gates.unfit = changed is None
                return answer if changed is None else changed
        return answer


def damaged_json(body: bytes, fault: Fault, before: bytes | None) -> bytes | None:
    """An answer of an RSP server after a fault; tags and lengths are those of its longest member."""
    if fault not in (Fault.WRONG_TAG, Fault.WRONG_LENGTH):
        return damaged(body, fault, before)
    try:
        members = json.loads(body)
    except ValueError:
        return None
    texts = {name: value for name, value in members.items() if isinstance(value, str) and name != "transactionId"}
    if not texts:
        return None
    name = max(texts, key=lambda key: len(texts[key]))
    changed = damaged(base64.b64decode(texts[name]), fault, None)
    return None if changed is None else json.dumps({**members, name: base64.b64encode(changed).decode()}).encode()


@dataclass
class SweptAir(Air):
    """The air to the eIMs; `way` is set before anything is sent."""

    way: Way = field(init=False)

    async def exchange(self, host: str, message: bytes) -> bytes:
        return await self.way.carry(host, message[:2].hex().upper(), lambda: Air.exchange(self, host, message))


@dataclass(frozen=True)
class SweptClient(_Client):
    """The agent's own way to the SM-DP+."""

    way: Way

    server = "smdp.example.com"

    async def post(self, path: str, headers: Any, body: bytes, *, max_body: int, repeatable: bool) -> HttpResponse:
        post = super().post
        status: list[HttpResponse] = []

        async def exchange() -> bytes:
            status.append(await post(path, headers, body, max_body=max_body, repeatable=repeatable))
            return status[-1].body

        answer = await self.way.carry(self.server, path.rpartition("/")[2], exchange)
        return HttpResponse(status[-1].status, status[-1].headers, answer)


class MemoryRoutes:
    """The eIM reaches the SM-DP+."""

    def route(self, address: str, _source: Any) -> Any:
        """Any address is that of the SM-DP+."""
        return address


def client_of(servers: Servers) -> type[JsonClient]:
    """A client of the eIM that calls the SM-DP+ in this process."""

    class MemoryJsonClient(JsonClient):
        async def _exchange(self, target: str, body: bytes) -> tuple[int, bytes]:
            headers = (("content-type", "application/json"), ("x-admin-protocol", "gsma/rsp/v2.2.0"))
            reply: Reply = await servers.server.functions.handle(Request("POST", target, headers, body, len(body), 1))
            return reply.status, reply.body

    return MemoryJsonClient
