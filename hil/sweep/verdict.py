"""What must hold when a device that lost its agent once has finished."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from hil.eim.association import Outcome
from hil.eim.content import ContentKind
from hil.eim.history import Record, RecordKind
from hil.sweep.device import Device
from hil.sweep.scenarios import Scenario

_RESULTS: Final = frozenset(
    (RecordKind.RESULT, RecordKind.DATA, RecordKind.DOWNLOAD, RecordKind.PACKAGE_ERROR),
)
_EXECUTED: Final = {Outcome.OK: 1, Outcome.FAILED: 1, Outcome.ROLLED_BACK: 2, Outcome.IPA_ERROR: 0}
"""Results that the card makes: a rollback gives one more (SGP.32 5.9.16)."""
_COMPLAINTS: Final = (" ERROR ", " CRITICAL ", "Traceback", "damaged", "corrupt")


@dataclass(frozen=True)
class Reference:
    """The run without a kill. `polls`: by the name of the eIM."""

    polls: Mapping[str, int]


def failures(one: Scenario, device: Device, reference: Reference | None) -> list[str]:
    """Everything that is not as it must be; of a run without a kill there is no `reference`."""
    return [
        *_packages(one, device),
        *_card(device),
        *_state(device),
        *([] if reference is None else _polls(device, reference)),
        *device.ledger.failures(),
    ]


def _packages(one: Scenario, device: Device) -> list[str]:
    found = []
    for package, outcomes in zip(device.packages, one.outcomes, strict=True):
        if package.outcome not in outcomes:
            found.append(f"package {package.number} ended as {package.outcome}: {package.detail}")
        records = [record for record in _results(device) if record.package == package.number]
        forms = {record.raw for record in records}
        if len(forms) != 1:
            found.append(f"package {package.number} has {len(forms)} different results")
        if package.attempts:
            found.append(f"package {package.number} was signed anew {package.attempts} times")
    found += [f"{record.summary}: a check of the eIM failed" for record in _results(device) if not record.verified]
    found += [f"{record.summary}: belongs to no package" for record in _results(device) if record.package is None]
    return found


def _results(device: Device) -> list[Record]:
    return [record for record in device.eim.history.records if record.kind in _RESULTS]


def _card(device: Device) -> list[str]:
    card, engine = device.rig.card, device.rig.card.engine
    found = []
    commands = [package for package in device.packages if package.content.kind is ContentKind.EUICC_PACKAGE]
    results = sum(_EXECUTED.get(package.outcome, 0) for package in commands if package.outcome is not None)
    if device.ledger.results != results:
        found.append(f"the card made {device.ledger.results} results, not {results}")
    if card.open_channels:
        found.append(f"the logical channels {card.open_channels} are open")
    if engine.session.loader is not None or engine.state.loading is not None:
        found.append("a profile is half loaded")
    if engine.session.prepared is not None:
        found.append("a download session is open on the card")
    if engine.state.pending_switch is not None:
        found.append("a switch is half done")
    return found


def _state(device: Device) -> list[str]:
    """The agent's own judgement: it starts with what the kill left, and has nothing to complain about."""
    complaints = [line for line in device.log().splitlines() if any(text in line for text in _COMPLAINTS)]
    set_aside = sorted(path.name for path in device.place.below.glob("*.corrupt-*"))
    return [*(f"the agent complains: {line}" for line in complaints), *(f"{name} was set aside" for name in set_aside)]


def _polls(device: Device, reference: Reference) -> list[str]:
    return [
        f"{name} was polled {count} times, {reference.polls[name]} times without the kill"
        for name, count in device.polls.items()
        if count > reference.polls[name] + 1
    ]
