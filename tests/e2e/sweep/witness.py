"""What the card ever made: results, notifications, switches. Only the card itself may forget any of it."""

from __future__ import annotations

from dataclasses import dataclass

from hil.euicc.config import NotificationEvent
from hil.euicc.engine import Engine
from hil.euicc.notifications import notify
from hil.euicc.state import CardState
from hil.euicc.store import StateStore


@dataclass(frozen=True)
class Made:
    """Something signed that the card stored. `what` is for people."""

    number: int
    raw: bytes
    what: str


class Witness:
    """Sees every state that the card stores; nothing of it is written to a disk any more.

    `withdrawn` are numbers that a rollback took back: their place is taken by its own result (SGP.32 5.9.16).
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.results: dict[int, Made] = {}
        self.notifications: dict[int, Made] = {}
        self.withdrawn: set[int] = set()
        self.switches: list[str | None] = [_enabled(engine.state)]
        self._installed: list[str] = []
        store = engine._store
        store.commit = lambda state: self._commit(store, state)  # type: ignore[method-assign]

    def _commit(self, store: StateStore, state: CardState) -> None:
        before = store.state
        commit(store, state)
        for result in state.results:
            self.results.setdefault(result.sequence_number, Made(result.sequence_number, result.result, "result"))
        for item in state.notifications:
            made = Made(item.sequence_number, item.pending, f"{item.event.name} notification")
            self.notifications.setdefault(item.sequence_number, made)
        if before.rollback is not None and state.rollback is None and _enabled(before) != _enabled(state):
            kept = {item.sequence_number for item in state.results}
            self.withdrawn |= {item.sequence_number for item in before.results} - kept
            self.withdrawn |= set(before.rollback.notification_numbers)
        if _enabled(state) != self.switches[-1]:
            self.switches.append(_enabled(state))

    def leave_notifications(self) -> None:
        """Two notifications of the enabled profile wait, as after a switch by somebody else."""
        state, key = self._engine.state, self._engine.signing_key()
        profile = state.enabled_profile
        assert profile is not None
        for event in (NotificationEvent.DISABLE, NotificationEvent.ENABLE):
            state = notify(state, key, event, profile)
        self._engine.commit(state)

    def left(self) -> str:
        """What waits on the card to be delivered or ended, "" when nothing does."""
        state = self._engine.state
        if state.loading is not None:
            return "a package is being loaded"
        if state.results:
            return f"results {[item.sequence_number for item in state.results]} are on the card"
        if state.notifications:
            return f"notifications {[item.sequence_number for item in state.notifications]} are on the card"
        return ""


def commit(store: StateStore, state: CardState) -> None:
    """Takes the place of `StateStore.commit`: the card is not taken out of its folder again."""
    store._state = state


def _enabled(state: CardState) -> str | None:
    return None if state.enabled_profile is None else state.enabled_profile.digits
