"""Requests and answers of an `HttpService` over a stream: what the servers of the agent have in common."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Final

from ipad.net.http_service import HttpRequest, HttpService, Refusal

_READ: Final = 16 * 1024


async def read_request(
    service: HttpService, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float
) -> HttpRequest | Refusal | None:
    """The next request, which has `seconds` to arrive; None when the client has gone or said nothing.

    Raises OSError when the connection broke.
    """
    try:
        async with asyncio.timeout(seconds):
            outcome = service.receive(b"") if service.busy else None
            while outcome is None:
                data = await reader.read(_READ)
                if not data:
                    return None
                outcome = service.receive(data)
                if outcome is None and (interim := service.interim()):
                    await send(writer, interim, seconds)
            return outcome
    except TimeoutError:
        if not service.busy:
            return None
        return Refusal(HTTPStatus.REQUEST_TIMEOUT, f"no whole request in {seconds:g} s")


async def send(writer: asyncio.StreamWriter, data: bytes, seconds: float) -> None:
    """Send, within `seconds`. Raises OSError when the client is gone, TimeoutError when it does not take it."""
    writer.write(data)
    async with asyncio.timeout(seconds):
        await writer.drain()
