"""In-memory eUICC, eIM, bearer, clock and journal store for tests of the procedures.

`CardState` and `EimServer` outlive a power cut; `FakeEuicc`, `FakeEim` and the rest are what a running IPA holds.
Signatures are made up: what these fakes model are counters, stored results, notifications, sequence numbers,
rollback and the idempotent eIM.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import cbor2

from ipad.codec.eim import (
    AddInitialEimError,
    AddInitialEimOkEntry,
    EimConfigurationData,
    EimPublicKeyData,
    EimSupportedProtocol,
)
from ipad.codec.es10 import Certs, EuiccConfiguredAddressesResponse, GetCertsError
from ipad.codec.esipa import (
    EimAcknowledgements,
    EimPackageError,
    EimPackageResult,
    EmptyResponse,
    GetEimPackageRequest,
    GetEimPackageResponse,
    HandleNotificationEsipa,
    ProvideEimPackageResult,
    ProvideEimPackageResultError,
    ProvideEimPackageResultResponse,
)
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
    EuiccPackage,
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
    NotificationMetadata,
    OtherSignedNotification,
    PendingNotification,
    RetrieveNotificationsListRequestSearchCriteria,
    RetrieveNotificationsListResponse,
)
from ipad.codec.profile import NotificationEvent, ProfileInfo, ProfileInfoListResponse, ProfileState
from ipad.codec.values import BitString
from ipad.errors import EuiccResultError, IpadError, NetworkError
from ipad.ids import Eid, Iccid, Plmn
from ipad.state.store import Loaded

EID = Eid.parse("89049032001234567890000000100070")
ICCID1 = Iccid.parse("89490200000000000110")
ICCID2 = Iccid.parse("89490200000000002227")
ICCID3 = Iccid.parse("89490200000000003332")
CI = bytes.fromhex("F54172BDF98A95D65CBEB88A38A1C11D800A85C3")
CERTIFICATE = bytes.fromhex("300A30030201053000030100")
SIGNATURE = bytes.fromhex("DEADBEEF")
BAD_SIGNATURE = bytes.fromhex("BAD0BAD0")


# --- time, bearer, store ------------------------------------------------------------------------------


class FakeClock:
    """Time that passes only by sleeping."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@dataclass
class FakeConnectivity:
    """A bearer that is new after each recovery of the SIM, where the enabled profile has service."""

    card: CardState
    service: Callable[[Iccid | None], bool] = lambda iccid: iccid is not None
    plmn: Plmn | None = None
    sessions: int = 1
    recovered: list[Iccid | None] = field(default_factory=list)
    waits: list[str | None] = field(default_factory=list)

    async def data_session(self) -> str | None:
        return f"session-{self.sessions}" if self.service(self.card.enabled) else None

    async def wait_new_session(self, before: str | None, timeout: float) -> bool:  # noqa: ASYNC109
        self.waits.append(before)
        now = await self.data_session()
        return now is not None and now != before

    async def registered_plmn(self) -> Plmn | None:
        return self.plmn

    async def recover_sim(self, expected: Iccid | None) -> None:
        self.recovered.append(expected)
        self.card.complete_switch()
        self.sessions += 1


class MemoryStore:
    """A journal store that keeps the encoded bytes of the last save, and counts saves."""

    def __init__(self) -> None:
        self.data: bytes | None = None
        self.saves = 0
        self.set_aside_reasons: list[str] = []

    def load(self) -> Loaded:
        return Loaded(content=None if self.data is None else cbor2.loads(self.data))

    def set_aside(self, reason: str) -> str:
        self.set_aside_reasons.append(reason)
        self.data = None
        return reason

    async def save(self, content: Mapping[str, object]) -> bool:
        data = cbor2.dumps(dict(content), canonical=True)
        if data == self.data:
            return False
        self.data = data
        self.saves += 1
        return True


# --- the eUICC ----------------------------------------------------------------------------------------


