"""What a new configuration changes in a process that runs: what takes effect, and what has to wait for a restart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from ipad.config import Config, flatten
from ipad.records import dataclass, replace
from ipad.toml import Keys, dotted

FIXED: Final[tuple[Keys, ...]] = (
    ("state",),
    ("modem",),
    ("injection",),
    ("control",),
    ("log", "events"),
    ("log", "events_size"),
    ("log", "audit_size"),
    ("metrics",),
)
"""What is taken at the start: ports, files and sockets that are held from then on."""


@dataclass(frozen=True, slots=True)
class Changes:
    """Settings that differ, by their keys: those that take effect now, and those that need a restart."""

    applied: tuple[str, ...] = ()
    postponed: tuple[str, ...] = ()

    def __str__(self) -> str:
        parts = [f"changed: {', '.join(self.applied)}" if self.applied else "nothing that is in effect has changed"]
        if self.postponed:
            parts.append(f"only a restart changes {', '.join(self.postponed)}")
        return "; ".join(parts)


@dataclass(frozen=True, slots=True)
class Reload:
    """The configuration that holds from now on, and how it differs from the one of before."""

    config: Config
    changes: Changes


def reload(old: Config, new: Config) -> Reload:
    """Take from the new configuration what can take effect in a process that was started with the old one."""
    log = replace(new.log, events=old.log.events, events_size=old.log.events_size, audit_size=old.log.audit_size)
    config = replace(
        new,
        state=old.state,
        modems=old.modems,
        injection=old.injection,
        control=old.control,
        log=log,
        metrics=old.metrics,
    )
    return Reload(config, changes(old, new))


def changes(old: Config, new: Config) -> Changes:
    """Every setting that differs."""
    before, after = _settings(old), _settings(new)
    keys = [key for key in {**before, **after} if before.get(key) != after.get(key)]
    return Changes(
        tuple(_named(key for key in keys if not _fixed(key))), tuple(_named(key for key in keys if _fixed(key)))
    )


def _settings(config: Config) -> Mapping[Keys, Any]:
    """What holds, with secrets as what they are: two that differ must not look the same."""
    settings: dict[Keys, Any] = dict(flatten(config))
    for number, entry in enumerate(config.bearer.apn):
        settings["bearer", "apn", str(number), "password"] = entry.password
    return settings


def _fixed(key: Keys) -> bool:
    return any(key[: len(fixed)] == fixed for fixed in FIXED)


def _named(keys: Iterable[Keys]) -> Iterable[str]:
    return dict.fromkeys(dotted(key) for key in keys)
