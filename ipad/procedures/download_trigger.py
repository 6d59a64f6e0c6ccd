"""What a trigger asks for, and on which way (SGP.32 3.2.3 steps 1 to 4, 2.11.1.3)."""

from __future__ import annotations

from enum import Enum

from ipad.codec.activation_code import ActivationCode
from ipad.codec.esipa import ContactSmds, ProfileDownloadData
from ipad.codec.euicc_info import IpaFeatures
from ipad.errors import CodecError, DownloadCheckError
from ipad.procedures.mutual_authentication import RspTarget
from ipad.procedures.ports import Euicc
from ipad.records import dataclass


class Way(Enum):
    """How the IPA reaches the server."""

    DIRECT = "direct"  # ES9+ and ES11
    RELAYED = "relayed"  # through the eIM


@dataclass(frozen=True, kw_only=True)
class WayFacts:
    """What decides on the way. `relays`: the eIM offers indirect download; `trusts_servers`: there are CI roots."""

    features: IpaFeatures
    relays: bool
    trusts_servers: bool
    prefer_direct: bool = False


def choose_way(facts: WayFacts, *, with_data: bool = True) -> Way | None:
    """The way of a download, or None when there is none. Without download data only the eIM knows the server."""
    indirect = bool(facts.features & IpaFeatures.INDIRECT_RSP_SERVER_COMMUNICATION)
    if not with_data:
        return Way.RELAYED if indirect and facts.features & IpaFeatures.EIM_DOWNLOAD_DATA_HANDLING else None
    relayed = indirect and facts.relays
    direct = facts.trusts_servers and bool(facts.features & IpaFeatures.DIRECT_RSP_SERVER_COMMUNICATION)
    if direct and (facts.prefer_direct or not relayed):
        return Way.DIRECT
    return Way.RELAYED if relayed else None


async def read_target(euicc: Euicc, data: ProfileDownloadData | None, smds_levels: int) -> RspTarget:
    """The server that the download data name.

    Raises CodecError for malformed data, DownloadCheckError for an address that the eUICC does not have.
    """
    if data is None:
        return RspTarget(address=None, smds_levels=smds_levels)
    if data.activation_code is not None:
        return target_of_code(ActivationCode.parse(data.activation_code))
    if data.contact_default_smdp is not None:
        return await default_smdp(euicc)
    if data.contact_smds is not None:
        return await smds(euicc, data.contact_smds, smds_levels)
    raise CodecError("profileDownloadData has an alternative that is not known")


def target_of_code(code: ActivationCode) -> RspTarget:
    """The SM-DP+ of an activation code."""
    return RspTarget(address=code.smdp_address, matching_id=code.matching_id, smdp_oid=code.smdp_oid)


async def default_smdp(euicc: Euicc) -> RspTarget:
    """The default SM-DP+ of the eUICC (SGP.22 3.1.3; SGP.32 5.9.9)."""
    address = (await euicc.get_euicc_configured_addresses()).default_dp_address
    if not address:
        raise DownloadCheckError("the eUICC has no default SM-DP+ address")
    return RspTarget(address=address, default_smdp=True)


async def smds(euicc: Euicc, contact: ContactSmds, levels: int) -> RspTarget:
    """The SM-DS that is named, or the root SM-DS of the eUICC (SGP.22 3.6)."""
    address = contact.smds_address or (await euicc.get_euicc_configured_addresses()).root_ds_address
    if not address:
        raise DownloadCheckError("the eUICC has no root SM-DS address")
    return RspTarget(address=address, smds_levels=levels)
