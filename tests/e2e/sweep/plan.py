"""Every point of every story, found by counting; and a selection of them for every day."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from hil.pki import Pki
from tests.e2e.sweep.catalogue import CATALOGUE, Fault, Interface, Point
from tests.e2e.sweep.run import Ended, tell
from tests.e2e.sweep.story import STORIES
from tests.e2e.sweep.world import World

_STRIDE = 37
"""Prime to most numbers of steps: the selection is spread over them."""
Place = tuple[str, Interface, Fault]


@dataclass(frozen=True)
class Count:
    """What a run without a fault came to: what each step at each interface was, and polls at each eIM."""

    labels: dict[Interface, list[str]]
    polls: tuple[int, ...]

    def steps(self, interface: Interface) -> int:
        """How many steps it has at an interface."""
        return len(self.labels[interface])


@dataclass
class Counts:
    """Tells stories with the keys of `pki`; the count of each is taken once."""

    pki: Pki
    _known: dict[str, Count] = field(default_factory=dict)

    def of(self, story: str) -> Count:
        """The count of a story. AssertionError when even without a fault something does not hold."""
        if story not in self._known:
            ended, world = tell(self.pki, STORIES[story])
            assert ended.survived, f"{story}: {ended.violations}"
            self._known[story] = Count(world.gates.labels, ended.polls)
        return self._known[story]

    def run(self, story: str, point: Point) -> Ended:
        """Tell a story with a fault."""
        return self._told(story, point)[0]

    def survive(self, story: str, point: Point) -> World:
        """Tell a story with a fault that has to make a difference and no harm; the world as it is in the end.

        AssertionError when the point is not reached, the fault makes no difference there, or something does not hold.
        """
        ended, world = self._told(story, point)
        assert ended.tried, f"{story}, {point}: not tried"
        assert ended.survived, f"{story}, {point} ({ended.label}): {ended.violations}"
        return world

    def points(self, story: str, interface: Interface, fault: Fault) -> Iterator[Point]:
        """Every step of an interface, with one fault."""
        return (Point(interface, number, fault) for number in range(self.of(story).steps(interface)))

    def one_point(self, story: str, interface: Interface, fault: Fault) -> Point | None:
        """One of them, always the same; None where the story does not touch the interface."""
        steps = self.of(story).steps(interface)
        place = list(Fault).index(fault) + list(STORIES).index(story)
        return Point(interface, (place + 1) * _STRIDE % steps, fault) if steps else None

    def _told(self, story: str, point: Point) -> tuple[Ended, World]:
        return tell(self.pki, STORIES[story], point, self.of(story).polls)


def places() -> Iterator[Place]:
    """The cells of the table."""
    for interface, faults in CATALOGUE.items():
        for fault in faults:
            for name in STORIES:
                yield name, interface, fault


def selection(every: int) -> dict[tuple[str, Interface], list[Fault]]:
    """Of each fault at each interface every n-th story, in turn; by story and interface."""
    chosen: dict[tuple[str, Interface], list[Fault]] = {}
    for number, (story, interface, fault) in enumerate(places()):
        row, column = divmod(number, len(STORIES))
        if (row + column) % every == 0:
            chosen.setdefault((story, interface), []).append(fault)
    return chosen
