"""Plots over time as SVG: bands, bars and steps between two axes. Each is drawn twice, for a wide screen and for a
telephone, because a picture that is scaled down has letters that nobody can read; the style sheet shows one of them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

_WIDE: Final = 960
_NARROW: Final = 340
_LEFT: Final = 44
_RIGHT: Final = 10
_TOP: Final = 46
_BOTTOM: Final = 40
_LETTER: Final = 6.6
"""Pixels of one letter of the labels, roughly."""
_STEPS: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 43200, 86400)
"""Seconds between the marks of a time axis."""
_MARK_WIDTH: Final = 56
_MOST_LEVELS: Final = 5


@dataclass(frozen=True)
class Band:
    """A stretch of time with a name; `kind` is its class in the style sheet, `row` the line of its label, from 0."""

    kind: str
    name: str
    begin: float
    end: float
    row: int = 0


@dataclass(frozen=True)
class Bars:
    """Counts in stretches of `bucket` seconds from 0 on."""

    kind: str
    bucket: float
    counts: Sequence[int]


@dataclass(frozen=True)
class Steps:
    """A count that has grown by one at each moment."""

    kind: str
    moments: Sequence[float]


@dataclass(frozen=True)
class Rule:
    """A level across the whole plot."""

    kind: str
    name: str
    level: float


@dataclass(frozen=True)
class Plot:
    """`title` is said aloud by a screen reader, `unit` is that of the vertical axis, `since` what the time counts from.
    `seconds` and `top` are the ends of the axes."""

    title: str
    unit: str
    since: str
    seconds: float
    top: float
    bands: Sequence[Band] = ()
    parts: Sequence[Bars | Steps | Rule] = ()

    def svg(self) -> str:
        """Both drawings."""
        return "".join(
            _Drawing(self, kind, width).svg() for kind, width in (("on-wide", _WIDE), ("on-narrow", _NARROW))
        )


def moment(seconds: float) -> str:
    """Minutes and seconds, or hours and minutes with seconds, of a moment."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def level_step(top: float, most: int = _MOST_LEVELS) -> int:
    """A round whole number, of which at most `most` fit into `top`."""
    rough = max(1.0, top / most)
    power = 10 ** math.floor(math.log10(rough))
    return int(next(times * power for times in (1, 2, 5, 10) if times * power >= rough))


class _Drawing:
    """One of the two."""

    def __init__(self, plot: Plot, kind: str, width: int) -> None:
        self._plot = plot
        self._kind = kind
        self._width = width
        self._height = 260 if width == _WIDE else 240
        self._base = self._height - _BOTTOM
        self._seconds = max(plot.seconds, 1.0)
        self._step = level_step(plot.top)
        self._top = max(1, math.ceil(plot.top / self._step)) * self._step

    def svg(self) -> str:
        parts = [*self._bands(), *self._levels(), *self._marks(), *map(self._part, self._plot.parts), *self._frame()]
        return (
            f'<svg class="{self._kind}" viewBox="0 0 {self._width} {self._height}" role="img" '
            f'aria-label="{escape(self._plot.title)}">{"".join(parts)}</svg>'
        )

    def _x(self, seconds: float) -> float:
        return _LEFT + min(max(seconds / self._seconds, 0.0), 1.0) * (self._width - _LEFT - _RIGHT)

    def _y(self, level: float) -> float:
        return self._base - level / self._top * (self._base - _TOP)

    def _bands(self) -> Iterator[str]:
        used: dict[int, float] = {}
        for band in sorted(self._plot.bands, key=lambda band: band.begin):
            left, right = self._x(band.begin), self._x(band.end)
            yield (
                f'<rect class="{band.kind}" x="{left:.1f}" y="{_TOP}" width="{max(right - left, 1):.1f}" '
                f'height="{self._base - _TOP}"/>'
            )
            width = len(band.name) * _LETTER
            start = min(left, self._width - width)
            if start >= used.get(band.row, 0.0):
                # What does not fit beside the one before is told by the legend.
                used[band.row] = start + width + _LETTER
                yield f'<text x="{start:.1f}" y="{_TOP - 18 + 14 * band.row}">{escape(band.name)}</text>'

    def _levels(self) -> Iterator[str]:
        for level in range(0, self._top + 1, self._step):
            y = self._y(level)
            yield f'<line class="grid" x1="{_LEFT}" x2="{self._width - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
            yield f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{level}</text>'

    def _marks(self) -> Iterator[str]:
        most = max(2, (self._width - _LEFT - _RIGHT) // _MARK_WIDTH)
        step = next((step for step in _STEPS if self._seconds / step <= most), _STEPS[-1])
        for number in range(int(self._seconds / step) + 1):
            x = self._x(number * step)
            yield f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{self._base}" y2="{self._base + 4}"/>'
            side = "end" if x > self._width - _MARK_WIDTH / 2 else "middle"
            yield f'<text x="{x:.1f}" y="{self._base + 16}" text-anchor="{side}">{moment(number * step)}</text>'

    def _frame(self) -> Iterator[str]:
        yield f'<line class="axis" x1="{_LEFT}" x2="{self._width - _RIGHT}" y1="{self._base}" y2="{self._base}"/>'
        yield f'<text x="0" y="10">{escape(self._plot.unit)}</text>'
        words = f"minutes:seconds since {self._plot.since}"
        yield f'<text x="{self._width - _RIGHT}" y="{self._height - 6}" text-anchor="end">{escape(words)}</text>'

    def _part(self, part: Bars | Steps | Rule) -> str:
        if isinstance(part, Bars):
            return self._bars(part)
        return self._steps(part) if isinstance(part, Steps) else self._rule(part)

    def _bars(self, bars: Bars) -> str:
        pieces = []
        for index, count in enumerate(bars.counts):
            if count:
                left, right = self._x(index * bars.bucket), self._x((index + 0.9) * bars.bucket)
                pieces.append(f"M{left:.1f} {self._base}V{self._y(count):.1f}H{right:.1f}V{self._base}Z")
        return f'<path class="{bars.kind}" d="{"".join(pieces)}"/>' if pieces else ""

    def _steps(self, steps: Steps) -> str:
        pieces = [f"M{_LEFT} {self._base}"]
        for count, when in enumerate(sorted(steps.moments), start=1):
            pieces.append(f"H{self._x(when):.1f}V{self._y(count):.1f}")
        pieces.append(f"H{self._width - _RIGHT}")
        return f'<path class="{steps.kind}" d="{"".join(pieces)}"/>'

    def _rule(self, rule: Rule) -> str:
        y = self._y(rule.level)
        return (
            f'<line class="{rule.kind}" x1="{_LEFT}" x2="{self._width - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text class="name" x="{self._width - _RIGHT}" y="{y - 4:.1f}" text-anchor="end">'
            f"{escape(rule.name)}</text>"
        )
