"""What the eIMs of the demo queue, and what must have come of it."""

from dataclasses import dataclass
from typing import Final

from hil.eim import content
from hil.eim.association import Outcome, PackageState
from hil.eim.content import Content
from hil.eim.history import Record, RecordKind
from hil.rig import FIRST_EIM, SECOND_EIM, Rig
from hil.smdp.catalogue import FLEET, METER, activation_code
from hil.smdp.orders import Order, ProfileState

_OPERATIONS: Final = {"disable": 3, "enable": 3, "delete": 1, "install": 2}
"""Notifications that the switches and downloads of the story cause, by operation."""


@dataclass(frozen=True)
class Cast:
    """ICCIDs of the profiles that play a part, and the orders of those that are downloaded."""

    first: str
    second: str
    third: str
    direct: Order
    relayed: Order

    @classmethod
    def of(cls, rig: Rig) -> "Cast":
        """The first three profiles of the card, the first is enabled; an order of 60 kB and one of 150 kB."""
        first, second, third = (profile.iccid for profile in rig.card.profiles[:3])
        orders = {order.matching_id: order for order in rig.rsp.orders} if rig.rsp is not None else {}
        return cls(first, second, third, orders[METER], orders[FLEET])


def first_eim_queue(rig: Rig, cast: Cast) -> list[Content]:
    """Separate packages, in this order. The download is direct: this eIM does not relay."""
    return [
        content.data_request(),
        content.psmo_package(content.list_profile_info()),
        content.psmo_package(content.enable(cast.second, rollback=True)),
        content.psmo_package(content.delete(cast.third)),
        content.psmo_package(content.disable(cast.second), content.enable(cast.first)),
        content.eco_package(content.add_eim(rig.configuration(SECOND_EIM))),
        _trigger(rig, cast.direct),
        content.psmo_package(content.enable(cast.direct.metadata.iccid, rollback=True)),
    ]


def second_eim_queue(rig: Rig, cast: Cast) -> list[Content]:
    """What the added eIM asks as soon as it is there; it relays the download."""
    return [content.eco_package(content.list_eim()), _trigger(rig, cast.relayed)]


def _trigger(rig: Rig, order: Order) -> Content:
    assert rig.rsp is not None
    return content.download_trigger(activation_code=activation_code(order, rig.rsp.smdp.fqdn))


def failures(rig: Rig, cast: Cast, records: list[Record]) -> list[str]:
    """Everything that is not as the story promises; empty when all is well."""
    return [*_packages(rig), *_records(records), *_card(rig, cast), *_network(rig, cast), *_reports(rig, cast)]


def _packages(rig: Rig) -> list[str]:
    found = []
    for name, endpoint in rig.eims.items():
        for package in endpoint.core.association(rig.eid).packages:
            if (package.state, package.outcome) != (PackageState.CLOSED, Outcome.OK):
                outcome = package.outcome or package.state
                found.append(f"{name}: package {package.number} ({package.content.label}): {outcome} {package.detail}")
            elif len(package.handed_out) != 1:
                found.append(f"{name}: package {package.number} was handed out {len(package.handed_out)} times")
    return found


def _records(records: list[Record]) -> list[str]:
    found = [
        f"{record.function}: {record.summary}: {check.name} {check.detail}"
        for record in records
        for check in record.checks
        if check.passed is False
    ]
    signed = [record for record in records if record.kind is RecordKind.RESULT]
    verified = [
        record for record in signed if any(check.name == "signature" and check.passed for check in record.checks)
    ]
    if len(verified) != len(signed) or not signed:
        found.append(f"{len(signed)} package results, {len(verified)} of them with a verified signature")
    return found


def _card(rig: Rig, cast: Cast) -> list[str]:
    found = []
    state = rig.card.engine.state
    enabled = [profile.iccid for profile in rig.card.profiles if profile.enabled]
    expected_iccid = cast.direct.metadata.iccid
    if enabled != [expected_iccid]:
        found.append(f"enabled on the card: {enabled}, expected {expected_iccid}")
    if cast.relayed.metadata.iccid not in [profile.iccid for profile in rig.card.profiles]:
        found.append(f"profile {cast.relayed.metadata.iccid} is not on the card")
    if cast.third in [profile.iccid for profile in rig.card.profiles]:
        found.append(f"profile {cast.third} is still on the card")
    eims = [eim.eim_id for eim in state.eims]
    expected = [rig.eim(name).core.identity.eim_id for name in (FIRST_EIM, SECOND_EIM)]
    if eims != expected:
        found.append(f"eIMs on the card: {eims}, expected {expected}")
    if state.results or state.notifications:
        left = [result.sequence_number for result in state.results]
        left += [notification.sequence_number for notification in state.notifications]
        found.append(f"results and notifications {left} were not removed from the card")
    for eim in state.eims:
        core = next(endpoint.core for endpoint in rig.eims.values() if endpoint.core.identity.eim_id == eim.eim_id)
        association = core.association(rig.eid)
        if (eim.counter_value, eim.association_token) != (association.counter, association.token):
            found.append(f"{eim.eim_id}: counter and token of card and eIM differ")
    if not rig.bearer:
        found.append("the modem has no bearer")
    return found


def _network(rig: Rig, cast: Cast) -> list[str]:
    """The downloaded profile that was enabled is the one that the network sees."""
    profile = next((profile for profile in rig.card.profiles if profile.iccid == cast.direct.metadata.iccid), None)
    view, subscriber = rig.modem.device.radio.view, rig.modem.device.radio.subscriber
    if profile is None or subscriber is None or view.operator is None or not view.registered:
        return ["the modem is not registered with the downloaded profile"]
    seen, expected = (subscriber.imsi, view.operator.plmn), (profile.imsi, profile.plmn.replace("-", ""))
    return [] if seen == expected else [f"the modem is registered as {seen}, expected {expected}"]


def _reports(rig: Rig, cast: Cast) -> list[str]:
    """Everything arrived at the SM-DP+, from the device or passed on by an eIM, and is genuine."""
    assert rig.rsp is not None
    core = rig.rsp.core
    found = [
        f"order {order.matching_id} is {order.state}, expected {ProfileState.INSTALLED}"
        for order in (cast.direct, cast.relayed)
        if order.state is not ProfileState.INSTALLED
    ]
    if not all([report.verified for report in core.reports] + [event.verified for event in core.events]):
        found.append("the SM-DP+ got notifications that are not genuine")
    operations = [event.operation for event in {event.seq_number: event for event in core.events}.values()]
    counts = {operation: operations.count(operation) for operation in _OPERATIONS}
    if counts != _OPERATIONS:
        found.append(f"notifications at the SM-DP+ {counts}, expected {_OPERATIONS}")
    return found
