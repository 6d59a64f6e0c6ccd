"""What an eIM sends: eUICC Packages and configuration data of eIMs."""

from __future__ import annotations

from ipad.codec.eim import EimConfigurationData, EimPublicKeyData, EimSupportedProtocol
from ipad.codec.euicc_package import Eco, EuiccPackage, EuiccPackageRequest, EuiccPackageSigned, Psmo
from tests.fakes.values import BAD_SIGNATURE, CERTIFICATE, EID, SIGNATURE


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
