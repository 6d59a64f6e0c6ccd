"""What the relay of an indirect download concludes from the IPA's data and from packages (SGP.32 4.1, 3.2.3)."""

from __future__ import annotations

from typing import Any, Final

from hil import codec, tlv
from hil.eim.association import Association

MATCHING_ID_BIT, CONTEXT_BIT, METADATA_BIT = 2, 3, 4
"""IpaFeatures: eimDownloadDataHandling, eimCtxParams1Generation, eimProfileMetadataVerification."""
_MAC_SIZE: Final = 8
_UNKNOWN_DEVICE: Final = {"tac": bytes(4), "deviceCapabilities": {}}


def has_feature(association: Association, bit: int) -> bool:
    """Whether the IPA reported a feature (IpaCapabilities, tag A8)."""
    if association.capabilities is None:
        return False
    try:
        features = tlv.find(association.capabilities, 0xA8, 0x80).value
    except tlv.TlvError:
        return False
    return len(features) > 1 + bit // 8 and bool(features[1 + bit // 8] & 0x80 >> bit % 8)


def device_info(association: Association) -> dict[str, Any]:
    """deviceInfo as the IPA reported it (tag A9)."""
    if association.device_info is None:
        return dict(_UNKNOWN_DEVICE)
    content = tlv.single(association.device_info).value
    value: dict[str, Any] = codec.decode("DeviceInfo", tlv.build(0x30, content))
    return value


def same_metadata(package: bytes, metadata: bytes) -> bool:
    """Whether StoreMetadata of a package, which is not encrypted, says the same as profileMetadata."""
    try:
        segments = tlv.children(tlv.find(package, 0xBF36, 0xA1).value)
        stored = b"".join(segment.value[:-_MAC_SIZE] for segment in segments)
        found = codec.decode("StoreMetadataRequest", stored)
        return bool(found == codec.decode("StoreMetadataRequest", metadata))
    except (tlv.TlvError, codec.CodecError):
        return False
