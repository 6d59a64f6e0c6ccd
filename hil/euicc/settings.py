"""Settings: default SM-DP+ address, the IPA in the eUICC, Immediate Profile Enabling (SGP.22 5.7.4, SGP.32 5.9)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from hil import codec
from hil.euicc.engine import Engine, decode
from hil.euicc.state import CardState, ImmediateEnable

_OK: Final = 0
_NOT_SUPPORTED: Final = 1
_INSUFFICIENT_MEMORY: Final = 1
_ASSOCIATED_EIM_ALREADY_EXISTS: Final = 2


def set_default_dp_address_es10a(engine: Engine, request: bytes) -> bytes:
    """ES10a.SetDefaultDpAddress (SGP.22 5.7.4), tag BF3F."""
    members = decode("SGP22.SetDefaultDpAddressRequest", request)
    code = _set_default_dp_address(engine, members)
    return codec.encode("SGP22.SetDefaultDpAddressResponse", {"setDefaultDpAddressResult": code})


def set_default_dp_address(engine: Engine, request: bytes) -> bytes:
    """ES10b.SetDefaultDpAddress (SGP.32 5.9.25), tag BF65."""
    members = decode("SetDefaultDpAddressRequest", request)
    code = _set_default_dp_address(engine, members)
    return codec.encode("SetDefaultDpAddressResponse", {"setDefaultDpAddressResult": code})


def _set_default_dp_address(engine: Engine, members: dict[str, Any]) -> int:
    code = engine.forced("setDefaultDpAddressResult")
    if code is not None:
        return code
    engine.commit(replace(engine.state, default_smdp_address=members["defaultDpAddress"]))
    return _OK


def ipae_activation(engine: Engine, request: bytes) -> bytes:
    """ES10b.IpaeActivation: from now on the IPA in the eUICC is the active one, if there is one."""
    option = decode("IpaeActivationRequest", request)["ipaeOption"]
    supported = engine.config.capabilities.ipae_supported
    if supported and codec.has_bit(option, 0):
        engine.commit(replace(engine.state, ipae_active=True))
    return codec.encode("IpaeActivationResponse", {"ipaeActivationResult": _OK if supported else _NOT_SUPPORTED})


def configure_immediate_profile_enabling(engine: Engine, request: bytes) -> bytes:
    """ES10b.ConfigureImmediateProfileEnabling (SGP.32 5.9.17): only while no eIM is associated."""
    members = decode("ConfigureImmediateProfileEnablingRequest", request)
    code = engine.forced("configImmediateEnableResult")
    if code is None and engine.state.eims:
        code = _ASSOCIATED_EIM_ALREADY_EXISTS
    if code is None and not engine.knobs.configuration_memory:
        code = _INSUFFICIENT_MEMORY
    if code is None:
        engine.commit(with_immediate_enable(engine.state, members))
        code = _OK
    return codec.encode("ConfigureImmediateProfileEnablingResponse", {"configImmediateEnableResult": code})


def with_immediate_enable(state: CardState, members: dict[str, Any]) -> CardState:
    """Store the settings; without the flag everything of it is cleared (SGP.32 3.4.4)."""
    if "immediateEnableFlag" not in members:
        return replace(state, immediate_enable=ImmediateEnable())
    settings = ImmediateEnable(True, members.get("defaultSmdpOid"), members.get("defaultSmdpAddress"))
    return replace(state, immediate_enable=settings)
