"""The marks of cases.

@case("5.14.5", title="...")      sections of SGP.32 v1.2; other documents with their name: "SGP.22 3.1.3"
@needs("network", ...)            abilities without which the case is skipped
@fresh                            on a new device of its own, because what it does cannot be undone
@fresh(indirect=("eim1",))        with other options of the virtual rig
@variant(indirect=("eim1",))      the same, on a device that all cases with these options share
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import pytest

from hil.suite.ability import Ability

case = pytest.mark.case
needs = pytest.mark.needs
fresh = pytest.mark.fresh
variant = pytest.mark.variant

REGISTERED: Final = (
    "case(*sections, title): the sections of SGP.32 (or of the document named) that a case of the suite tests",
    "needs(*abilities): what the target must be able to do",
    "fresh(**options): the case has a device of its own",
    "variant(**options): the case runs on a device with other options, shared by the cases that want the same",
)
SECTION: Final = re.compile(
    r"(?:(?:SGP\.\d{2}|(?:3GPP |ETSI )?TS \d{2,3}[ .]\d{3}|RFC \d{4}) )?(?:Annex [A-Z]|\d+[a-z]?)(?:\.\d+[a-z]?)*"
)


class MarkError(ValueError):
    """Marks of a case that make no sense; the message says which and why."""


@dataclass(frozen=True)
class CaseMarks:
    """What the marks of one case say. `device` are options of a device other than the usual one."""

    title: str
    sections: tuple[str, ...]
    abilities: frozenset[str]
    fresh: bool = False
    device: tuple[tuple[str, Any], ...] = ()


def read_marks(name: str, marks: Iterable[pytest.Mark]) -> CaseMarks:
    """The marks of the test function `name`. Raises MarkError."""
    sections: list[str] = []
    abilities: set[str] = set()
    title, own = "", False
    options: dict[str, Any] = {}
    for mark in marks:
        match mark.name:
            case "case":
                sections += [section for section in _sections(mark) if section not in sections]
                title = title or str(mark.kwargs.get("title", ""))
            case "needs":
                abilities |= _abilities(mark)
            case "fresh" | "variant":
                own = own or mark.name == "fresh"
                options.update(mark.kwargs)
                abilities.add(Ability.FRESH)
    if not sections:
        raise MarkError('no section: every case names what it tests, @case("5.14.5", title="...")')
    return CaseMarks(title or _words(name), tuple(sections), frozenset(abilities), own, tuple(sorted(options.items())))


def _sections(mark: pytest.Mark) -> list[str]:
    stray = set(mark.kwargs) - {"title"}
    if stray:
        raise MarkError(f"case: unknown argument {min(stray)!r}")
    if not mark.args:
        raise MarkError("case: no section")
    for section in mark.args:
        if not isinstance(section, str) or not SECTION.fullmatch(section):
            raise MarkError(f'case: {section!r} is no section, expected "5.14.5" or "SGP.22 3.1.3"')
    return list(mark.args)


def _abilities(mark: pytest.Mark) -> set[str]:
    known = {ability.value for ability in Ability}
    for ability in mark.args:
        if ability not in known:
            raise MarkError(f"needs: unknown ability {ability!r}, there are {', '.join(sorted(known))}")
    return {str(ability) for ability in mark.args}


def _words(name: str) -> str:
    return name.removeprefix("test_").replace("_", " ").capitalize()
