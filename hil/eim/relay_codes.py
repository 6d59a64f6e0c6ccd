"""From function execution status (SGP.22 5.2.6) to the error codes of the ESipa relay functions (SGP.32 6.3.2)."""

from __future__ import annotations

from typing import Final

from hil.rsp import status
from hil.rsp.status import StatusCode

UNDEFINED: Final = 127
SMDP_ADDRESS_MISMATCH: Final = 50
SMDP_OID_MISMATCH: Final = 51
INVALID_EIM_TRANSACTION_ID: Final = 52
PPR_NOT_ALLOWED: Final = 50
METADATA_MISMATCH: Final = 50
UNKNOWN_TRANSACTION: Final = {
    "AuthenticateClient": 10,
    "GetBoundProfilePackage": 95,
    "CancelSession": 1,
}
"""What a relay function answers for a transaction that the eIM does not know."""

_Table = dict[tuple[str, str], int]


def _table(codes: dict[StatusCode, int]) -> _Table:
    return {(code.subject, code.reason): number for code, number in codes.items()}


_INITIATE = _table(
    {
        status.INVALID_SMDP_ADDRESS: 1,
        status.INVALID_SMDS_ADDRESS: 1,
        status.SVN_NOT_SUPPORTED: 2,
        status.SMDS_SVN_NOT_SUPPORTED: 2,
        status.CI_NOT_SUPPORTED: 3,
        status.SMDS_CI_NOT_SUPPORTED: 3,
        status.NO_CERTIFICATE_FOR_CI: 3,
        status.SMDS_NO_CERTIFICATE_FOR_CI: 3,
    }
)
_AUTHENTICATE = _table(
    {
        status.EUM_INVALID: 1,
        status.EUM_EXPIRED: 2,
        status.EUICC_INVALID: 3,
        status.EUICC_EXPIRED: 4,
        status.SIGNATURE_INVALID: 5,
        status.MATCHING_ID_REFUSED: 6,
        status.NOT_RELEASED: 6,
        status.EID_MISMATCH: 7,
        status.NOT_ELIGIBLE: 8,
        status.UNKNOWN_CI: 9,
        status.UNKNOWN_TRANSACTION: 10,
        status.INSUFFICIENT_MEMORY: 11,
        status.ORDER_EXPIRED: 18,
        status.UNKNOWN_EVENT: 56,
    }
)
_PACKAGE = _table(
    {
        status.SIGNATURE_INVALID: 1,
        status.CODE_MISSING: 2,
        status.CODE_REFUSED: 3,
        status.CODE_RETRIES_EXCEEDED: 4,
        status.REBINDING_REFUSED: 5,
        status.ORDER_EXPIRED: 6,
        status.UNKNOWN_TRANSACTION: 95,
    }
)
_CANCEL = _table({status.UNKNOWN_TRANSACTION: 1, status.SIGNATURE_INVALID: 2})
_BY_FUNCTION: Final = {
    "InitiateAuthentication": _INITIATE,
    "AuthenticateClient": _AUTHENTICATE,
    "GetBoundProfilePackage": _PACKAGE,
    "CancelSession": _CANCEL,
}


def esipa_code(function: str, code: StatusCode) -> int:
    """The code for the IPA; undefinedError for a status that has none."""
    return _BY_FUNCTION[function].get((code.subject, code.reason), UNDEFINED)
