"""The page of a fleet in a real browser without a screen: nothing is missing, and it fits a telephone."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path

import pytest

from hil.fleet.figures import figures
from hil.fleet.page import page
from hil.fleet.plan import FleetPlan, Storm
from hil.fleet.result import OUTAGE, STORM, Cost, DeviceRecord, FleetResult, Span
from tests.hil.chromium import needs_chromium, show

pytestmark = needs_chromium

# No window of the browser is as narrow as a telephone; a frame is, and what it shows can be measured from outside.
FRAME = """<!DOCTYPE html><body style="margin:0"><iframe style="border:0;width:{width}px;height:4000px" srcdoc="{page}">
</iframe><script>addEventListener("load", () => {{
  const inside = document.querySelector("iframe").contentDocument, told = document.documentElement.dataset;
  const shown = [...inside.querySelectorAll("svg")].filter((svg) => svg.getBoundingClientRect().width > 0);
  told.overflow = inside.documentElement.scrollWidth - {width};
  told.shown = shown.map((svg) => svg.getAttribute("class")).join(" ");
  told.letters = Math.min(...shown.map((svg) => 12 * svg.getBoundingClientRect().width / svg.viewBox.baseVal.width));
  told.outside = shown.flatMap((svg) => {{
    const frame = svg.getBoundingClientRect();
    return [...svg.querySelectorAll("text")].filter((text) => {{
      const box = text.getBoundingClientRect();
      return box.left < frame.left - 1 || box.right > frame.right + 1 || box.bottom > frame.bottom + 1;
    }}).map((text) => text.textContent);
  }}).join("|");
  const letters = shown.map((svg) => [...svg.querySelectorAll("text")].map((text) => text.getBoundingClientRect()));
  const meet = (one, other) => one.left < other.right - 1 && other.left < one.right - 1
    && one.top < other.bottom - 3 && other.top < one.bottom - 3;
  const under = (boxes) => boxes.filter((one, at) => boxes.slice(at + 1).some((other) => meet(one, other)));
  told.touching = letters.flatMap(under).length;
}});</script></body>"""


def made() -> str:
    """The page of a fleet with everything that such a page may have."""
    plan = FleetPlan(40, batches=(0.05, 0.25, 1.0), storms=(Storm(5, 20),), poll=60.0)
    devices = [
        DeviceRecord(
            number, "nb-iot" if number % 4 else "refused", 1 if number < 2 else 2, ordered=3.0, done=30.0 + number,
            download=1234.5, activation=0.1, connectivity=100.0, recovery=1000.0,
            failure="" if number % 4 else "enable 8949000000000000001F: rolled-back " + "x" * 80,
        )
        for number in range(10)
    ]  # fmt: skip
    devices += [DeviceRecord(number, "good") for number in range(10, 40)]
    spans = [Span("batch 1", 3.0, 33.0), Span("batch 2", 38.0, 60.0), Span(STORM, 8.0, 28.0), Span(OUTAGE, 70.0, 250.0)]
    requests = [float(second) for second in range(600) if not 70 < second < 250 for _ in range(second % 7)]
    result = FleetResult(
        devices, requests, [9.0, 10.0], requests, spans=spans,
        cost=Cost(1, 40 << 20, 90 << 20, 70 << 20, 2.0, 3.0, 5, 19),
        aborted="3 of 10 failed, more than 10%", seconds=600.0, started=1.7e9, shares=2,
    )  # fmt: skip
    result.count_from_outage()
    return page(plan, result, figures(plan, result))


@pytest.mark.parametrize(("width", "drawing"), [(1000, "on-wide"), (360, "on-narrow")])
def test_page_fits_the_screen_and_asks_for_nothing(tmp_path: Path, width: int, drawing: str) -> None:
    frame = tmp_path / "frame.html"
    frame.write_text(FRAME.format(width=width, page=escape(made())), encoding="utf-8")
    shown = show(frame, width=1200)
    told = dict(re.findall(r'\bdata-(\w+)="([^"]*)"', shown.document.partition("<head>")[0]))
    assert int(told["overflow"]) <= 0, "nothing is wider than the screen"
    assert told["shown"].split() == [drawing] * 4
    assert float(told["letters"]) >= 10, "letters can be read"
    assert told["outside"] == "", "no label is cut off"
    assert told["touching"] == "0", "no label lies on another"
    assert "CONSOLE" not in shown.log
