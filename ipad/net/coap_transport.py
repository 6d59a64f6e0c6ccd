"""What the CoAPS client and server of the agent give to aiocoap in place of a transport of its own (RFC 7252)."""

from __future__ import annotations

import logging
from typing import Any, Final, Self

import aiocoap
from aiocoap import error as coap_error

from ipad.net.blockwise import Block

logger = logging.getLogger(__name__)

SCHEME: Final = "coaps"


class Remote:
    """One association as aiocoap's `EndpointAddress`: hashed by identity, since it lives and dies with it.

    `hostinfo`: host and port of the other side, for messages.
    """

    scheme = SCHEME
    is_multicast = False
    is_multicast_locally = False
    maximum_block_size_exp = 6
    maximum_payload_size = 1024
    authenticated_claims: tuple[object, ...] = ()
    hostinfo_local = "localhost"

    def __init__(self, hostinfo: str) -> None:
        self.hostinfo = hostinfo

    @property
    def uri_base(self) -> str:
        return f"{SCHEME}://{self.hostinfo}"

    @property
    def uri_base_local(self) -> str:
        return f"{SCHEME}://{self.hostinfo_local}"

    @property
    def blockwise_key(self) -> int:
        return id(self)

    def as_response_address(self) -> Self:
        return self

    def __repr__(self) -> str:
        return self.uri_base


class MessageInterface:
    """aiocoap's `MessageInterface`; whoever uses it says how messages are sent and which remotes are its own."""

    def __init__(self) -> None:
        self.manager: Any = None

    def deliver(self, remote: Remote, data: bytes) -> None:
        """Give a message to aiocoap; what is none is dropped (RFC 7252 4.2)."""
        try:
            message = aiocoap.Message.decode(data, remote=remote)
        except (coap_error.Error, ValueError) as error:
            logger.debug("%s: %d bytes that are no CoAP message: %s", remote, len(data), error)
            return
        if self.manager is not None:
            self.manager.dispatch_message(message)

    def fail(self, remote: Remote, error: coap_error.Error) -> None:
        """Let what is under way with a remote fail."""
        if self.manager is not None:
            self.manager.dispatch_error(error, remote)

    async def determine_remote(self, message: object) -> None:
        """Messages always come with their remote."""
        del message

    async def shutdown(self) -> None:
        self.manager = None


def block_option(block: Block | None) -> tuple[int, bool, int] | None:
    """A block as aiocoap wants it."""
    return None if block is None else (block.number, block.more, block.exponent)


def block_of(option: Any) -> Block | None:
    """A block option of aiocoap."""
    return None if option is None else Block(option.block_number, bool(option.more), option.size_exponent)
