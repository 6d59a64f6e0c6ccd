"""ES10c: local profile management (SGP.22 5.7.15 to 5.7.21) and the memory reset of either kind of eUICC.

On an IoT eUICC profiles are switched by signed packages alone; it may answer 6A88 to EnableProfile and its kin.
"""

from __future__ import annotations

from ipad.codec.es10 import (
    DeleteProfileRequest,
    DeleteProfileResponse,
    DisableProfileRequest,
    DisableProfileResponse,
    EnableProfileRequest,
    EnableProfileResponse,
    EuiccMemoryResetRequest,
    EuiccMemoryResetResponse,
    GetEuiccDataRequest,
    GetEuiccDataResponse,
    ProfileIdentifier,
    ResetOptions,
    SetNicknameRequest,
    SetNicknameResponse,
)
from ipad.codec.profile import (
    ProfileInfo,
    ProfileInfoListError,
    ProfileInfoListRequest,
    ProfileInfoListResponse,
    SearchCriteria,
)
from ipad.errors import EuiccResultError, StatusWordError
from ipad.es10.leniency import INCORRECT_DATA, plain_tag_list
from ipad.es10.port import FunctionGroup, require_ok
from ipad.ids import Eid, Iccid

EUICC_MEMORY_RESET = 0xBF34
"""Tag of eUICCMemoryReset in SGP.22; SGP.32 has BF64 for the same content."""

_EID_TAG = b"\x5a"
_REFUSED_LIST = (ProfileInfoListError.INCORRECT_INPUT_VALUES, ProfileInfoListError.UNDEFINED_ERROR)

Profile = Iccid | bytes
"""An ICCID, or the AID of an ISD-P as bytes."""


class Es10c(FunctionGroup):
    """The functions of ES10c."""

    async def get_profiles_info(
        self, *, search_criteria: SearchCriteria | None = None, tag_list: bytes | None = None
    ) -> tuple[ProfileInfo, ...]:
        """GetProfilesInfo (SGP.22 5.7.15, SGP.32 5.9.14): the profiles that meet the criteria.

        `tag_list` is a string of the tags that are wanted; without it the eUICC answers a default set. Where an eUICC
        refuses the list because of tags that SGP.32 added, they are left out (leniency `plain-tag-list`).
        """
        try:
            return await self._get_profiles_info(search_criteria, tag_list)
        except (StatusWordError, EuiccResultError) as error:
            plain = plain_tag_list(tag_list)
            if plain is None or not _is_refused_list(error):
                raise
            return await self._get_profiles_info(search_criteria, plain)

    async def _get_profiles_info(
        self, search_criteria: SearchCriteria | None, tag_list: bytes | None
    ) -> tuple[ProfileInfo, ...]:
        request = ProfileInfoListRequest(search_criteria=search_criteria, tag_list=tag_list)
        response = await self._call("GetProfilesInfo", request.encode(), ProfileInfoListResponse, repeatable=True)
        if response.profile_info_list_error is not None:
            raise EuiccResultError("GetProfilesInfo", response.profile_info_list_error)
        return response.profile_info_list_ok or ()

    async def enable_profile(self, profile: Profile, *, refresh_flag: bool = True) -> None:
        """EnableProfile (SGP.22 5.7.16). Without refreshFlag the caller resets the card itself."""
        request = EnableProfileRequest(profile_identifier=_identifier(profile), refresh_flag=refresh_flag)
        response = await self._call("EnableProfile", request.encode(), EnableProfileResponse)
        require_ok("EnableProfile", response.enable_result)

    async def disable_profile(self, profile: Profile, *, refresh_flag: bool = True) -> None:
        """DisableProfile (SGP.22 5.7.17). Without refreshFlag the caller resets the card itself."""
        request = DisableProfileRequest(profile_identifier=_identifier(profile), refresh_flag=refresh_flag)
        response = await self._call("DisableProfile", request.encode(), DisableProfileResponse)
        require_ok("DisableProfile", response.disable_result)

    async def delete_profile(self, profile: Profile) -> None:
        """DeleteProfile (SGP.22 5.7.18)."""
        if isinstance(profile, Iccid):
            request = DeleteProfileRequest(iccid=profile.octets)
        else:
            request = DeleteProfileRequest(isdp_aid=profile)
        response = await self._call("DeleteProfile", request.encode(), DeleteProfileResponse)
        require_ok("DeleteProfile", response.delete_result)

    async def euicc_memory_reset(self, options: ResetOptions, *, iot: bool = False) -> EuiccMemoryResetResponse:
        """eUICCMemoryReset (SGP.22 5.7.19; with `iot` SGP.32 5.9.5). The results are up to three: the caller looks."""
        tag = EuiccMemoryResetRequest.TAG if iot else EUICC_MEMORY_RESET
        request = EuiccMemoryResetRequest(reset_options=options).encode_as(tag)
        return await self._call("eUICCMemoryReset", request, EuiccMemoryResetResponse, tag=tag)

    async def get_eid(self) -> Eid:
        """GetEID (SGP.22 5.7.20)."""
        request = GetEuiccDataRequest(tag_list=_EID_TAG)
        response = await self._call("GetEID", request.encode(), GetEuiccDataResponse, repeatable=True)
        return Eid(response.eid_value)

    async def set_nickname(self, iccid: Iccid, nickname: str) -> None:
        """SetNickname (SGP.22 5.7.21), up to 64 bytes of UTF-8; "" clears it."""
        request = SetNicknameRequest(iccid=iccid.octets, profile_nickname=nickname)
        response = await self._call("SetNickname", request.encode(), SetNicknameResponse, repeatable=True)
        require_ok("SetNickname", response.set_nickname_result)


def _identifier(profile: Profile) -> ProfileIdentifier:
    if isinstance(profile, Iccid):
        return ProfileIdentifier(iccid=profile.octets)
    return ProfileIdentifier(isdp_aid=profile)


def _is_refused_list(error: StatusWordError | EuiccResultError) -> bool:
    if isinstance(error, StatusWordError):
        return error.sw == INCORRECT_DATA
    return error.code in _REFUSED_LIST
