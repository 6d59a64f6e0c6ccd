"""What a modem answers to one command."""

from __future__ import annotations

from ipad.modem.fields import split_prefix
from ipad.records import dataclass


@dataclass(frozen=True, slots=True)
class AtAnswer:
    """What the modem said before its final result."""

    command: str
    lines: tuple[str, ...]

    def values(self, prefix: str) -> tuple[str, ...]:
        """The texts behind `prefix` (such as "+CREG"), one for each line that has it."""
        pairs = map(split_prefix, self.lines)
        return tuple(value for own, value in pairs if own == prefix.upper())

    def value(self, prefix: str) -> str | None:
        """The first of them; None when there is none."""
        values = self.values(prefix)
        return values[0] if values else None

    def bare(self) -> tuple[str, ...]:
        """The lines without any prefix."""
        return tuple(line for line in self.lines if not split_prefix(line)[0])