@dataclass
class CardEim:
    """One association on the card."""

    configuration: EimConfigurationData
    counter: int


@dataclass
class CardState:
    """What a card keeps without power."""

    profiles: dict[Iccid, bool] = field(default_factory=dict)  # ICCID -> enabled
    ecall: set[Iccid] = field(default_factory=set)
    eims: dict[str, CardEim] = field(default_factory=dict)
    next_seq: int = 7
    next_token: int = 1
    results: dict[int, EuiccPackageResult] = field(default_factory=dict)
    notifications: dict[int, PendingNotification] = field(default_factory=dict)
    rollback: tuple[EuiccPackageSigned, Iccid, int] | None = None
    pending: Iccid | bool | None = False  # False: nothing; else what will be enabled
    notify: bool = True
    executed: list[tuple[str, int, bytes | None]] = field(default_factory=list)

    @property
    def enabled(self) -> Iccid | None:
        """The enabled profile."""
        return next((iccid for iccid, enabled in self.profiles.items() if enabled), None)

    def complete_switch(self) -> None:
        """Carry out the pending enable or disable, as a REFRESH or a reset does."""
        if self.pending is False:
            return
        target = self.pending
        assert not isinstance(target, bool)
        self.profiles = {iccid: iccid == target for iccid in self.profiles}
        self.pending = False

    def take_number(self) -> int:
        """The next sequence number, shared by results and notifications."""
        self.next_seq += 1
        return self.next_seq - 1

    def add_notification(self, event: NotificationEvent, iccid: Iccid) -> None:
        """A notification for one operation."""
        number = self.take_number()
        self.notifications[number] = notification(number, event, iccid)


def notification(number: int, event: NotificationEvent, iccid: Iccid) -> PendingNotification:
    """A signed notification as an eUICC stores it, with a made-up signature and certificates."""
    metadata = NotificationMetadata(
        seq_number=number,
        profile_management_operation=event,
        notification_address="smdp.example.com",
        iccid=iccid.octets,
    )
    signed = OtherSignedNotification(
        tbs_other_notification=metadata,
        euicc_notification_signature=SIGNATURE,
        euicc_certificate=CERTIFICATE,
        eum_certificate=CERTIFICATE,
    )
    return PendingNotification.decode(PendingNotification(other_signed_notification=signed).encode())


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


# --- the eIM ------------------------------------------------------------------------------------------


@dataclass
class EimServer:
    """An eIM: hands out the same package until its result came, takes any result any number of times."""

    eim_id: str
    queue: list[bytes] = field(default_factory=list)  # GetEimPackageResponse messages
    requests: list[GetEimPackageRequest] = field(default_factory=list)
    results: list[bytes] = field(default_factory=list)  # complete ProvideEimPackageResult messages
    notifications: list[bytes] = field(default_factory=list)  # PendingNotification TLVs
    story: list[bytes] = field(default_factory=list)  # everything that came in, in order
    acknowledge: bool = True
    refusal: ProvideEimPackageResultError | None = None
    reachable: Callable[[], bool] = lambda: True
    answers: list[bytes] = field(default_factory=list)  # scripted answers to results, before the normal ones
    notification_errors: list[IpadError] = field(default_factory=list)

    def offer(self, package: Any) -> None:
        """Queue a package (a data object of an alternative of GetEimPackageResponse, or its bytes)."""
        raw = package if isinstance(package, bytes) else package.encode()
        self.queue.append(GetEimPackageResponse(unknown=raw).encode())

    def get(self, request: GetEimPackageRequest) -> GetEimPackageResponse:
        self.requests.append(request)
        self.story.append(request.encode())
        if not self.queue:
            return GetEimPackageResponse(eim_package_error=EimPackageError.NO_EIM_PACKAGE_AVAILABLE)
        return GetEimPackageResponse.decode(self.queue[0])

    def provide(self, request: ProvideEimPackageResult) -> ProvideEimPackageResultResponse:
        raw = request.encode()
        self.story.append(raw)
        repeated = raw in self.results
        self.results.append(raw)
        if self.queue and not repeated and self._answers_first(request):
            del self.queue[0]
        if self.answers:
            return ProvideEimPackageResultResponse.decode(self.answers.pop(0))
        if self.refusal is not None:
            return ProvideEimPackageResultResponse(provide_eim_package_result_error=self.refusal)
        numbers = result_numbers(raw)
        if self.acknowledge and numbers:
            return ProvideEimPackageResultResponse(eim_acknowledgements=EimAcknowledgements(sequence_numbers=numbers))
        return ProvideEimPackageResultResponse(empty_response=EmptyResponse())

    def _answers_first(self, request: ProvideEimPackageResult) -> bool:
        """A result names its package; without one of a signed package it answers whatever was handed out."""
        first = GetEimPackageResponse.decode(self.queue[0]).euicc_package_request
        answered = package_of(request.encode())
        if first is None or answered is None:
            return first is None
        return answered == first.euicc_package_signed.eim_transaction_id


