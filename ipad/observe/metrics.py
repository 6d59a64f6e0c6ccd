"""The status as Prometheus metrics (text exposition format 0.0.4).

Names and units follow the conventions of Prometheus: `_total` counts, seconds and bytes without prefixes, text in the
labels of `_info` metrics. Every metric has the label `modem`. Labels come from lists that are bounded: counters keep at
most 32 codes of a kind, the usage 16 servers. Identifiers of cards are masked unless the caller says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from ipad.ids import Eid, Iccid
from ipad.observe.status import CounterStatus, Provisioning, ServiceState, Status
from ipad.records import dataclass

MEDIA_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_LONGEST_LABEL: Final = 128
_MOST_EIMS: Final = 16

Labels = tuple[tuple[str, str], ...]
Sample = tuple[str, Labels, float]
"""A suffix of the name, labels, a value."""


@dataclass(frozen=True, slots=True)
class Family:
    """One metric: its name, kind, help, and how its samples are read from a status."""

    name: str
    kind: str
    text: str
    samples: Callable[[Status, bool], Iterable[Sample]]


def exposition(statuses: Sequence[Status], *, masked: bool = True) -> str:
    """The metrics of all modems as one text, without time stamps. A metric without any sample is left out."""
    lines: list[str] = []
    for family in _FAMILIES:
        samples = [
            _line(f"{family.name}{suffix}", (("modem", status.modem), *labels), value)
            for status in statuses
            for suffix, labels, value in family.samples(status, masked)
        ]
        if samples:
            lines += (f"# HELP {family.name} {family.text}", f"# TYPE {family.name} {family.kind}", *samples)
    return "".join(f"{line}\n" for line in lines)


def _line(name: str, labels: Labels, value: float) -> str:
    shown = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels)
    return f"{name}{{{shown}}} {_number(value)}"


def _escaped(text: str) -> str:
    """A label value: backslash, quote and line feed are escaped, other control characters replaced."""
    cut = text[:_LONGEST_LABEL].replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in cut)


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(round(float(value), 6))


def _gauge(value: float | bool | None) -> Iterator[Sample]:
    if value is not None:
        yield "", (), float(value)


def _info(**labels: str | None) -> Iterator[Sample]:
    present = tuple((key, text) for key, text in labels.items() if text)
    if present:
        yield "", present, 1.0


def _shown(identifier: Eid | Iccid | None, masked: bool) -> str | None:
    if identifier is None:
        return None
    return identifier.masked() if masked else str(identifier)


def _build(status: Status, _masked: bool) -> Iterator[Sample]:
    yield from _info(version=status.version)


def _modem(status: Status, _masked: bool) -> Iterator[Sample]:
    device = status.device
    yield from _info(manufacturer=device.manufacturer, model=device.model, revision=device.revision, board=device.board)


def _euicc(status: Status, masked: bool) -> Iterator[Sample]:
    yield from _info(eid=_shown(status.eid, masked), kind=status.kind)


def _states(status: Status, _masked: bool) -> Iterator[Sample]:
    return (("", (("state", state.value),), float(state is status.state)) for state in ServiceState)


def _provisioning(status: Status, _masked: bool) -> Iterator[Sample]:
    return (("", (("state", state.value),), float(state is status.provisioning)) for state in Provisioning)


def _profiles(status: Status, _masked: bool) -> Iterator[Sample]:
    if status.provisioning is Provisioning.UNKNOWN:
        return
    for state in ("enabled", "disabled"):
        yield "", (("state", state),), float(sum(profile.state == state for profile in status.profiles))


def _enabled(status: Status, masked: bool) -> Iterator[Sample]:
    profile = status.enabled
    if profile is not None:
        yield from _info(
            iccid=_shown(profile.iccid, masked), provider=profile.provider, profile_class=profile.profile_class
        )


def _operator(status: Status, _masked: bool) -> Iterator[Sample]:
    radio = status.radio
    yield from _info(plmn=radio.plmn, country=radio.country, access=radio.access)


def _registered(status: Status, _masked: bool) -> Iterator[Sample]:
    state = status.radio.registration
    if state is not None:
        yield from _gauge(state in ("home", "roaming"))


def _roaming(status: Status, _masked: bool) -> Iterator[Sample]:
    if status.radio.registration is not None:
        yield from _gauge(status.radio.registration == "roaming")


def _last_contact(status: Status, _masked: bool) -> Iterator[Sample]:
    for eim in status.eims[:_MOST_EIMS]:
        if eim.last_contact_at is not None:
            yield "", (("eim", eim.eim_id),), eim.last_contact_at


def _eim_failures(status: Status, _masked: bool) -> Iterator[Sample]:
    return (("", (("eim", eim.eim_id),), float(eim.failures)) for eim in status.eims[:_MOST_EIMS])


def _counter(name: str, label: str = "result") -> Callable[[Status, bool], Iterator[Sample]]:
    def samples(status: Status, _masked: bool) -> Iterator[Sample]:
        rows: Iterable[CounterStatus] = (row for row in status.counters if row.name == name)
        return (("", ((label, row.code),), float(row.count)) for row in rows)

    return samples


def _usage(direction: str, what: str) -> Callable[[Status, bool], Iterator[Sample]]:
    attribute = f"{what}_{direction}"

    def samples(status: Status, _masked: bool) -> Iterator[Sample]:
        for row in status.usage:
            labels = (("server", row.server), ("procedure", row.procedure))
            yield "", labels, float(getattr(row, attribute))

    return samples


def _handshakes(status: Status, _masked: bool) -> Iterator[Sample]:
    for row in status.usage:
        labels = (("server", row.server), ("procedure", row.procedure))
        yield "", (*labels, ("kind", "full")), float(row.handshakes - row.resumed_handshakes)
        yield "", (*labels, ("kind", "resumed")), float(row.resumed_handshakes)


def _duration(name: str) -> Callable[[Status, bool], Iterator[Sample]]:
    def samples(status: Status, _masked: bool) -> Iterator[Sample]:
        for row in status.durations:
            if row.name == name:
                yield "_sum", (), row.total_seconds
                yield "_count", (), float(row.count)

    return samples


def _last_duration(status: Status, _masked: bool) -> Iterator[Sample]:
    return (("", (("step", row.name),), row.last_seconds) for row in status.durations)


def _of(read: Callable[[Status], float | bool | None]) -> Callable[[Status, bool], Iterator[Sample]]:
    return lambda status, _masked: _gauge(read(status))


_FAMILIES: Final = (
    Family("ipad_build_info", "gauge", "Version of the agent.", _build),
    Family("ipad_running_seconds", "gauge", "Time since the agent started.", _of(lambda s: s.running_seconds)),
    Family("ipad_state", "gauge", "1 for what the agent does now.", _states),
    Family("ipad_provisioning_state", "gauge", "1 for how far the device has come.", _provisioning),
    Family("ipad_modem_info", "gauge", "Identity of the modem.", _modem),
    Family("ipad_euicc_info", "gauge", "Identity of the eUICC.", _euicc),
    Family("ipad_profiles", "gauge", "Profiles on the eUICC by state.", _profiles),
    Family("ipad_enabled_profile_info", "gauge", "The enabled profile.", _enabled),
    Family("ipad_network_info", "gauge", "The network that the modem is in.", _operator),
    Family("ipad_registered", "gauge", "Whether the modem is registered.", _registered),
    Family("ipad_roaming", "gauge", "Whether it is registered with another network than its own.", _roaming),
    Family("ipad_reject_cause", "gauge", "3GPP cause of the last refusal.", _of(lambda s: s.radio.reject_cause)),
    Family("ipad_signal_dbm", "gauge", "Level of the reference signal.", _of(lambda s: s.radio.signal_dbm)),
    Family("ipad_bearer_up", "gauge", "Whether there is a data bearer.", _of(lambda s: s.bearer.connected)),
    Family(
        "ipad_loss_seconds",
        "gauge",
        "How long the device counts as offline.",
        _of(lambda s: s.policy.loss_seconds or 0),
    ),
    Family(
        "ipad_on_trial", "gauge", "Whether the enabled profile is on trial.", _of(lambda s: s.policy.window is not None)
    ),
    Family("ipad_in_fallback", "gauge", "Whether the fallback profile stands in.", _of(lambda s: s.policy.in_fallback)),
    Family("ipad_next_poll_seconds", "gauge", "Time until the next poll.", _of(lambda s: s.next_poll_seconds)),
    Family("ipad_eim_last_contact_timestamp_seconds", "gauge", "When an eIM answered last.", _last_contact),
    Family("ipad_eim_failures", "gauge", "Polls that failed since an eIM answered last.", _eim_failures),
    Family(
        "ipad_notifications_waiting", "gauge", "Notifications on the eUICC.", _of(lambda s: s.notifications_waiting)
    ),
    Family("ipad_results_undelivered", "gauge", "Results that are owed to an eIM.", _of(lambda s: s.undelivered)),
    Family("ipad_last_error_timestamp_seconds", "gauge", "When something failed last.", _of(lambda s: s.last_error_at)),
    Family("ipad_polls_total", "counter", "Turns of eIMs by result.", _counter("polls")),
    Family("ipad_packages_total", "counter", "Packages by result.", _counter("packages")),
    Family("ipad_results_total", "counter", "Results by what became of them.", _counter("results", "handover")),
    Family("ipad_downloads_total", "counter", "Profile downloads by result.", _counter("downloads")),
    Family("ipad_notifications_total", "counter", "Notifications by result.", _counter("notifications")),
    Family("ipad_profile_switches_total", "counter", "Changes of profile by origin.", _counter("switches", "origin")),
    Family("ipad_decisions_total", "counter", "Decisions of policy by kind.", _counter("decisions", "decision")),
    Family("ipad_actions_total", "counter", "Actions of policy by outcome.", _counter("actions", "outcome")),
    Family("ipad_reports_total", "counter", "Reports of policy by kind.", _counter("reports", "kind")),
    Family(
        "ipad_recoveries_total",
        "counter",
        "Rungs of the recovery ladder that were climbed.",
        _counter("recoveries", "rung"),
    ),
    Family(
        "ipad_failures_total", "counter", "Failures of modem, eUICC and state by code.", _counter("failures", "code")
    ),
    Family("ipad_download_duration_seconds", "summary", "Profile downloads.", _duration("download")),
    Family("ipad_activation_duration_seconds", "summary", "From switch to registration.", _duration("activation")),
    Family(
        "ipad_connectivity_duration_seconds",
        "summary",
        "From switch to the answer of an eIM.",
        _duration("connectivity"),
    ),
    Family("ipad_last_duration_seconds", "gauge", "How long each step took last.", _last_duration),
    Family("ipad_sent_bytes_total", "counter", "Payload sent.", _usage("sent", "bytes")),
    Family("ipad_received_bytes_total", "counter", "Payload received.", _usage("received", "bytes")),
    Family("ipad_sent_header_bytes_total", "counter", "Estimate of headers sent.", _usage("sent", "headers")),
    Family(
        "ipad_received_header_bytes_total", "counter", "Estimate of headers received.", _usage("received", "headers")
    ),
    Family("ipad_sent_packets_total", "counter", "Packets sent.", _usage("sent", "packets")),
    Family("ipad_received_packets_total", "counter", "Packets received.", _usage("received", "packets")),
    Family("ipad_handshakes_total", "counter", "TLS and DTLS handshakes.", _handshakes),
    Family("ipad_flash_writes_total", "counter", "Files written to flash.", _of(lambda s: s.writes.count)),
    Family("ipad_flash_written_bytes_total", "counter", "Bytes written to flash.", _of(lambda s: s.writes.bytes)),
)
