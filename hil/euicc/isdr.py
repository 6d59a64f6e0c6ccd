"""The ISD-R: what it answers to SELECT, and the ES10 functions behind STORE DATA (SGP.22 5.7.1, 5.7.2, SGP.32 5.9)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from hil import codec, tlv
from hil.euicc import (
    consumer,
    download,
    download_preparation,
    eim_functions,
    information,
    local_switches,
    memory_reset,
    mutual_authentication,
    notification_functions,
    packages,
    profile_info,
    settings,
    status,
)
from hil.euicc.engine import Engine
from hil.euicc.errors import StatusError

ISDR_AID: Final = bytes.fromhex("A0000005591010FFFFFFFF8900000100")
ECASD_AID: Final = bytes.fromhex("A0000005591010FFFFFFFF8900000200")
_MAXIMUM_COMMAND_DATA: Final = bytes.fromhex("9F6501FF")
_IPAE_SUPPORTED: Final = 0
_ENABLED_PROFILE: Final = 1

Function = Callable[[Engine, bytes], bytes]

_COMMON: Final[Mapping[int, Function]] = {
    0xBF20: information.get_euicc_info1,
    0xBF21: download_preparation.prepare_download,
    0xBF22: information.get_euicc_info2,
    0xBF28: notification_functions.list_notification,
    0xBF2B: notification_functions.retrieve_notifications_list,
    0xBF2D: profile_info.get_profiles_info,
    0xBF2E: information.get_euicc_challenge,
    0xBF30: notification_functions.remove_notification_from_list,
    0xBF3C: information.get_configured_addresses,
    0xBF3E: information.get_eid,
    0xBF38: mutual_authentication.authenticate_server,
    0xBF3F: settings.set_default_dp_address_es10a,
    0xBF41: mutual_authentication.cancel_session,
    0xBF43: information.get_rat,
}
CONSUMER_FUNCTIONS: Final[Mapping[int, Function]] = {
    **_COMMON,
    0xBF29: consumer.set_nickname,
    0xBF31: consumer.enable_profile,
    0xBF32: consumer.disable_profile,
    0xBF33: consumer.delete_profile_function,
    0xBF34: memory_reset.memory_reset_sgp22,
}
"""What a consumer eUICC offers; any other tag is 6A88."""
IOT_FUNCTIONS: Final[Mapping[int, Function]] = {
    **_COMMON,
    0xBF42: settings.ipae_activation,
    0xBF51: packages.load_euicc_package,
    0xBF55: eim_functions.get_eim_configuration_data,
    0xBF56: information.get_certs,
    0xBF57: eim_functions.add_initial_eim,
    0xBF58: local_switches.profile_rollback,
    0xBF59: settings.configure_immediate_profile_enabling,
    0xBF5A: local_switches.immediate_enable,
    0xBF5B: local_switches.enable_emergency_profile,
    0xBF5C: local_switches.disable_emergency_profile,
    0xBF5D: local_switches.execute_fallback_mechanism,
    0xBF5E: local_switches.return_from_fallback,
    0xBF5F: information.get_connectivity_parameters,
    0xBF64: memory_reset.memory_reset,
    0xBF65: settings.set_default_dp_address,
}
"""What an IoT eUICC offers; profile states change by packages, so ES10c Enable, Disable, Delete are not among it."""


def execute(engine: Engine, request: bytes) -> bytes:
    """Run one ES10 function. StatusError 6A80 for what is no TLV, 6A88 for an unknown function."""
    if engine.state.ipae_active:
        raise StatusError(status.SECURITY_STATUS)
    if engine.knobs.next_status is not None:
        forced, engine.knobs.next_status = engine.knobs.next_status, None
        raise StatusError(forced)
    if download.is_segment(request):
        return download.load_segment(engine, request)
    try:
        tag = tlv.single(request).tag
    except tlv.TlvError as error:
        raise StatusError(status.WRONG_DATA) from error
    function = (IOT_FUNCTIONS if engine.iot else CONSUMER_FUNCTIONS).get(tag)
    if function is None:
        raise StatusError(status.NOT_FOUND)
    answer = function(engine, request)
    if engine.knobs.malformed_answer:
        engine.knobs.malformed_answer = False
        return answer[:-1]
    return answer


def file_control_information(engine: Engine, aid: bytes) -> bytes:
    """FCI of the ISD-R or the ECASD. Template E1 tells an IoT eUICC from a consumer one (SGP.32 5.9.1)."""
    parts = [tlv.build(0x84, aid), tlv.build(0xA5, _MAXIMUM_COMMAND_DATA)]
    if aid == ISDR_AID:
        parts.append(tlv.build(0xE0, tlv.build(0x82, engine.config.capabilities.svn)))
        if engine.iot:
            parts.append(_iot_template(engine))
    return tlv.build(0x6F, *parts)


def _iot_template(engine: Engine) -> bytes:
    configuration = []
    if engine.config.capabilities.ipae_supported:
        configuration.append(_IPAE_SUPPORTED)
    if engine.state.enabled_profile is not None:
        configuration.append(_ENABLED_PROFILE)
    return codec.encode("ISDRProprietaryApplicationTemplateIoT", {"euiccConfiguration": codec.bits(*configuration)})
