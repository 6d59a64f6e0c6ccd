"""What happens, told to everybody who follows: each has a queue of its own, and who is too slow is let go."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from ipad.clock import Clock
from ipad.policy.decisions import Decision, WaitUntil
from ipad.policy.events import Event, Tick
from ipad.policy.trace import decision_record, event_record

_QUEUE: Final = 256
"""Lines that a follower may be behind."""

Line = Mapping[str, Any]


class Subscription:
    """One follower. `lost` is set when it was too slow; what was queued before can still be read."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._lines: deque[Line] = deque()
        self._news = asyncio.Event()
        self.lost = False

    def put(self, line: Line) -> None:
        """One more line, or the end when there is no place for it."""
        if self.lost:
            return
        if len(self._lines) >= self._size:
            self.lost = True
        else:
            self._lines.append(line)
        self._news.set()

    async def get(self) -> Line | None:
        """The next line, None when there comes none any more."""
        while not self._lines:
            if self.lost:
                return None
            self._news.clear()
            await self._news.wait()
        return self._lines.popleft()


class Broadcast:
    """Everybody who follows one modem. Satisfies `guard.engine.EventSink`; `size`: lines that one may be behind."""

    def __init__(self, modem: str, clock: Clock, *, size: int = _QUEUE) -> None:
        self._modem = modem
        self._clock = clock
        self._size = size
        self._subscriptions: set[Subscription] = set()

    def subscribe(self) -> Subscription:
        """Follow from now on; to be ended with `unsubscribe`."""
        subscription = Subscription(self._size)
        self._subscriptions.add(subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """Follow no longer."""
        self._subscriptions.discard(subscription)

    @property
    def followed(self) -> bool:
        """Whether anybody follows."""
        return bool(self._subscriptions)

    def note(self, now: float, event: Event) -> None:
        """An event that policy was told at the monotonic moment `now`; that time passed is no news."""
        if self._subscriptions and not isinstance(event, Tick):
            self.publish(event_record(event, now))

    def decided(self, now: float, decision: Decision) -> None:
        """A decision of that moment."""
        if self._subscriptions and not isinstance(decision, WaitUntil):
            self.publish(decision_record(decision, now))

    def publish(self, record: Line) -> None:
        """Tell everybody. `record` has no `time` and no `modem` yet."""
        if not self._subscriptions:
            return
        time = datetime.fromtimestamp(self._clock.time(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        line = {**record, "time": time, "modem": self._modem}
        for subscription in self._subscriptions:
            subscription.put(line)
