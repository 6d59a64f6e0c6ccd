"""ES10b of SGP.32: eUICC Packages, eIM configuration and what only an IoT eUICC offers (SGP.32 5.9)."""

from __future__ import annotations

from ipad.codec import tlv
from ipad.codec.eim import (
    AddInitialEimOkEntry,
    AddInitialEimRequest,
    AddInitialEimResponse,
    EimConfigurationData,
    GetEimConfigurationDataRequest,
    GetEimConfigurationDataRequestSearchCriteria,
    GetEimConfigurationDataResponse,
)
from ipad.codec.es10 import (
    Certs,
    GetCertsRequest,
    GetCertsResponse,
    IpaeActivationRequest,
    IpaeActivationResponse,
    IpaeOption,
)
from ipad.codec.es10_iot import (
    ConfigureImmediateProfileEnablingRequest,
    ConfigureImmediateProfileEnablingResponse,
    ConnectivityParameters,
    DisableEmergencyProfileRequest,
    DisableEmergencyProfileResponse,
    EnableEmergencyProfileRequest,
    EnableEmergencyProfileResponse,
    ExecuteFallbackMechanismRequest,
    ExecuteFallbackMechanismResponse,
    GetConnectivityParametersRequest,
    GetConnectivityParametersResponse,
    ImmediateEnableRequest,
    ImmediateEnableResponse,
    ReturnFromFallbackRequest,
    ReturnFromFallbackResponse,
)
from ipad.codec.euicc_package import (
    EuiccPackageRequest,
    EuiccPackageResult,
    ProfileRollbackRequest,
    ProfileRollbackResponse,
)
from ipad.codec.schema import DataObject
from ipad.codec.values import BOOLEAN, OCTET_STRING
from ipad.errors import CodecError, EuiccResultError
from ipad.es10.port import FunctionGroup, Response, require_ok


