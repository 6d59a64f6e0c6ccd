"""Which version of SGP.32 an eIM is spoken to in: configured, or found out as far as that is possible.

An IPA cannot ask for the version. In v1.2 an eIM shows that it is of v1.0 by a data request whose tags only v1.0 has,
or by refusing with 400 what it takes in the form of v1.0. An empty ProvideEimPackageResultResponse is a sign only:
such an eIM read the form of v1.2.
"""

from __future__ import annotations

import logging
from enum import StrEnum
from typing import Final

from ipad.codec import tlv
from ipad.errors import HttpStatusError
from ipad.esipa.binding import EsipaBinding
from ipad.esipa.version10 import downgraded, is_data_request_of_v10, is_empty_response, upgraded

logger = logging.getLogger(__name__)

_BAD_REQUEST: Final = 400
_WORTH_TRYING: Final = frozenset({0xBF4F, 0xBF50, 0xBF3D})


class EimVersion(StrEnum):
    """The version of SGP.32 that an eIM speaks."""

    V1_0 = "1.0"
    V1_2 = "1.2"


class VersionMemory:
    """What is known of the versions of eIMs in this process."""

    def __init__(self) -> None:
        self._versions: dict[str, EimVersion] = {}
        self._remarked: set[str] = set()

    def version(self, eim_id: str) -> EimVersion | None:
        """The version that was found out, None while it was not."""
        return self._versions.get(eim_id)

    def note(self, eim_id: str, version: EimVersion) -> None:
        """The version was found out."""
        self._versions[eim_id] = version

    def remark(self, eim_id: str) -> bool:
        """Whether a sign of v1.0 is news for this eIM."""
        news = eim_id not in self._remarked
        self._remarked.add(eim_id)
        return news


class VersionedBinding:
    """Messages of v1.2 on this side, those of the eIM's version on the other.

    `version` is the configured one, None to find it out.
    """

    def __init__(self, eim_id: str, binding: EsipaBinding, version: EimVersion | None, memory: VersionMemory) -> None:
        self._eim_id = eim_id
        self._binding = binding
        self._configured = version
        self._memory = memory

    async def exchange(self, message: bytes) -> bytes:
        """See `EsipaBinding`."""
        version = self._configured or self._memory.version(self._eim_id)
        if version is EimVersion.V1_0:
            return upgraded(await self._binding.exchange(downgraded(message)))
        try:
            answer = await self._binding.exchange(message)
        except HttpStatusError as error:
            if version is not None or error.status != _BAD_REQUEST:
                raise
            return await self._try_older(message, error)
        if self._configured is None:
            return self._observed(answer)
        return answer

    async def close(self) -> None:
        """Close the connection; the next message opens it again."""
        await self._binding.close()

    async def _try_older(self, message: bytes, refusal: HttpStatusError) -> bytes:
        """One attempt in the form of v1.0, where that is another one."""
        older = downgraded(message)
        if older == message or tlv.read_element(message).tag not in _WORTH_TRYING:
            raise refusal
        try:
            answer = await self._binding.exchange(older)
        except HttpStatusError:
            self._memory.note(self._eim_id, EimVersion.V1_2)
            raise refusal from None
        self._note_older("refuses a message of v1.2 and takes that of v1.0")
        return upgraded(answer)

    def _observed(self, answer: bytes) -> bytes:
        if is_data_request_of_v10(answer):
            self._note_older("asks for data with the tags of v1.0")
            return upgraded(answer)
        if is_empty_response(answer) and self._memory.remark(self._eim_id):
            logger.info(
                'eIM %s answers a result as SGP.32 v1.0 does; if it takes results wrongly, configure version = "1.0"',
                self._eim_id,
            )
        return answer

    def _note_older(self, reason: str) -> None:
        self._memory.note(self._eim_id, EimVersion.V1_0)
        logger.info("eIM %s %s: it is served in v1.0 from now on", self._eim_id, reason)
