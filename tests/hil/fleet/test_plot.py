"""Plots over time: axes with round marks, what is drawn where, labels that do not run into each other."""

from __future__ import annotations

import itertools
import re
from xml.etree import ElementTree as ET

import pytest

from hil.fleet.plot import Band, Bars, Plot, Rule, Steps, level_step, moment


def drawings(plot: Plot) -> list[ET.Element]:
    return list(ET.fromstring(f"<both>{plot.svg()}</both>"))


def words(drawing: ET.Element) -> list[str]:
    return [found.text or "" for found in drawing.iter("text")]


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (61, "1:01"), (59.6, "1:00"), (3661, "1:01:01")])
def test_moments_are_written_as_a_clock_does(seconds: float, text: str) -> None:
    assert moment(seconds) == text


@pytest.mark.parametrize(("top", "step"), [(0, 1), (1, 1), (5, 1), (6, 2), (44, 10), (1000, 200), (1001, 500)])
def test_levels_are_round_and_few(top: float, step: int) -> None:
    assert level_step(top) == step


def test_each_plot_is_drawn_for_a_wide_and_for_a_narrow_screen_with_named_axes() -> None:
    plot = Plot(
        "requests over time", "requests in 10 s", "the outage ended", 180.0, 9.0, (), (Bars("bars", 10.0, [9]),)
    )
    wide, narrow = drawings(plot)
    assert (wide.get("class"), narrow.get("class")) == ("on-wide", "on-narrow")
    for drawing in (wide, narrow):
        found = words(drawing)
        assert drawing.get("aria-label") == "requests over time"
        assert "requests in 10 s" in found
        assert "minutes:seconds since the outage ended" in found
        assert {"0", "2", "4", "10", "0:00", "3:00"} <= set(found)


def test_bars_and_steps_reach_the_level_of_their_count() -> None:
    plot = Plot("x", "x", "x", 100.0, 4.0, (), (Bars("bars", 50.0, [4, 0]), Steps("done", [10.0, 5.0])))
    for drawing in drawings(plot):
        bars, steps = (found.get("d") or "" for found in drawing.iter("path"))
        top, base = float(re.findall(r"V([\d.]+)", bars)[0]), float(re.findall(r"V([\d.]+)", bars)[1])
        levels = [float(found) for found in re.findall(r"V([\d.]+)", steps)]
        assert bars.count("M") == 1, "nothing is drawn where nothing was counted"
        assert levels == pytest.approx([base - (base - top) / 4, base - (base - top) / 2])


def test_labels_of_bands_that_would_run_into_each_other_are_left_to_the_legend() -> None:
    bands = [Band("batch", f"batch {number}", number * 5.0, number * 5.0 + 4) for number in range(20)]
    wide, narrow = drawings(Plot("x", "x", "x", 100.0, 1.0, bands, ()))
    for drawing, width in ((wide, 960.0), (narrow, 340.0)):
        assert len(list(drawing.iter("rect"))) == 20
        starts = [
            float(found.get("x") or 0) for found in drawing.iter("text") if (found.text or "").startswith("batch")
        ]
        assert 2 < len(starts) < 20
        assert all(later - sooner >= 46 for sooner, later in itertools.pairwise(starts))
        assert starts[-1] + 46 <= width


def test_names_are_escaped() -> None:
    rule, band = Rule("mean", "a < b", 1.0), Band("batch", "<b>", 0.0, 1.0)
    for drawing in drawings(Plot('"x" & <y>', "<u>", "<s>", 10.0, 1.0, [band], [rule])):
        assert {"a < b", "<b>", "<u>"} <= set(words(drawing))
