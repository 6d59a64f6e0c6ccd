"""Registration of the virtual modem (3GPP TS 24.301 5.5, TS 27.007 10.1.22): search, attempt, denial, retry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from hil.clock import Clock, Timer
from hil.network import Challenged, Network, Operator, Service, Signal, Subscriber

# TS 24.301 5.5.1.2.5: the SIM is invalid for the network until it is taken out or the modem is switched off.
SIM_INVALID = frozenset({2, 3, 6, 7, 8})
# TS 24.301 5.4.2.5: a UE that does not answer the challenge as it should.
ILLEGAL_UE = 3
# The PLMN goes on the list of forbidden ones, and the next is tried.
PLMN_FORBIDDEN = frozenset({11, 13, 14, 35, 73, 78})
# T3411: seconds until the next attempt.
RETRY_TIME = 10.0


class Stat(IntEnum):
    """<stat> of +CEREG."""

    NOT_SEARCHING = 0
    HOME = 1
    SEARCHING = 2
    DENIED = 3
    ROAMING = 5


class Selection(IntEnum):
    """<mode> of +COPS (TS 27.007 7.3)."""

    AUTOMATIC = 0
    MANUAL = 1
    DEREGISTERED = 2


@dataclass(frozen=True)
class RadioView:
    """A snapshot for reports; `cause` is the EMM cause of the last denial."""

    stat: Stat = Stat.NOT_SEARCHING
    operator: Operator | None = None
    cause: int | None = None

    @property
    def registered(self) -> bool:
        return self.stat in (Stat.HOME, Stat.ROAMING)


class Radio:
    """The registration machine. `changed` is called after every change of `view`."""

    def __init__(
        self,
        network: Network,
        clock: Clock,
        changed: Callable[[], None],
        usim: Challenged = lambda _rand, _autn: None,
        run: Callable[[Callable[[], None]], None] = lambda action: action(),
    ) -> None:
        """`usim` answers the challenges of the network. `run` executes what may meet a card without power."""
        self._network = network
        self._usim = usim
        self._run = run
        self._clock = clock
        self._changed = changed
        self._timer: Timer | None = None
        self._forbidden: set[str] = set()
        self._searched: list[tuple[str, bool, Service, int | None]] = []
        self._on = False
        self._sim_invalid = False
        self.subscriber: Subscriber | None = None
        self.selection = Selection.AUTOMATIC
        self.wanted: str | None = None
        self.forced_cause: int | None = None
        self.view = RadioView()
        network.on_change(self.reconsider)

    @property
    def on(self) -> bool:
        return self._on

    @property
    def signal(self) -> Signal | None:
        """What is received of the serving cell, or of the best one."""
        if not self._on:
            return None
        operator = self.view.operator
        if operator is not None:
            return self._network.operator(operator.plmn).signal
        visible = self._network.visible(self.subscriber)
        return visible[0].signal if visible else None

    def visible(self) -> list[Operator]:
        """Operators that a scan finds."""
        return self._network.visible(self.subscriber) if self._on else []

    def switch(self, *, on: bool) -> None:
        """Transmitter on or off; off forgets what the network refused."""
        if on == self._on:
            return
        self._on = on
        self._forbidden.clear()
        self._sim_invalid = False
        self._restart()

    def set_subscriber(self, subscriber: Subscriber | None) -> None:
        """The card was read (anew), or is gone."""
        self.subscriber = subscriber
        self._forbidden.clear()
        self._sim_invalid = False
        self._restart()

    def select(self, selection: Selection, plmn: str | None = None) -> None:
        """+COPS: automatic, one PLMN (also a forbidden one), or none."""
        operator = self.view.operator if self.view.registered else None
        keep = operator is not None and (
            selection is Selection.AUTOMATIC or (selection is Selection.MANUAL and operator.plmn == plmn)
        )
        self.selection, self.wanted = selection, plmn
        if plmn is not None:
            self._forbidden.discard(plmn)
        if not keep:
            self._restart()

    def detach(self) -> None:
        """Leave the network until the next selection or attach."""
        self._stop_timer()
        self._show(RadioView())

    def attach(self) -> None:
        if not self.view.registered:
            self._restart()

    def reconsider(self) -> None:
        """The network or a knob changed: is the present state still true?"""
        if not self._may_search:
            return
        operator = self.view.operator
        if self.view.registered and operator is not None:
            cause = self._cause(operator)
            seen = operator.plmn in {other.plmn for other in self._network.visible(self.subscriber)}
            if seen and cause is None:
                self._show(RadioView(self.view.stat, self._network.operator(operator.plmn)))
            elif cause in SIM_INVALID and seen:
                self._deny(cause)
            else:
                self._restart()
        elif not self._sim_invalid and self._landscape() != self._searched:
            # Only what may change the result begins the search anew: a signal that fades does so all the time.
            self._begin_search()

    def _landscape(self) -> list[tuple[str, bool, Service, int | None]]:
        """What decides where the modem registers."""
        if self.subscriber is None:
            return []
        return [
            (place.plmn, place.barred, self._network.service(self.subscriber, place.plmn), self._cause(place))
            for place in self._network.visible(self.subscriber)
        ]

    @property
    def _may_search(self) -> bool:
        return self._on and self.subscriber is not None and self.selection is not Selection.DEREGISTERED

    def _restart(self) -> None:
        self._stop_timer()
        if self._may_search:
            self._begin_search()
        else:
            self._show(RadioView())

    def _begin_search(self) -> None:
        subscriber = self.subscriber
        if subscriber is None:
            return
        self._stop_timer()
        delay = self._network.service(subscriber, self.wanted or subscriber.home).search_time
        self._timer = self._clock.call_later(delay, lambda: self._run(self._attempt))
        self._searched = self._landscape()
        self._show(RadioView(Stat.SEARCHING, cause=self.view.cause))

    def _attempt(self) -> None:
        """The search is over: ask the operators in order."""
        self._timer = None
        subscriber = self.subscriber
        if subscriber is None:
            return
        cause: int | None = None
        for operator in self._network.visible(subscriber):
            unwanted = self.wanted and operator.plmn != self.wanted
            if unwanted or operator.barred or operator.plmn in self._forbidden:
                continue
            cause = self._cause(operator)
            if cause is None and not self._network.authenticate(subscriber, self._usim):
                cause = ILLEGAL_UE
            if cause is None:
                stat = Stat.HOME if operator.plmn == subscriber.home else Stat.ROAMING
                self._show(RadioView(stat, operator))
                return
            if cause in SIM_INVALID:
                self._deny(cause)
                return
            if cause in PLMN_FORBIDDEN and operator.plmn != subscriber.home:
                self._forbidden.add(operator.plmn)
        self._timer = self._clock.call_later(RETRY_TIME, lambda: self._run(self._attempt))
        if cause is not None:
            self._show(RadioView(Stat.DENIED, cause=cause))

    def _deny(self, cause: int | None) -> None:
        self._stop_timer()
        self._sim_invalid = True
        self._show(RadioView(Stat.DENIED, cause=cause))

    def _cause(self, operator: Operator) -> int | None:
        if self.forced_cause is not None:
            return self.forced_cause
        assert self.subscriber is not None
        return self._network.reject_cause(self.subscriber, operator)

    def _show(self, view: RadioView) -> None:
        if view != self.view:
            self.view = view
            self._changed()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
