"""Remembers that the agent has switched the modem off and not on again.

Between AT+CFUN=0 and AT+CFUN=1 a process may be killed, and a gateway may start anew while its modem keeps its power.
To the next process such a modem looks like one that somebody wanted off, and would stay so for ever. So the rung of the
ladder is on disk before its first command, and taken back after its last one.
"""

from __future__ import annotations

import logging

from ipad.errors import StateError
from ipad.state.store import StateStore

logger = logging.getLogger(__name__)

_RUNG = "rung"
_UNKNOWN = "unknown"


class BegunRung:
    """The mark of one modem. `suspected`: other state says that a rung may have been under way."""

    def __init__(self, store: StateStore, *, suspected: bool = False) -> None:
        self._store = store
        self._rung: str | None = None
        self._suspected = suspected

    def read(self) -> str:
        """The rung that was begun and not ended, "" for none. What cannot be read may have been one."""
        if self._rung is None:
            self._rung = self._load() or (_UNKNOWN if self._suspected else "")
        return self._rung

    def _load(self) -> str:
        try:
            loaded = self._store.load()
        except StateError as error:
            logger.warning("whether the modem was left switched off is not known: %s", error)
            return _UNKNOWN
        if loaded.content is None:
            return "" if loaded.notice is None else _UNKNOWN
        rung = loaded.content.get(_RUNG, "")
        return rung if isinstance(rung, str) else _UNKNOWN

    async def keep(self, rung: str) -> None:
        """`rung` has begun, or with "" has ended. Without a disk it is only remembered: the modem needs it anyway."""
        self._rung = rung
        try:
            await self._store.save({_RUNG: rung})
        except StateError as error:
            logger.warning("the modem is switched %s without a mark of it: %s", "off" if rung else "on", error)
