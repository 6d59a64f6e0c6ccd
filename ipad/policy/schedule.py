"""When to contact which eIM next. Pure: times are monotonic seconds that the caller passes in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from ipad.errors import HttpStatusError, IpadError
from ipad.policy.backoff import failure_pause, growing_pause, spread
from ipad.policy.limits import Timers
from ipad.records import dataclass, field, replace


@dataclass(frozen=True, kw_only=True)
class Contact:
    """The next contact of one eIM: when, and how many failures came before it.

    Not before `closed_until`, whoever asks: so long the server has asked to be left alone.
    """

    due: float
    failures: int = 0
    closed_until: float | None = None


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """The next contact of every eIM. Every change gives a new schedule."""

    timers: Timers = field(default_factory=Timers)
    contacts: Mapping[str, Contact] = field(default_factory=dict)

    def with_eims(self, eim_ids: Iterable[str], now: float) -> Schedule:
        """Follow the list on the card: a new eIM is due at once, one that left is forgotten."""
        contacts = {eim_id: self.contacts.get(eim_id, Contact(due=now)) for eim_id in eim_ids}
        return replace(self, contacts=contacts)

    def within(self, timers: Timers, intervals: Mapping[str, float], now: float) -> Schedule:
        """Go on with other timers: no eIM whose last contact was a success waits longer than its interval is now."""
        contacts = {
            eim_id: contact
            if contact.failures
            else replace(contact, due=min(contact.due, now + intervals.get(eim_id, timers.poll_interval)))
            for eim_id, contact in self.contacts.items()
        }
        return replace(self, timers=timers, contacts=contacts)

    def due(self, now: float) -> tuple[str, ...]:
        """The eIMs whose time has come, longest waiting first."""
        waiting = [(contact.due, eim_id) for eim_id, contact in self.contacts.items() if contact.due <= now]
        return tuple(eim_id for _, eim_id in sorted(waiting))

    def next_at(self) -> float | None:
        """When the next eIM is due; None without eIMs."""
        return min((contact.due for contact in self.contacts.values()), default=None)

    def released(self, now: float, release: Callable[[float], float]) -> tuple[str, ...]:
        """As `due`, of those whose poll may go out: `release` gives the moment for one that is due at a moment."""
        return tuple(eim_id for eim_id in self.due(now) if release(self.contacts[eim_id].due) <= now)

    def next_release(self, release: Callable[[float], float]) -> float | None:
        """When the next poll may go out; None without eIMs."""
        return min((release(contact.due) for contact in self.contacts.values()), default=None)

    def awake(self, now: float, slack: float) -> Schedule:
        """The modem is awake anyway: what would be due within `slack` seconds is due now, but no failed eIM sooner."""
        early = [
            eim_id
            for eim_id, contact in self.contacts.items()
            if now < contact.due <= now + slack and not contact.failures
        ]
        return self.triggered(now, early) if early else self

    def triggered(self, now: float, eim_ids: Iterable[str] | None = None) -> Schedule:
        """Make the named eIMs, or all, due at once (new bearer, local command, wake-up), or when they may be asked."""
        chosen = set(self.contacts if eim_ids is None else eim_ids)
        return replace(
            self,
            contacts={
                eim_id: replace(contact, due=min(contact.due, max(now, contact.closed_until or now)))
                if eim_id in chosen
                else contact
                for eim_id, contact in self.contacts.items()
            },
        )

    def after_success(self, eim_id: str, now: float, jitter: float) -> Schedule:
        """The eIM answered and has nothing more: the regular interval, but never less than the minimum."""
        pause = max(spread(self.timers.poll_interval, jitter), self.timers.poll_minimum)
        return self._set(eim_id, Contact(due=now + pause))

    def after_cap(self, eim_id: str, now: float) -> Schedule:
        """The run ended with more to do at this eIM: soon, yet after the others had their turn."""
        return self._set(eim_id, Contact(due=now + self.timers.poll_minimum))

    def after_repetition(self, eim_id: str, now: float, jitter: float) -> Schedule:
        """The eIM gives a package again and again that it has the result of: back off, as after a failure."""
        failures = self._failures(eim_id) + 1
        due = now + growing_pause(failures, jitter, self.timers)
        return self._set(eim_id, Contact(due=due, failures=failures))

    def after_unknown_eid(self, eim_id: str, now: float, jitter: float) -> Schedule:
        """The eIM does not manage this eUICC: ask rarely."""
        return self._set(eim_id, Contact(due=now + spread(self.timers.unknown_eid_interval, jitter)))

    def after_failure(self, eim_id: str, error: IpadError, now: float, jitter: float) -> Schedule:
        """The eIM could not be reached or its answer was unusable: back off."""
        failures = self._failures(eim_id) + 1
        due = now + failure_pause(error, failures, jitter, self.timers)
        asked = isinstance(error, HttpStatusError) and error.retry_after is not None
        return self._set(eim_id, Contact(due=due, failures=failures, closed_until=due if asked else None))

    def _failures(self, eim_id: str) -> int:
        contact = self.contacts.get(eim_id)
        return contact.failures if contact else 0

    def _set(self, eim_id: str, contact: Contact) -> Schedule:
        if eim_id not in self.contacts:
            return self
        return replace(self, contacts={**self.contacts, eim_id: contact})
