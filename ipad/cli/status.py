"""`ipad status`: how things stand, as the running agent knows it, or as modem and eUICC show it without one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ipad.cli.invocation import Invocation
from ipad.cli.output import Report
from ipad.cli.reach import agent_of
from ipad.clock import SystemClock
from ipad.errands.envelope import Json

_TABLES: Final[Mapping[str, Sequence[str]]] = {
    "profiles": ("iccid", "state", "class", "provider", "name", "fallback"),
    "eims": ("eim_id", "host", "binding", "last_contact_at", "last_result", "failures", "next_poll"),
    "decisions": ("taken_at", "age", "what", "why"),
    "durations": ("name", "count", "last", "longest"),
    "counters": ("name", "code", "count"),
    "usage": ("server", "procedure", "bytes_sent", "bytes_received", "handshakes", "resumed_handshakes"),
}
_UNITS: Final = (("d", 86_400), ("h", 3600), ("min", 60))


async def status(call: Invocation) -> Report:
    """Ask the agent, or look."""
    client = await agent_of(call)
    if client is not None:
        plain: Mapping[str, Any] = (await client.call("GET", "/v1/status")).record
    else:
        plain = await _look(call)
    return Report(plain) if getattr(call.args, "json", False) else render(plain)


async def _look(call: Invocation) -> Mapping[str, Any]:
    from ipad.daemon.card_access import open_card  # noqa: PLC0415 - only where no agent knows it
    from ipad.daemon.recording import modem_name  # noqa: PLC0415
    from ipad.daemon.status_reading import read_status  # noqa: PLC0415
    from ipad.observe.status import as_plain  # noqa: PLC0415

    clock = SystemClock()
    async with open_card(call.config, clock) as card:
        found = await read_status(card, modem_name(call.config), call.config.modem().card, clock)
    plain = as_plain(found, masked=call.config.log.mask == "all")
    del plain["schema"]  # the envelope has one
    return plain


def render(plain: Mapping[str, Any]) -> Report:
    """The status for people: what is known in a few lines, and tables of what there is."""
    record: dict[str, Json] = dict(_lines(plain))
    rows = {
        "profiles": plain.get("profiles"),
        "eims": [{**eim, "next_poll": _span(eim.get("next_poll_seconds"))} for eim in plain.get("eims") or ()],
        "decisions": [
            {**row, "age": _span(row.get("age_seconds"))} for row in _part(plain, "policy").get("decisions") or ()
        ],
        "durations": [
            {**row, "last": _span(row.get("last_seconds")), "longest": _span(row.get("longest_seconds"))}
            for row in plain.get("durations") or ()
        ],
        "counters": plain.get("counters"),
        "usage": plain.get("usage"),
    }
    present = {name: list(found) for name, found in rows.items() if found}
    return Report({**record, **present}, tables={name: _TABLES[name] for name in present})


def _lines(plain: Mapping[str, Any]) -> Iterator[tuple[str, Json]]:
    device = _part(plain, "device")
    modem = _joined((device.get("manufacturer"), device.get("model"), device.get("revision")), " ")
    yield "modem", _joined((plain.get("modem"), modem, device.get("board"), device.get("port")))
    yield "agent", _joined((plain.get("version"), plain.get("text") or plain.get("state")))
    yield "device", plain.get("provisioning")
    yield "euicc", _joined((plain.get("eid"), plain.get("kind")))
    yield from _radio(_part(plain, "radio"), _part(plain, "bearer"))
    yield from _policy(_part(plain, "policy"))
    error = plain.get("last_error")
    if isinstance(error, Mapping):
        yield "last error", _joined((error.get("message"), error.get("hint"), plain.get("last_error_at")))
    for name, label in (("notifications_waiting", "notifications"), ("undelivered", "results owed")):
        if plain.get(name):
            yield label, plain[name]
    writes = _part(plain, "writes")
    if writes.get("count"):
        yield "flash", f"{writes['count']} writes, {writes.get('bytes')} bytes"


def _radio(radio: Mapping[str, Any], bearer: Mapping[str, Any]) -> Iterator[tuple[str, Json]]:
    signal = radio.get("signal_dbm")
    facts = (
        radio.get("registration"),
        radio.get("plmn"),
        radio.get("country"),
        radio.get("access"),
        None if signal is None else f"{signal:g} dBm",
        radio.get("reject_meaning"),
    )
    if any(facts):
        yield "network", _joined(facts)
    if bearer.get("connected") is not None:
        proven = bearer.get("proven_seconds")
        yield (
            "bearer",
            _joined(
                (
                    "up" if bearer["connected"] else "down",
                    bearer.get("verdict"),
                    None if proven is None else f"proven {_span(proven)} ago",
                    bearer.get("failure"),
                )
            ),
        )


def _policy(policy: Mapping[str, Any]) -> Iterator[tuple[str, Json]]:
    window = policy.get("window")
    if isinstance(window, Mapping):
        left = ", then ".join(window.get("remedies") or ()) or "nothing"
        yield "on trial", f"{window.get('iccid')} for {_span(window.get('elapsed_seconds'))}, else {left}"
    if policy.get("loss_layer"):
        yield "offline", f"for {_span(policy.get('loss_seconds'))}, what fails: {policy['loss_layer']}"
    if policy.get("in_fallback"):
        back = policy.get("next_return_seconds")
        yield "fallback", _joined(("in use", None if back is None else f"return is tried in {_span(back)}"))
    for name in ("pending", "fault"):
        if policy.get(name):
            yield name, policy[name]


def _part(plain: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = plain.get(name)
    return found if isinstance(found, Mapping) else {}


def _joined(parts: Sequence[object], separator: str = ", ") -> str | None:
    return separator.join(str(part) for part in parts if part not in (None, "")) or None


def _span(seconds: object) -> str | None:
    """A duration in its two largest units."""
    if not isinstance(seconds, int | float):
        return None
    rest, parts = round(float(seconds)), []
    for name, size in _UNITS:
        if rest >= size:
            parts.append(f"{rest // size} {name}")
            rest %= size
    if rest or not parts:
        parts.append(f"{rest} s")
    return " ".join(parts[:2])
