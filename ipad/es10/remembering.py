"""What the eUICC said and will say again: answers that are kept while nothing can have changed them.

An idle poll asks the eUICC for the eIMs, the notifications and the like, and gets what it got the last time. So the
answers to requests that only read are kept, byte for byte, until something is asked of the eUICC that may change them
(`consequences`), a request fails, the card is initialised, the card or the bearer may be another one, or a week is
over, which heals whatever was missed. Errors are never kept.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final

from ipad.clock import Clock
from ipad.codec import tlv
from ipad.errors import CodecError
from ipad.es10.leniency import split_tags
from ipad.es10.port import Es10Session

LIFETIME: Final = 7 * 86_400.0
MAX_ANSWER: Final = 16 * 1024
MAX_ANSWERS: Final = 16

_DATA: Final = frozenset({0xBF20, 0xBF22, 0xBF3C, 0xBF3E, 0xBF43})
"""EUICCInfo1 and 2, configured addresses, EID, RAT: answers that are no CHOICE (SGP.22 5.7)."""

_CHOICES: Final = frozenset({0xBF28, 0xBF2B, 0xBF2D, 0xBF55, 0xBF56})
"""Metadata of notifications, notifications and results, profiles, eIMs, certificates: a list, or an error code."""

_PROFILES: Final = 0xBF2D
_TAG_LIST: Final = 0x5C
_CONSTRUCTED: Final = 0x20


class RememberingSession:
    """Answers from memory what it can, and asks another session for the rest.

    `generation` changes whenever the card may have been initialised. `shared`: others may use the card while the
    channel is closed, so nothing is remembered then.
    """

    def __init__(
        self, session: Es10Session, clock: Clock, generation: Callable[[], int], *, shared: bool = False
    ) -> None:
        self._session = session
        self._clock = clock
        self._generation = generation
        self._shared = shared
        self._answers: dict[bytes, bytes] = {}
        self._of: int | None = None
        self._until = 0.0
        self._proven: int | None = None

    @property
    def fci(self) -> bytes:
        """As the session says."""
        return self._session.fci

    @property
    def proven(self) -> bool:
        """Whether the card, as it is since it was initialised last, has answered over the channel that is open."""
        return self._proven is not None and self._proven == self._generation()

    def forget(self, tags: Collection[int] = ()) -> None:
        """Something may have changed. `tags`: in the answers to these functions only."""
        if tags:
            self._put_aside(lambda request: _tag(request) in tags)
            return
        self._answers.clear()
        self._of = self._proven = None

    async def transceive(self, request: bytes, *, repeatable: bool = False) -> bytes:
        """As the session does; requests that only read may be answered from memory."""
        tag = _tag(request)
        if tag not in _DATA and tag not in _CHOICES:
            return await self._change(request, repeatable=repeatable)
        known = self._recall(request)
        if known is not None:
            return known
        before = self._generation()
        try:
            answer = await self._session.transceive(request, repeatable=repeatable)
        except BaseException:
            self.forget()
            raise
        self._proven = before
        if before == self._generation() and _is_lasting(answer, tag):
            self._keep(request, answer)
        return answer

    async def transceive_segment(self, data: bytes) -> bytes:
        """As the session does."""
        from ipad.es10.consequences import OF_SEGMENTS  # noqa: PLC0415 - an idle poll changes nothing

        self.forget(OF_SEGMENTS)
        try:
            return await self._session.transceive_segment(data)
        except BaseException:
            self.forget()
            raise

    async def close(self) -> None:
        """As the session does."""
        if self._shared:
            self.forget()
        self._proven = None
        await self._session.close()

    async def reset(self) -> None:
        """As the session does."""
        self.forget()
        await self._session.reset()

    async def _change(self, request: bytes, *, repeatable: bool) -> bytes:
        """Ask for what may change the eUICC; only what that leaves as it was is known afterwards."""
        from ipad.es10 import consequences  # noqa: PLC0415 - an idle poll changes nothing

        outdated = consequences.outdated(request)

        def lost(question: bytes) -> bool:
            return _tag(question) in outdated or not consequences.outlives(request, question)

        # Before and after: while it runs, nobody may take an old answer for a new one.
        before = self._put_aside(lost)
        try:
            answer = await self._session.transceive(request, repeatable=repeatable)
        except BaseException:
            self.forget()
            raise
        self._put_aside(lost)
        if before and self._of == self._generation():
            self._answers.update(consequences.mended(request, answer, before))
        return answer

    def _put_aside(self, lost: Callable[[bytes], bool]) -> dict[bytes, bytes]:
        """Take the answers to the requests for which `lost` holds out of the memory."""
        return {request: self._answers.pop(request) for request in tuple(self._answers) if lost(request)}

    def _recall(self, request: bytes) -> bytes | None:
        if self._of != self._generation() or self._clock.monotonic() >= self._until:
            self.forget()
        known = self._answers.get(request)
        return self._wider(request) if known is None and _tag(request) == _PROFILES else known

    def _wider(self, request: bytes) -> bytes | None:
        """The list of all profiles, where it is known with more than what is asked for (SGP.22 5.7.15)."""
        wanted = _profile_tags(request)
        if wanted is None:
            return None
        for question, answer in self._answers.items():
            if wanted <= (_profile_tags(question) or frozenset()):
                return answer
        return None

    def _keep(self, request: bytes, answer: bytes) -> None:
        if self._of is None:
            self._of, self._until = self._generation(), self._clock.monotonic() + LIFETIME
        if len(self._answers) < MAX_ANSWERS:
            self._answers[request] = answer


def _tag(request: bytes) -> int:
    try:
        return tlv.read_element(request).tag
    except CodecError:
        return 0


def _is_lasting(answer: bytes, tag: int) -> bool:
    """Whether an answer is one, and no error code."""
    if len(answer) > MAX_ANSWER:
        return False
    try:
        element = tlv.read_single(answer)
        if element.tag != tag:
            return False
        return tag in _DATA or bool(_first_octet(next(tlv.children(element.value)).tag) & _CONSTRUCTED)
    except (CodecError, StopIteration):
        return False


def _first_octet(tag: int) -> int:
    while tag > 0xFF:
        tag >>= 8
    return tag


def _profile_tags(request: bytes) -> frozenset[int] | None:
    """What a GetProfilesInfo for all profiles asks of each; None for any other request."""
    try:
        element = tlv.read_single(request)
        parts = list(tlv.children(element.value)) if element.tag == _PROFILES else []
        if len(parts) != 1 or parts[0].tag != _TAG_LIST:
            return None
        return frozenset(split_tags(bytes(parts[0].value)))
    except CodecError:
        return None
