"""What the card tells of itself: EID, EUICCInfo, challenge, certificates, RAT, addresses (SGP.22 5.7, SGP.32 5.9)."""

from __future__ import annotations

from typing import Any, Final

from hil import codec, tlv
from hil.euicc import status
from hil.euicc.config import PolicyRule, ProfileClass
from hil.euicc.engine import Engine, decode
from hil.euicc.errors import StatusError
from hil.euicc.identifiers import eid_octets
from hil.euicc.profile_info import operator_id

_OK: Final = 0
_INVALID_CI: Final = 1
_PARAMETERS_NOT_AVAILABLE: Final = 1


def get_eid(engine: Engine, request: bytes) -> bytes:
    """ES10c.GetEID (SGP.22 5.7.20); any tag list but 5A is 6A80."""
    if decode("GetEuiccDataRequest", request).get("tagList") != b"\x5a":
        raise StatusError(status.WRONG_DATA)
    return codec.encode("GetEuiccDataResponse", {"eidValue": eid_octets(engine.config.eid)})


def get_euicc_info1(engine: Engine, request: bytes) -> bytes:
    """ES10b.GetEUICCInfo (SGP.22 5.7.8)."""
    decode("GetEuiccInfo1Request", request)
    return codec.encode("EUICCInfo1", {"svn": engine.config.capabilities.svn, **_issuers(engine)})


def get_euicc_info2(engine: Engine, request: bytes) -> bytes:
    """ES10b.GetEUICCInfo (SGP.22 5.7.8, SGP.32 5.9.2)."""
    decode("GetEuiccInfo2Request", request)
    return euicc_info2(engine)


def euicc_info2(engine: Engine) -> bytes:
    """EUICCInfo2, TLV BF22, as it is now."""
    capabilities = engine.config.capabilities
    info: dict[str, Any] = {
        "profileVersion": capabilities.profile_version,
        "svn": capabilities.svn,
        "euiccFirmwareVer": capabilities.firmware_version,
        "extCardResource": _card_resources(engine),
        "uiccCapability": codec.bits(*capabilities.uicc_capability),
        "ts102241Version": capabilities.ts102241_version,
        "globalplatformVersion": capabilities.globalplatform_version,
        "rspCapability": codec.bits(*capabilities.rsp_capability),
        **_issuers(engine),
        "forbiddenProfilePolicyRules": (bytes([_forbidden_rules(engine)]), 3),
        "ppVersion": capabilities.pp_version,
        "sasAcreditationNumber": capabilities.sas_accreditation_number,
    }
    if not engine.iot:
        return codec.encode("SGP22.EUICCInfo2", info)
    specific: dict[str, Any] = {"iotVersion": list(capabilities.iot_versions)}
    if capabilities.ecall_supported:
        specific["ecallSupported"] = None
    if capabilities.fallback_supported:
        specific["fallbackSupported"] = None
    ipa_mode = 1 if engine.state.ipae_active else 0
    return codec.encode("EUICCInfo2", {**info, "ipaMode": ipa_mode, "iotSpecificInfo": specific})


def free_memory(engine: Engine) -> int:
    """Octets left for profiles."""
    used = sum(profile.memory for profile in engine.state.profiles)
    return max(0, engine.config.capabilities.nonvolatile_bytes - used)


def get_euicc_challenge(engine: Engine, request: bytes) -> bytes:
    """ES10b.GetEUICCChallenge (SGP.22 5.7.7): a new session begins, an older one is gone."""
    decode("GetEuiccChallengeRequest", request)
    return codec.encode("GetEuiccChallengeResponse", {"euiccChallenge": engine.session.begin()})


def get_certs(engine: Engine, request: bytes) -> bytes:
    """ES10b.GetCerts (SGP.32 5.9.10)."""
    wanted = decode("GetCertsRequest", request).get("euiccCiPKId")
    key = engine.keyring.find(wanted if isinstance(wanted, bytes) else None)
    code = engine.forced("getCertsError")
    if code is None and key is None:
        code = _INVALID_CI
    if code is not None or key is None:
        return codec.encode("GetCertsResponse", ("getCertsError", code))
    certificates = {"eumCertificate": key.eum_certificate, "euiccCertificate": key.certificate}
    return codec.encode("GetCertsResponse", ("certs", certificates))


def get_rat(engine: Engine, request: bytes) -> bytes:
    """ES10b.GetRAT (SGP.22 5.7.22)."""
    decode("GetRatRequest", request)
    return tlv.build(0xBF43, tlv.build(0xA0, rules_authorisation_table(engine)))


def rules_authorisation_table(engine: Engine) -> bytes:
    """The rules one after the other: content of RulesAuthorisationTable."""
    rules = [
        {
            "pprIds": (bytes([rule.rules]), 3),
            "allowedOperators": [operator_id(operator) for operator in rule.operators],
            "pprFlags": codec.bits(0) if rule.consent_required else codec.bits(),
        }
        for rule in engine.config.rules_authorisation_table
    ]
    return tlv.single(codec.encode("RulesAuthorisationTable", rules)).value


def get_configured_addresses(engine: Engine, request: bytes) -> bytes:
    """ES10a.GetEuiccConfiguredAddresses (SGP.22 5.7.3)."""
    decode("EuiccConfiguredAddressesRequest", request)
    addresses = {"rootDsAddress": engine.state.root_smds_address}
    if engine.state.default_smdp_address:
        addresses["defaultDpAddress"] = engine.state.default_smdp_address
    return codec.encode("EuiccConfiguredAddressesResponse", addresses)


def get_connectivity_parameters(engine: Engine, request: bytes) -> bytes:
    """ES10b.GetConnectivityParameters (SGP.32 5.9.24), of the enabled profile."""
    decode("GetConnectivityParametersRequest", request)
    enabled = engine.state.enabled_profile
    params = enabled.http_params if enabled else None
    code = engine.forced("connectivityParametersError")
    if code is None and params is None:
        code = _PARAMETERS_NOT_AVAILABLE
    if code is not None:
        return codec.encode("GetConnectivityParametersResponse", ("connectivityParametersError", code))
    return codec.encode("GetConnectivityParametersResponse", ("connectivityParameters", {"httpParams": params}))


def _issuers(engine: Engine) -> dict[str, list[bytes]]:
    identifiers = [key.ci_pkid for key in engine.keyring.keys]
    return {"euiccCiPKIdListForVerification": identifiers, "euiccCiPKIdListForSigning": identifiers}


def _card_resources(engine: Engine) -> bytes:
    """Extended card resources without their outer tag (TS 102 226 8.2.1.7.2)."""
    return (
        tlv.build(0x81, bytes([len(engine.state.profiles)]))
        + tlv.build(0x82, free_memory(engine).to_bytes(4, "big"))
        + tlv.build(0x83, engine.config.capabilities.volatile_bytes.to_bytes(4, "big"))
    )


def _forbidden_rules(engine: Engine) -> int:
    """Rules that no entry of the RAT could allow, and PPR1 while an operational profile is there (SGP.22 4.3)."""
    allowed = PolicyRule.NONE
    for rule in engine.config.rules_authorisation_table:
        allowed |= rule.rules
    forbidden = (PolicyRule.PPR1 | PolicyRule.PPR2) & ~allowed
    if any(profile.profile_class is ProfileClass.OPERATIONAL for profile in engine.state.profiles):
        forbidden |= PolicyRule.PPR1
    return int(forbidden)
