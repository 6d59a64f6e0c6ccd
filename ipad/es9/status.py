"""What a function execution status of the JSON binding is in the ASN.1 binding (SGP.22 5.6, 5.2.6).

An eIM that is told of a failed direct download gets the response in the form in which it would have relayed it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ipad.codec import tlv
from ipad.codec.rsp_status import error_code
from ipad.codec.values import INTEGER
from ipad.errors import RspStatusError

_RESPONSES: Final[Mapping[str, tuple[int, int]]] = {
    "initiateAuthentication": (0xBF39, 0x81),
    "authenticateClient": (0xBF3B, 0x82),
    "getBoundProfilePackage": (0xBF3A, 0x81),
}
"""Tag of the response and of its error in ESipa (SGP.32 6.3.2.1 to 6.3.2.3)."""


def esipa_response(error: RspStatusError) -> bytes | None:
    """The error response of ESipa that says the same; None for a function that has none."""
    tags = _RESPONSES.get(error.function)
    if tags is None:
        return None
    code = error_code(error.function, error.subject, error.reason)
    return tlv.tlv(tags[0], tlv.tlv(tags[1], INTEGER.encode(code)))
