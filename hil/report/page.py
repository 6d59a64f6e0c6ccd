"""The page: summary and cases as HTML, what a case did as packed data that the page draws when it is opened.

Static HTML has everything that one wants to know at first sight. The events of all cases would be tens of megabytes of
it, so they are packed (JSON, deflate, base64) and unpacked by the browser. Nothing is loaded from anywhere.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Final

from hil.report.figures import RESULTS, Counts, Duration, counts, durations
from hil.report.naming import describe
from hil.suite.record import CaseRecord, Run

FILE: Final = "report.html"

_FOLDER: Final = Path(__file__).parent
_LANES: Final = ("AGENT", "AT", "APDU", "CARD", "ESIPA", "ES9+", "ES11", "RADIO", "BENCH")
_LONGEST_TEXT: Final = 300


def write_page(run: Run, folder: Path) -> Path:
    """Write DIR/report.html; the file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / FILE
    path.write_text(page(run), encoding="utf-8")
    return path


def page(run: Run) -> str:
    """The whole document."""
    parts = {
        "title": escape(f"{run.target}, {run.started}"),
        "style": _asset("page.css"),
        "script": _asset("page.js"),
        "summary": _summary(run),
        "facts": _facts(run),
        "durations": _durations(durations(run)),
        "chapters": "".join(_chapters(run.cases)),
    }
    text = _asset("page.html")
    for name, part in parts.items():
        text = text.replace(f"<!--{name}-->", part, 1)
    return text


def packed(case: CaseRecord) -> str:
    """What the page draws of a case: lanes, events, samples; base64 of deflated JSON."""
    plain = {
        "lanes": [lane for lane in _LANES if any(event.interface == lane for event in case.events)],
        "seconds": max([case.seconds, *(event.seconds for event in case.events)]),
        "events": [
            [
                round(event.seconds, 4),
                event.interface,
                event.direction,
                _cut(describe(event)),
                event.size,
                event.data + ("…" if event.cut else ""),
            ]
            for event in case.events
        ],
        "signals": [
            [sample.seconds, sample.rsrp, sample.rsrq, sample.sinr, sample.registered, sample.bearer, sample.layer]
            for sample in case.signals
        ],
    }
    data = json.dumps(plain, separators=(",", ":"), ensure_ascii=False).encode()
    return base64.b64encode(zlib.compress(data, 9)).decode()


def _summary(run: Run) -> str:
    found = counts(run.cases)
    word = "All cases passed" if found.good and not found.skipped else _verdict(found)
    present = [(result, getattr(found, result)) for result in RESULTS if getattr(found, result)]
    tiles = "".join(_tile(result, number, result) for result, number in present)
    bar = "".join(f'<i class="{result}" style="flex:{number}"></i>' for result, number in present)
    tone = "good" if found.good else "bad"
    return f'<p class="verdict {tone}">{word}</p><div class="bar">{bar}</div>{_tile("", found.total, "cases")}{tiles}'


def _tile(result: str, number: int, word: str) -> str:
    return f'<button type="button" class="tile {result}" data-show="{result}"><b>{number}</b> {word}</button>'


def _verdict(found: Counts) -> str:
    if found.good:
        return "Every case that this target can do passed"
    if not found.total:
        return "No case was run"
    if found.skipped == found.total:
        return "This target can do none of the cases"
    return f"{found.failed + found.error} of {found.total} cases went wrong"


def _facts(run: Run) -> str:
    rows = [("target", run.target), ("started", run.started), ("abilities", ", ".join(run.ability) or "none")]
    rows += [*run.board.items(), *((f"version of {name}", version) for name, version in run.versions.items())]
    return _table((), [(escape(name), escape(str(value))) for name, value in rows])


def _durations(found: Sequence[Duration]) -> str:
    if not found:
        return "<p>No case measured a duration.</p>"
    head = ("measure", "cases", "success", "median", "95 %", "limit")
    rows = [
        (
            escape(one.name),
            str(one.count),
            f"{one.rate:.0%}",
            _seconds(one.median),
            _seconds(one.percentile95),
            _seconds(one.bound),
        )
        for one in found
    ]
    note = "<p class=note>Success: the case passed and took no longer than the limit of this target. Nearest rank.</p>"
    return _table(head, rows) + note


def _chapters(cases: Sequence[CaseRecord]) -> Iterator[str]:
    chapters: dict[str, list[CaseRecord]] = {}
    for case in cases:
        chapters.setdefault(case.chapter, []).append(case)
    number = 0
    for chapter in sorted(chapters):
        found = counts(chapters[chapter])
        told = ", ".join(f"{getattr(found, result)} {result}" for result in RESULTS if getattr(found, result))
        yield f"<section><h2>{escape(chapter)} <small>{told}</small></h2>"
        for case in chapters[chapter]:
            number += 1
            yield _case(number, case)
        yield "</section>"


def _case(number: int, case: CaseRecord) -> str:
    sections = ", ".join(section if " " in section else f"SGP.32 {section}" for section in case.sections)
    result = case.result if case.result in RESULTS else "error"
    _, bracket, parameters = case.id.rpartition("[")
    variant = f" <small>{escape(parameters.removesuffix(']'))}</small>" if bracket else ""
    measures = "".join(f"<li>{escape(name)}: {_seconds(value)}</li>" for name, value in case.measures.items())
    inside = [
        f"<p class=note><code>{escape(case.id)}</code></p>",
        f"<pre>{escape(case.reason)}</pre>" if case.reason else "",
        f"<ul>{measures}</ul>" if measures else "",
        f'<div class="drawing" data-packed="{packed(case)}"></div>'
        if case.events
        else "<p class=note>Nothing went over an interface.</p>",
    ]
    return (
        f'<details id="case-{number}" class="{result}"><summary><span class="mark">{result}</span> '
        f'<span class="name">{escape(case.title)}{variant}</span> <span class="where">{escape(sections)}</span> '
        f'<span class="time">{_seconds(case.seconds)}</span></summary>{"".join(inside)}</details>'
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Cells are HTML."""
    top = f"<thead><tr>{''.join(f'<th>{cell}</th>' for cell in head)}</tr></thead>" if head else ""
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="wide"><table>{top}<tbody>{body}</tbody></table></div>'


def _seconds(value: float) -> str:
    if value < 1:
        return f"{value * 1000:.0f} ms"
    return f"{value:.1f} s" if value < 120 else f"{value / 60:.0f} min"


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}…"


def _asset(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")
