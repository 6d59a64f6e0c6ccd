"""The radio of one device: in each direction one transmitter that all connections share.

Sans-IO: packets are told with their size and the moment, the answer is the moment of their arrival.
"""

from __future__ import annotations

import random

from hil.link.meter import Heading
from hil.link.profile import LinkProfile, Way


class Channel:
    """One direction. Packets leave one after the other at the rate of the way and arrive in that order."""

    def __init__(self, chance: random.Random, way: Way, queue: int) -> None:
        self.way = way
        self.queue = queue
        self._chance = chance
        self._free = 0.0
        self._last_arrival = 0.0

    def send(self, now: float, size: int) -> float:
        """Take bytes at `now`; returns when they arrive."""
        way = self.way
        self._free = max(now, self._free) + size * 8 / way.rate if way.rate else now
        arrival = self._free + way.delay
        if way.jitter:
            arrival += self._chance.uniform(0.0, way.jitter)
        self._last_arrival = max(self._last_arrival, arrival)
        return self._last_arrival

    def waiting(self, now: float) -> float:
        """Bytes that were taken and not sent yet."""
        return max(0.0, self._free - now) * self.way.rate / 8

    def room_in(self, now: float, size: int) -> float:
        """Seconds until so many bytes (at most the whole queue) fit into it."""
        if not self.way.rate:
            return 0.0
        excess = self.waiting(now) + min(size, self.queue) - self.queue
        # Less than a byte is rounding, and no reason to wait.
        return excess * 8 / self.way.rate if excess >= 1.0 else 0.0

    def happens(self, probability: float) -> bool:
        """Draw. What never happens takes nothing from the generator."""
        return bool(probability) and self._chance.random() < probability

    def clear(self, now: float) -> None:
        """What waited or was on its way is gone."""
        self._free = self._last_arrival = now


class Radio:
    """Both directions, and the profile that they follow."""

    def __init__(self, profile: LinkProfile, chance: random.Random) -> None:
        self._profile = profile
        self._channels = {
            Heading.UP: Channel(chance, profile.up, profile.queue),
            Heading.DOWN: Channel(chance, profile.down, profile.queue),
        }

    @property
    def profile(self) -> LinkProfile:
        """May be exchanged at any time; what is on its way arrives as it was sent."""
        return self._profile

    @profile.setter
    def profile(self, profile: LinkProfile) -> None:
        self._profile = profile
        for heading, way in ((Heading.UP, profile.up), (Heading.DOWN, profile.down)):
            self._channels[heading].way = way
            self._channels[heading].queue = profile.queue

    def channel(self, heading: Heading) -> Channel:
        """The transmitter of one direction."""
        return self._channels[heading]

    def clear(self, now: float) -> None:
        """What waited or was on its way is gone, in both directions."""
        for channel in self._channels.values():
            channel.clear(now)
