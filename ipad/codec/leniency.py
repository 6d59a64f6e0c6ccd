"""Forms of peers that differ from SGP.32 v1.2 and are read all the same, each under a name. Nothing of it is ever sent.

A function of this module gets an element and returns it in the form of v1.2, or as it is. The object that is decoded
from it keeps the bytes that were received.

In the field declarations (further tags in `f(..., also=...)`):

`untagged-refresh-flag`: refreshFlag of BF58 and BF5A to BF5E as `01` instead of `80`.
`untagged-ci-key-id`: euiccCiPKId of GetCerts as `04` instead of `80`.
`automatic-cancel-session`: EuiccCancelSessionSigned with smdpOid `06` and reason `81` instead of `81` and `82`.
`untagged-cancel-session`: cancelSessionResponse as `BF41` instead of `A1`.
`v10-eim-id-type`: eimIdType of EimIdInfo as `84` instead of `82`.
`v10-reset-result`: resetResult as `02` instead of `80`.
`v10-package-result`: HandleNotification with the package result under `A1` instead of `BF50`.

In `schema`:

`nested-certificate`: a whole certificate or key inside an implicit tag, instead of its content.
`explicit-choice`: a CHOICE with a tag of its own inside another tag that should have replaced it.
"""

from __future__ import annotations

from collections.abc import Sequence

from ipad.codec import tlv
from ipad.codec.tlv import Element

_UNDEFINED_ERROR = b"\x7f"


def empty_response(element: Element) -> Element:
    """`v10-empty-response`: ProvideEimPackageResultResponse without content means emptyResponse."""
    return element if len(element.value) else _rebuilt(element, (b"\x30\x00",))


def notification_list(element: Element) -> Element:
    """`v10-notification-list`: ePRAndNotifications carries a RetrieveNotificationsListResponse (BF2B) as its list."""
    parts = list(tlv.children(element.value))
    if all(part.tag != 0xBF2B for part in parts):
        return element
    return _rebuilt(element, [part.value if part.tag == 0xBF2B else part.raw for part in parts])


def registered_plmn(element: Element) -> Element:
    """`v10-registered-plmn`: rPLMN of GetEimPackageRequest as `81`, which is stateChangeCause in v1.2."""
    parts = list(tlv.children(element.value))
    if any(part.tag == 0x82 for part in parts) or all(part.tag != 0x81 or len(part.value) != 3 for part in parts):
        return element
    return _rebuilt(element, [tlv.tlv(0x82, part.value) if part.tag == 0x81 else part.raw for part in parts])


def download_error(element: Element) -> Element:
    """`v10-download-error`: profileDownloadError without a reason; its errorResponse has the tag of the reason."""
    parts = list(tlv.children(element.value))
    if any(part.tag == 0x80 and not _is_response(part) for part in parts):
        return element
    responses = [tlv.tlv(0x04, part.value) for part in parts if part.tag in (0x80, 0x04)]
    return _rebuilt(element, (tlv.tlv(0x80, _UNDEFINED_ERROR), *responses))


def euicc_data(element: Element) -> Element:
    """`v10-data-error`: the error of IpaEuiccDataResponse as a bare `81`. `missing-arm`: IpaEuiccData without `A0`.

    notificationsList has the tag of the arm, so what is inside decides: a list begins with a notification.
    """
    parts = list(tlv.children(element.value))
    if len(parts) == 1 and parts[0].tag == 0x81 and len(parts[0].value) == 1:
        return _rebuilt(element, (tlv.tlv(0xA1, tlv.tlv(0x02, parts[0].value)),))
    arm = len(parts) == 1 and parts[0].tag in (0xA0, 0xA1) and not _is_notification_list(parts[0])
    return element if arm or not parts else _rebuilt(element, (tlv.tlv(0xA0, element.value),))


def _is_notification_list(element: Element) -> bool:
    first = next(tlv.children(element.value), None)
    return first is not None and first.tag in (0xBF37, 0x30)


def _is_response(element: Element) -> bool:
    """Whether the content is a response of ESipa or ES10 rather than a number."""
    return len(element.value) > 3 and element.value[0] == 0xBF


def _rebuilt(element: Element, parts: Sequence[tlv.Buffer]) -> Element:
    return tlv.read_single(tlv.tlv(element.tag, *parts))
