"""The result of a fleet as one self-contained HTML page: figures, roll-out, requests over time."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

from hil.fleet.figures import GOAL, Figures, load
from hil.fleet.plan import FleetPlan
from hil.fleet.result import OUTAGE, DeviceRecord, FleetResult
from hil.fleet.text import costs

_WIDTH, _HEIGHT = 960, 220
_LEFT, _BOTTOM, _TOP = 48, 22, 8
_MOST_BARS: Final = 480

_STYLE: Final = """
:root { color-scheme: light dark; --back: #fff; --text: #1b1b1f; --soft: #6a6a73; --line: #d9d9e0; --bar: #2a62b8;
  --bad: #b3261e; --good: #2e7d4f; --span: #b35c0022; }
@media (prefers-color-scheme: dark) { :root { --back: #131316; --text: #e6e6ea; --soft: #9a9aa6; --line: #35353d;
  --bar: #7fb0ff; --bad: #ff7b72; --good: #64c48c; --span: #ffac5c33; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 64rem; padding: 0 1rem 3rem; background: var(--back); color: var(--text);
  font: 16px/1.45 system-ui, sans-serif; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin: 1.6rem 0 .4rem; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; }
th, td { text-align: right; padding: .2rem .8rem .2rem 0; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; }
.good { color: var(--good); } .bad { color: var(--bad); } .note { color: var(--soft); }
svg { width: 100%; height: auto; } svg text { fill: var(--soft); font: 12px system-ui, sans-serif; }
.bar { fill: var(--bar); } .refused { fill: var(--bad); } .span { fill: var(--span); } .mean { stroke: var(--bad); }
.axis { stroke: var(--line); } .done { fill: none; stroke: var(--good); stroke-width: 2; }
"""


def page(plan: FleetPlan, result: FleetResult, found: Figures) -> str:
    """The whole document."""
    title = f"Fleet of {plan.devices} devices"
    verdict = f"{found.succeeded} of {found.tried} devices rolled out ({found.success_rate:.1%})"
    parts = [
        f"<h1>{title}</h1>",
        (
            f'<p class="{"good" if found.succeeded == found.tried and not result.aborted else "bad"}">{verdict}'
            f"{escape('; aborted: ' + result.aborted) if result.aborted else ''}</p>"
        ),
        "<h2>Remote provisioning</h2>",
        _durations(found),
        _failures(found),
        "<h2>Roll-out</h2>",
        _progress(result),
        "<h2>Requests of the eIM</h2>",
        _requests(plan, result),
        _evenness(plan, found),
        "<h2>By radio condition</h2>",
        _by_condition(result.devices),
        "<h2>Cost</h2>",
        *(f"<p>{escape(line)}</p>" for line in costs(plan, result)),
    ]
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f"<title>{title}</title><style>{_STYLE}</style></head><body>\n" + "\n".join(parts) + "\n</body></html>\n"
    )


def _rows(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(text)}</th>" for text in headings)
    body = "".join("<tr>" + "".join(f"<td>{escape(text)}</td>" for text in row) + "</tr>" for row in rows)
    return f'<div class="scroll"><table><tr>{head}</tr>{body}</table></div>'


def _durations(found: Figures) -> str:
    rows = [
        [one.name, str(one.count), f"{one.median:.2f}", f"{one.percentile95:.2f}", f"{one.longest:.2f}"]
        for one in found.durations
    ]
    return _rows(("seconds", "devices", "median", "95 %", "longest"), rows)


def _failures(found: Figures) -> str:
    return "".join(f'<p class="bad">{count} &times; {escape(reason)}</p>' for reason, count in found.failures)


def _by_condition(devices: Sequence[DeviceRecord]) -> str:
    rows = []
    for name in sorted({record.condition for record in devices}):
        own = [record for record in devices if record.condition == name]
        tried = [record for record in own if record.tried]
        rows.append([name, str(len(own)), str(len(tried)), str(sum(record.succeeded for record in tried))])
    return _rows(("condition", "devices", "tried", "succeeded"), rows)


def _evenness(plan: FleetPlan, found: Figures) -> str:
    if found.after is None or found.handshakes is None:
        return ""
    after, kind = found.after, "good" if found.even else "bad"
    return (
        f'<p class="{kind}">After the common outage: peak {after.peak}, mean {after.mean:.1f} requests in '
        f"{after.bucket:g} s; peak to mean {after.peak_to_mean:.2f}, goal {GOAL:g}.</p>"
        f'<p class="note">Over {plan.window:g} s from its end. Connections: peak to mean '
        f"{found.handshakes.peak_to_mean:.2f}.</p>"
    )


def _requests(plan: FleetPlan, result: FleetResult) -> str:
    seconds = max(result.seconds, plan.bucket)
    bucket = max(plan.bucket, seconds / _MOST_BARS)
    everything = load(result.requests, 0.0, seconds, bucket)
    refused = load(result.refused, 0.0, seconds, bucket)
    top = max(everything.peak, 1)
    width = (_WIDTH - _LEFT) / len(everything.counts)
    bars = []
    for index, count in enumerate(everything.counts):
        for kind, number in (("bar", count), ("refused", refused.counts[index])):
            if number:
                height = number / top * (_HEIGHT - _TOP - _BOTTOM)
                x, y = _LEFT + index * width, _HEIGHT - _BOTTOM - height
                bars.append(
                    f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{width * 0.9:.2f}" height="{height:.1f}"/>'
                )
    level = _HEIGHT - _BOTTOM - everything.mean / top * (_HEIGHT - _TOP - _BOTTOM)
    mean = f'<line class="mean" x1="{_LEFT}" x2="{_WIDTH}" y1="{level:.1f}" y2="{level:.1f}" stroke-dasharray="4 4"/>'
    label = f"requests in {bucket:.3g} s; those that a storm refused are red, the mean is dashed"
    return _plot(_spans(result, seconds) + "".join(bars) + mean, seconds, top, label)


def _progress(result: FleetResult) -> str:
    done = sorted(record.done for record in result.devices if record.done is not None and record.succeeded)
    seconds, top = max(result.seconds, 1.0), max(len(result.devices), 1)
    points = [f"{_LEFT},{_HEIGHT - _BOTTOM}"]
    for count, moment in enumerate(done, start=1):
        x = _LEFT + moment / seconds * (_WIDTH - _LEFT)
        y = _HEIGHT - _BOTTOM - count / top * (_HEIGHT - _TOP - _BOTTOM)
        points.append(f"{x:.1f},{y:.1f}")
    line = f'<polyline class="done" points="{" ".join(points)}"/>'
    return _plot(_spans(result, seconds) + line, seconds, top, "devices with the new profile")


def _spans(result: FleetResult, seconds: float) -> str:
    parts = []
    for span in result.spans:
        x = _LEFT + span.begin / seconds * (_WIDTH - _LEFT)
        width = (span.end - span.begin) / seconds * (_WIDTH - _LEFT)
        if span.name == OUTAGE or span.name.startswith("storm"):
            parts.append(
                f'<rect class="span" x="{x:.1f}" y="{_TOP}" width="{width:.1f}" height="{_HEIGHT - _TOP - _BOTTOM}"/>'
            )
        parts.append(f'<text x="{x + 2:.1f}" y="{_TOP + 12}">{escape(span.name)}</text>')
    return "".join(parts)


def _plot(inside: str, seconds: float, top: int, label: str) -> str:
    base = _HEIGHT - _BOTTOM
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(label)}">'
        f'<line class="axis" x1="{_LEFT}" x2="{_WIDTH}" y1="{base}" y2="{base}"/>{inside}'
        f'<text x="0" y="{_TOP + 10}">{top}</text><text x="0" y="{base}">0</text>'
        f'<text x="{_LEFT}" y="{_HEIGHT - 6}">0 s</text>'
        f'<text x="{_WIDTH}" y="{_HEIGHT - 6}" text-anchor="end">{seconds:.0f} s</text></svg>'
        f'<p class="note">{escape(label)}</p>'
    )
