"""The main scenarios: what happens to the device, and how it must be in the end whatever was killed meanwhile."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

from hil.eim import content
from hil.eim.association import Outcome, PackageState
from hil.eim.history import RecordKind
from hil.euicc.config import NotificationEvent
from hil.euicc.identifiers import plmn_octets
from hil.euicc.notifications import notify
from hil.network import Service
from hil.rig.rig import SECOND_EIM, SECOND_EIM_ID
from hil.smdp.catalogue import SMALL, activation_code
from hil.smdp.orders import Order, ProfileState
from hil.sweep.device import HASTY, PATIENT, Device
from hil.sweep.errors import SweepError
from hil.sweep.start import Start

_FALLBACK_CAUSE: Final = 1
"""stateChangeCause of the fallback mechanism (SGP.32 5.14.5)."""
_NOT_EXECUTED: Final = Outcome.IPA_ERROR
"""How an eUICC Package ends that a kill kept from the card: it is not repeated, and the eIM is told."""
_GIVEN_UP: Final = frozenset((Outcome.IPA_ERROR, Outcome.FAILED))
"""How a download may end that a kill interrupted: by an error of the IPA, or with one that the eUICC signed."""
_NOWHERE: Final = Service(coverage=False)


async def _nothing(_device: Device) -> None:
    """The world leaves the device alone."""


@dataclass(frozen=True)
class Scenario:
    """`prepare` sets the stage before the agent starts, `direct` is what the world does while it runs.

    `open` says what is still to happen, or is otherwise than it must be; it is asked until it is empty. `outcomes`:
    how the packages may end, in their order. `policy`: more tables for the policy file of the agent.
    """

    name: str
    title: str
    prepare: Callable[[Device], None]
    open: Callable[[Device], list[str]]
    outcomes: Sequence[AbstractSet[Outcome]] = ()
    policy: str = PATIENT
    direct: Callable[[Device], Awaitable[None]] = _nothing
    start: Start = Start.HOME


def _enabled(device: Device, place: int) -> list[str]:
    """The profile at this place must be enabled."""
    wanted = device.profiles[place].iccid
    return [] if device.enabled == wanted else [f"profile {device.enabled or 'none'} is enabled, not {wanted}"]


def _imsi(device: Device, place: int) -> str:
    return device.profiles[place].imsi


# Switches


def _switch(device: Device) -> None:
    device.queue(content.psmo_package(content.enable(device.profiles[1].iccid, rollback=True)))


def _switch_to_nothing(device: Device) -> None:
    device.rig.network.set_service(_NOWHERE, imsi=_imsi(device, 1))
    _switch(device)


def _switched(device: Device) -> list[str]:
    return _enabled(device, 1 if device.packages[0].outcome is Outcome.OK else 0)


# Downloads


def _order(device: Device) -> Order:
    return next(order for order in device.smdp.orders if order.matching_id == SMALL)


def _trigger(device: Device) -> None:
    if device.rig.rsp is None:
        raise SweepError("the PKI of the rig has no certificates for an SM-DP+")
    code = activation_code(_order(device), device.rig.rsp.smdp.fqdn)
    device.queue(content.download_trigger(activation_code=code))


def _downloaded(device: Device) -> list[str]:
    """Card, SM-DP+ and eIM agree: the profile is there once, or it is not, and can be had by another trigger.

    A download that a kill interrupts is given up, which the eIM is told.
    """
    order = _order(device)
    count = sum(profile.iccid == order.metadata.iccid for profile in device.profiles)
    installations = {report.transaction_id for report in device.smdp.reports if report.reason is None}
    told = device.packages[0].outcome
    if told in _GIVEN_UP:
        agreed = (count, order.waiting, len(installations)) == (0, True, 0)
    else:
        agreed = (count, order.state, len(installations)) == (1, ProfileState.INSTALLED, 1)
    words = f"{count} times on the card, order {order.state.value}, {len(installations)} installations, eIM: {told}"
    return [*([] if agreed else [words]), *_enabled(device, 0)]


# eIM configuration


def _reconfigure(device: Device) -> None:
    second = device.rig.eim(SECOND_EIM).core.identity
    device.queue(
        content.eco_package(content.add_eim(device.rig.configuration(SECOND_EIM))),
        content.eco_package(content.update_eim(second.configuration(token=None))),
        content.eco_package(content.delete_eim(SECOND_EIM_ID)),
    )


def _reconfigured(device: Device) -> list[str]:
    """What each package did, and what it found, follows from those that the card executed before it."""
    added, updated, deleted = (package.outcome for package in device.packages)
    wanted = [device.eim.identity.eim_id]
    if added is Outcome.OK and deleted is not Outcome.OK:
        wanted.append(SECOND_EIM_ID)
    eims = [eim.eim_id for eim in device.rig.card.engine.state.eims]
    failures = [] if eims == wanted else [f"the card knows the eIMs {', '.join(eims)}"]
    if added is Outcome.OK and Outcome.FAILED in (updated, deleted):
        failures.append(f"addEim: {added}, updateEim: {updated}, deleteEim: {deleted}")
    return [*failures, *_enabled(device, 0)]


# Fallback: the home of the device is the second profile


def _heard(device: Device, place: int) -> bool:
    """Whether the eIM heard of the fallback mechanism over the network of the profile at this place."""
    network = plmn_octets(device.profiles[place].plmn).hex().upper()
    records = [record.details for record in device.eim.history.records if record.kind is RecordKind.POLL]
    return {"cause": _FALLBACK_CAUSE, "rPLMN": network} in records


async def _lose_home_for_a_while(device: Device) -> None:
    """The network of the enabled profile dies, until the eIM has heard of the fallback."""
    await device.see(lambda: sum(device.polls.values()) > 0)
    device.rig.network.set_service(_NOWHERE, imsi=_imsi(device, 1))
    await device.see(lambda: _heard(device, 0))
    device.rig.network.drop_service(imsi=_imsi(device, 1))


def _returned(device: Device) -> list[str]:
    unheard = [place for place in (0, 1) if not _heard(device, place)]
    return [*(f"the eIM has not heard of profile {place + 1}" for place in unheard), *_enabled(device, 1)]


# Notifications


def _notify(device: Device) -> None:
    """Somebody else has changed profiles: what the card signed of it waits there."""
    engine = device.rig.card.engine
    state, key = engine.state, engine.signing_key()
    first, second = state.profiles[:2]
    for event, profile in (
        (NotificationEvent.DISABLE, first),
        (NotificationEvent.ENABLE, second),
        (NotificationEvent.DISABLE, second),
        (NotificationEvent.ENABLE, first),
    ):
        state = notify(state, key, event, profile)
    engine.commit(state)


SCENARIOS: Final[Sequence[Scenario]] = (
    Scenario(
        "switch",
        "package that switches the profile",
        _switch,
        _switched,
        ({Outcome.OK, _NOT_EXECUTED},),
    ),
    Scenario(
        "rollback",
        "package that switches to a profile without service, and rollback",
        _switch_to_nothing,
        lambda device: _enabled(device, 0),
        ({Outcome.ROLLED_BACK, _NOT_EXECUTED},),
        policy=HASTY,
    ),
    Scenario("direct", "direct download", _trigger, _downloaded, ({Outcome.OK, *_GIVEN_UP},)),
    Scenario("indirect", "indirect download", _trigger, _downloaded, ({Outcome.OK, *_GIVEN_UP},), start=Start.RELAYED),
    Scenario(
        "eco",
        "addEim, updateEim, deleteEim",
        _reconfigure,
        _reconfigured,
        ({Outcome.OK, _NOT_EXECUTED}, *2 * ({Outcome.OK, Outcome.FAILED, _NOT_EXECUTED},)),
    ),
    Scenario(
        "fallback",
        "fallback and return",
        lambda _device: None,
        _returned,
        policy=HASTY,
        direct=_lose_home_for_a_while,
        start=Start.AWAY,
    ),
    Scenario("notifications", "delivery of notifications", _notify, lambda device: _enabled(device, 0)),
)


def scenario(name: str) -> Scenario:
    """The scenario of that name. Raises SweepError."""
    found = next((one for one in SCENARIOS if one.name == name), None)
    if found is None:
        raise SweepError(f"there is no scenario {name!r}, only {', '.join(one.name for one in SCENARIOS)}")
    return found


def begin(one: Scenario, device: Device) -> None:
    """Set the stage."""
    device.configure(one.policy)
    one.prepare(device)


def still_open(one: Scenario, device: Device) -> list[str]:
    """What is still to happen, or is otherwise than it must be in the end."""
    state = device.rig.card.engine.state
    found = [] if device.rig.bearer else ["the device is not online"]
    if state.results or state.notifications:
        found.append(f"{len(state.results)} results and {len(state.notifications)} notifications wait on the card")
    found += [
        f"package {package.number} ({package.content.label}) is {package.state.value}"
        for package in device.packages
        if package.state is not PackageState.CLOSED
    ]
    return [*found, *device.ledger.missing(), *one.open(device)]
