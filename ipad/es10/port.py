"""What the functions of ES10 need below them, and what all of them have in common."""

from __future__ import annotations

from enum import IntEnum
from typing import Protocol, TypeVar

from ipad.codec.schema import Choice, Message
from ipad.codec.tlv import encode_tag
from ipad.errors import CodecError, EuiccResultError, StatusWordError
from ipad.es10.leniency import CardLeniency

Response = TypeVar("Response", bound=Message)


class Es10Port(Protocol):
    """The way to an ISD-R: whole request TLVs in, whole response TLVs out (SGP.22 5.7.2)."""

    async def transceive(self, request: bytes, *, repeatable: bool = False) -> bytes:
        """Send one request TLV, return the response TLV, b"" for an answer without data.

        `repeatable` says that a second execution does no harm, so that a lost answer may be asked for again.
        Raises StatusWordError when the eUICC refuses, CardError or PortError when the way to it fails.
        """
        ...

    async def transceive_segment(self, data: bytes) -> bytes:
        """Send one segment of a Bound Profile Package (SGP.22 5.7.6), never twice. Raises as `transceive`."""
        ...


class Es10Session(Es10Port, Protocol):
    """A port whose channel can be closed and whose card can be reset."""

    @property
    def fci(self) -> bytes:
        """The answer to SELECT of the ISD-R; empty where the transport hides it."""
        ...

    async def close(self) -> None:
        """Close the logical channel; the next request opens it again."""
        ...

    async def reset(self) -> None:
        """Reset the card."""
        ...


class FunctionGroup:
    """Base of the function groups. `leniency` is shared by all groups of one eUICC.

    Every function may raise StatusWordError, CardError, PortError (see `Es10Port`), CodecError for a response that
    does not follow the specification, and EuiccResultError for a result code other than ok. Functions whose caller
    has to look at the code return it instead and say so.
    """

    def __init__(self, port: Es10Port, leniency: CardLeniency | None = None) -> None:
        self._port = port
        self._leniency = leniency or CardLeniency()

    async def _call(
        self,
        function: str,
        request: bytes,
        response: type[Response],
        *,
        tag: int | None = None,
        repeatable: bool = False,
    ) -> Response:
        """Send a request and decode its response, under `tag` where that is not the one of the type."""
        try:
            answer = await self._port.transceive(request, repeatable=repeatable)
        except StatusWordError as error:
            raise StatusWordError(f"{function}: {error}", sw=error.sw, transient=error.transient) from error
        return decode_response(function, answer, response, tag=tag)


def decode_response(function: str, data: bytes, response: type[Response], *, tag: int | None = None) -> Response:
    """Decode the answer of a function; CodecError for none, another one, or an alternative that is not known."""
    if not data:
        expected = encode_tag(tag or response.TAG or 0).hex().upper()
        raise CodecError(f"the eUICC answered without data, expected {expected}", path=function)
    decoded = response.decode(data, tag=tag)
    _require_known(function, decoded)
    return decoded


def _require_known(function: str, response: Message) -> None:
    if isinstance(response, Choice) and response.unknown is not None and not response.KEEP_DAMAGED:
        raise CodecError(f"unknown alternative {response.unknown[:8].hex().upper()}", path=function)


def require_ok(function: str, code: IntEnum) -> None:
    """Raise EuiccResultError unless the code is ok(0)."""
    if code != 0:
        raise EuiccResultError(function, code)
