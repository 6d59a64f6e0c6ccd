"""Wrappers that let a recording of traffic see what goes to the eUICC, to eIMs and to SM-DP+ and SM-DS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ipad.es10.port import Es10Session
from ipad.esipa.binding import EsipaBinding
from ipad.observe.tap import TrafficTap

if TYPE_CHECKING:
    from ipad.es9.functions import JsonPost


class TappedSession:
    """Forwards to another session."""

    def __init__(self, session: Es10Session, tap: TrafficTap) -> None:
        self._session = session
        self._tap = tap

    @property
    def fci(self) -> bytes:
        """As the session says."""
        return self._session.fci

    async def transceive(self, request: bytes, *, repeatable: bool = False) -> bytes:
        """As the session does."""
        if self._tap.ring is not None:
            self._tap.ring.es10(">", request)
        response = await self._session.transceive(request, repeatable=repeatable)
        if self._tap.ring is not None:
            self._tap.ring.es10("<", response)
        return response

    async def transceive_segment(self, data: bytes) -> bytes:
        """As the session does; nothing of the segment is recorded but its size."""
        if self._tap.ring is not None:
            self._tap.ring.segment(len(data))
        response = await self._session.transceive_segment(data)
        if response and self._tap.ring is not None:
            self._tap.ring.es10("<", response)
        return response

    async def close(self) -> None:
        """As the session does."""
        await self._session.close()

    async def reset(self) -> None:
        """As the session does."""
        await self._session.reset()


class TappedBinding:
    """Forwards to another binding."""

    def __init__(self, eim_id: str, binding: EsipaBinding, tap: TrafficTap) -> None:
        self._eim_id = eim_id
        self._binding = binding
        self._tap = tap

    async def exchange(self, message: bytes) -> bytes:
        """As the binding does."""
        if self._tap.ring is not None:
            self._tap.ring.esipa(">", self._eim_id, message)
        answer = await self._binding.exchange(message)
        if self._tap.ring is not None:
            self._tap.ring.esipa("<", self._eim_id, answer)
        return answer

    async def close(self) -> None:
        """As the binding does."""
        await self._binding.close()


class TappedJson:
    """Forwards to another connection with a SM-DP+ or SM-DS; `server` names it in the recording."""

    def __init__(self, server: str, post: JsonPost, tap: TrafficTap) -> None:
        self._server = server
        self._post = post
        self._tap = tap

    @property
    def server_certificate(self) -> bytes | None:
        """As the connection says."""
        return self._post.server_certificate

    async def post(self, function: str, body: bytes) -> bytes:
        """As the connection does."""
        if self._tap.ring is not None:
            self._tap.ring.es9(">", self._server, function, body)
        answer = await self._post.post(function, body)
        if self._tap.ring is not None:
            self._tap.ring.es9("<", self._server, function, answer)
        return answer

    async def close(self) -> None:
        """As the connection does."""
        await self._post.close()
