"""Changes of profile that the IPA makes itself: fallback and return, the emergency profile, a local enable.

SGP.32 3.4.6, 5.9.20 to 5.9.23; SGP.22 5.7.16 for a consumer eUICC. Order of effects: the journal says that a change is
about to be made; the eUICC makes it; the observer hears of it; the journal says which profile is enabled now and what
every eIM is to be told of it (SGP.32 5.14.5); the modem is made to read the card. None of it waits for a journal that
can be written: what is not in it is found by comparing it with the eUICC at the next start.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from enum import IntEnum
from functools import partial

from ipad.codec.es10_iot import (
    DisableEmergencyProfileResult,
    EnableEmergencyProfileResult,
    ExecuteFallbackMechanismResult,
    ReturnFromFallbackResult,
)
from ipad.codec.esipa import StateChangeCause
from ipad.codec.profile import ProfileInfoListError
from ipad.errors import CardError, CodecError, EuiccResultError, PortError, StatusWordError
from ipad.ids import Iccid
from ipad.policy.events import Origin, Outcome
from ipad.procedures.context import Ipa
from ipad.procedures.following import follow_switch
from ipad.procedures.observer import Switch, Work
from ipad.procedures.rollback import without_trial
from ipad.procedures.stored_results import read_profiles
from ipad.records import dataclass, replace
from ipad.state.journal import EnabledProfile

log = logging.getLogger(__name__)

_CAT_BUSY = 5
"""catBusy has the same number in every one of the functions, those of SGP.22 among them."""
_UNCLEAR: tuple[IntEnum, ...] = (
    ExecuteFallbackMechanismResult.UNDEFINED_ERROR,
    ReturnFromFallbackResult.UNDEFINED_ERROR,
    EnableEmergencyProfileResult.UNDEFINED_ERROR,
    DisableEmergencyProfileResult.UNDEFINED_ERROR,
)
_NOT_OFFERED = (0x6A80, 0x6A81, 0x6A86, 0x6A88, 0x6D00, 0x6E00)
"""Status words by which a card says that it does not know a function (TS 102 221 10.2.1)."""


@dataclass(frozen=True, kw_only=True)
class _Change:
    """One function that changes the profile. `target`: what will be enabled, as far as that is known."""

    name: str
    call: Callable[[], Awaitable[None]]
    origin: Origin
    cause: StateChangeCause | None
    target: Iccid | None
    undoable: bool = False


async def execute_fallback(ipa: Ipa) -> Outcome:
    """ES10b.ExecuteFallbackMechanism (SGP.32 5.9.20): the profile with the Fallback Attribute."""
    return await _read_and_change(
        ipa, "ExecuteFallbackMechanism", ipa.euicc.execute_fallback_mechanism, Origin.FALLBACK, None
    )


async def return_from_fallback(ipa: Ipa, former: Iccid | None = None) -> Outcome:
    """ES10b.ReturnFromFallback (SGP.32 5.9.21). `former`: what was enabled before, where that is known."""
    return await _read_and_change(ipa, "ReturnFromFallback", ipa.euicc.return_from_fallback, Origin.RETURN, former)


async def enable_emergency(ipa: Ipa) -> Outcome:
    """ES10b.EnableEmergencyProfile (SGP.32 5.9.22). Until it is disabled no eIM is contacted."""
    change = _Change(
        name="EnableEmergencyProfile",
        call=partial(ipa.euicc.enable_emergency_profile, refresh_flag=ipa.refresh_flag),
        origin=Origin.EMERGENCY,
        cause=None,
        target=None,
    )
    return await _change(ipa, change)


async def disable_emergency(ipa: Ipa) -> Outcome:
    """ES10b.DisableEmergencyProfile (SGP.32 5.9.23): the profile of before, and the eIMs are told."""
    change = _Change(
        name="DisableEmergencyProfile",
        call=partial(ipa.euicc.disable_emergency_profile, refresh_flag=ipa.refresh_flag),
        origin=Origin.EMERGENCY,
        cause=StateChangeCause.EMERGENCY_PROFILE,
        target=None,
    )
    return await _change(ipa, change)


async def enable_locally(ipa: Ipa, iccid: Iccid) -> Outcome:
    """ES10c.EnableProfile (SGP.22 5.7.16) on a consumer eUICC, where the device may choose the profile itself."""
    change = _Change(
        name="EnableProfile",
        call=partial(ipa.euicc.enable_profile, iccid, refresh_flag=ipa.refresh_flag),
        origin=Origin.LOCAL,
        cause=None,
        target=iccid,
        undoable=True,
    )
    return await _change(ipa, change, iot=False)


async def _read_and_change(
    ipa: Ipa, name: str, function: Callable[..., Awaitable[None]], origin: Origin, target: Iccid | None
) -> Outcome:
    call = partial(function, refresh_flag=ipa.refresh_flag)
    return await _change(
        ipa, _Change(name=name, call=call, origin=origin, cause=StateChangeCause.FALLBACK, target=target)
    )


async def _change(ipa: Ipa, change: _Change, *, iot: bool = True) -> Outcome:
    """BUSY and REFUSED: the eUICC said so. FAILED: there was no usable answer, and nothing has changed."""
    async with ipa.observer.executing(Work.SWITCH):
        try:
            return await _changed(ipa, change, iot=iot)
        except (CardError, PortError, CodecError, EuiccResultError) as error:
            log.error("%s: %s", change.name, error)
            return Outcome.FAILED


async def _changed(ipa: Ipa, change: _Change, *, iot: bool) -> Outcome:
    before = await read_profiles(ipa.euicc, iot=iot)
    eim_ids = [eim.eim_id for eim in await ipa.euicc.get_eim_configuration_data()] if iot else []
    content = ipa.journal.content
    await ipa.journal.hold(replace(content, enabled=EnabledProfile(iccid=before.enabled), switching=change.cause))
    target = before.fallback if change.origin is Origin.FALLBACK else change.target
    try:
        await change.call()
    except EuiccResultError as error:
        return await _refused(ipa, change, error)
    except (CardError, PortError, CodecError) as error:
        if isinstance(error, StatusWordError) and error.sw in _NOT_OFFERED:
            log.warning("%s is not offered by the eUICC: %s", change.name, error)
            return await _nothing_changed(ipa, Outcome.REFUSED)
        # A status word that comes in place of the answer says nothing of what was done before it.
        log.warning("%s gave no usable answer, the card is reset: %s", change.name, error)
        await ipa.euicc.reset()
        now = (await read_profiles(ipa.euicc, iot=iot)).enabled
        if now == before.enabled:
            return await _nothing_changed(ipa, Outcome.FAILED)
        target = now
    if target is None:
        target = await _look(ipa, before.enabled, iot=iot)
    await _keep(
        ipa,
        change,
        Switch(origin=change.origin, iccid=target, previous=before.enabled, rollback=change.undoable),
        eim_ids,
    )
    return Outcome.DONE


async def _look(ipa: Ipa, before: Iccid | None, *, iot: bool) -> Iccid | None:
    """Which profile it is now, where only the eUICC knows: after a reset, which completes a pending switch."""
    try:
        now = (await read_profiles(ipa.euicc, iot=iot)).enabled
    except EuiccResultError as error:
        if error.code != ProfileInfoListError.PROFILE_CHANGE_ONGOING:
            raise
        now = before
    if now == before:
        await ipa.euicc.reset()
        now = (await read_profiles(ipa.euicc, iot=iot)).enabled
    return now


async def _keep(ipa: Ipa, change: _Change, switch: Switch, eim_ids: list[str]) -> None:
    ipa.observer.switched(switch)
    # A package whose right to roll back is gone with this has nothing left to wait for.
    content = without_trial(ipa.journal.content, ipa)
    notify = content.notify
    if change.cause is not None:
        notify = {**notify, **dict.fromkeys(eim_ids, change.cause)}
    await ipa.journal.hold(replace(content, enabled=EnabledProfile(iccid=switch.iccid), notify=notify, switching=None))
    await follow_switch(ipa, switch.iccid)


async def _refused(ipa: Ipa, change: _Change, error: EuiccResultError) -> Outcome:
    if int(error.code) == _CAT_BUSY or error.code == ExecuteFallbackMechanismResult.ECALL_ACTIVE:
        log.info("%s: not now: %s", change.name, error)
        return await _nothing_changed(ipa, Outcome.BUSY)
    log.warning("%s: %s", change.name, error)
    return await _nothing_changed(ipa, Outcome.FAILED if error.code in _UNCLEAR else Outcome.REFUSED)


async def _nothing_changed(ipa: Ipa, outcome: Outcome) -> Outcome:
    await ipa.journal.hold(replace(ipa.journal.content, switching=None))
    return outcome
