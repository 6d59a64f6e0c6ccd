"""Behaviour of the virtual eIM that can be switched while it runs (protocol level)."""

from dataclasses import dataclass, field
from enum import StrEnum

from hil.eim.identity import EimProtocol
from hil.webserver import HeaderCase


class Acknowledge(StrEnum):
    """Which sequence numbers an EimAcknowledgements names (SGP.32 5.14.6)."""

    ALL = "all"
    NONE = "none"
    """emptyResponse although results arrived."""
    EMPTY_LIST = "empty-list"
    """`BF53 00`."""
    PARTIAL = "partial"
    """Only the first number."""
    WRONG = "wrong"
    """Numbers that no eUICC gave: each one raised by 100000."""
    DUPLICATE = "duplicate"
    """Each number twice."""


class ProtocolHeader(StrEnum):
    """How the X-Admin-Protocol of a request is treated."""

    ECHO = "echo"
    """Accept any gsma/rsp/v<x>.<y>.<z> and answer with it."""
    STRICT = "strict"
    """Answer 400 to anything but `own_protocol`."""
    OWN = "own"
    """Accept any gsma/rsp/v<x>.<y>.<z> and answer with `own_protocol`."""
    ABSENT = "absent"
    """Accept anything, send none."""


class HeaderCheck(StrEnum):
    """A header of requests in which the eIM overlooks nothing any more (SGP.32 6.1.1, 6.4)."""

    ADMIN_PROTOCOL = "x-admin-protocol"
    """400 when it is missing."""
    USER_AGENT = "user-agent"
    """400 unless it is gsma-rsp-ipad or gsma-rsp-ipae, with anything after a semicolon."""
    CONTENT_TYPE = "content-type"
    """415 unless it is letter by letter that of the binding: no other letters, no parameters, no blanks."""
    CONTENT_LENGTH = "content-length"
    """411 to a chunked body."""
    HOST = "host"
    """421 unless it is the eimFqdn."""


class AnswerFraming(StrEnum):
    """How the end of an answer's body is told. All are legal."""

    LENGTH = "length"
    CHUNKED = "chunked"
    UNTIL_CLOSE = "until-close"


class NotificationAnswer(StrEnum):
    """What HandleNotification is answered with over HTTPS."""

    NO_CONTENT = "no-content"
    NO_CONTENT_LENGTH = "no-content-length"
    """204 with `Content-Length: 0`, which has no place there."""
    EMPTY_OK = "empty-ok"
    BODY_OK = "body-ok"
    """200 with an unexpected body."""


class BindingName(StrEnum):
    """A binding of ESipa (SGP.32 6.1, 6.2, 6.4)."""

    ASN1 = "asn1"
    """ASN.1 over HTTPS."""
    JSON = "json"
    """JSON over HTTPS."""
    COAPS = "coaps"
    """ASN.1 over CoAPS."""


class CompactForms(StrEnum):
    """What is done with the compact messages of minimizeEsipaBytes."""

    EXPAND = "expand"
    REFUSE = "refuse"
    """Answer 400, as an eIM that does not know them."""


class EimVersion(StrEnum):
    """The version of SGP.32 that the eIM speaks."""

    V1_0 = "1.0"
    """Refuses what came later with 400, and hands out the older forms."""
    V1_2 = "1.2"
    """Also reads what an IPA of v1.0 sends."""


class UnsignedError(StrEnum):
    """What to do with the token of an EuiccPackageErrorUnsigned (SGP.32 2.11.2.1)."""

    RECORD = "record"
    """Write it down; the operator judges."""
    ADOPT_TOKEN = "adopt-token"  # noqa: S105
    """Take over a differing associationToken and sign the package again."""


@dataclass
class EimKnobs:
    """All switches with their conforming defaults."""

    acknowledge: Acknowledge = Acknowledge.ALL
    admin_protocol: ProtocolHeader = ProtocolHeader.ECHO
    own_protocol: str = "gsma/rsp/v2.1.0"
    """The eIM's own X-Admin-Protocol; of SGP.32 v1.3 on it is gsma/rsp/v and that version."""
    strict_headers: tuple[HeaderCheck, ...] = ()
    header_case: HeaderCase = HeaderCase.USUAL
    answer_framing: AnswerFraming = AnswerFraming.LENGTH
    keep_alive: bool = True
    """Leave connections open after an answer."""
    notification_answer: NotificationAnswer = NotificationAnswer.NO_CONTENT
    unsigned_error: UnsignedError = UnsignedError.RECORD
    get_package_error: int | None = None
    """Answer each GetEimPackage with this eimPackageError."""
    result_error: int | None = None
    """Answer each ProvideEimPackageResult with this provideEimPackageResultError."""
    recover_replays: bool = True
    """After a replayError ask for stored results, or sign again with a higher counter."""
    accept_legacy_signatures: bool = False
    """Also try the signature inputs of SGP.32 v1.0 eUICCs."""
    learn_certificate: bool = False
    """Take the eUICC certificate of IpaEuiccData as the key of an eUICC without one."""
    hand_out_limit: int | None = None
    """Close a package that was handed out so often without an answer."""
    relay_errors: dict[str, int] = field(default_factory=dict)
    """ESipa function of the download relay -> error code with which it is answered, such as 50 or 52."""
    matching_id: str | None = None
    """matchingId to tell the IPA in place of the one of the download data."""
    allowed_policy_rules: tuple[int, ...] = (1, 2)
    """Bits of PPRs that the eIM lets pass when it verifies metadata: 1 PPR1, 2 PPR2."""
    verify_metadata: bool = False
    """Verify metadata although the IPA does not say that the eIM has to."""
    refused_bindings: dict[str, int] = field(default_factory=dict)
    """Binding (asn1, json, coaps) -> HTTP status with which each of its requests is refused, in CoAP its like."""
    supported_protocols: tuple[EimProtocol, ...] | None = None
    """eimSupportedProtocol in the data with which other eIMs add or update this one; None: as its own."""
    version: EimVersion = EimVersion.V1_2
    compact_forms: CompactForms = CompactForms.EXPAND
    compact_answers: bool = False
    """Leave out of answers what the IPA knows: the transactionId, and most of the CI key identifier."""
