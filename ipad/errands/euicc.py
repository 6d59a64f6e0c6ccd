"""The eUICC itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from ipad.codec.es10 import ResetEimResult, ResetImmediateEnableConfigResult, ResetOptions, ResetResult
from ipad.codec.euicc_info import EuiccInfo2
from ipad.codec.tlv import children
from ipad.daemon.agent import LocalAgent
from ipad.daemon.card_access import CardAccess
from ipad.errands.envelope import Json, Result
from ipad.errands.parameters import Act, Parameters
from ipad.errands.table import RESET_OPTIONS
from ipad.errors import CodecError, EuiccResultError, RefusedError, UsageError

_OPTIONS: Final = dict(zip(RESET_OPTIONS, ResetOptions, strict=True))
_CONSUMER_OPTIONS: Final = (
    ResetOptions.DELETE_OPERATIONAL_PROFILES
    | ResetOptions.DELETE_FIELD_LOADED_TEST_PROFILES
    | ResetOptions.RESET_DEFAULT_SMDP_ADDRESS
)
_PROFILES: Final = (
    ResetOptions.DELETE_OPERATIONAL_PROFILES
    | ResetOptions.DELETE_FIELD_LOADED_TEST_PROFILES
    | ResetOptions.DELETE_PRE_LOADED_TEST_PROFILES
    | ResetOptions.DELETE_PROVISIONING_PROFILES
)
"""What may delete the enabled profile, so that the modem has to read the card again."""
_RESOURCES: Final = {0x81: "installed_applications", 0x82: "free_nvm", 0x83: "free_ram"}
"""Elements of extCardResource (SGP.22 5.7.8; TS 102 226 8.2.1.7.2)."""


def info(given: Parameters) -> Act[CardAccess]:
    """Identity, versions, resources."""
    given.known()
    return _info


def reset(given: Parameters) -> Act[LocalAgent]:
    """ES10b.eUICCMemoryReset of an IoT eUICC (SGP.32 5.9.5), ES10c.eUICCMemoryReset of another (SGP.22 5.7.19)."""
    given.known("options", "yes")
    chosen = given.names("options", RESET_OPTIONS)
    if not given.flag("yes"):
        raise UsageError(f"resetting {', '.join(chosen)} cannot be undone", hint="add --yes")

    async def act(agent: LocalAgent) -> Result:
        return await _reset(agent, chosen)

    return act


async def _info(card: CardAccess) -> Result:
    eid = await card.euicc.get_eid()
    facts = await card.euicc.get_euicc_info2()
    addresses = await card.euicc.get_euicc_configured_addresses()
    return Result(
        {
            "eid": str(eid),
            "kind": "iot" if await card.is_iot() else "consumer",
            **_versions(facts),
            **_resources(facts.ext_card_resource),
            "category": facts.euicc_category.spec_name if facts.euicc_category is not None else None,
            "ci_keys_verification": [key.hex().upper() for key in facts.euicc_ci_pk_id_list_for_verification],
            "ci_keys_signing": [key.hex().upper() for key in facts.euicc_ci_pk_id_list_for_signing],
            "sas_accreditation": facts.sas_acreditation_number,
            "default_smdp_address": addresses.default_dp_address,
            "root_smds_address": addresses.root_ds_address,
        }
    )


async def _reset(agent: LocalAgent, chosen: Sequence[str]) -> Result:
    card, options = agent.card, ResetOptions(0)
    for name in chosen:
        options |= _OPTIONS[name]
    iot = await card.is_iot()
    if not iot and options & ~_CONSUMER_OPTIONS:
        raise RefusedError("this is a consumer eUICC (SGP.22): it has neither eIMs nor immediate profile enabling")
    answer = await card.euicc.euicc_memory_reset(options, iot=iot)
    if options & _PROFILES and answer.reset_result != ResetResult.NOTHING_TO_DELETE:
        await card.follow_switch(None)
    parts = (answer.reset_result, answer.reset_eim_result, answer.reset_immediate_enable_config_result)
    for code in parts:
        if code is not None and code not in (ResetResult.OK, ResetResult.NOTHING_TO_DELETE):
            raise EuiccResultError("eUICCMemoryReset", code)
    await agent.note_reset()
    return Result(
        {
            "options": list(chosen),
            "result": answer.reset_result.spec_name,
            "eim_result": _name(answer.reset_eim_result),
            "immediate_enable_result": _name(answer.reset_immediate_enable_config_result),
        }
    )


def _versions(facts: EuiccInfo2) -> dict[str, Json]:
    iot = facts.iot_specific_info
    return {
        "sgp22_version": _version(facts.svn),
        "sgp32_versions": [_version(item) for item in iot.iot_version] if iot is not None else [],
        "profile_version": _version(facts.profile_version),
        "firmware_version": _version(facts.euicc_firmware_ver),
        "globalplatform_version": _version(facts.globalplatform_version),
        "fallback_supported": iot is not None and iot.fallback_supported,
        "ecall_supported": iot is not None and iot.ecall_supported,
    }


def _version(octets: bytes | None) -> str | None:
    return ".".join(map(str, octets)) if octets is not None else None


def _resources(content: bytes) -> Mapping[str, Json]:
    try:
        found = {element.tag: int.from_bytes(element.value, "big") for element in children(content)}
    except CodecError:
        found = {}
    return {name: found.get(tag) for tag, name in _RESOURCES.items()}


def _name(code: ResetEimResult | ResetImmediateEnableConfigResult | None) -> str | None:
    return code.spec_name if code is not None else None
