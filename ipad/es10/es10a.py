"""ES10a: addresses of the SM-DP+ and the SM-DS (SGP.22 5.7.3, 5.7.4; SGP.32 5.9.25)."""

from __future__ import annotations

from ipad.codec.es10 import EuiccConfiguredAddressesRequest, EuiccConfiguredAddressesResponse
from ipad.codec.euicc_package import SetDefaultDpAddressRequest, SetDefaultDpAddressResponse
from ipad.es10.port import FunctionGroup, require_ok

SET_DEFAULT_DP_ADDRESS = 0xBF3F
"""Tag of SetDefaultDpAddress in SGP.22; SGP.32 has BF65 for the same content."""


class Es10a(FunctionGroup):
    """The functions of ES10a."""

    async def get_euicc_configured_addresses(self) -> EuiccConfiguredAddressesResponse:
        """GetEuiccConfiguredAddresses (SGP.22 5.7.3): host names without scheme or path.

        They change with setDefaultDpAddress of an eIM and with a memory reset, so they are not to be kept.
        """
        return await self._call(
            "GetEuiccConfiguredAddresses",
            EuiccConfiguredAddressesRequest().encode(),
            EuiccConfiguredAddressesResponse,
            repeatable=True,
        )

    async def set_default_dp_address(self, address: str, *, iot: bool = False) -> None:
        """SetDefaultDpAddress (SGP.22 5.7.4); "" removes the address.

        `iot`: the function of that name of an IoT eUICC (SGP.32 5.9.25), which has another tag.
        """
        tag = SetDefaultDpAddressRequest.TAG if iot else SET_DEFAULT_DP_ADDRESS
        request = SetDefaultDpAddressRequest(default_dp_address=address).encode_as(tag)
        response = await self._call(
            "SetDefaultDpAddress", request, SetDefaultDpAddressResponse, tag=tag, repeatable=True
        )
        require_ok("SetDefaultDpAddress", response.set_default_dp_address_result)
