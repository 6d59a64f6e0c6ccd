"""Where the steps of each interface pass: they are counted, and one of them may meet a fault."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from tests.e2e.sweep.catalogue import Fault, Interface, Point


@dataclass
class Gates:
    """Counts from `open` on. `labels` tells what each step was, `struck` what met the fault."""

    point: Point | None = None
    steps: Counter[Interface] = field(default_factory=Counter)
    labels: dict[Interface, list[str]] = field(default_factory=lambda: {interface: [] for interface in Interface})
    struck: str | None = None
    unfit: bool = False
    """The fault makes no difference at this step: there is no length in an OK."""
    _open: bool = False

    def open(self) -> None:
        """The scenario begins."""
        self._open = True

    def close(self) -> None:
        """Everything is done: what follows is the rest of a device that waits for its next poll."""
        self._open = False

    def passes(self, interface: Interface, label: str) -> Fault | None:
        """A step of an interface; the fault that it meets."""
        if not self._open:
            return None
        number = self.steps[interface]
        self.steps[interface] += 1
        if self.point is None:
            self.labels[interface].append(label)
            return None
        if self.struck is None and (interface, number) == (self.point.interface, self.point.number):
            self.struck = label
            return self.point.fault
        return None
