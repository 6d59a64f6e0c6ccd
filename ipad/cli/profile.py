"""`ipad profile`: what is installed; on a consumer eUICC also enable, disable, delete and name.

On an IoT eUICC profiles are managed by signed packages of an eIM only (SGP.32 2.11.1.1, 3.3): whoever holds the device
cannot take that decision, so the commands refuse before anything is sent.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from ipad.cli.invocation import Invocation
from ipad.cli.output import Json, Report
from ipad.clock import Clock, SystemClock
from ipad.codec.es10 import DisableResult, EnableResult
from ipad.codec.euicc_info import PprIds
from ipad.codec.profile import ProfileInfo
from ipad.daemon.card_access import CardAccess, open_card
from ipad.errors import CodecError, EuiccResultError, NotFoundError, RefusedError, UsageError
from ipad.ids import Iccid

_BUSY_PAUSES: Final = (2.0, 3.0, 5.0)
"""Seconds before each repetition after catBusy: a proactive session of the card usually ends by itself."""

_COLUMNS: Final = ("iccid", "state", "class", "provider", "name", "nickname")


async def list_profiles(call: Invocation) -> Report:
    """All profiles."""
    async with open_card(call.config, SystemClock()) as card:
        profiles = await card.profiles()
        rows: list[Json] = [describe(profile) for profile in profiles]
    return Report({"profiles": rows}, tables={"profiles": _COLUMNS})


async def info(call: Invocation) -> Report:
    """One profile."""
    iccid = _iccid(call)
    async with open_card(call.config, SystemClock()) as card:
        return Report({"profile": describe(await find(card, iccid))})


async def enable(call: Invocation) -> Report:
    """ES10c.EnableProfile (SGP.22 5.7.16)."""

    async def act(card: CardAccess, iccid: Iccid) -> None:
        await card.euicc.enable_profile(iccid)
        await card.follow_switch(iccid)

    return await _change(call, "enabled", act, unchanged=EnableResult.PROFILE_NOT_IN_DISABLED_STATE)


async def disable(call: Invocation) -> Report:
    """ES10c.DisableProfile (SGP.22 5.7.17)."""

    async def act(card: CardAccess, iccid: Iccid) -> None:
        await card.euicc.disable_profile(iccid)
        await card.follow_switch(None)

    return await _change(call, "disabled", act, unchanged=DisableResult.PROFILE_NOT_IN_ENABLED_STATE)


async def delete(call: Invocation) -> Report:
    """ES10c.DeleteProfile (SGP.22 5.7.18)."""
    if not call.args.yes:
        raise UsageError("deleting a profile cannot be undone", hint="add --yes")

    async def act(card: CardAccess, iccid: Iccid) -> None:
        await card.euicc.delete_profile(iccid)

    return await _change(call, "deleted", act)


async def nickname(call: Invocation) -> Report:
    """ES10c.SetNickname (SGP.22 5.7.21)."""
    name = call.args.nickname
    if len(name.encode()) > 64 or not name.isprintable():
        raise UsageError(f"nickname {name!r}: expected at most 64 bytes of UTF-8 without control characters")

    async def act(card: CardAccess, iccid: Iccid) -> None:
        await card.euicc.set_nickname(iccid, name)

    return await _change(call, "named", act)


async def find(card: CardAccess, iccid: Iccid) -> ProfileInfo:
    """The profile with this ICCID. Raises NotFoundError."""
    for profile in await card.profiles():
        if profile.iccid == iccid.octets:
            return profile
    raise NotFoundError(f"there is no profile {iccid} on the eUICC", hint="see ipad profile list")


def describe(profile: ProfileInfo) -> dict[str, Json]:
    """The keys of a profile."""
    rules = profile.profile_policy_rules or PprIds(0)
    return {
        "iccid": str(Iccid(profile.iccid)) if profile.iccid is not None else None,
        "state": profile.profile_state.spec_name if profile.profile_state is not None else None,
        "class": profile.profile_class.spec_name if profile.profile_class is not None else None,
        "provider": profile.service_provider_name,
        "name": profile.profile_name,
        "nickname": profile.profile_nickname,
        "isdp_aid": profile.isdp_aid.hex().upper() if profile.isdp_aid is not None else None,
        "policy_rules": [name for flag, name in ((PprIds.PPR1, "ppr1"), (PprIds.PPR2, "ppr2")) if rules & flag],
        "fallback": profile.fallback_attribute,
        "fallback_allowed": bool(profile.fallback_allowed),
        "ecall": bool(profile.ecall_indication),
    }


def _iccid(call: Invocation) -> Iccid:
    try:
        return Iccid.parse(call.args.iccid)
    except CodecError as error:
        raise UsageError(str(error)) from error


async def _change(
    call: Invocation,
    done: str,
    act: Callable[[CardAccess, Iccid], Awaitable[None]],
    *,
    unchanged: EnableResult | DisableResult | None = None,
) -> Report:
    """Do something to a profile of a consumer eUICC. A profile that is already so is left alone and no error."""
    iccid = _iccid(call)
    async with open_card(call.config, SystemClock()) as card:
        await _refuse_on_iot(card, f"profile {call.args.verb}")
        try:
            await _while_busy(card.clock, lambda: act(card, iccid))
        except EuiccResultError as error:
            if error.code.name.endswith("NOT_FOUND"):
                raise NotFoundError(
                    f"there is no profile {iccid} on the eUICC", hint="see ipad profile list"
                ) from error
            if error.code != unchanged:
                raise
            return Report({"iccid": str(iccid), "changed": False}, notes=(f"the profile was {done} already",))
    return Report({"iccid": str(iccid), "changed": True}, notes=(f"the profile is {done}",))


async def _refuse_on_iot(card: CardAccess, verb: str) -> None:
    if await card.is_iot():
        raise RefusedError(
            f"{verb}: this is an IoT eUICC (SGP.32); its profiles are managed by signed packages of an eIM only",
            hint="queue the operation at the eIM, then run: ipad eim poll",
        )


async def _while_busy(clock: Clock, act: Callable[[], Awaitable[None]]) -> None:
    """Call `act`, again after each pause while the eUICC answers catBusy. Raises EuiccResultError."""
    for pause in _BUSY_PAUSES:
        try:
            await act()
        except EuiccResultError as error:
            if error.code.name != "CAT_BUSY":
                raise
            await clock.sleep(pause)
        else:
            return
    await act()
