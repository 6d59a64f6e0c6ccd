"""Whether a certificate is for the server that was asked (RFC 9525 6; RFC 5280 4.2.1.6).

Only subjectAltName counts, as SGP.22 4.5.2 and RFC 9525 have it; a common name is no host name.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Final

from ipad.codec import tlv
from ipad.codec.tlv import Element
from ipad.errors import CodecError

_SUBJECT_ALT_NAME: Final = bytes.fromhex("551D11")
_DNS_NAME, _IP_ADDRESS = 0x82, 0x87


def is_for(certificate: bytes, server: str) -> bool:
    """Whether the DER certificate names `server`, a DNS name or an IP address without brackets.

    Raises CodecError for a certificate that cannot be read.
    """
    names = list(_alternative_names(certificate))
    try:
        address = ipaddress.ip_address(server).packed
    except ValueError:
        wanted = server.lower().removesuffix(".")
        return any(_matches(bytes(name.value), wanted) for name in names if name.tag == _DNS_NAME)
    return any(bytes(name.value) == address for name in names if name.tag == _IP_ADDRESS)


def _matches(pattern: bytes, wanted: str) -> bool:
    try:
        name = pattern.decode("ascii").lower().removesuffix(".")
    except UnicodeDecodeError:
        return False
    if not name.startswith("*."):
        return name == wanted
    # A wildcard is the whole leftmost label and stands for exactly one; "*.com" would be for half of the world.
    suffix = name[2:]
    label, _, rest = wanted.partition(".")
    return bool(label) and rest == suffix and "." in suffix and "*" not in suffix


def _alternative_names(certificate: bytes) -> Iterator[Element]:
    tbs = next(tlv.children(tlv.read_single(certificate).value), None)
    if tbs is None:
        raise CodecError("TBSCertificate is missing", path="Certificate")
    extensions = tlv.find(tbs.value, 0xA3)
    if extensions is None:
        return
    for extension in tlv.children(tlv.read_single(extensions.value).value):
        identifier, content = tlv.find(extension.value, 0x06), tlv.find(extension.value, 0x04)
        if identifier is not None and content is not None and bytes(identifier.value) == _SUBJECT_ALT_NAME:
            yield from tlv.children(tlv.read_single(content.value).value)
