"""All functions of one eUICC over one session."""

from __future__ import annotations

from collections.abc import Callable, Collection

from ipad.codec.notification import (
    RetrieveNotificationsListRequestSearchCriteria,
    RetrieveNotificationsListResponse,
)
from ipad.es10.es10a import Es10a
from ipad.es10.es10b import Es10b
from ipad.es10.es10b_iot import Es10bIot
from ipad.es10.es10c import Es10c
from ipad.es10.leniency import CardLeniency
from ipad.es10.port import Es10Session


class Euicc(Es10a, Es10b, Es10bIot, Es10c):
    """ES10a, ES10b and ES10c, and the session below them. `forget` empties the memory that there is above the card.

    `proven`: whether the eUICC has answered over the channel that is open.
    """

    def __init__(
        self,
        session: Es10Session,
        leniency: CardLeniency | None = None,
        *,
        forget: Callable[[Collection[int]], None] = lambda _tags: None,
        proven: Callable[[], bool] = lambda: False,
    ) -> None:
        super().__init__(session, leniency)
        self._session = session
        self._forget = forget
        self._proven = proven
        self._damaged: frozenset[bytes] = frozenset()

    @property
    def fci(self) -> bytes:
        """The answer to SELECT of the ISD-R; empty where the transport hides it."""
        return self._session.fci

    def forget(self, tags: Collection[int] = ()) -> None:
        """Answer from the card itself from now on, not from memory. `tags`: what these functions answer only."""
        self._forget(tags)

    @property
    def proven(self) -> bool:
        """Whether the eUICC has answered over the channel that is open."""
        return self._proven()

    async def retrieve_notifications_list(
        self, search_criteria: RetrieveNotificationsListRequestSearchCriteria | None = None
    ) -> RetrieveNotificationsListResponse:
        """As ES10b has it. A list with entries that cannot be decoded is read twice, once for the same entries.

        What fell over on the line is right then; from memory it would be wrong for days.
        """
        found = await super().retrieve_notifications_list(search_criteria)
        if _damaged(found) - self._damaged:
            self.forget((RetrieveNotificationsListResponse.TAG,))
            found = await super().retrieve_notifications_list(search_criteria)
            self._damaged |= _damaged(found)
        return found

    async def close(self) -> None:
        """Close the logical channel; the next function opens it again."""
        await self._session.close()

    async def reset(self) -> None:
        """Reset the card; the next function opens a channel again."""
        await self._session.reset()


def _damaged(found: RetrieveNotificationsListResponse) -> frozenset[bytes]:
    """Entries that cannot be decoded, as they came."""
    entries = (*(found.notification_list or ()), *(found.euicc_package_result_list or ()))
    return frozenset(entry.unknown for entry in entries if entry.unknown is not None)
