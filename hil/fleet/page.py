"""The result of a fleet as one self-contained HTML page: figures, roll-out and load over time. It needs no script, and
nothing is loaded from anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Final

from hil.fleet.figures import GOAL, Figures, Load, load
from hil.fleet.plan import FleetPlan
from hil.fleet.plot import Band, Bars, Plot, Rule, Steps
from hil.fleet.result import OUTAGE, STORM, DeviceRecord, FleetResult
from hil.fleet.text import MEASURES, TOO_FEW, apart, cost_rows, per_device, plan_rows

_MOST_BARS: Final = 480
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"
_BEGIN: Final = "the fleet was switched on"


def page(plan: FleetPlan, result: FleetResult, found: Figures) -> str:
    """The whole document."""
    title = f"Fleet of {plan.devices} devices"
    started = datetime.fromtimestamp(result.started, UTC).strftime("%Y-%m-%d %H:%M UTC")
    parts = [
        f"<h1>{title}</h1>",
        f'<p class="note">A profile is rolled out to virtual devices, served by real agents. Started {started}.</p>',
        _verdict(result, found),
        _tiles(plan, result, found),
        "<h2>Remote provisioning</h2>",
        _durations(found),
        _failures(found),
        "<h2>Roll-out</h2>",
        _roll_out(plan, result, found),
        "<h2>Requests of the eIM</h2>",
        _requests(plan, result),
        *_after_outage(plan, result, found),
        "<h2>By radio condition</h2>",
        _by_condition(result.devices),
        "<h2>Plan</h2>",
        _facts(plan_rows(plan)),
        "<h2>Cost</h2>",
        _facts(cost_rows(plan, result)),
    ]
    style = (Path(__file__).parent / "page.css").read_text(encoding="utf-8")
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f"<title>{title}</title><style>{style}</style></head><body>\n" + "\n".join(parts) + "\n</body></html>\n"
    )


def _verdict(result: FleetResult, found: Figures) -> str:
    kind = "good" if found.succeeded == found.tried and not result.aborted else "bad"
    left = len(result.devices) - found.tried
    text = f"{found.succeeded} of {found.tried} devices rolled out ({found.success_rate:.1%})"
    if result.aborted:
        text += f"; aborted: {result.aborted}; {left} devices were left alone"
    return f'<p class="verdict {kind}">{escape(text)}</p>'


def _tiles(plan: FleetPlan, result: FleetResult, found: Figures) -> str:
    tiles: list[tuple[str, str, bool | None]] = [
        (f"{found.success_rate:.1%}", "success rate", found.succeeded == found.tried)
    ]
    if found.after is not None and found.handshakes is not None:
        even = f"peak to mean of requests after the common outage, goal {GOAL:g} at most"
        tiles.append((f"{found.after.peak_to_mean:.2f}", even, found.even if found.after.telling else None))
        tiles.append((f"{found.handshakes.peak_to_mean:.2f}", "the same of new TLS connections", None))
    tiles.append((per_device(result.cost.agent_memory, plan), "memory of the agents for each device", None))
    tones = {True: ' class="good"', False: ' class="bad"', None: ""}
    items = (f"<li><b{tones[tone]}>{escape(value)}</b>{escape(name)}</li>" for value, name, tone in tiles)
    return f'<ul class="tiles">{"".join(items)}</ul>'


def _rows(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = f"<tr>{''.join(f'<th>{escape(text)}</th>' for text in headings)}</tr>"
    body = "".join("<tr>" + "".join(f"<td>{escape(text)}</td>" for text in row) + "</tr>" for row in rows)
    return f'<div class="wide"><table>{head}{body}</table></div>'


def _facts(rows: Sequence[tuple[str, str]]) -> str:
    body = "".join(f"<tr><td>{escape(name)}</td><td>{escape(text)}</td></tr>" for name, text in rows)
    return f'<div class="wide"><table class="facts">{body}</table></div>'


def _durations(found: Figures) -> str:
    if not found.durations:
        return "<p>No device came so far that a duration could be measured.</p>"
    head = "".join(f"<th>{text}</th>" for text in ("seconds", "devices", "median", "95 %", "longest"))
    rows = "".join(
        f'<tr class="measure"><td>{escape(one.name)}</td><td>{one.count}</td>'
        f"<td>{one.median:.2f}</td><td>{one.percentile95:.2f}</td><td>{one.longest:.2f}</td></tr>"
        f'<tr><td colspan="5"><small>{escape(MEASURES.get(one.name, ""))}</small></td></tr>'
        for one in found.durations
    )
    return f'<div class="wide"><table><tr>{head}</tr>{rows}</table></div>'


def _failures(found: Figures) -> str:
    return "".join(f'<p class="bad">{count} &times; {escape(reason)}</p>' for reason, count in found.failures)


def _by_condition(devices: Sequence[DeviceRecord]) -> str:
    rows = []
    for name in sorted({record.condition for record in devices}):
        own = [record for record in devices if record.condition == name]
        tried = [record for record in own if record.tried]
        rows.append([name, str(len(own)), str(len(tried)), str(sum(record.succeeded for record in tried))])
    return _rows(("condition", "devices", "tried", "succeeded"), rows)


def _legend(*items: tuple[str, str]) -> str:
    keys = "".join(f'<li><i class="{kind}"></i>{escape(text)}</li>' for kind, text in items)
    return f'<ul class="legend">{keys}</ul>'


def _bands(result: FleetResult, *, batches: bool) -> list[Band]:
    found = []
    for span in result.spans:
        if span.name in (OUTAGE, STORM):
            found.append(Band(span.name, span.name, span.begin, span.end, row=1))
        elif batches:
            found.append(Band("batch", span.name, span.begin, span.end))
    return found


def _band_keys(result: FleetResult) -> list[tuple[str, str]]:
    names = {span.name for span in result.spans}
    known = ((OUTAGE, "common outage: no device has coverage"), (STORM, "storm: the eIM answers 503"))
    return [(name, text) for name, text in known if name in names]


def _roll_out(plan: FleetPlan, result: FleetResult, found: Figures) -> str:
    ends = {batch.number: batch.end for batch in found.batches}
    tried = [record for record in result.devices if record.tried]
    done = [record.done for record in tried if record.done is not None and record.succeeded]
    failed = [
        ends.get(record.batch, result.seconds) if record.done is None else record.done
        for record in tried
        if not record.succeeded
    ]
    lines = [Steps("ordered", [record.ordered for record in tried if record.ordered is not None]), Steps("done", done)]
    if failed:
        lines.append(Steps("failed", failed))
    keys = [("ordered", "profile ordered"), ("done", "rolled out"), *([("failed", "failed")] if failed else [])]
    plot = Plot(
        "devices that were rolled out, over time", "devices", _BEGIN, result.seconds, len(result.devices),
        _bands(result, batches=True), lines,
    )  # fmt: skip
    rows = [
        [
            str(batch.number),
            str(batch.devices),
            str(batch.succeeded),
            f"{batch.failure_rate:.1%}",
            f"{batch.end - batch.begin:.0f} s",
            pause,
        ]
        for batch, pause in zip(found.batches, apart(found.batches), strict=True)
    ]
    head = ("batch", "devices", "succeeded", "failed", "took", "pause after")
    limit = f"A batch after which more than {plan.abort:.0%} of what was tried so far has failed ends the roll-out."
    legend = _legend(*keys, ("batch", "batch"), *_band_keys(result))
    return f'{plot.svg()}{legend}{_rows(head, rows)}<p class="note">{limit}</p>'


def _requests(plan: FleetPlan, result: FleetResult) -> str:
    seconds = max(result.seconds, plan.bucket)
    bucket = max(plan.bucket, seconds / _MOST_BARS)
    everything = load(result.requests, 0.0, seconds, bucket)
    bars = [Bars("bars", bucket, everything.counts)]
    keys = [("bars", f"requests in {bucket:.3g} s")]
    if result.refused:
        bars.append(Bars("refused", bucket, load(result.refused, 0.0, seconds, bucket).counts))
        keys.append(("refused", "those of them that were answered with 503 or cut off"))
    unit = f"requests in {bucket:.3g} s"
    plot = Plot(
        "requests of the eIM, over time", unit, _BEGIN, seconds, everything.peak, _bands(result, batches=True), bars
    )
    return plot.svg() + _legend(*keys, ("batch", "batch"), *_band_keys(result)) + _shares(result)


def _shares(result: FleetResult) -> str:
    if result.shares == 1:
        return ""
    text = (
        f"{result.shares} machines had a share each, with an eIM of its own. Requests are those of all eIMs together; "
        "after the outage they are counted from the end of the outage of each share, as if all had shared one outage "
        "and one eIM."
    )
    return f'<p class="note">{text}</p>'


def _after_outage(plan: FleetPlan, result: FleetResult, found: Figures) -> list[str]:
    if found.after is None or found.handshakes is None:
        return []
    judged = found.after.telling
    kind = "note" if not judged else "good" if found.even else "bad"
    late = len([moment for moment in result.requests_after if moment > plan.window])
    return [
        "<h2>After the common outage</h2>",
        (
            f'<p class="note">How evenly the fleet comes back, over {plan.window:g} s from the moment at which all '
            f"have coverage again{f'; {late} requests came later' if late else ''}.</p>"
        ),
        "<h3>Requests of the eIM</h3>",
        (
            f'<p class="{kind}">{_evenness(found.after, "requests")}, goal {GOAL:g} at most'
            f"{'' if judged else f'; {TOO_FEW}'}.</p>"
        ),
        _load_plot(found.after, "requests", goal=True),
        "<h3>New TLS connections of the eIM</h3>",
        f"<p>{_evenness(found.handshakes, 'connections')}.</p>",
        _load_plot(found.handshakes, "connections", goal=False),
    ]


def _evenness(found: Load, what: str) -> str:
    in_bucket = f"{what} in {found.bucket:.3g} s"
    return f"Peak {found.peak}, mean {found.mean:.1f} {in_bucket}; peak to mean {found.peak_to_mean:.2f}"


def _load_plot(found: Load, what: str, *, goal: bool) -> str:
    rules: list[Bars | Steps | Rule] = [
        Rule("mean", "mean", found.mean),
        *([Rule("goal", "goal", GOAL * found.mean)] if goal else []),
    ]
    top = max(found.peak, GOAL * found.mean if goal else 0.0)
    unit = f"{what} in {found.bucket:.3g} s"
    parts = (Bars("bars", found.bucket, found.counts), *rules)
    seconds = found.bucket * len(found.counts)
    return Plot(f"{what} after the common outage", unit, "the outage ended", seconds, top, (), parts).svg()
