"""The policy file: numbers and rules of an operator in strict TOML, checked as a whole before anything uses them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Literal

from ipad.errors import ConfigError
from ipad.policy.events import EuiccKind
from ipad.policy.rules import Rule, refusals
from ipad.policy.settings import (
    FallbackSettings,
    PollSettings,
    RecoverySettings,
    Settings,
    SupervisionSettings,
)
from ipad.records import dataclass, field
from ipad.toml import Document, Keys, build


@dataclass(frozen=True, slots=True)
class _File:
    euicc: Literal["iot", "consumer"] = "iot"
    supervision: SupervisionSettings = field(default_factory=SupervisionSettings)
    fallback: FallbackSettings = field(default_factory=FallbackSettings)
    recovery: RecoverySettings = field(default_factory=RecoverySettings)
    poll: PollSettings = field(default_factory=PollSettings)
    rule: Mapping[str, Rule] = field(default_factory=dict)


def from_document(document: Document, *, rungs: tuple[str, ...] | None = None) -> Settings:
    """The settings of a parsed file. `rungs` are those of the board, when it is known.

    Raises ConfigError with file, line and key: an unknown key, a wrong type, a number out of range, numbers that
    contradict each other, a rule that this kind of eUICC does not allow.
    """
    tables = build(_File, document, document.table)
    settings = Settings(
        euicc=EuiccKind(tables.euicc),
        supervision=tables.supervision,
        fallback=tables.fallback,
        recovery=tables.recovery,
        poll=tables.poll,
        rules=dict(tables.rule),
    )
    _check_order(document, settings)
    for name, rule in settings.rules.items():
        _check_rule(document, name, rule, settings.euicc, rungs)
    return settings


def digest(document: Document) -> str:
    """Identifies the content of a file: the same for the same settings, whatever the comments."""
    text = json.dumps(document.table, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _check_rule(document: Document, name: str, rule: Rule, kind: EuiccKind, rungs: tuple[str, ...] | None) -> None:
    keys: Keys = ("rule", name)
    for refusal in refusals(rule, kind):
        place = (*keys, refusal.key) if refusal.key else keys
        raise document.error(place, refusal.problem, hint=refusal.hint)
    if rungs is not None and rule.rung is not None and rule.rung not in rungs:
        raise document.error((*keys, "rung"), f"the board has no rung {rule.rung!r}", hint=f"it has {', '.join(rungs)}")


def _check_order(document: Document, settings: Settings) -> None:
    """Numbers of which one must not be below another."""
    for table, low, high in (
        ("supervision", "registration", "deadline"),
        ("supervision", "registration_slow", "deadline_slow"),
        ("supervision", "probe_first", "probe_limit"),
        ("supervision", "busy_first", "busy_limit"),
        ("fallback", "return_minimum", "return_first"),
        ("fallback", "return_first", "return_limit"),
        ("poll", "probe_retry", "probe_retry_limit"),
    ):
        numbers = getattr(settings, table)
        if getattr(numbers, low) > getattr(numbers, high):
            raise _contradiction(document, table, low, high, getattr(numbers, high))
    quiet = settings.poll.quiet
    if quiet and quiet[:5] == quiet[6:]:
        raise document.error(("poll", "quiet"), "begins and ends at the same time")


def _contradiction(document: Document, table: str, low: str, high: str, value: float) -> ConfigError:
    given: Mapping[str, object] = document.table.get(table, {})
    key = low if low in given else high
    return document.error((table, key), f"{table}.{low} must not be above {table}.{high}, which is {value:g}")
