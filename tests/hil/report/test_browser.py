"""The page in a real browser without a screen: it draws what is opened, and fits a telephone."""

from __future__ import annotations

import re
from pathlib import Path

from hil.report.page import write_page
from tests.hil.chromium import needs_chromium, show
from tests.hil.report.made import EVENTS, case, run

pytestmark = needs_chromium


def attribute(text: str, name: str) -> str:
    found = re.search(rf'<html[^>]*\bdata-{name}="([^"]*)"', text)
    return found[1] if found else ""


def test_a_case_is_drawn_when_it_is_opened(tmp_path: Path) -> None:
    page = write_page(run(case(), case("test_two", result="failed", reason="it broke")), tmp_path)
    text = show(page, fragment="#case-1").document
    first, second = re.findall(r"<details.*?</details>", text, re.DOTALL)
    assert attribute(text, "error") == ""
    assert 'class="timeline"' in first
    assert 'class="radio"' in first
    assert first.count("<tr data-lane=") == len(EVENTS)
    assert "STORE DATA: GetEID" in first
    assert "said &lt;b&gt;this&lt;/b&gt; &amp; that" in first
    assert re.search(r'<tr data-lane="AT" hidden=""', first)
    assert not re.search(r'<tr data-lane="APDU" hidden=""', first)
    assert "data-packed" in second, "what is closed is not unpacked"


def test_the_first_case_that_went_wrong_is_open_and_a_telephone_shows_it_all(tmp_path: Path) -> None:
    page = write_page(run(case(), case("test_two", result="failed", reason="it broke " * 50)), tmp_path)
    text = show(page, width=500).document
    first, second = re.findall(r"<details.*?</details>", text, re.DOTALL)
    assert "data-packed" in first
    assert 'class="timeline"' in second
    assert attribute(text, "overflow") == "0", "nothing is wider than the screen"
