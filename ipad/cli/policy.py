"""`ipad policy`: what an operator wrote, in words, and what it would have done."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from enum import Enum
from pathlib import Path

from ipad.cli.invocation import Invocation
from ipad.cli.output import Report
from ipad.config import Config, flatten
from ipad.daemon.event_log import events_file
from ipad.daemon.event_reader import log_lines, trace_lines
from ipad.daemon.link import board_library
from ipad.daemon.policy_source import LoadedPolicy, load_policy
from ipad.errands.envelope import Json
from ipad.errors import ExitCode, UsageError
from ipad.ids import mask_identifiers
from ipad.policy.comparison import compare, differences
from ipad.policy.explain import explain as in_words
from ipad.policy.explain import numbers_in_words, sentence
from ipad.policy.narration import narrate, narrate_record
from ipad.policy.rules import Rule
from ipad.policy.settings import Settings
from ipad.policy.trace import Simulated, decision_record
from ipad.policy.trace import simulate as dry_run
from ipad.records import fields
from ipad.toml import Keys, dotted


async def show(call: Invocation) -> Report:
    """Every number and rule, with the line that it comes from."""
    policy = _load(call)
    rows: list[Json] = [
        {"key": dotted(keys), "value": _value(value), "origin": _origin(policy, keys) or "default"}
        for keys, value in _settings(policy.settings)
    ]
    return Report({"file": _file(policy), "settings": rows}, tables={"settings": ("key", "value", "origin")})


async def check(call: Invocation) -> Report:
    """The file is right if this returns."""
    policy = _load(call)
    note = f"{_file(policy)}: the policy is valid" if _file(policy) else "there is no policy file; defaults hold"
    return Report(
        {
            "file": _file(policy),
            "valid": True,
            "euicc": policy.settings.euicc.value,
            "rules": len(policy.settings.rules),
            "digest": policy.digest,
        },
        notes=(note,),
    )


async def explain(call: Invocation) -> Report:
    """The policy in sentences."""
    policy = _load(call)

    def origin(keys: Keys) -> str | None:
        return _origin(policy, keys)

    rules: list[Json] = [
        {"name": name, "enabled": rule.enabled, "sentence": sentence(rule), "origin": origin(("rule", name))}
        for name, rule in policy.settings.rules.items()
    ]
    numbers: list[Json] = [
        {"key": key, "value": value, "sentence": text} for key, value, text in numbers_in_words(policy.settings, origin)
    ]
    return Report(
        {"file": _file(policy), "rules": rules, "numbers": numbers},
        notes=tuple(in_words(policy.settings, origin).splitlines()),
        notes_only=True,
    )


async def simulate(call: Invocation) -> Report:
    """What the policy would have decided on a recorded log, and with --compare where the log says otherwise.

    Raises NotFoundError, UsageError for a log that cannot be read.
    """
    policy = _load(call)
    lines = _trace(call)
    steps = list(dry_run(policy.settings, lines))
    decisions: list[Json] = [_described(entry, index) for entry in steps for index in range(len(entry.decisions))]
    record: dict[str, Json] = {
        "file": _file(policy),
        "events": sum(1 for entry in steps if entry.event is not None),
        "decisions": decisions,
    }
    notes = [f"{entry.at:>12.1f}  {narrate(decision)}" for entry in steps for decision in entry.decisions] or [
        "nothing would have been decided"
    ]
    if not call.args.compare:
        return Report(record, notes=[mask_identifiers(note) for note in notes], notes_only=True)
    found = compare(steps, lines)
    others: list[Json] = [{"by": by, **entry, "text": _text(entry)} for by, entry in differences(found)]
    record |= {"same": len(found.same), "differences": others}
    notes = [f"{entry['t']:>12.1f}  only {by}: {_text(entry)}" for by, entry in differences(found)]
    message = f"{len(found.same)} decisions agree, {len(others)} differ"
    return Report(
        {**record, "message": message},
        notes=[*(mask_identifiers(note) for note in notes), *([message] if found.agrees else [])],
        notes_only=True,
        exit_code=ExitCode.OK if found.agrees else ExitCode.FAILED,
    )


def _load(call: Invocation) -> LoadedPolicy:
    given = getattr(call.args, "settings", None)
    return load_policy(Path(given) if given else call.config.policy.file, rungs=_rungs(call.config))


def _rungs(config: Config) -> tuple[str, ...] | None:
    """Those of the board, where it is configured."""
    if len(config.modems) != 1 or not config.modem().board:
        return None
    return board_library().load(config.modem().board).refresh.ladder


def _trace(call: Invocation) -> Sequence[str]:
    given = call.args.trace
    if given == "-":
        return sys.stdin.read().splitlines()
    if given is not None:
        return trace_lines(Path(given))
    file = events_file(call.config, os.environ)
    if file is None:
        raise UsageError("no log of events is written", hint="name a recorded one, or set log.events")
    return log_lines(file)


def _described(entry: Simulated, index: int) -> dict[str, Json]:
    decision = entry.decisions[index]
    return {**decision_record(decision, entry.at), "text": narrate(decision)}


def _text(record: dict[str, Json]) -> str:
    values = {key: value for key, value in record.items() if key not in ("t", "decision", "time", "note")}
    return narrate_record(str(record["decision"]), values)


def _file(policy: LoadedPolicy) -> str | None:
    return str(policy.document.path) if policy.document.path is not None else None


def _origin(policy: LoadedPolicy, keys: Keys) -> str | None:
    return policy.document.place(keys) if keys in policy.document.lines else None


def _settings(settings: Settings) -> list[tuple[Keys, object]]:
    """Everything that can be set, and of the rules what is not at its default."""
    found: list[tuple[Keys, object]] = [item for item in flatten(settings) if item[0][0] != "rules"]
    for name, rule in settings.rules.items():
        values = ((item.name, getattr(rule, item.name), item.default) for item in fields(Rule))
        found += [(("rule", name, key), value) for key, value, default in values if value != default]
    return found


def _value(value: object) -> Json:
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, tuple):
        return [_value(item) for item in value]
    assert value is None or isinstance(value, (bool, int, float, str))
    return value
