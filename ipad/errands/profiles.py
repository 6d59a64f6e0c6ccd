"""Profiles: what is installed; on a consumer eUICC also enable, disable, delete and name.

On an IoT eUICC profiles are managed by signed packages of an eIM only (SGP.32 2.11.1.1, 3.3): whoever holds the device
cannot take that decision, so it is refused before anything is sent.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from ipad.clock import Clock
from ipad.codec.es10 import DisableResult, EnableResult
from ipad.codec.euicc_info import PprIds
from ipad.codec.profile import ProfileInfo
from ipad.daemon.card_access import CardAccess
from ipad.errands.envelope import Json, Result
from ipad.errands.parameters import Act, Parameters
from ipad.errors import EuiccResultError, NotFoundError, RefusedError, UsageError
from ipad.ids import Iccid

_BUSY_PAUSES: Final = (2.0, 3.0, 5.0)
"""Seconds before each repetition after catBusy: a proactive session of the card usually ends by itself."""
_LONGEST_NICKNAME: Final = 64


def listing(given: Parameters) -> Act[CardAccess]:
    """All profiles."""
    given.known()

    async def act(card: CardAccess) -> Result:
        rows: list[Json] = [describe(profile) for profile in await card.profiles()]
        return Result({"profiles": rows})

    return act


def info(given: Parameters) -> Act[CardAccess]:
    """One profile."""
    given.known("iccid")
    iccid = given.iccid()

    async def act(card: CardAccess) -> Result:
        for profile in await card.profiles():
            if profile.iccid == iccid.octets:
                return Result({"profile": describe(profile)})
        raise _missing(iccid)

    return act


def enable(given: Parameters) -> Act[CardAccess]:
    """ES10c.EnableProfile (SGP.22 5.7.16)."""
    given.known("iccid")

    async def step(card: CardAccess, iccid: Iccid) -> None:
        await card.euicc.enable_profile(iccid)
        await card.follow_switch(iccid)

    return _changing(given.iccid(), "enable", step, unchanged=EnableResult.PROFILE_NOT_IN_DISABLED_STATE)


def disable(given: Parameters) -> Act[CardAccess]:
    """ES10c.DisableProfile (SGP.22 5.7.17)."""
    given.known("iccid")

    async def step(card: CardAccess, iccid: Iccid) -> None:
        await card.euicc.disable_profile(iccid)
        await card.follow_switch(None)

    return _changing(given.iccid(), "disable", step, unchanged=DisableResult.PROFILE_NOT_IN_ENABLED_STATE)


def delete(given: Parameters) -> Act[CardAccess]:
    """ES10c.DeleteProfile (SGP.22 5.7.18)."""
    given.known("iccid", "yes")
    if not given.flag("yes"):
        raise UsageError("deleting a profile cannot be undone", hint="add --yes")

    async def step(card: CardAccess, iccid: Iccid) -> None:
        await card.euicc.delete_profile(iccid)

    return _changing(given.iccid(), "delete", step)


def nickname(given: Parameters) -> Act[CardAccess]:
    """ES10c.SetNickname (SGP.22 5.7.21)."""
    given.known("iccid", "nickname")
    name = given.text("nickname")
    if len(name.encode(errors="replace")) > _LONGEST_NICKNAME or not name.isprintable():
        raise UsageError(
            f"nickname {name[:80]!r}: expected at most {_LONGEST_NICKNAME} bytes of UTF-8 without control characters"
        )

    async def step(card: CardAccess, iccid: Iccid) -> None:
        await card.euicc.set_nickname(iccid, name)

    return _changing(given.iccid(), "nickname", step)


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


def _missing(iccid: Iccid) -> NotFoundError:
    return NotFoundError(f"there is no profile {iccid} on the eUICC", hint="see ipad profile list")


def _changing(
    iccid: Iccid,
    verb: str,
    step: Callable[[CardAccess, Iccid], Awaitable[None]],
    *,
    unchanged: EnableResult | DisableResult | None = None,
) -> Act[CardAccess]:
    """Do something to a profile of a consumer eUICC. A profile that is already so is left alone and no error."""

    async def act(card: CardAccess) -> Result:
        if await card.is_iot():
            raise RefusedError(
                f"profile {verb}: this is an IoT eUICC (SGP.32); "
                "its profiles are managed by signed packages of an eIM only",
                hint="queue the operation at the eIM, then run: ipad eim poll",
            )
        try:
            await _while_busy(card.clock, lambda: step(card, iccid))
        except EuiccResultError as error:
            if error.code.name.endswith("NOT_FOUND"):
                raise _missing(iccid) from error
            if error.code != unchanged:
                raise
            return Result({"iccid": str(iccid), "changed": False})
        return Result({"iccid": str(iccid), "changed": True})

    return act


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
