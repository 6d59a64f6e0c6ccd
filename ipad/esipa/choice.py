"""Which binding an eIM is asked over (SGP.32 3.1.1, 6.1), and the next one when it refuses.

An IPA cannot ask an eIM what it speaks: eimSupportedProtocol names transports, not bindings, and may be absent. So the
bindings that both may have in common are tried in order; what worked is kept while the process lives.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Final

from ipad.codec.eim import EimSupportedProtocol
from ipad.errors import HttpStatusError
from ipad.esipa.binding import EsipaBinding

logger = logging.getLogger(__name__)

REFUSALS: Final = frozenset({404, 405, 415, 501})
"""Statuses of HTTP, and of CoAP without the dot, that say: not this resource, method or type."""

_HTTPS, _COAPS = EimSupportedProtocol.EIM_RETRIEVE_HTTPS, EimSupportedProtocol.EIM_RETRIEVE_COAPS
_NOT_RETRIEVAL: Final = (
    EimSupportedProtocol.EIM_INJECT_HTTPS | EimSupportedProtocol.EIM_INJECT_COAPS | EimSupportedProtocol.EIM_PROPRIETARY
)


class Transport(StrEnum):
    """A binding together with its transport."""

    ASN1 = "asn1"
    """ASN.1 over HTTPS."""
    JSON = "json"
    """JSON over HTTPS."""
    COAPS = "coaps"
    """ASN.1 over CoAPS."""


def candidates(supported: EimSupportedProtocol | None, *, coaps: bool) -> tuple[Transport, ...]:
    """The bindings to try, first the likeliest; empty when there is no common mode of retrieval.

    `coaps`: whether this IPA has CoAPS. It comes after HTTPS where both are possible: a firewall that drops UDP looks
    like an eIM that is not there. Leniency `unreadable-protocols`: eIMs exist that encode a bit as a byte; a value that
    names no known mode is the same as none.
    """
    https = (Transport.ASN1, Transport.JSON)
    if supported is None or not supported & (_HTTPS | _COAPS | _NOT_RETRIEVAL):
        return https
    found = https if supported & _HTTPS else ()
    return (*found, Transport.COAPS) if coaps and supported & _COAPS else found


class ChoiceMemory:
    """What eIMs took and refused in this process."""

    def __init__(self) -> None:
        self._first: dict[str, Transport] = {}
        self._worked: set[tuple[str, Transport]] = set()

    def order(self, eim_id: str, among: Sequence[Transport]) -> tuple[Transport, ...]:
        """The candidates, first the one to go on with."""
        first = self._first.get(eim_id)
        if first not in among:
            return tuple(among)
        start = among.index(first)
        return (*among[start:], *among[:start])

    def worked(self, eim_id: str, transport: Transport) -> bool:
        """Whether the eIM ever answered over this binding."""
        return (eim_id, transport) in self._worked

    def note_success(self, eim_id: str, transport: Transport) -> None:
        """The eIM answered."""
        self._first[eim_id] = transport
        self._worked.add((eim_id, transport))


class ChosenBinding:
    """The way to one eIM over the first of the candidates that it does not refuse.

    A refusal counts as one of the binding only where the binding never worked; later it is about the message. When all
    are refused the error is that of the first, and the next message begins anew.
    """

    def __init__(
        self,
        eim_id: str,
        among: Sequence[Transport],
        opener: Callable[[Transport], EsipaBinding],
        memory: ChoiceMemory,
    ) -> None:
        self._eim_id = eim_id
        self._among = tuple(among)
        self._opener = opener
        self._memory = memory
        self._open: dict[Transport, EsipaBinding] = {}

    async def exchange(self, message: bytes) -> bytes:
        """See `EsipaBinding`."""
        refusal: HttpStatusError | None = None
        for transport in self._memory.order(self._eim_id, self._among):
            try:
                answer = await self._binding(transport).exchange(message)
            except HttpStatusError as error:
                if error.status not in REFUSALS or self._memory.worked(self._eim_id, transport):
                    raise
                logger.info("eIM %s refuses %s: %s", self._eim_id, transport, error)
                refusal = refusal or error
                continue
            self._memory.note_success(self._eim_id, transport)
            return answer
        assert refusal is not None, "there is at least one candidate"
        raise refusal

    async def close(self) -> None:
        """Close what is open; the next message opens it again."""
        while self._open:
            _, binding = self._open.popitem()
            await binding.close()

    def _binding(self, transport: Transport) -> EsipaBinding:
        if transport not in self._open:
            self._open[transport] = self._opener(transport)
        return self._open[transport]
