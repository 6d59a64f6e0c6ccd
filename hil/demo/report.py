"""The story in print: one chapter per command of the agent and per package."""

from collections.abc import Iterable
from dataclasses import dataclass

from hil.demo.agent import AgentRun
from hil.eim.history import Record, RecordKind
from hil.rig import Rig
from hil.rig.timeline import Event, Interface

_WIDTH = 100
_COUNTED = (
    (Interface.AT, "AT lines"),
    (Interface.APDU, "APDUs"),
    (Interface.ESIPA, "ESipa"),
    (Interface.ES9, "ES9+"),
    (Interface.ES11, "ES11"),
)


@dataclass(frozen=True)
class Noted:
    """A record of an eIM and the number of the timeline event with which it arrived."""

    event: int
    eim: str
    record: Record


def heading(text: str) -> list[str]:
    """A line above a chapter."""
    return ["", f"== {text} ".ljust(_WIDTH, "=")]


def command(run: AgentRun, events: list[Event], *, told: bool = True) -> list[str]:
    """A command of the agent: what it printed, if that is to be `told`, and what went over the interfaces."""
    lines = heading(f"$ ipad {run.words}")
    if told:
        lines += [f"   {line}".rstrip() for line in (*run.output.splitlines(), *run.errors.splitlines())]
    lines.append(f"   exit code {run.exit_code} after {run.seconds:.2f} s")
    return lines + _traffic(events)


def timeline(rig: Rig, events: list[Event], noted: list[Noted]) -> list[str]:
    """What happened on card and radio, and one paragraph per GetEimPackage until the next one."""
    starts = [
        index
        for index, event in enumerate(events)
        if event.interface is Interface.ESIPA and event.direction == ">" and event.text.endswith(" GetEimPackage")
    ]
    lines = _facts(events[: starts[0]] if starts else events)
    for position, start in enumerate(starts):
        end = starts[position + 1] if position + 1 < len(starts) else len(events)
        part = events[start:end]
        last = events[end].number if end < len(events) else part[-1].number + 1
        lines += _paragraph(rig, part, [item for item in noted if part[0].number <= item.event < last])
    return lines


def _paragraph(rig: Rig, part: list[Event], told: list[Noted]) -> list[str]:
    asked, answered = part[0], part[1]
    eim = asked.text.partition(" ")[0]
    numbers = [item.record.package for item in told if item.record.package is not None]
    package = rig.eim(eim).core.association(rig.eid).package(numbers[0]) if numbers else None
    if package is None:
        return ["", f"  {asked.seconds:8.3f}  {eim} has nothing (more) to do ({answered.text}, {answered.size} B)"]
    took = part[-1].seconds - asked.seconds
    lines = ["", f"  {asked.seconds:8.3f}  {eim}, package {package.number}: {package.content.label}"]
    lines += _facts(part)
    for item in told:
        lines += _told(item.record)
    lines += _calls(part)
    return [*lines, f"            done in {took:.3f} s", *_traffic(part, "            ")]


def _calls(events: Iterable[Event]) -> list[str]:
    """What SM-DP+ and SM-DS were asked for, with the size of request and answer."""
    lines = []
    asked: Event | None = None
    for event in events:
        if event.interface not in (Interface.ES9, Interface.ES11):
            continue
        if event.direction == ">":
            asked = event
        elif asked is not None:
            name = asked.interface.value
            lines.append(f"            {name:<5} {asked.text}: {asked.size:,} B, {_answer(event)}")
    return lines


def _answer(event: Event) -> str:
    return f"{event.text.partition(' ')[2]}, {event.size:,} B back"


def _facts(events: Iterable[Event]) -> list[str]:
    shown = (Interface.CARD, Interface.RADIO)
    return [
        f"  {event.seconds:8.3f}  {event.interface.value.lower():<5} {event.text}"
        for event in events
        if event.interface in shown
    ]


def _told(record: Record) -> list[str]:
    if record.kind is RecordKind.POLL:
        return [f"            eIM   hears: {record.summary}"]
    if record.kind is RecordKind.ACKNOWLEDGED:
        return [f"            eIM   {record.summary}"]
    passed = [
        f"{check.name} ({check.detail})" if check.detail else check.name for check in record.checks if check.passed
    ]
    failed = [f"{check.name} ({check.detail})" for check in record.checks if check.passed is False]
    lines = [f"            eIM   {record.kind.value}: {record.summary}"]
    if passed:
        lines.append(f"                  verified: {', '.join(passed)}")
    if failed:
        lines.append(f"                  FAILED: {', '.join(failed)}")
    return lines


def _traffic(events: list[Event], indent: str = "   ") -> list[str]:
    """Counts and bytes per interface; out is from the device to the world, or down to the card."""
    lines = []
    for interface, name in _COUNTED:
        mine = [event for event in events if event.interface is interface and event.direction]
        out = [event.size for event in mine if event.direction == ">"]
        back = [event.size for event in mine if event.direction == "<"]
        if mine:
            lines.append(
                f"{indent}{name:<9} {len(out):>4} out {sum(out):>7,} B   {len(back):>4} back {sum(back):>7,} B"
            )
    return lines


def final_state(rig: Rig) -> list[str]:
    """Card and eIMs at the end."""
    lines = heading("the card at the end")
    for profile in rig.card.profiles:
        shown = "enabled" if profile.enabled else "disabled"
        lines.append(
            f"   profile {profile.iccid:<20} {shown:<9} {profile.service_provider_name}, {profile.profile_name}"
        )
    for eim in rig.card.engine.state.eims:
        lines.append(
            f"   eIM     {eim.eim_id:<20} counter {eim.counter_value}, associationToken {eim.association_token}"
        )
    state = rig.card.engine.state
    lines.append(f"   waiting on the card: {len(state.results)} results, {len(state.notifications)} notifications")
    view = rig.modem.device.radio.view
    subscriber = rig.modem.device.radio.subscriber
    if view.registered and view.operator is not None and subscriber is not None:
        lines.append(f"   modem   IMSI {subscriber.imsi} is registered on {view.operator.plmn}")
    for order in rig.rsp.orders if rig.rsp is not None else ():
        if order.downloads:
            lines.append(
                f"   order   {order.matching_id:<20} {order.state.value}, package of {len(order.package):,} B for "
                f"{order.metadata.iccid}"
            )
    lines += heading("totals")
    for interface, totals in rig.timeline.totals.items():
        if totals.out or totals.back:
            lines.append(
                f"   {interface.value:<6} {totals.out:>5} out {totals.bytes_out:>8,} B   "
                f"{totals.back:>5} back {totals.bytes_back:>8,} B"
            )
    for name, traffic in rig.link.traffic().items():
        if name in rig.relays:
            lines.append(
                f"   TCP    {name}: {traffic.connections} connections, {traffic.up.payload:,} B up, "
                f"{traffic.down.payload:,} B down (TLS included), {traffic.resets} lost with the bearer"
            )
    return lines
