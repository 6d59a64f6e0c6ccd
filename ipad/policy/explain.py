"""A policy in sentences, for the person who wrote it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ipad.policy.bounds import online_bound, silent_bound
from ipad.policy.conditions import expiry_notice
from ipad.policy.events import EuiccKind
from ipad.policy.meanings import MEANINGS, UNITLESS
from ipad.policy.rules import Deed, Rule, Trigger
from ipad.policy.settings import Settings
from ipad.records import fields
from ipad.toml import Keys

Origin = Callable[[Keys], str | None]
"""From a key to `file:line`; None where the file does not set it."""


def nowhere(_: Keys) -> None:
    """There is no file."""


def explain(settings: Settings, origin: Origin = nowhere) -> str:
    """What the device will do, as text of several lines; `origin` adds where each rule and number comes from."""
    numbers = [f"  {key}: {text}" for key, _, text in numbers_in_words(settings, origin)]
    lines = [*_built_in(settings), "", *_rules(settings, origin), "", "Numbers", *numbers]
    return "\n".join(lines) + "\n"


def numbers_in_words(settings: Settings, origin: Origin = nowhere) -> Iterator[tuple[str, bool | float | str, str]]:
    """Key, value and sentence of everything that can be set beside the rules, in the order of the tables."""
    for table in ("supervision", "fallback", "recovery", "poll"):
        numbers = getattr(settings, table)
        for item in fields(numbers):
            key, value = f"{table}.{item.name}", getattr(numbers, item.name)
            place = origin((table, item.name)) or "default"
            yield key, value, f"{MEANINGS[key]} {_shown(key, value)} [{place}]"


def _shown(key: str, value: bool | float | str) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value or "none"
    return f"{value:g}" if key in UNITLESS else duration(value)


def duration(seconds: float) -> str:
    """Seconds as a person says them."""
    for unit, size in (("day", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= size and (seconds % size == 0 or seconds >= 10 * size):
            number = seconds / size
            return f"{number:.3g} {unit}{'s' if unit == 'day' and number != 1 else ''}"
    return f"{seconds:g} s"


def _built_in(settings: Settings) -> Iterator[str]:
    supervision, fallback, recovery = settings.supervision, settings.fallback, settings.recovery
    kind = "an IoT eUICC (SGP.32)" if settings.euicc is EuiccKind.IOT else "a consumer eUICC (SGP.22)"
    yield f"For {kind}; slow technologies (NB-IoT, LTE-M) in brackets."
    yield ""
    yield "After a change of profile"
    yield "  the profile is committed when the eIM answers over the new bearer, whatever its status."
    yield (
        f"  It fails after {duration(supervision.registration)} [{duration(supervision.registration_slow)}] without "
        f"registration, after {duration(supervision.deadline)} [{duration(supervision.deadline_slow)}] without "
        f"anything that comes back, and {duration(supervision.reject_hold)} after a reject cause that does not pass."
    )
    if settings.euicc is EuiccKind.IOT:
        yield (
            f"  While packets come back but no eIM answers, a rollback waits {duration(supervision.path_unclear)}, or "
            f"{duration(supervision.path_alive)} if another server answers: it may be the eIM that is down."
        )
        yield "  What failed is rolled back if the package allowed it, else the fallback profile is enabled."
    else:
        yield "  What failed is replaced by the profile that was enabled before."
    yield ""
    yield "When service is lost"
    if recovery.enabled:
        yield (
            f"  the board's recovery ladder begins after {duration(recovery.first)} [{duration(recovery.first_slow)}]; "
            f"at most {recovery.hard_per_day} restarts of the modem a day."
        )
    yield from _fallback(settings)
    bound = online_bound(settings), online_bound(settings, slow=True)
    yield (
        f"  While a profile that may be chosen has service the device is online again within {duration(bound[0])} "
        f"[{duration(bound[1])}]."
    )
    if fallback.silent_time:
        yield f"  If nothing at all is received since boot: {duration(silent_bound(settings))}."


def _fallback(settings: Settings) -> Iterator[str]:
    fallback = settings.fallback
    if settings.euicc is EuiccKind.CONSUMER or not fallback.enabled:
        yield "  There is no fallback mechanism: rules decide."
        return
    yield (
        f"  the fallback profile is enabled after {duration(fallback.loss_time)} [{duration(fallback.loss_time_slow)}] "
        f"plus up to {duration(fallback.spread)} by chance, or after {duration(fallback.reject_time)} of a reject "
        "cause that does not pass; never while the modem is off, in flight mode or without antenna, while a package "
        "runs, or while packets come back."
    )
    yield (
        f"  The former profile is tried after {duration(fallback.return_first)}, doubling up to "
        f"{duration(fallback.return_limit)}; at most {fallback.switches_per_day} such switches a day."
    )


def _rules(settings: Settings, origin: Origin) -> Iterator[str]:
    if not settings.rules:
        yield "No rules."
        return
    yield "Rules"
    for name, rule in settings.rules.items():
        place = origin(("rule", name))
        yield f"  {name}{'' if rule.enabled else ' (disabled)'}: {sentence(rule)}{f' [{place}]' if place else ''}"


def sentence(rule: Rule) -> str:
    """One rule as a sentence."""
    hold = f" for {duration(rule.holding)}" if rule.holding else ""
    again = "" if rule.trigger in _ONCE else f"; not again within {duration(rule.every or rule.again)}"
    return f"{_when(rule)}{hold}, {_do(rule)}{again}."


_ONCE = (Trigger.FIRST_BOOT, Trigger.POLICY_CHANGED)


def _when(rule: Rule) -> str:
    technologies = f" on {', '.join(rule.access)}" if rule.access else ""
    limit = f"{rule.below:g} dBm" if rule.below is not None else "the limit of its technology"
    places = ", ".join(rule.countries) or "any one country"
    texts = {
        Trigger.LOSS_OF_SERVICE: "when the device is offline",
        Trigger.WEAK_SIGNAL: f"when the signal{technologies} is below {limit}",
        Trigger.ROAMING_REFUSED: "when the network refuses roaming",
        Trigger.PERMANENT_ROAMING: f"when the device roams in {places} for {rule.days or 0:g} days",
        Trigger.DATA_PATH_BROKEN: "when nothing comes back over a good registration",
        Trigger.SLOW_DATA: f"when the throughput is below {rule.kbps or 0:g} kbit/s",
        Trigger.LOSSY_DATA: f"when more than {rule.percent or 0:g} % of packets are lost",
        Trigger.FIRST_BOOT: "at the first start of the device",
        Trigger.EXPIRY: f"from {expiry_notice(rule):g} days before {rule.date} on",
        Trigger.REFRESH: f"every {duration(rule.every or 0)}",
        Trigger.POLICY_CHANGED: "when this file changed",
    }
    return texts[rule.trigger]


def _do(rule: Rule) -> str:
    profiles = ", ".join(f"…{iccid[-4:]}" for iccid in rule.profiles)
    texts = {
        Deed.POLL: f"poll the eIM early with cause {rule.cause or 'undefined'}",
        Deed.ROLLBACK: "roll back, if a profile is on trial whose package allowed it",
        Deed.FALLBACK: "enable the fallback profile",
        Deed.RETURN: "return from the fallback profile",
        Deed.RECOVER: f"climb the rung {rule.rung} of the recovery ladder",
        Deed.HOOK: f"start {rule.program}",
        Deed.ENABLE: f"enable the next of the profiles {profiles} and bring the present one back unless it is proven",
    }
    return texts[rule.deed]
