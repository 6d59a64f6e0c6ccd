"""What the eIMs of the demo queue, and what must have come of it."""

from dataclasses import dataclass
from typing import Final

from hil.eim import content
from hil.eim.association import Outcome, PackageState
from hil.eim.content import Content
from hil.eim.history import Record, RecordKind
from hil.rig import FIRST_EIM, SECOND_EIM, Rig

_OPERATIONS: Final = {"disable": 2, "enable": 2, "delete": 1}
"""Notifications that the switches of the story cause, by operation."""


@dataclass(frozen=True)
class Cast:
    """ICCIDs of the profiles that play a part."""

    first: str
    second: str
    third: str

    @classmethod
    def of(cls, rig: Rig) -> "Cast":
        """The first three profiles of the card; the first is enabled."""
        first, second, third = (profile.iccid for profile in rig.card.profiles[:3])
        return cls(first, second, third)


def first_eim_queue(rig: Rig, cast: Cast) -> list[Content]:
    """Separate packages, in this order."""
    return [
        content.data_request(),
        content.psmo_package(content.list_profile_info()),
        content.psmo_package(content.enable(cast.second, rollback=True)),
        content.psmo_package(content.delete(cast.third)),
        content.psmo_package(content.disable(cast.second), content.enable(cast.first)),
        content.eco_package(content.add_eim(rig.configuration(SECOND_EIM))),
    ]


def second_eim_queue() -> list[Content]:
    """What the added eIM asks as soon as it is there."""
    return [content.eco_package(content.list_eim())]


def failures(rig: Rig, cast: Cast, records: list[Record]) -> list[str]:
    """Everything that is not as the story promises; empty when all is well."""
    return [*_packages(rig), *_records(records), *_card(rig, cast)]


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
    operations = [str(record.details["operation"]) for record in records if record.kind is RecordKind.NOTIFICATION]
    counts = {operation: operations.count(operation) for operation in _OPERATIONS}
    if counts != _OPERATIONS:
        found.append(f"notifications {counts}, expected {_OPERATIONS}")
    return found


def _card(rig: Rig, cast: Cast) -> list[str]:
    found = []
    state = rig.card.engine.state
    enabled = [profile.iccid for profile in rig.card.profiles if profile.enabled]
    if enabled != [cast.first]:
        found.append(f"enabled on the card: {enabled}, expected {cast.first}")
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
