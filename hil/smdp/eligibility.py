"""Whether a profile can go to an eUICC (SGP.22 3.1.3, 5.6.3), from what EUICCInfo2 says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from hil import codec, tlv
from hil.rsp import status
from hil.rsp.status import RspStatus
from hil.smdp.orders import Order

_FREE_MEMORY: Final = 0x82
_ADDITIONAL_PROFILE: Final = 0
_SIZE_FACTOR: Final = 1.5
"""What an installed profile takes, compared with its package."""


def check_eligible(order: Order, info2: Mapping[str, Any]) -> None:
    """Capabilities, profile policy rules, versions and memory. Raises RspStatus."""
    if not codec.has_bit(info2["rspCapability"], _ADDITIONAL_PROFILE):
        raise RspStatus(status.NOT_ELIGIBLE, "the eUICC takes no additional profile")
    forbidden = info2.get("forbiddenProfilePolicyRules")
    if forbidden is not None and any(codec.has_bit(forbidden, rule) for rule in order.metadata.policy_rules):
        raise RspStatus(status.NOT_ELIGIBLE, "a policy rule is forbidden on this eUICC")
    wanted = _package_version(order.package)
    if wanted is not None and wanted > info2["profileVersion"][0]:
        raise RspStatus(status.NOT_ELIGIBLE, f"the eUICC does not read profile packages of version {wanted}")
    resources = {part.tag: part.value for part in tlv.children(info2["extCardResource"])}
    free = int.from_bytes(resources.get(_FREE_MEMORY, b"\xff\xff\xff\xff"), "big")
    if len(order.package) * _SIZE_FACTOR > free:
        raise RspStatus(status.INSUFFICIENT_MEMORY, f"{free} bytes are free")


def _package_version(package: bytes) -> int | None:
    """Major version in the profile header; None for what cannot be read, which is the eUICC's to judge."""
    try:
        return int.from_bytes(tlv.find(tlv.first(package).raw, 0xA0, 0x80).value, "big")
    except tlv.TlvError:
        return None