class Es10bIot(FunctionGroup):
    """The functions of ES10b that SGP.32 adds."""

    async def load_euicc_package(self, request: EuiccPackageRequest | bytes) -> EuiccPackageResult:
        """LoadEuiccPackage (SGP.32 5.9.1): the exact bytes of the package in, the exact bytes of the result out.

        A refused package is a result, not an exception; one that cannot be decoded is a result too, as `unknown`.
        """
        data = request if isinstance(request, bytes) else request.encode()
        return await self._call("LoadEuiccPackage", data, EuiccPackageResult)

    async def add_initial_eim(self, eims: tuple[EimConfigurationData, ...]) -> tuple[AddInitialEimOkEntry, ...]:
        """AddInitialEim (SGP.32 5.9.4): a token, or ok without one, for each eIM in the order of the request."""
        request = AddInitialEimRequest(eim_configuration_data_list=eims)
        response = await self._call("AddInitialEim", request.encode(), AddInitialEimResponse)
        if response.add_initial_eim_error is not None:
            raise EuiccResultError("AddInitialEim", response.add_initial_eim_error)
        return response.add_initial_eim_ok or ()

    async def get_eim_configuration_data(self, eim_id: str | None = None) -> tuple[EimConfigurationData, ...]:
        """GetEimConfigurationData (SGP.32 5.9.18): all associated eIMs, or the one with this eimId.

        The list never carries counterValue.
        """
        criteria = None if eim_id is None else GetEimConfigurationDataRequestSearchCriteria(eim_id=eim_id)
        response = await self._call(
            "GetEimConfigurationData",
            GetEimConfigurationDataRequest(search_criteria=criteria).encode(),
            GetEimConfigurationDataResponse,
            repeatable=True,
        )
        return response.eim_configuration_data_list

    async def get_certs(self, euicc_ci_pk_id: bytes | None = None) -> Certs:
        """GetCerts (SGP.32 5.9.10): EUM and eUICC certificate, under this CI where given."""

        async def send(tag: int) -> GetCertsResponse:
            assert GetCertsRequest.TAG is not None
            content = b"" if euicc_ci_pk_id is None else tlv.tlv(tag, OCTET_STRING.encode(euicc_ci_pk_id))
            request = tlv.tlv(GetCertsRequest.TAG, content)
            return await self._call("GetCerts", request, GetCertsResponse, repeatable=True)

        if euicc_ci_pk_id is None:
            response = await send(0)
        else:
            response = await self._leniency.with_either_tag("untagged-ci-key-id", send)
        if response.get_certs_error is not None:
            raise EuiccResultError("GetCerts", response.get_certs_error)
        if response.certs is None:
            raise CodecError("neither certificates nor an error", path="GetCerts")
        return response.certs

    async def profile_rollback(self, refresh_flag: bool) -> ProfileRollbackResponse:
        """ProfileRollback (SGP.32 5.9.16). A refusal is a response, not an exception: the caller branches on it."""
        return await self._switch("ProfileRollback", ProfileRollbackRequest, refresh_flag, ProfileRollbackResponse)

    async def immediate_enable(self, *, refresh_flag: bool = True) -> None:
        """ImmediateEnable (SGP.32 5.9.15): enable the profile that the current session installed."""
        response = await self._switch("ImmediateEnable", ImmediateEnableRequest, refresh_flag, ImmediateEnableResponse)
        require_ok("ImmediateEnable", response.immediate_enable_result)

    async def configure_immediate_profile_enabling(
        self,
        *,
        immediate_enable_flag: bool,
        default_smdp_oid: str | None = None,
        default_smdp_address: str | None = None,
    ) -> None:
        """ConfigureImmediateProfileEnabling (SGP.32 5.9.17); only while no eIM is associated. The OID is dotted."""
        request = ConfigureImmediateProfileEnablingRequest(
            immediate_enable_flag=immediate_enable_flag,
            default_smdp_oid=default_smdp_oid,
            default_smdp_address=default_smdp_address,
        )
        function = "ConfigureImmediateProfileEnabling"
        response = await self._call(
            function, request.encode(), ConfigureImmediateProfileEnablingResponse, repeatable=True
        )
        require_ok(function, response.config_immediate_enable_result)

    async def execute_fallback_mechanism(self, *, refresh_flag: bool = True) -> None:
        """ExecuteFallbackMechanism (SGP.32 5.9.20): switch to the profile with the Fallback Attribute."""
        function = "ExecuteFallbackMechanism"
        response = await self._switch(
            function, ExecuteFallbackMechanismRequest, refresh_flag, ExecuteFallbackMechanismResponse
        )
        require_ok(function, response.execute_fallback_mechanism_result)

    async def return_from_fallback(self, *, refresh_flag: bool = True) -> None:
        """ReturnFromFallback (SGP.32 5.9.21): switch back to the profile that was enabled before."""
        function = "ReturnFromFallback"
        response = await self._switch(function, ReturnFromFallbackRequest, refresh_flag, ReturnFromFallbackResponse)
        require_ok(function, response.return_from_fallback_result)

    async def enable_emergency_profile(self, *, refresh_flag: bool = True) -> None:
        """EnableEmergencyProfile (SGP.32 5.9.22)."""
        function = "EnableEmergencyProfile"
        response = await self._switch(
            function, EnableEmergencyProfileRequest, refresh_flag, EnableEmergencyProfileResponse
        )
        require_ok(function, response.enable_emergency_profile_result)

    async def disable_emergency_profile(self, *, refresh_flag: bool = True) -> None:
        """DisableEmergencyProfile (SGP.32 5.9.23)."""
        function = "DisableEmergencyProfile"
        response = await self._switch(
            function, DisableEmergencyProfileRequest, refresh_flag, DisableEmergencyProfileResponse
        )
        require_ok(function, response.disable_emergency_profile_result)

    async def get_connectivity_parameters(self) -> ConnectivityParameters:
        """GetConnectivityParameters (SGP.32 5.9.24) of the enabled profile, as COMPREHENSION-TLVs of TS 102 223."""
        function = "GetConnectivityParameters"
        response = await self._call(
            function, GetConnectivityParametersRequest().encode(), GetConnectivityParametersResponse, repeatable=True
        )
        if response.connectivity_parameters_error is not None:
            raise EuiccResultError(function, response.connectivity_parameters_error)
        return response.connectivity_parameters or ConnectivityParameters()

    async def ipae_activation(self) -> None:
        """IPAe activation (SGP.32 5.9.2): hand the eUICC's management to the IPA in it until the next reset."""
        request = IpaeActivationRequest(ipae_option=IpaeOption.ACTIVATE_IPAE)
        response = await self._call("IpaeActivation", request.encode(), IpaeActivationResponse)
        require_ok("IpaeActivation", response.ipae_activation_result)

    async def _switch(
        self, function: str, request: type[DataObject], refresh_flag: bool, response: type[Response]
    ) -> Response:
        """Send a function whose only component is refreshFlag."""

        async def send(tag: int) -> Response:
            assert request.TAG is not None
            data = tlv.tlv(request.TAG, tlv.tlv(tag, BOOLEAN.encode(refresh_flag)))
            return await self._call(function, data, response)

        return await self._leniency.with_either_tag("untagged-refresh-flag", send)
