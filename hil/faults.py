"""Orders to break exchanges: what goes wrong, at which function, how often.

A server asks its `FaultPlan` once per request; the first rule that matches and is due applies. Rules with `times` run
out by themselves, so "unreachable for k attempts" is one rule.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Generic, Protocol, TypeVar

ANY_FUNCTION: Final = "any"


class Rule(Protocol):
    """What a rule has, whatever it breaks: `times` None means until it is removed, `after` skips so many matches."""

    function: str
    times: int | None
    after: int


R = TypeVar("R", bound=Rule)


@dataclass
class FaultPlan(Generic[R]):
    """The rules in the order in which they were given."""

    faults: list[R] = field(default_factory=list)

    def take(self, function: str, fits: Callable[[R], bool] = lambda _rule: True) -> R | None:
        """The rule to apply to this request, counted down; None when all is well. A rule that does not fit waits."""
        for fault in self.faults:
            if fault.function not in (ANY_FUNCTION, function) or not fits(fault):
                continue
            if fault.after:
                fault.after -= 1
                continue
            if fault.times is not None:
                fault.times -= 1
                if fault.times == 0:
                    self.faults.remove(fault)
            return fault
        return None

    def add(self, fault: R) -> None:
        """Append a rule."""
        self.faults.append(fault)

    def clear(self) -> None:
        """Forget all rules."""
        self.faults.clear()


def check(rule: Rule, *, seconds: float) -> None:
    """Whether the numbers of a rule make sense. Raises ValueError."""
    if rule.times is not None and rule.times < 1:
        raise ValueError(f"times is {rule.times}, expected at least 1 or none")
    if rule.after < 0 or seconds < 0:
        raise ValueError("after and seconds cannot be negative")
