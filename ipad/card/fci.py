"""What the ISD-R says of itself in the answer to SELECT (SGP.22 5.7.1; SGP.32 5.9.3)."""

from __future__ import annotations

from typing import Final

from ipad.codec.tlv import Buffer, find, read_element
from ipad.errors import CodecError
from ipad.records import dataclass

_FCI: Final = 0x6F
_TEMPLATE: Final = 0xE0
_TEMPLATE_IOT: Final = 0xE1
_SVN: Final = 0x82
_FREE_VOLATILE_MEMORY: Final = 0x83
_EUICC_CONFIGURATION: Final = 0x80
_IPAE_SUPPORTED: Final = 0x80
_ENABLED_PROFILE: Final = 0x40


@dataclass(frozen=True, slots=True)
class IsdrApplication:
    """`svn` is the version of SGP.22 ("2.2.2"). `iot`: the SGP.32 template is there, which a consumer eUICC lacks."""

    svn: str | None = None
    iot: bool = False
    ipae_supported: bool = False
    enabled_profile: bool = False


def parse_fci(fci: bytes) -> IsdrApplication | None:
    """Read the two templates of the ISD-R; None when the answer is empty or no FCI."""
    try:
        element = read_element(fci)
        if element.tag != _FCI:
            return None
        template = find(element.value, _TEMPLATE)
        svn = _svn(template.value) if template is not None else None
        iot = find(element.value, _TEMPLATE_IOT)
        configuration = find(element.value, _TEMPLATE_IOT, _EUICC_CONFIGURATION)
    except CodecError:
        return None
    bits = configuration.value[1] if configuration is not None and len(configuration.value) > 1 else 0
    return IsdrApplication(
        svn=svn,
        iot=iot is not None,
        ipae_supported=bool(bits & _IPAE_SUPPORTED),
        enabled_profile=bool(bits & _ENABLED_PROFILE),
    )


def _svn(template: Buffer) -> str | None:
    """The version in template E0. Cards exist that put resource counters (81 82 83) there: those are no version."""
    if find(template, _FREE_VOLATILE_MEMORY) is not None:
        return None
    svn = find(template, _SVN)
    return ".".join(map(str, svn.value)) if svn is not None and len(svn.value) == 3 else None
