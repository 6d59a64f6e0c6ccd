"""Immediate Profile Enabling after a download from the default SM-DP+ (SGP.32 3.4.4, 5.9.15)."""

from __future__ import annotations

import logging

from ipad.codec.es10_iot import ImmediateEnableResult
from ipad.errors import CardError, CodecError, EuiccResultError
from ipad.ids import Iccid
from ipad.procedures.context import Ipa
from ipad.procedures.stored_results import read_enabled_profile

log = logging.getLogger(__name__)


async def enable_immediately(ipa: Ipa, iccid: Iccid | None) -> bool:
    """Ask the eUICC to enable the profile that the session has just installed; whether it is enabled now.

    The eUICC decides: it was configured for this SM-DP+ or it was not, which is no error. A lost answer is made up for
    by looking.
    """
    for pause in (*ipa.timers.busy_retries, None):
        try:
            await ipa.euicc.immediate_enable(refresh_flag=ipa.refresh_flag)
        except EuiccResultError as error:
            if error.code == ImmediateEnableResult.CAT_BUSY and pause is not None:
                await ipa.clock.sleep(pause)
                continue
            level = (
                logging.INFO if error.code == ImmediateEnableResult.IMMEDIATE_ENABLE_NOT_AVAILABLE else logging.WARNING
            )
            log.log(level, "the new profile is not enabled at once: %s", error)
            return False
        except (CardError, CodecError) as error:
            log.warning("ImmediateEnable gave no usable answer: %s", error)
            return await _is_enabled(ipa, iccid)
        return True
    return False


async def _is_enabled(ipa: Ipa, iccid: Iccid | None) -> bool:
    try:
        state = await read_enabled_profile(ipa.euicc, ecall_supported=ipa.session.ecall_supported)
    except (CardError, CodecError, EuiccResultError) as error:
        log.warning("the enabled profile cannot be read: %s", error)
        return False
    return iccid is not None and state.iccid == iccid
