"""Profiles of the virtual eUICC changed from outside: what a factory or an operator does, without a package."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any, Final

from hil.euicc import VirtualEuicc
from hil.euicc.config import ProfileSpec, make_iccid
from hil.euicc.identifiers import iccid_octets
from hil.euicc.personalisation import first_state
from hil.euicc.state import CardState, Profile, isdp_aid

_BODY: Final = 894_999_000_000_000_000
"""ICCIDs of installed profiles begin here; no profile of the factory does."""


class CardProfiles:
    """Keeps what it changed, to undo it. A profile that it installed is left to whoever cleans up."""

    def __init__(self, card: VirtualEuicc) -> None:
        self._card = card
        self._changed: dict[bytes, Profile] = {}
        self._installed = 0

    def install(self, **members: Any) -> str:
        """One more profile, `members` of hil.euicc.config.ProfileSpec; its ICCID. Raises TypeError for others."""
        self._installed += 1
        iccid = make_iccid(str(_BODY + self._installed))
        usual = {
            "imsi": f"00101{900_000_000 + self._installed}1",
            "plmn": "001-01",
            "service_provider_name": "Testnet One",
            "profile_name": f"Installed {self._installed}",
            "notifications": self._card.engine.config.profiles[0].notifications,
        }
        config = replace(self._card.engine.config, profiles=(ProfileSpec(iccid, **{**usual, **members}),))
        state = self._state
        profile = replace(first_state(config).profiles[0], aid=isdp_aid(state.next_isdp))
        self._commit(replace(state, profiles=(*state.profiles, profile), next_isdp=state.next_isdp + 1))
        return iccid

    def change(self, iccid: str, **members: Any) -> None:
        """Other metadata, `members` of hil.euicc.state.Profile. Raises KeyError when there is no such profile."""
        packed = iccid_octets(iccid)
        profile = self._state.profile(packed)
        if profile is None:
            raise KeyError(f"there is no profile {iccid} on the card")
        self._changed.setdefault(packed, profile)
        self._commit(self._state.with_profile(packed, lambda found: replace(found, **members)))

    def calm(self) -> None:
        """Metadata as they were; states stay."""
        for iccid, before in self._changed.items():
            self._commit(self._state.with_profile(iccid, partial(_with_state_of, before)))
        self._changed.clear()

    @property
    def _state(self) -> CardState:
        return self._card.engine.state

    def _commit(self, state: CardState) -> None:
        self._card.engine.commit(state)


def _with_state_of(before: Profile, now: Profile) -> Profile:
    """Metadata of before with what packages may have changed since."""
    return replace(before, enabled=now.enabled, fallback_attribute=now.fallback_attribute)
