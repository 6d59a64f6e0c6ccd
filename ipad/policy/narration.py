"""Events and decisions in words, one line each, for people who read a log."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from ipad.policy.causes import describe_cause
from ipad.policy.explain import duration
from ipad.policy.plain import to_plain
from ipad.policy.trace import DECISIONS, EVENTS

_EVENT_NAMES: Final = {cls: name for name, cls in EVENTS.items()}
_DECISION_NAMES: Final = {cls: name for name, cls in DECISIONS.items()}

TITLES: Final = {
    "boot": "the agent begins",
    "card-read": "eUICC read",
    "registration": "registration",
    "signal-sample": "signal",
    "bearer": "data bearer",
    "probe-result": "look along the path",
    "traffic": "traffic",
    "profile-changed": "profile changed",
    "sim-shown": "the modem shows",
    "modem-changed": "modem",
    "package-run": "package",
    "emergency": "emergency profile",
    "time-set": "time",
    "hints": "hints",
    "sleep": "sleep",
    "poll-done": "poll: answered",
    "poll-failed": "poll: failed",
    "poll-wanted": "poll wanted",
    "return-wanted": "return wanted",
    "action-result": "action",
    "rules-loaded": "policy read",
    "tick": "time passed",
    "commit": "COMMIT",
    "rollback": "ROLLBACK",
    "execute-fallback": "FALLBACK",
    "return-from-fallback": "RETURN",
    "enable-profile": "ENABLE",
    "recover": "RECOVER",
    "probe": "LOOK",
    "early-poll": "POLL",
    "silence": "SILENCE",
    "run-hook": "HOOK",
    "report": "REPORT",
    "wait-until": "WAIT",
}


def title(name: str) -> str:
    """What an event or decision is called; decisions are in capitals."""
    return TITLES.get(name, name)


def narrate(thing: object) -> str:
    """The event or decision as one line."""
    name = _EVENT_NAMES.get(type(thing)) or _DECISION_NAMES.get(type(thing)) or type(thing).__name__
    return narrate_record(name, to_plain(thing))


def narrate_record(name: str, fields: dict[str, Any]) -> str:
    """The same from the plain form, in which defaults are absent; a field that is not known is shown as it is."""
    special = _SPECIAL.get(name)
    if special is not None:
        return f"{title(name)}{special(fields)}"
    return _joined(title(name), _pairs(fields))


def _joined(head: str, parts: list[str]) -> str:
    return f"{head}: {', '.join(parts)}" if parts else head


def _pairs(fields: dict[str, Any]) -> list[str]:
    parts = []
    for key, value in fields.items():
        word = key.replace("_", " ")
        if value is True:
            parts.append(word)
        elif value is False:
            parts.append(f"not {word}")
        elif isinstance(value, list):
            parts.append(f"{word} {' '.join(map(str, value)) or 'none'}")
        elif isinstance(value, float):
            parts.append(f"{word} {value:g}")
        else:
            parts.append(str(value) if key in _PLAIN else f"{word} {value}")
    return parts


_PLAIN: Final = ("state", "reason", "text", "kind", "access", "country", "action", "outcome", "eim_id", "origin")
"""Fields whose value speaks for itself."""


def _registration(fields: dict[str, Any]) -> str:
    parts = dict(fields)
    cause = parts.pop("cause", None)
    texts = _pairs(parts)
    if isinstance(cause, int):
        texts.append(describe_cause(cause))
    return f" {', '.join(texts)}"


def _signal(fields: dict[str, Any]) -> str:
    dbm = fields.get("dbm")
    strength = f"{dbm:g} dBm" if isinstance(dbm, (int, float)) else "not measurable"
    return f" {strength} on {fields.get('access', 'an unknown technology')}"


def _bearer(fields: dict[str, Any]) -> str:
    return f": {fields['session']}" if fields.get("session") is not None else ": none"


def _sim(fields: dict[str, Any]) -> str:
    return f" {fields['iccid']}" if fields.get("iccid") is not None else " no profile"


def _look(fields: dict[str, Any]) -> str:
    parts = [f"reached {fields.get('reached', 'nothing')}"]
    if fields.get("others") is not None:
        parts.append("another server answers" if fields["others"] else "other servers are silent")
    if fields.get("clock"):
        parts.append("a wrong clock explains the refusal")
    if not fields.get("packets") and fields.get("reached") not in ("tcp", "tls", "eim"):
        parts.append("nothing comes back")
    if fields.get("failure"):
        parts.append(str(fields["failure"]))
    return f": {', '.join(parts)}"


def _package(fields: dict[str, Any]) -> str:
    return " begins" if fields.get("running") else " ended"


def _switch(fields: dict[str, Any]) -> str:
    return " is on" if fields.get("active", fields.get("on")) else " is over"


def _sleep(fields: dict[str, Any]) -> str:
    seconds = fields.get("seconds", 0)
    return f": for {duration(seconds)}" if isinstance(seconds, (int, float)) and seconds else ": over"


def _commit(fields: dict[str, Any]) -> str:
    proof = "an eIM answered" if fields.get("proven") else "the path is alive"
    after = fields.get("after")
    passed = f" after {duration(round(after))}" if isinstance(after, (int, float)) else ""
    return f" {fields.get('iccid', '')}: {proof}{passed}"


def _with_reason(key: str) -> Callable[[dict[str, Any]], str]:
    def text(fields: dict[str, Any]) -> str:
        rest = {name: value for name, value in fields.items() if name not in (key, "reason", "text")}
        head = f" {fields[key]}" if fields.get(key) is not None else ""
        reason = fields.get("reason") or fields.get("text") or ""
        detail = f" ({', '.join(_pairs(rest))})" if rest else ""
        return f"{head}{f': {reason}' if reason else ''}{detail}"

    return text


_SPECIAL: Final[Mapping[str, Callable[[dict[str, Any]], str]]] = {
    "registration": _registration,
    "signal-sample": _signal,
    "bearer": _bearer,
    "sim-shown": _sim,
    "probe-result": _look,
    "package-run": _package,
    "emergency": _switch,
    "silence": _switch,
    "sleep": _sleep,
    "commit": _commit,
    "rollback": _with_reason(""),
    "execute-fallback": _with_reason(""),
    "return-from-fallback": _with_reason(""),
    "enable-profile": _with_reason("iccid"),
    "recover": _with_reason("rung"),
    "probe": _with_reason(""),
    "early-poll": _with_reason(""),
    "run-hook": _with_reason("program"),
    "report": _with_reason("kind"),
}
