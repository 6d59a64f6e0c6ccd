"""What the servers of the agent give to whoever answers a request, and what they get back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from ipad.net.peer_rules import PeerIdentity
from ipad.records import dataclass

MAX_REQUEST: Final = 64 * 1024
"""Bytes of a request; an eUICC Package is some 100 bytes to a few kB."""


@dataclass(frozen=True, slots=True)
class ServerCredential:
    """PEM files: the certificate of the server with the chain behind it, and its key."""

    certificate: Path
    key: Path


def _unheeded(_: bool) -> None:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The answer to one request.

    `body` None: none can be given and the connection ends. `retry_after`: not now, but after so many seconds. `sent` is
    called once, with whether the answer went out as far as can be known here.
    """

    body: bytes | None = None
    retry_after: int | None = None
    sent: Callable[[bool], None] = _unheeded


Handler = Callable[[bytes, PeerIdentity], Awaitable[Answer]]
"""Body of a request and its sender -> answer."""
