"""docs/policy.md is kept true: every key, trigger, action and module, with its default."""

from __future__ import annotations

import re
from dataclasses import MISSING, fields
from pathlib import Path

import pytest

from ipad.policy.bounds import online_bound
from ipad.policy.rules import DEFAULT_HOLD, Deed, Rule, Trigger
from ipad.policy.settings import (
    FallbackSettings,
    PollSettings,
    RecoverySettings,
    Settings,
    SupervisionSettings,
)

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "policy.md").read_text(encoding="utf-8")
TABLES = {
    "supervision": SupervisionSettings,
    "fallback": FallbackSettings,
    "recovery": RecoverySettings,
    "poll": PollSettings,
}


def section(title: str) -> str:
    found = re.search(rf"### \[{re.escape(title)}\]\n(.*?)(?=\n##)", TEXT, re.DOTALL)
    assert found, title
    return found[1]


def rows(text: str) -> dict[str, str]:
    """Key to default, from the rows of a table; one row may name several of both."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        keys = re.findall(r"`([a-z_]+)`", cells[0])
        if len(cells) < 3 or not keys:
            continue
        defaults = [part.strip() for part in cells[1].split(",")]
        found.update(zip(keys, defaults * len(keys) if len(defaults) == 1 else defaults, strict=False))
    return found


@pytest.mark.parametrize("name", TABLES)
def test_every_key_stands_there_with_its_default(name: str) -> None:
    documented = rows(section(name))
    expected = {}
    for item in fields(TABLES[name]):
        assert item.default is not MISSING
        value = item.default
        expected[item.name] = str(value).lower() if isinstance(value, bool) else value
    assert set(documented) == set(expected)
    for key, value in expected.items():
        shown = documented[key].strip("`").strip('"')
        assert shown == (f"{value:g}" if isinstance(value, float) else str(value)), key


def test_every_key_trigger_and_action_of_rules_stands_there() -> None:
    text = section("rule.NAME")
    for item in fields(Rule):
        assert f"`{item.name}`" in text, item.name
    for name in (*Trigger, *Deed):
        assert f"`{name}`" in text, name
    for trigger, hold in DEFAULT_HOLD.items():
        assert re.search(rf"`{trigger}` \| `hold` \({hold:g}\)", text), trigger


def test_every_module_has_its_place() -> None:
    for path in (ROOT / "ipad" / "policy").glob("*.py"):
        if path.stem != "__init__":
            assert f"`{path.stem}`" in TEXT, path.stem


def test_promise_is_the_one_that_the_numbers_give() -> None:
    stated = re.search(r"about (\d+) hours with the defaults", TEXT)
    assert stated
    assert abs(online_bound(Settings()) / 3600 - int(stated[1])) < 0.5
