"""Profiles and eIMs of an eUICC as the status shows them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ipad.codec.eim import EimConfigurationData, EimSupportedProtocol
from ipad.codec.profile import ProfileInfo
from ipad.ids import Iccid
from ipad.observe.status import EimStatus, ProfileStatus
from ipad.policy.events import CardRead
from ipad.records import replace

_BINDINGS: Final = (
    (EimSupportedProtocol.EIM_RETRIEVE_HTTPS, "https"),
    (EimSupportedProtocol.EIM_RETRIEVE_COAPS, "coaps"),
)


def profile_status(profile: ProfileInfo) -> ProfileStatus:
    """One entry of ProfileInfoListResponse (SGP.22 5.7.15, SGP.32 5.9.14)."""
    return ProfileStatus(
        iccid=None if profile.iccid is None else Iccid(profile.iccid),
        state=None if profile.profile_state is None else profile.profile_state.spec_name,
        profile_class=None if profile.profile_class is None else profile.profile_class.spec_name,
        name=profile.profile_name,
        provider=profile.service_provider_name,
        nickname=profile.profile_nickname or None,
        fallback=profile.fallback_attribute,
    )


def eim_status(eim: EimConfigurationData) -> EimStatus:
    """One entry of GetEimConfigurationDataResponse (SGP.32 5.9.18). `binding` is what the eIM offers."""
    protocols = eim.eim_supported_protocol
    offered = [name for flag, name in _BINDINGS if protocols is not None and protocols & flag]
    return EimStatus(eim_id=eim.eim_id, host=eim.eim_fqdn, binding=", ".join(offered) or None)


def with_reading(profiles: Iterable[ProfileStatus], read: CardRead) -> tuple[ProfileStatus, ...]:
    """The profiles after a reading that tells only which there are, which is enabled and which is for fallback."""
    known = {str(profile.iccid): profile for profile in profiles if profile.iccid is not None}
    return tuple(
        replace(
            known.get(text) or ProfileStatus(iccid=Iccid.parse(text)),
            state="enabled" if text == read.enabled else "disabled",
            fallback=text == read.fallback,
        )
        for text in read.installed
    )


def with_enabled(profiles: Iterable[ProfileStatus], iccid: str | None) -> tuple[ProfileStatus, ...]:
    """The profiles after a switch."""
    return tuple(
        replace(profile, state="enabled" if iccid is not None and str(profile.iccid) == iccid else "disabled")
        for profile in profiles
    )