def package_of(message: bytes) -> bytes | None:
    """The eimTransactionId of the signed package that a ProvideEimPackageResult message is about."""
    result = ProvideEimPackageResult.decode(message).eim_package_result
    if result.eim_package_result_response_error is not None:
        return result.eim_package_result_response_error.eim_transaction_id
    package = result.euicc_package_result
    if result.epr_and_notifications is not None:
        package = result.epr_and_notifications.euicc_package_result
    if package is None:
        return None
    if package.euicc_package_result_signed is not None:
        return package.euicc_package_result_signed.euicc_package_result_data_signed.eim_transaction_id
    if package.euicc_package_error_signed is not None:
        return package.euicc_package_error_signed.euicc_package_error_data_signed.eim_transaction_id
    unsigned = package.euicc_package_error_unsigned
    return None if unsigned is None else unsigned.eim_transaction_id


def epr_of(message: bytes) -> EuiccPackageResult | None:
    """The eUICC Package Result in a ProvideEimPackageResult message."""
    result: EimPackageResult = ProvideEimPackageResult.decode(message).eim_package_result
    if result.epr_and_notifications is not None:
        return result.epr_and_notifications.euicc_package_result
    return result.euicc_package_result


def result_numbers(message: bytes) -> tuple[int, ...]:
    """The sequence numbers of all that a ProvideEimPackageResult message carries."""
    result = ProvideEimPackageResult.decode(message).eim_package_result
    numbers = []
    package = epr_of(message)
    if package is not None and package.euicc_package_result_signed is not None:
        numbers.append(package.euicc_package_result_signed.euicc_package_result_data_signed.seq_number)
    notifications: tuple[PendingNotification, ...] = ()
    if result.epr_and_notifications is not None:
        notifications = result.epr_and_notifications.notification_list
    for item in notifications:
        assert item.other_signed_notification is not None
        numbers.append(item.other_signed_notification.tbs_other_notification.seq_number)
    return tuple(numbers)


class FakeEim:
    """A connection to an `EimServer`."""

    def __init__(self, server: EimServer) -> None:
        self.server = server
        self.closed = False

    def _connect(self) -> None:
        if not self.server.reachable():
            raise NetworkError(f"{self.server.eim_id} does not answer", layer="tcp")

    async def get_eim_package(self, request: GetEimPackageRequest) -> GetEimPackageResponse:
        self._connect()
        return self.server.get(request)

    async def provide_eim_package_result(self, request: ProvideEimPackageResult) -> ProvideEimPackageResultResponse:
        self._connect()
        return self.server.provide(request)

    async def handle_notification(self, request: HandleNotificationEsipa) -> None:
        self._connect()
        assert request.pending_notification is not None
        self.server.story.append(request.encode())
        if self.server.notification_errors:
            raise self.server.notification_errors.pop(0)
        self.server.notifications.append(request.pending_notification.encode())

    async def close(self) -> None:
        self.closed = True


