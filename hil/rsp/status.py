"""Function execution status: subject and reason codes of SGP.22 5.2.6."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StatusCode:
    """A pair such as 8.2.6/3.8 and what a person reads."""

    subject: str
    reason: str
    message: str

    def __str__(self) -> str:
        return f"{self.subject}/{self.reason} {self.message}"

    @classmethod
    def parse(cls, text: str) -> StatusCode:
        """Read "8.2.6/3.8"; the message is that of the known pair, if it is one."""
        subject, separator, reason = text.partition("/")
        if not separator or not all(part.isdigit() for part in (*subject.split("."), *reason.split("."))):
            raise ValueError(f"{text!r} is no status code such as 8.2.6/3.8")
        for known in KNOWN:
            if (known.subject, known.reason) == (subject, reason):
                return known
        return cls(subject, reason, "on demand")


class RspStatus(Exception):  # noqa: N818 - an answer of the protocol, not a fault of the program
    """A function was not executed; the JSON binding answers it with HTTP 200 and this status."""

    def __init__(self, code: StatusCode, detail: str = "") -> None:
        super().__init__(f"{code}{detail and ': ' + detail}")
        self.code = code
        self.detail = detail


INVALID_SMDP_ADDRESS = StatusCode("8.8.1", "3.8", "invalid SM-DP+ address")
SVN_NOT_SUPPORTED = StatusCode("8.8.3", "3.1", "specification version of the eUICC is not supported")
CI_NOT_SUPPORTED = StatusCode("8.8.2", "3.1", "none of the signing keys is supported")
NO_CERTIFICATE_FOR_CI = StatusCode("8.8.4", "3.7", "no certificate under a key that the eUICC verifies")
UNKNOWN_TRANSACTION = StatusCode("8.10.1", "3.9", "unknown transaction")
UNKNOWN_CI = StatusCode("8.11.1", "3.9", "unknown certificate issuer")
EUM_INVALID = StatusCode("8.1.2", "6.1", "EUM certificate is invalid")
EUM_EXPIRED = StatusCode("8.1.2", "6.3", "EUM certificate has expired")
EUICC_INVALID = StatusCode("8.1.3", "6.1", "eUICC certificate is invalid")
EUICC_EXPIRED = StatusCode("8.1.3", "6.3", "eUICC certificate has expired")
SIGNATURE_INVALID = StatusCode("8.1", "6.1", "signature or challenge of the eUICC is wrong")
MATCHING_ID_REFUSED = StatusCode("8.2.6", "3.8", "matching id is refused")
EID_MISMATCH = StatusCode("8.1.1", "3.8", "the order belongs to another EID, or there is none for this one")
NOT_RELEASED = StatusCode("8.2", "1.2", "profile is not released")
NOT_ELIGIBLE = StatusCode("8.2.5", "4.3", "no eligible profile")
INSUFFICIENT_MEMORY = StatusCode("8.1", "4.8", "not enough memory on the eUICC")
ORDER_EXPIRED = StatusCode("8.8.5", "4.10", "download order has expired")
TOO_MANY_DOWNLOADS = StatusCode("8.8.5", "6.4", "too many download attempts")
CODE_MISSING = StatusCode("8.2.7", "2.2", "confirmation code is missing")
CODE_REFUSED = StatusCode("8.2.7", "3.8", "confirmation code is refused")
CODE_RETRIES_EXCEEDED = StatusCode("8.2.7", "6.4", "too many wrong confirmation codes")
REBINDING_REFUSED = StatusCode("8.2", "3.7", "profile cannot be bound again")
WRONG_SMDP_OID = StatusCode("8.8", "3.10", "OID is not that of this SM-DP+")
INVALID_SMDS_ADDRESS = StatusCode("8.9.1", "3.8", "invalid SM-DS address")
SMDS_SVN_NOT_SUPPORTED = StatusCode("8.9.3", "3.1", "specification version of the eUICC is not supported")
SMDS_CI_NOT_SUPPORTED = StatusCode("8.9.2", "3.1", "none of the signing keys is supported")
SMDS_NO_CERTIFICATE_FOR_CI = StatusCode("8.9.4", "3.7", "no certificate under a key that the eUICC verifies")
UNKNOWN_EVENT = StatusCode("8.9.5", "3.9", "unknown event")
MALFORMED = StatusCode("1.1", "2.1", "request cannot be read")
NOT_EXECUTED = StatusCode("1.2", "4.2", "execution error")


@dataclass(frozen=True, slots=True)
class AuthenticationCodes:
    """Codes of initiateAuthentication that name the kind of server (SGP.22 5.6.1, 5.8.1)."""

    address: StatusCode
    svn: StatusCode
    ci: StatusCode
    certificate: StatusCode


SMDP_CODES = AuthenticationCodes(INVALID_SMDP_ADDRESS, SVN_NOT_SUPPORTED, CI_NOT_SUPPORTED, NO_CERTIFICATE_FOR_CI)
SMDS_CODES = AuthenticationCodes(
    INVALID_SMDS_ADDRESS, SMDS_SVN_NOT_SUPPORTED, SMDS_CI_NOT_SUPPORTED, SMDS_NO_CERTIFICATE_FOR_CI
)

KNOWN = tuple(value for value in list(vars().values()) if isinstance(value, StatusCode))
