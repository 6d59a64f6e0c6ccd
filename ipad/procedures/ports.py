"""What the procedures need of the world, as protocols. Cards, servers and modems satisfy them structurally."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # protocols need nothing when the program runs
    from ipad.codec.bpp import BoundProfilePackage
    from ipad.codec.eim import AddInitialEimOkEntry, EimConfigurationData
    from ipad.codec.es10 import Certs, EuiccConfiguredAddressesResponse
    from ipad.codec.es10_iot import ConnectivityParameters
    from ipad.codec.esipa import (
        GetEimPackageRequest,
        GetEimPackageResponse,
        HandleNotificationEsipa,
        ProvideEimPackageResult,
        ProvideEimPackageResultResponse,
    )
    from ipad.codec.esipa_rsp import (
        AuthenticateClientRequestEsipa,
        AuthenticateClientResponseEsipa,
        CancelSessionRequestEsipa,
        CancelSessionResponseEsipa,
        GetBoundProfilePackageRequestEsipa,
        GetBoundProfilePackageResponseEsipa,
        InitiateAuthenticationRequestEsipa,
        InitiateAuthenticationResponseEsipa,
    )
    from ipad.codec.euicc_info import EuiccInfo1, EuiccInfo2
    from ipad.codec.euicc_package import EuiccPackageRequest, EuiccPackageResult, ProfileRollbackResponse
    from ipad.codec.notification import (
        DeleteNotificationStatus,
        ProfileInstallationResult,
        RetrieveNotificationsListRequestSearchCriteria,
        RetrieveNotificationsListResponse,
    )
    from ipad.codec.profile import ProfileInfo, ProfilePolicyAuthorisationRule
    from ipad.codec.rsp import (
        AuthenticateServerRequest,
        AuthenticateServerResponse,
        CancelSessionReason,
        CancelSessionResponse,
        PrepareDownloadRequest,
        PrepareDownloadResponse,
    )
    from ipad.es9.functions import JsonPost
    from ipad.ids import Eid, Iccid, Plmn


class Euicc(Protocol):
    """The functions of ES10 that the IPA uses (SGP.22 5.7, SGP.32 5.9), and the session below them.

    Every method may raise CardError or PortError when the card or the way to it fails, and CodecError for an answer
    that does not follow the specification.
    """

    @property
    def fci(self) -> bytes:
        """The answer to SELECT of the ISD-R; empty where the transport hides it."""
        ...

    def forget(self, tags: Collection[int] = ()) -> None:
        """Answer from the card itself from now on: what is known from idle polls is not enough to act on.

        `tags`: what these functions answer, by the tags of their requests; without any, all.
        """
        ...

    @property
    def proven(self) -> bool:
        """Whether the eUICC has answered over the channel that is open: what comes next is no shot in the dark."""
        ...

    async def close(self) -> None:
        """Close the logical channel; the next function opens it again."""
        ...

    async def reset(self) -> None:
        """Reset the card; the next function opens a channel again."""
        ...

    async def get_eid(self) -> Eid:
        """ES10c.GetEID (SGP.22 5.7.20)."""
        ...

    async def get_euicc_info1(self) -> EuiccInfo1:
        """ES10b.GetEUICCInfo (SGP.22 5.7.8)."""
        ...

    async def get_euicc_info2(self) -> EuiccInfo2:
        """ES10b.GetEUICCInfo (SGP.22 5.7.8)."""
        ...

    async def get_euicc_configured_addresses(self) -> EuiccConfiguredAddressesResponse:
        """ES10a.GetEuiccConfiguredAddresses (SGP.22 5.7.3)."""
        ...

    async def get_certs(self, euicc_ci_pk_id: bytes | None = None) -> Certs:
        """ES10b.GetCerts (SGP.32 5.9.10). EuiccResultError for any other result than certificates."""
        ...

    async def get_profiles_info(self, *, tag_list: bytes | None = None) -> tuple[ProfileInfo, ...]:
        """ES10c.GetProfilesInfo (SGP.32 5.9.14). EuiccResultError for a refused list."""
        ...

    async def get_eim_configuration_data(self, eim_id: str | None = None) -> tuple[EimConfigurationData, ...]:
        """ES10b.GetEimConfigurationData (SGP.32 5.9.18)."""
        ...

    async def add_initial_eim(self, eims: tuple[EimConfigurationData, ...]) -> tuple[AddInitialEimOkEntry, ...]:
        """ES10b.AddInitialEim (SGP.32 5.9.4). EuiccResultError when the list is refused."""
        ...

    async def load_euicc_package(self, request: EuiccPackageRequest) -> EuiccPackageResult:
        """ES10b.LoadEuiccPackage (SGP.32 5.9.1). A refused package is a result, not an exception."""
        ...

    async def retrieve_notifications_list(
        self, search_criteria: RetrieveNotificationsListRequestSearchCriteria | None = None
    ) -> RetrieveNotificationsListResponse:
        """ES10b.RetrieveNotificationsList (SGP.32 5.9.11)."""
        ...

    async def remove_notification_from_list(self, seq_number: int) -> DeleteNotificationStatus:
        """ES10b.RemoveNotificationFromList (SGP.32 5.9.12); an unknown number is a status, not an exception."""
        ...

    async def profile_rollback(self, refresh_flag: bool) -> ProfileRollbackResponse:
        """ES10b.ProfileRollback (SGP.32 5.9.16). A refusal is a response, not an exception."""
        ...

    async def execute_fallback_mechanism(self, *, refresh_flag: bool = True) -> None:
        """ES10b.ExecuteFallbackMechanism (SGP.32 5.9.20). EuiccResultError for a refusal."""
        ...

    async def return_from_fallback(self, *, refresh_flag: bool = True) -> None:
        """ES10b.ReturnFromFallback (SGP.32 5.9.21). EuiccResultError for a refusal."""
        ...

    async def enable_emergency_profile(self, *, refresh_flag: bool = True) -> None:
        """ES10b.EnableEmergencyProfile (SGP.32 5.9.22). EuiccResultError for a refusal."""
        ...

    async def disable_emergency_profile(self, *, refresh_flag: bool = True) -> None:
        """ES10b.DisableEmergencyProfile (SGP.32 5.9.23). EuiccResultError for a refusal."""
        ...

    async def get_connectivity_parameters(self) -> ConnectivityParameters:
        """ES10b.GetConnectivityParameters (SGP.32 5.9.24). EuiccResultError where the profile has none."""
        ...

    async def enable_profile(self, profile: Iccid | bytes, *, refresh_flag: bool = True) -> None:
        """ES10c.EnableProfile (SGP.22 5.7.16). EuiccResultError for a refusal."""
        ...

    async def get_euicc_challenge(self) -> bytes:
        """ES10b.GetEUICCChallenge (SGP.22 5.7.7): begins a session, which ends the one before."""
        ...

    async def authenticate_server(self, request: AuthenticateServerRequest) -> AuthenticateServerResponse:
        """ES10b.AuthenticateServer (SGP.22 5.7.13). An error is a response, not an exception."""
        ...

    async def prepare_download(self, request: PrepareDownloadRequest) -> PrepareDownloadResponse:
        """ES10b.PrepareDownload (SGP.22 5.7.5). An error is a response, not an exception."""
        ...

    async def load_bound_profile_package(
        self, package: BoundProfilePackage, progress: Callable[[int, int], None] | None = None
    ) -> ProfileInstallationResult:
        """ES10b.LoadBoundProfilePackage (SGP.22 5.7.6). A failed installation is a result, not an exception."""
        ...

    async def cancel_session(self, transaction_id: bytes, reason: CancelSessionReason) -> CancelSessionResponse:
        """ES10b.CancelSession (SGP.22 5.7.14). An error is a response, not an exception."""
        ...

    async def get_rat(self) -> tuple[ProfilePolicyAuthorisationRule, ...]:
        """ES10b.GetRAT (SGP.22 5.7.22): in the order of the eUICC."""
        ...

    async def immediate_enable(self, *, refresh_flag: bool = True) -> None:
        """ES10b.ImmediateEnable (SGP.32 5.9.15). EuiccResultError for a refusal."""
        ...


class Eim(Protocol):
    """The functions of ESipa of one eIM (SGP.32 5.14), over one connection.

    Every method may raise NetworkError: not reached, not trusted, or an answer that is no message of the function.
    """

    async def get_eim_package(self, request: GetEimPackageRequest) -> GetEimPackageResponse:
        """ESipa.GetEimPackage (SGP.32 5.14.5). An undecodable alternative comes as `unknown`."""
        ...

    async def provide_eim_package_result(self, request: ProvideEimPackageResult) -> ProvideEimPackageResultResponse:
        """ESipa.ProvideEimPackageResult (SGP.32 5.14.6). An error of the eIM is a response, not an exception."""
        ...

    async def handle_notification(self, request: HandleNotificationEsipa) -> None:
        """ESipa.HandleNotification (SGP.32 5.14.7); returns when it was accepted."""
        ...

    async def initiate_authentication(
        self, request: InitiateAuthenticationRequestEsipa
    ) -> InitiateAuthenticationResponseEsipa:
        """ESipa.InitiateAuthentication (SGP.32 5.14.1). An error of the eIM is a response, not an exception."""
        ...

    async def authenticate_client(self, request: AuthenticateClientRequestEsipa) -> AuthenticateClientResponseEsipa:
        """ESipa.AuthenticateClient (SGP.32 5.14.3). An error of the eIM is a response, not an exception."""
        ...

    async def get_bound_profile_package(
        self, request: GetBoundProfilePackageRequestEsipa
    ) -> GetBoundProfilePackageResponseEsipa:
        """ESipa.GetBoundProfilePackage (SGP.32 5.14.2). An error of the eIM is a response, not an exception."""
        ...

    async def cancel_session(self, request: CancelSessionRequestEsipa) -> CancelSessionResponseEsipa:
        """ESipa.CancelSession (SGP.32 5.14.8). An error of the eIM is a response, not an exception."""
        ...

    async def close(self) -> None:
        """Close the connection; the next function opens it again."""
        ...


class EimConnector(Protocol):
    """Makes connections to eIMs from the configuration data on the eUICC."""

    def unusable(self, eim: EimConfigurationData) -> str | None:
        """Why this eIM cannot be contacted (no address, malformed host, unreadable trust data), or None."""
        ...

    def connect(self, eim: EimConfigurationData) -> Eim:
        """A connection that is opened by its first function."""
        ...


class RspConnector(Protocol):
    """Makes connections to RSP servers: SM-DP+ and SM-DS."""

    def connect(self, address: str) -> JsonPost:
        """A connection to `host[:port]` that is opened by its first function. CodecError for a malformed address."""
        ...


class Connectivity(Protocol):
    """The data bearer of the device and the modem's view of the SIM."""

    async def data_session(self) -> str | None:
        """An identity that differs for each new bearer (addresses, attach counter); None without a bearer."""
        ...

    async def wait_new_session(self, before: str | None, timeout: float) -> bool:  # noqa: ASYNC109
        """Wait until there is a bearer other than `before`; False when `timeout` seconds pass without one."""
        ...

    async def registered_plmn(self) -> Plmn | None:
        """The network of the last registration."""
        ...

    async def recover_sim(self, expected: Iccid | None) -> None:
        """Make the modem read the card again after a profile change; nothing if it already shows `expected`."""
        ...