class FakeConnector:
    """Finds the server by the FQDN in the configuration data."""

    def __init__(self, servers: Mapping[str, EimServer]) -> None:
        self.servers = servers
        self.connections: list[str] = []
        self.wrap: Callable[[FakeEim], Any] = lambda eim: eim

    def unusable(self, eim: EimConfigurationData) -> str | None:
        return None if eim.eim_fqdn else "it has no address"

    def connect(self, eim: EimConfigurationData) -> Any:
        assert eim.eim_fqdn is not None
        self.connections.append(eim.eim_fqdn)
        return self.wrap(FakeEim(self.servers.get(eim.eim_fqdn) or EimServer(eim.eim_id, reachable=lambda: False)))


# --- packages -----------------------------------------------------------------------------------------


def eim_configuration(
    eim_id: str = "eim.example.com", *, fqdn: str | None = None, counter: int | None = None, token: int | None = None
) -> EimConfigurationData:
    """Configuration data of an eIM that is reached over HTTPS under its id."""
    return EimConfigurationData(
        eim_id=eim_id,
        eim_fqdn=fqdn or eim_id,
        counter_value=counter,
        association_token=token,
        eim_public_key_data=EimPublicKeyData(eim_public_key=CERTIFICATE),
        eim_supported_protocol=EimSupportedProtocol.EIM_RETRIEVE_HTTPS,
    )


def euicc_package(
    *commands: Psmo | Eco, counter: int, eim_id: str = "eim.example.com", txid: bytes | None = None, good: bool = True
) -> EuiccPackageRequest:
    """A package with PSMOs or eCOs; the transaction id follows from eIM and counter unless given."""
    psmos = tuple(command for command in commands if isinstance(command, Psmo))
    ecos = tuple(command for command in commands if isinstance(command, Eco))
    signed = EuiccPackageSigned(
        eim_id=eim_id,
        eid_value=EID.octets,
        counter_value=counter,
        eim_transaction_id=txid or f"{eim_id[:8]}-{counter}".encode(),
        euicc_package=EuiccPackage(eco_list=ecos) if ecos else EuiccPackage(psmo_list=psmos),
    )
    return EuiccPackageRequest(euicc_package_signed=signed, eim_signature=SIGNATURE if good else BAD_SIGNATURE)


def card_state(*eim_ids: str) -> CardState:
    """A card with three profiles, the second of them enabled, and eIMs with counter 4."""
    state = CardState(profiles={ICCID1: False, ICCID2: True, ICCID3: False})
    for eim_id in eim_ids or ("eim.example.com",):
        state.eims[eim_id] = CardEim(eim_configuration(eim_id), 4)
    return state


# --- power cuts ---------------------------------------------------------------------------------------


class PowerCut(BaseException):
    """The power is gone; nothing that the agent does may catch this."""


@dataclass
class Fuse:
    """Counts the points at which the power may go, and blows at one of them."""

    blow_at: int | None = None
    passed: int = 0

    def point(self) -> None:
        self.passed += 1
        if self.passed == self.blow_at:
            raise PowerCut(f"at point {self.passed}")


class Fused:
    """A port whose every awaited call has a point before and a point after its effect."""

    def __init__(self, inner: Any, fuse: Fuse) -> None:
        self._inner = inner
        self._fuse = fuse

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._inner, name)
        if not callable(value) or name in ("monotonic", "time", "unusable", "connect", "load", "set_aside", "forget"):
            return value

        async def fused(*args: Any, **kwargs: Any) -> Any:
            call: Callable[..., Awaitable[Any]] = value
            self._fuse.point()
            result = await call(*args, **kwargs)
            self._fuse.point()
            return result

        return fused
