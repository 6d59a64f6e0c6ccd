"""DeviceInfo from what the modem says (SGP.22 4.2; SGP.32 2.11.1.2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ipad.codec.euicc_info import DeviceCapabilities, DeviceInfo
from ipad.ids import Imei, swap_nibbles
from ipad.modem.modem import DeviceFacts

_FIRST_RELEASES: Final[Mapping[str, int]] = {"gsm": 4, "umts": 4, "lte": 8, "lte-m": 13, "nb-iot": 13, "nr5g": 15}
"""3GPP release in which a technology appeared: what can be said of a modem whose board definition names none."""


def device_info(facts: DeviceFacts) -> DeviceInfo | None:
    """TAC, IMEI and the release of each radio technology; None without an IMEI, since the TAC is mandatory."""
    if facts.imei is None:
        return None
    capabilities = DeviceCapabilities(
        gsm_supported_release=_release(facts, "gsm"),
        utran_supported_release=_release(facts, "umts"),
        eutran_epc_supported_release=_release(facts, "lte", "lte-m", "nb-iot"),
        nr5gc_supported_release=_release(facts, "nr5g"),
    )
    return DeviceInfo(tac=tac_octets(facts.imei), device_capabilities=capabilities, imei=imei_octets(facts.imei))


def _release(facts: DeviceFacts, *rats: str) -> bytes | None:
    """The highest release among the technologies that the modem has, as VersionType; None if it has none of them."""
    found = [facts.releases.get(rat, _FIRST_RELEASES[rat]) for rat in rats if rat in facts.rats]
    return bytes((max(found), 0, 0)) if found else None


def tac_octets(imei: Imei) -> bytes:
    """The TAC as TBCD string of 3GPP TS 29.002: low nibble first."""
    return swap_nibbles(bytes.fromhex(imei.tac))


def imei_octets(imei: Imei) -> bytes:
    """14 digits as TBCD string; the last octet has the check digit in the high nibble and a filler (SGP.22 4.2)."""
    return swap_nibbles(bytes.fromhex(imei.digits[:14])) + bytes.fromhex(f"{imei.digits[14]}F")
