"""The functions of an IoT eUICC on a `CardState`, as a running IPA holds them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from ipad.codec.eim import AddInitialEimError, AddInitialEimOkEntry, EimConfigurationData
from ipad.codec.es10 import Certs, EuiccConfiguredAddressesResponse, GetCertsError
from ipad.codec.euicc_info import EuiccInfo1, EuiccInfo2, IotSpecificInfo, RspCapability
from ipad.codec.euicc_package import (
    AddEimResult,
    AddEimResultCode,
    CmdResult,
    DeleteEimResult,
    DeleteProfileResult,
    DisableProfileResult,
    Eco,
    EnableProfileResult,
    EuiccPackageErrorCode,
    EuiccPackageErrorDataSigned,
    EuiccPackageErrorSigned,
    EuiccPackageErrorUnsigned,
    EuiccPackageRequest,
    EuiccPackageResult,
    EuiccPackageResultDataSigned,
    EuiccPackageResultSigned,
    EuiccPackageSigned,
    EuiccResultData,
    ProcessingTerminated,
    ProfileRollbackResponse,
    Psmo,
    RollbackProfileResult,
    UpdateEimResult,
)
from ipad.codec.notification import (
    DeleteNotificationStatus,
    PendingNotification,
    RetrieveNotificationsListRequestSearchCriteria,
    RetrieveNotificationsListResponse,
)
from ipad.codec.profile import NotificationEvent, ProfileInfo, ProfileInfoListResponse, ProfileState
from ipad.codec.values import BitString
from ipad.errors import EuiccResultError, IpadError
from ipad.ids import Eid, Iccid
from tests.fakes.card_state import CardEim, CardState
from tests.fakes.values import BAD_SIGNATURE, CERTIFICATE, CI, EID, SIGNATURE


def euicc_info1() -> EuiccInfo1:
    """A small EUICCInfo1."""
    return EuiccInfo1(
        svn=b"\x02\x05\x00", euicc_ci_pk_id_list_for_verification=(CI,), euicc_ci_pk_id_list_for_signing=(CI,)
    )


def euicc_info2(*, iot: bool = True, ecall: bool = False) -> EuiccInfo2:
    """A small EUICCInfo2."""
    return EuiccInfo2(
        profile_version=b"\x03\x01\x82",
        svn=b"\x02\x05\x00",
        euicc_firmware_ver=b"\x01\x00\x00",
        ext_card_resource=bytes.fromhex("810100820400040000830400004000"),
        uicc_capability=BitString(b"\x56", 1),
        rsp_capability=RspCapability.ADDITIONAL_PROFILE,
        euicc_ci_pk_id_list_for_verification=(CI,),
        euicc_ci_pk_id_list_for_signing=(CI,),
        pp_version=b"\x01\x00\x00",
        sas_acreditation_number="XX-XX-UP-0000",
        iot_specific_info=IotSpecificInfo(iot_version=(b"\x01\x02\x00",), ecall_supported=ecall) if iot else None,
    )


class FakeEuicc:
    """The functions of an IoT eUICC on a `CardState`."""

    def __init__(self, state: CardState, *, eid: Eid = EID) -> None:
        self.state = state
        self.eid = eid
        self.fci = b""
        self.info2 = euicc_info2()
        self.iot = True
        self.addresses = EuiccConfiguredAddressesResponse(
            default_dp_address="smdp.example.com", root_ds_address="lpa.ds.gsma.com"
        )
        self.log: list[str] = []
        self.removed: list[int] = []
        self.fail: dict[str, IpadError] = {}  # function -> raised before it has an effect, once
        self.lose_answer: dict[str, IpadError] = {}  # function -> raised after it had its effect, once
        self.proven = False
        self.rollback_answers: list[CmdResult] = []  # given instead of a rollback, in this order

    async def _enter(self, name: str) -> None:
        self.log.append(name)
        if name in self.fail:
            raise self.fail.pop(name)

    def _leave(self, name: str) -> None:
        if name in self.lose_answer:
            raise self.lose_answer.pop(name)

    def forget(self, tags: Collection[int] = ()) -> None:
        """It has no memory beside the card."""

    async def close(self) -> None:
        self.log.append("close")

    async def reset(self) -> None:
        await self._enter("reset")
        self.state.complete_switch()

    async def get_eid(self) -> Eid:
        await self._enter("get_eid")
        return self.eid

    async def get_euicc_challenge(self) -> bytes:
        await self._enter("get_euicc_challenge")
        return bytes(16)

    async def get_euicc_info1(self) -> EuiccInfo1:
        await self._enter("get_euicc_info1")
        return euicc_info1()

    async def get_euicc_info2(self) -> EuiccInfo2:
        await self._enter("get_euicc_info2")
        return self.info2

    async def get_euicc_configured_addresses(self) -> EuiccConfiguredAddressesResponse:
        await self._enter("get_euicc_configured_addresses")
        return self.addresses

    async def get_certs(self, euicc_ci_pk_id: bytes | None = None) -> Certs:
        await self._enter("get_certs")
        if euicc_ci_pk_id not in (None, CI):
            raise EuiccResultError("GetCerts", GetCertsError.INVALID_CI_PK_ID)
        return Certs(eum_certificate=CERTIFICATE, euicc_certificate=CERTIFICATE)

    async def get_profiles_info(self, *, tag_list: bytes | None = None) -> tuple[ProfileInfo, ...]:
        await self._enter("get_profiles_info")
        return tuple(self._profile(iccid, enabled) for iccid, enabled in self.state.profiles.items())

    def _profile(self, iccid: Iccid, enabled: bool) -> ProfileInfo:
        return ProfileInfo(
            iccid=iccid.octets,
            profile_state=ProfileState.ENABLED if enabled else ProfileState.DISABLED,
            ecall_indication=True if iccid in self.state.ecall else None,
        )

    async def get_eim_configuration_data(self, eim_id: str | None = None) -> tuple[EimConfigurationData, ...]:
        await self._enter("get_eim_configuration_data")
        found = (eim.configuration for eim in self.state.eims.values())
        return tuple(eim for eim in found if eim_id is None or eim.eim_id == eim_id)

    async def add_initial_eim(self, eims: tuple[EimConfigurationData, ...]) -> tuple[AddInitialEimOkEntry, ...]:
        await self._enter("add_initial_eim")
        if self.state.eims:
            raise EuiccResultError("AddInitialEim", AddInitialEimError.ASSOCIATED_EIM_ALREADY_EXISTS)
        return tuple(
            AddInitialEimOkEntry(add_ok=True)
            if (token := self._associate(eim)) is None
            else AddInitialEimOkEntry(association_token=token)
            for eim in eims
        )

    def _associate(self, eim: EimConfigurationData) -> int | None:
        token = None
        if eim.association_token == -1:
            token, self.state.next_token = self.state.next_token, self.state.next_token + 1
        stored = replace(eim, association_token=token, counter_value=None)
        assert eim.counter_value is not None
        self.state.eims[eim.eim_id] = CardEim(stored, eim.counter_value)
        return token

    async def load_euicc_package(self, request: EuiccPackageRequest) -> EuiccPackageResult:
        await self._enter("load_euicc_package")
        result = self._load(request)
        self._leave("load_euicc_package")
        return EuiccPackageResult.decode(result.encode())

    def _load(self, request: EuiccPackageRequest) -> EuiccPackageResult:
        signed = request.euicc_package_signed
        eim = self.state.eims.get(signed.eim_id)
        if eim is None or request.eim_signature == BAD_SIGNATURE:
            return EuiccPackageResult(
                euicc_package_error_unsigned=EuiccPackageErrorUnsigned(
                    eim_id=signed.eim_id,
                    eim_transaction_id=signed.eim_transaction_id,
                    association_token=None if eim is None else eim.configuration.association_token,
                )
            )
        if signed.eid_value != self.eid.octets:
            return self._signed_error(signed, EuiccPackageErrorCode.INVALID_EID)
        if signed.counter_value <= eim.counter:
            return self._signed_error(signed, EuiccPackageErrorCode.REPLAY_ERROR)
        if self.state.enabled in self.state.ecall:
            return self._signed_error(signed, EuiccPackageErrorCode.ECALL_ACTIVE)
        return self._execute(signed, eim)

    def _signed_error(self, signed: EuiccPackageSigned, code: EuiccPackageErrorCode) -> EuiccPackageResult:
        data = EuiccPackageErrorDataSigned(
            eim_id=signed.eim_id,
            counter_value=signed.counter_value,
            eim_transaction_id=signed.eim_transaction_id,
            euicc_package_error_code=code,
        )
        return EuiccPackageResult(
            euicc_package_error_signed=EuiccPackageErrorSigned(
                euicc_package_error_data_signed=data, euicc_sign_epe=SIGNATURE
            )
        )

    def _execute(self, signed: EuiccPackageSigned, eim: CardEim) -> EuiccPackageResult:
        state = self.state
        state.executed.append((signed.eim_id, signed.counter_value, signed.eim_transaction_id))
        state.rollback = None
        before = target = state.enabled
        events: list[tuple[NotificationEvent, Iccid]] = []
        results: list[EuiccResultData] = []
        rollback = False
        for psmo in signed.euicc_package.psmo_list or ():
            entry, target = self._psmo(psmo, target, events)
            results.append(entry)
            rollback = rollback or (psmo.enable is not None and psmo.enable.rollback_flag)
        removed: list[str] = []
        results += [self._eco(eco, removed) for eco in signed.euicc_package.eco_list or ()]
        eim.counter = signed.counter_value
        for eim_id in removed:
            del state.eims[eim_id]
        number = state.take_number()
        result = self._sign(signed, number, tuple(results))
        state.results[number] = result
        if target != before:
            state.pending = target
            if rollback and before is not None:
                state.rollback = (signed, before, number)
        if state.notify:
            for event, iccid in events:
                state.add_notification(event, iccid)
        return result

    def _sign(
        self, signed: EuiccPackageSigned, number: int, results: tuple[EuiccResultData, ...]
    ) -> EuiccPackageResult:
        data = EuiccPackageResultDataSigned(
            eim_id=signed.eim_id,
            counter_value=signed.counter_value,
            eim_transaction_id=signed.eim_transaction_id,
            seq_number=number,
            euicc_result=results,
        )
        return EuiccPackageResult(
            euicc_package_result_signed=EuiccPackageResultSigned(
                euicc_package_result_data_signed=data, euicc_sign_epr=SIGNATURE + bytes((number,))
            )
        )

    def _psmo(
        self, psmo: Psmo, target: Iccid | None, events: list[tuple[NotificationEvent, Iccid]]
    ) -> tuple[EuiccResultData, Iccid | None]:
        profiles = self.state.profiles
        if psmo.enable is not None:
            iccid = Iccid(psmo.enable.iccid)
            if iccid not in profiles:
                return EuiccResultData(enable_result=EnableProfileResult.ICCID_OR_AID_NOT_FOUND), target
            if target is not None:
                events.append((NotificationEvent.NOTIFICATION_DISABLE, target))
            events.append((NotificationEvent.NOTIFICATION_ENABLE, iccid))
            return EuiccResultData(enable_result=EnableProfileResult.OK), iccid
        if psmo.disable is not None:
            iccid = Iccid(psmo.disable.iccid)
            if iccid != target:
                return EuiccResultData(disable_result=DisableProfileResult.PROFILE_NOT_IN_ENABLED_STATE), target
            events.append((NotificationEvent.NOTIFICATION_DISABLE, iccid))
            return EuiccResultData(disable_result=DisableProfileResult.OK), None
        if psmo.delete is not None:
            iccid = Iccid(psmo.delete.iccid)
            if profiles.pop(iccid, None) is None:
                return EuiccResultData(delete_result=DeleteProfileResult.ICCID_OR_AID_NOT_FOUND), target
            events.append((NotificationEvent.NOTIFICATION_DELETE, iccid))
            return EuiccResultData(delete_result=DeleteProfileResult.OK), target
        if psmo.list_profile_info is not None:
            listed = tuple(self._profile(iccid, enabled) for iccid, enabled in profiles.items())
            return EuiccResultData(
                list_profile_info_result=ProfileInfoListResponse(profile_info_list_ok=listed)
            ), target
        return EuiccResultData(processing_terminated=ProcessingTerminated.UNKNOWN_OR_DAMAGED_COMMAND), target

    def _eco(self, eco: Eco, removed: list[str]) -> EuiccResultData:
        if eco.add_eim is not None:
            if eco.add_eim.eim_id in self.state.eims:
                code = AddEimResultCode.ASSOCIATED_EIM_ALREADY_EXISTS
                return EuiccResultData(add_eim_result=AddEimResult(add_eim_result_code=code))
            token = self._associate(eco.add_eim)
            if token is None:
                return EuiccResultData(add_eim_result=AddEimResult(add_eim_result_code=AddEimResultCode.OK))
            return EuiccResultData(add_eim_result=AddEimResult(association_token=token))
        if eco.delete_eim is not None:
            if eco.delete_eim.eim_id not in self.state.eims:
                return EuiccResultData(delete_eim_result=DeleteEimResult.EIM_NOT_FOUND)
            removed.append(eco.delete_eim.eim_id)
            last = len(removed) == len(self.state.eims)
            return EuiccResultData(delete_eim_result=DeleteEimResult.LAST_EIM_DELETED if last else DeleteEimResult.OK)
        assert eco.update_eim is not None
        entry = self.state.eims.get(eco.update_eim.eim_id)
        if entry is None:
            return EuiccResultData(update_eim_result=UpdateEimResult.EIM_NOT_FOUND)
        entry.configuration = replace(entry.configuration, eim_fqdn=eco.update_eim.eim_fqdn)
        return EuiccResultData(update_eim_result=UpdateEimResult.OK)

    async def retrieve_notifications_list(
        self, search_criteria: RetrieveNotificationsListRequestSearchCriteria | None = None
    ) -> RetrieveNotificationsListResponse:
        await self._enter("retrieve_notifications_list")
        state = self.state
        if search_criteria is not None and search_criteria.euicc_package_results:
            return RetrieveNotificationsListResponse(euicc_package_result_list=tuple(state.results.values()))
        if search_criteria is not None and search_criteria.seq_number is not None:
            number = search_criteria.seq_number
            if number in state.results:
                return RetrieveNotificationsListResponse(euicc_package_result_list=(state.results[number],))
            found = tuple(item for key, item in state.notifications.items() if key == number)
            return RetrieveNotificationsListResponse(notification_list=found)
        items = tuple(state.notifications.values())
        if search_criteria is not None:
            events = search_criteria.profile_management_operation
            assert events is not None
            items = tuple(item for item in items if _event(item) & events)
        return RetrieveNotificationsListResponse(notification_list=items)

    async def remove_notification_from_list(self, seq_number: int) -> DeleteNotificationStatus:
        await self._enter("remove_notification_from_list")
        self.removed.append(seq_number)
        known = self.state.results.pop(seq_number, None) or self.state.notifications.pop(seq_number, None)
        return DeleteNotificationStatus.OK if known else DeleteNotificationStatus.NOTHING_TO_DELETE

    async def profile_rollback(self, refresh_flag: bool) -> ProfileRollbackResponse:
        await self._enter("profile_rollback")
        if self.rollback_answers:
            return ProfileRollbackResponse(cmd_result=self.rollback_answers.pop(0))
        state = self.state
        if state.rollback is None:
            return ProfileRollbackResponse(cmd_result=CmdResult.ROLLBACK_NOT_ALLOWED)
        signed, former, number = state.rollback
        state.rollback = None
        state.results.pop(number, None)
        state.notifications = {key: item for key, item in state.notifications.items() if key < number}
        new = state.take_number()
        result = self._sign(signed, new, (EuiccResultData(rollback_result=RollbackProfileResult.OK),))
        state.results[new] = result
        state.pending = former
        self._leave("profile_rollback")
        response = ProfileRollbackResponse(cmd_result=CmdResult.OK, euicc_package_result=result)
        return ProfileRollbackResponse.decode(response.encode())


def _event(item: PendingNotification) -> NotificationEvent:
    assert item.other_signed_notification is not None
    return item.other_signed_notification.tbs_other_notification.profile_management_operation
