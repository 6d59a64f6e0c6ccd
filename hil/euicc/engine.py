"""What the ES10 functions work on: the stored state, the keys, the volatile session and the knobs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hil import codec
from hil.euicc import status
from hil.euicc.config import CardConfig, EuiccKind
from hil.euicc.errors import PowerLoss, StatusError
from hil.euicc.files import ElementaryFile
from hil.euicc.keyring import Keyring, SigningKey
from hil.euicc.knobs import Knobs, PowerLossPoint
from hil.euicc.proactive import ProactiveSession
from hil.euicc.session import RspSession
from hil.euicc.state import CardState, EimRecord, Profile
from hil.euicc.store import StateStore


class Engine:
    """Shared by all functions of one card. `state` only changes through `commit`."""

    def __init__(self, store: StateStore, keyring: Keyring, knobs: Knobs) -> None:
        self._store = store
        self._visible: bytes | None = None
        self.keyring = keyring
        self.knobs = knobs
        self.proactive = ProactiveSession()
        self.session = RspSession()

    @property
    def state(self) -> CardState:
        """The stored state."""
        return self._store.state

    @property
    def config(self) -> CardConfig:
        """What the factory decided."""
        return self._store.state.config

    @property
    def iot(self) -> bool:
        """Whether the SGP.32 functions and definitions apply."""
        return self.config.kind is EuiccKind.IOT

    def commit(self, state: CardState) -> None:
        """Store a new state; must happen before the answer that tells of it."""
        self._store.commit(state)

    @property
    def visible_profile(self) -> Profile | None:
        """The profile whose files the terminal sees: the one enabled when it last read the card."""
        return self.state.profile(self._visible)

    def expose_enabled_profile(self) -> None:
        """The terminal reads the card anew."""
        enabled = self.state.enabled_profile
        self._visible = enabled.iccid if enabled else None

    def leave_ipae(self) -> None:
        """A terminal with its own IPA announced itself: the one in the eUICC is not the active one any more."""
        if self.state.ipae_active:
            self.commit(replace(self.state, ipae_active=False))

    def update_file(self, changed: ElementaryFile) -> None:
        """Store a file of the visible profile."""
        if self._visible is None:
            return

        def written(profile: Profile) -> Profile:
            same = (changed.folder, changed.file_id)
            return replace(
                profile,
                files=tuple(changed if (file.folder, file.file_id) == same else file for file in profile.files),
            )

        self.commit(self.state.with_profile(self._visible, written))

    def lose_power_at(self, point: PowerLossPoint) -> None:
        """Raise PowerLoss if the knob is set to this point; the knob works once."""
        if self.knobs.power_loss is point:
            self.knobs.power_loss = None
            raise PowerLoss(point)

    def signing_key(self, eim: EimRecord | None = None) -> SigningKey:
        """The key for an eIM's results, or the preferred one."""
        return self.keyring.find(eim.ci_pkid if eim else None) or self.keyring.preferred

    def forced(self, member: str) -> int | None:
        """The code that a knob forces on this result, instead of executing the function."""
        return self.knobs.forced_codes.get(member)


def decode(type_name: str, request: bytes) -> dict[str, Any]:
    """Decode a request that is a SEQUENCE; StatusError 6A80 if it is malformed."""
    try:
        value = codec.decode(type_name, request)
    except codec.CodecError as error:
        raise StatusError(status.WRONG_DATA) from error
    if not isinstance(value, dict):
        raise StatusError(status.WRONG_DATA)
    return value
