"""What the back end for ModemManager needs of a message bus, whatever library speaks D-Bus."""

from __future__ import annotations

from typing import Any, Protocol

from ipad.records import dataclass


@dataclass(frozen=True, slots=True)
class Call:
    """A method call of D-Bus: where, what, and the arguments with their signature.

    A variant is a pair of signature and value, in arguments as in answers.
    """

    path: str
    interface: str
    member: str
    signature: str = ""
    arguments: tuple[object, ...] = ()


class MessageBus(Protocol):
    """A connection to a bus, opened when it is first used, and again after it was lost."""

    async def call(self, service: str, call: Call, limit: float) -> tuple[Any, ...]:
        """What the method returns. `limit` is in seconds.

        Raises BearerError, with the error name of D-Bus where the service answered one.
        """
        ...

    @property
    def connections(self) -> int:
        """How often the bus was connected to: what a service ties to a connection is gone when this grows."""
        ...

    async def close(self) -> None:
        """Close the connection. Idempotent."""
        ...
