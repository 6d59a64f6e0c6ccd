"""IpaEuiccDataRequest: what an eIM wants to know of eUICC and IPA (SGP.32 2.11.1.2, 2.11.2.2).

Values are read when they are asked for: addresses and lists change without the IPA's doing.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping

from ipad.codec.es10 import GetCertsError
from ipad.codec.esipa import (
    IpaEuiccData,
    IpaEuiccDataErrorCode,
    IpaEuiccDataRequest,
    IpaEuiccDataResponse,
    IpaEuiccDataResponseError,
)
from ipad.codec.euicc_package import EuiccPackageResult
from ipad.codec.notification import PendingNotification, RetrieveNotificationsListRequestSearchCriteria
from ipad.errors import CodecError, EuiccResultError, StatusWordError
from ipad.procedures.context import Ipa
from ipad.procedures.stored_results import ALL_RESULTS, emergency_active, metadata_of
from ipad.records import replace

log = logging.getLogger(__name__)

NOTIFICATIONS = 0xA0
DEFAULT_SMDP_ADDRESS = 0x81
EUICC_PACKAGE_RESULTS = 0xA2
EUICC_INFO1 = 0xBF20
EUICC_INFO2 = 0xBF22
ROOT_SMDS_ADDRESS = 0x83
ASSOCIATION_TOKEN = 0x84
EUM_CERTIFICATE = 0xA5
EUICC_CERTIFICATE = 0xA6
IPA_CAPABILITIES = 0xA8
DEVICE_INFO = 0xA9

_FUNCTIONS: Mapping[int, int] = {
    NOTIFICATIONS: 0xBF2B,
    EUICC_PACKAGE_RESULTS: 0xBF2B,
    DEFAULT_SMDP_ADDRESS: 0xBF3C,
    ROOT_SMDS_ADDRESS: 0xBF3C,
    EUICC_INFO1: EUICC_INFO1,
    EUICC_INFO2: EUICC_INFO2,
    ASSOCIATION_TOKEN: 0xBF55,
    EUM_CERTIFICATE: 0xBF56,
    EUICC_CERTIFICATE: 0xBF56,
}
"""The function of the eUICC that answers, which is asked anew, whatever is remembered of its answers."""

Reader = Callable[["_Question", IpaEuiccData], Awaitable[IpaEuiccData]]


async def answer_data_request(ipa: Ipa, eim_id: str, request: IpaEuiccDataRequest) -> IpaEuiccDataResponse:
    """The response to a request of the eIM `eim_id`. Raises CardError or PortError when the eUICC cannot be used."""
    try:
        tags = checked_tags(request.tag_list, strict=ipa.strict_tag_list)
    except CodecError as error:
        log.warning("data request of %s refused: %s", eim_id, error)
        return _refusal(request, IpaEuiccDataErrorCode.INCORRECT_TAG_LIST)
    if await emergency_active(ipa.euicc, ecall_supported=ipa.session.ecall_supported):
        return _refusal(request, IpaEuiccDataErrorCode.ECALL_ACTIVE)
    functions = {_FUNCTIONS[tag] for tag in tags if tag in _FUNCTIONS}
    if functions:
        ipa.euicc.forget(functions)
    question = _Question(ipa, eim_id, request)
    data = IpaEuiccData(eim_transaction_id=request.eim_transaction_id)
    failures = 0
    readers = dict.fromkeys(_READERS[tag] for tag in tags)
    for reader in readers:
        try:
            data = await reader(question, data)
        except _UnknownCiError:
            return _refusal(request, IpaEuiccDataErrorCode.EUICC_CI_PK_ID_NOT_FOUND)
        except (EuiccResultError, StatusWordError, CodecError) as error:
            log.warning("an object of the data request of %s cannot be read: %s", eim_id, error)
            failures += 1
    if failures == len(readers):
        return _refusal(request, IpaEuiccDataErrorCode.UNDEFINED_ERROR)
    if EUM_CERTIFICATE not in tags:
        data = replace(data, eum_certificate=None)
    if EUICC_CERTIFICATE not in tags:
        data = replace(data, euicc_certificate=None)
    return IpaEuiccDataResponse(ipa_euicc_data=data)


def checked_tags(tag_list: bytes, *, strict: bool) -> tuple[int, ...]:
    """The known tags of a tag list, each once.

    Raises CodecError for an empty list, a cut-off tag, a list without any known tag, and, if `strict`, for any unknown
    tag; otherwise unknown ones are left out.
    """
    asked = tuple(dict.fromkeys(_split_tags(tag_list)))
    known = tuple(tag for tag in asked if tag in _READERS)
    unknown = [f"{tag:X}" for tag in asked if tag not in _READERS]
    if not known or (strict and unknown):
        raise CodecError(
            f"tag list {tag_list.hex().upper() or 'without tags'}: {', '.join(unknown) or 'no tag'} unknown"
        )
    return known


def _split_tags(tag_list: bytes) -> Iterator[int]:
    position = 0
    while position < len(tag_list):
        end = position + 1
        if tag_list[position] & 0x1F == 0x1F:
            while end < len(tag_list) and tag_list[end] & 0x80:
                end += 1
            end += 1
        if end > len(tag_list):
            raise CodecError(f"tag list {tag_list.hex().upper()} ends inside a tag")
        yield int.from_bytes(tag_list[position:end], "big")
        position = end


def _refusal(request: IpaEuiccDataRequest, code: IpaEuiccDataErrorCode) -> IpaEuiccDataResponse:
    error = IpaEuiccDataResponseError(eim_transaction_id=request.eim_transaction_id, ipa_euicc_data_error_code=code)
    return IpaEuiccDataResponse(ipa_euicc_data_response_error=error)


class _UnknownCiError(Exception):
    """The eUICC has no certificate of the asked CI."""


class _Question:
    """Who asks what; one method for each source that answers."""

    def __init__(self, ipa: Ipa, eim_id: str, request: IpaEuiccDataRequest) -> None:
        self.ipa = ipa
        self.eim_id = eim_id
        self.request = request

    async def notifications(self, data: IpaEuiccData) -> IpaEuiccData:
        asked = self.request.search_criteria_notification
        criteria = None
        if asked is not None and asked.seq_number is not None:
            criteria = RetrieveNotificationsListRequestSearchCriteria(seq_number=asked.seq_number)
        elif asked is not None and asked.profile_management_operation is not None:
            criteria = RetrieveNotificationsListRequestSearchCriteria(
                profile_management_operation=asked.profile_management_operation
            )
        elif asked is not None:
            raise CodecError("unknown criterion for notifications")
        response = await self.ipa.euicc.retrieve_notifications_list(criteria)
        if response.notifications_list_result_error is not None:
            raise EuiccResultError("RetrieveNotificationsList", response.notifications_list_result_error)
        found: tuple[PendingNotification, ...] = response.notification_list or ()
        return replace(data, notifications_list=tuple(item for item in found if metadata_of(item) is not None))

    async def results(self, data: IpaEuiccData) -> IpaEuiccData:
        asked = self.request.search_criteria_euicc_package_result
        criteria = ALL_RESULTS
        if asked is not None:
            if asked.seq_number is None:
                raise CodecError("unknown criterion for package results")
            criteria = RetrieveNotificationsListRequestSearchCriteria(seq_number=asked.seq_number)
        response = await self.ipa.euicc.retrieve_notifications_list(criteria)
        if response.notifications_list_result_error is not None:
            raise EuiccResultError("RetrieveNotificationsList", response.notifications_list_result_error)
        found: tuple[EuiccPackageResult, ...] = response.euicc_package_result_list or ()
        return replace(data, euicc_package_result_list=found)

    async def default_smdp_address(self, data: IpaEuiccData) -> IpaEuiccData:
        addresses = await self.ipa.euicc.get_euicc_configured_addresses()
        return replace(data, default_smdp_address=addresses.default_dp_address or None)

    async def root_smds_address(self, data: IpaEuiccData) -> IpaEuiccData:
        addresses = await self.ipa.euicc.get_euicc_configured_addresses()
        return replace(data, root_smds_address=addresses.root_ds_address or None)

    async def euicc_info1(self, data: IpaEuiccData) -> IpaEuiccData:
        return replace(data, euicc_info1=await self.ipa.euicc.get_euicc_info1())

    async def euicc_info2(self, data: IpaEuiccData) -> IpaEuiccData:
        return replace(data, euicc_info2=await self.ipa.euicc.get_euicc_info2())

    async def association_token(self, data: IpaEuiccData) -> IpaEuiccData:
        eims = await self.ipa.euicc.get_eim_configuration_data(self.eim_id)
        token = next((eim.association_token for eim in eims if eim.eim_id == self.eim_id), None)
        return replace(data, association_token=token)

    async def certificates(self, data: IpaEuiccData) -> IpaEuiccData:
        try:
            certs = await self.ipa.euicc.get_certs(self.request.euicc_ci_pk_identifier_to_be_used)
        except EuiccResultError as error:
            if error.code == GetCertsError.INVALID_CI_PK_ID:
                raise _UnknownCiError from error
            raise
        return replace(data, eum_certificate=certs.eum_certificate, euicc_certificate=certs.euicc_certificate)

    async def ipa_capabilities(self, data: IpaEuiccData) -> IpaEuiccData:
        return replace(data, ipa_capabilities=self.ipa.capabilities_for(self.eim_id))

    async def device_info(self, data: IpaEuiccData) -> IpaEuiccData:
        return replace(data, device_info=self.ipa.device_info)


_READERS: Mapping[int, Reader] = {
    NOTIFICATIONS: _Question.notifications,
    DEFAULT_SMDP_ADDRESS: _Question.default_smdp_address,
    EUICC_PACKAGE_RESULTS: _Question.results,
    EUICC_INFO1: _Question.euicc_info1,
    EUICC_INFO2: _Question.euicc_info2,
    ROOT_SMDS_ADDRESS: _Question.root_smds_address,
    ASSOCIATION_TOKEN: _Question.association_token,
    EUM_CERTIFICATE: _Question.certificates,
    EUICC_CERTIFICATE: _Question.certificates,
    IPA_CAPABILITIES: _Question.ipa_capabilities,
    DEVICE_INFO: _Question.device_info,
}
