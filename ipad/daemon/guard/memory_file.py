"""The memory of policy, in a file beside the journal: damage to it costs intervals and counts, never service."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from ipad.errors import StateError
from ipad.ids import Eid
from ipad.policy.memory import lost, remember, restore, worth_saving
from ipad.policy.state import State
from ipad.state.journal import JournalStore

logger = logging.getLogger(__name__)

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_LOOK_AGAIN: Final = 600.0
"""Seconds after which a memory is compared although nothing but its ages has changed."""


def boot_id(file: Path = _BOOT_ID) -> str:
    """What tells this boot from others; without help of the kernel every process is a boot of its own."""
    try:
        return file.read_text(encoding="ascii").strip() or os.urandom(16).hex()
    except (OSError, ValueError):
        return os.urandom(16).hex()


class PolicyMemory:
    """One file, bound to one eUICC. `boot` identifies this boot."""

    def __init__(self, store: JournalStore, boot: str) -> None:
        self._store = store
        self._boot = boot
        self._eid: bytes | None = None
        self._saved: Mapping[str, object] | None = None
        self._parts: tuple[object, ...] = ()
        self._compared_at = float("-inf")
        self._failure = ""
        self._hidden_saved = False
        self.hidden = False
        """Whether the modem hides its data bearer."""

    @property
    def rebooted(self) -> bool:
        """Whether the device started anew since the last save, or nothing was ever saved."""
        return self._saved is None or self._saved.get("boot") != self._boot

    def load(self, now: float) -> State:
        """The state to go on with; a new one when there is none that can be used."""
        try:
            loaded = self._store.load()
            content = loaded.content or {}
            eid, plain = content.get("eid"), content.get("policy")
            self._eid = eid if isinstance(eid, bytes) else None
            self._saved = plain if isinstance(plain, Mapping) else None
            self.hidden = self._hidden_saved = content.get("hidden_bearer") is True
            return restore(self._saved, self._boot, now) if loaded.notice is None else lost(now)
        except StateError as error:
            logger.error("policy begins without its memory: %s", error)
            self._saved = None
            return lost(now)

    def belongs_to(self, eid: Eid) -> bool:
        """Whether the memory is that of this eUICC, to which it is bound from now on."""
        same = self._eid in (None, eid.octets)
        self._eid = eid.octets
        return same

    def forget(self) -> None:
        """Nothing is saved that matters any more."""
        self._saved, self._parts = None, ()

    async def save(self, state: State, now: float) -> None:
        """Write the state if that is worth it. A failure is logged once for as long as it lasts."""
        parts = (state.window, state.pending, state.fallback, state.polls, state.stay, state.rules, state.history)
        hiding = self.hidden != self._hidden_saved
        if parts == self._parts and now - self._compared_at < _LOOK_AGAIN and not hiding:
            return
        plain = remember(state, self._boot, now)
        if worth_saving(self._saved, plain) or self.rebooted or hiding:
            content: dict[str, object] = {"policy": plain}
            if self.hidden:
                content["hidden_bearer"] = True
            if self._eid is not None:
                content["eid"] = self._eid
            try:
                await self._store.save(content)
            except StateError as error:
                level = logging.DEBUG if str(error) == self._failure else logging.ERROR
                self._failure = str(error)
                logger.log(level, "the memory of policy is not written: %s", error)
                return
            self._saved, self._failure, self._hidden_saved = plain, "", self.hidden
        self._parts, self._compared_at = parts, now
