"""Radio conditions of single devices, and how they are spread over a fleet."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from hil.fleet.errors import FleetError
from hil.link import LinkProfile, preset
from hil.network import Service

_ILLEGAL_ME: Final = 8
"""EPS and non-EPS services not allowed (3GPP TS 24.301 Annex A): a refusal that does not pass."""


@dataclass(frozen=True)
class Condition:
    """How one kind of place receives. `search` and `session` are the bounds, in seconds, between which the device finds
    its network and gets its packet session; `link` names the preset of the link. `refused`: the network of the new
    profile refuses its subscribers for good."""

    name: str
    link: str
    search: tuple[float, float]
    session: tuple[float, float]
    refused: bool = False

    @property
    def profile(self) -> LinkProfile:
        """What the link does to packets."""
        return preset(self.link)

    def services(self, chance: random.Random) -> tuple[Service, Service]:
        """What one device is granted by the network of its first and of its new profile."""
        first = self._service(chance)
        second = self._service(chance)
        cause = _ILLEGAL_ME if self.refused else None
        return first, Service(search_time=second.search_time, session_time=second.session_time, reject_cause=cause)

    def _service(self, chance: random.Random) -> Service:
        return Service(search_time=chance.uniform(*self.search), session_time=chance.uniform(*self.session))


CONDITIONS: Final = {
    condition.name: condition
    for condition in (
        Condition("wire", "none", (0.2, 0.5), (0.1, 0.3)),
        Condition("good", "cat4", (0.5, 3.0), (0.2, 0.8)),
        Condition("lte-m", "lte-m", (1.0, 6.0), (0.3, 1.5)),
        Condition("gsm", "gsm", (2.0, 8.0), (0.5, 2.0)),
        Condition("nb-iot", "nb-iot", (4.0, 15.0), (1.0, 4.0)),
        Condition("satellite", "satellite", (3.0, 10.0), (1.0, 3.0)),
        Condition("refused", "cat4", (0.5, 3.0), (0.2, 0.8), refused=True),
    )
}
"""All of them by name."""

DEFAULT: Final = "good:70,lte-m:20,gsm:7,nb-iot:3"
"""The distribution of a fleet that says nothing else."""


def parse(text: str) -> dict[str, float]:
    """A distribution such as "good:70,nb-iot:30": names of conditions with their weights. Raises FleetError."""
    found: dict[str, float] = {}
    for part in text.split(","):
        name, _, weight = part.strip().partition(":")
        if name not in CONDITIONS:
            raise FleetError(f"there is no radio condition {name!r}, expected one of {', '.join(CONDITIONS)}")
        try:
            value = float(weight or 1)
        except ValueError:
            raise FleetError(f"{part!r}: expected NAME:WEIGHT") from None
        if not 0 < value < float("inf") or name in found:
            raise FleetError(f"{part!r}: each condition once, with a weight above 0")
        found[name] = value
    return found


def spread(text: str, devices: int, seed: int) -> Sequence[Condition]:
    """The condition of each device: in the shares of the distribution to one device exactly, in an order by chance.

    Raises FleetError.
    """
    weights = parse(text)
    total = sum(weights.values())
    found: list[Condition] = []
    covered = 0.0
    for name, weight in weights.items():
        covered += weight
        found += [CONDITIONS[name]] * (round(devices * covered / total) - len(found))
    random.Random(seed).shuffle(found)
    return found
