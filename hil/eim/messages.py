"""Reading of ESipa messages from the IPA, all versions and forms that peers send, without losing raw bytes.

Source: SGP.32 6.3.2.x; SGP.32 v1.0 for the older forms: results directly under BF50, notifications in a
full BF2B response, rPLMN under 81, the second arm of HandleNotification under A1.
"""

from dataclasses import dataclass

from hil import tlv

_LIST_ITEMS = (0xBF37, 0x30, 0xA0, 0xA1)


class MalformedRequestError(ValueError):
    """A body that is no EsipaMessageFromIpaToEim: the binding answers 400."""


@dataclass(frozen=True)
class Poll:
    """GetEimPackageRequest."""

    eid: bytes | None
    notify_state_change: bool = False
    cause: int | None = None
    plmn: bytes | None = None
    version1: bool = False


@dataclass(frozen=True)
class Delivery:
    """What a ProvideEimPackageResult carries; exactly one kind is filled, package results with notifications."""

    eid: bytes | None = None
    package_result: bytes | None = None
    notifications: tuple[bytes, ...] = ()
    data: bytes | None = None
    download: bytes | None = None
    error: bytes | None = None
    """Content of eimPackageResultResponseError."""
    version1: bool = False


@dataclass(frozen=True)
class EuiccData:
    """IpaEuiccDataResponse taken apart: `objects` by tag are complete TLVs as received."""

    objects: dict[int, bytes]
    notifications: tuple[bytes, ...] = ()
    package_results: tuple[bytes, ...] = ()
    error_code: int | None = None
    transaction_id: bytes | None = None
    enveloped: bool = True
    """The ipaEuiccData arm (A0) was present."""


def outer(body: bytes) -> tlv.Tlv:
    """The one TLV of a body. Raises MalformedRequestError."""
    try:
        return tlv.single(body)
    except tlv.TlvError as error:
        raise MalformedRequestError(str(error)) from error


def parts(content: bytes) -> list[tlv.Tlv]:
    """Children of a content. Raises MalformedRequestError."""
    try:
        return tlv.children(content)
    except tlv.TlvError as error:
        raise MalformedRequestError(str(error)) from error


def integer(content: bytes) -> int:
    """Value of an INTEGER's content."""
    if not content:
        raise MalformedRequestError("an INTEGER without content")
    return int.from_bytes(content, signed=True)


def read_poll(content: bytes) -> Poll:
    """GetEimPackageRequest from the content of BF4F."""
    fields = {part.tag: part.value for part in parts(content)}
    cause, plmn, version1 = fields.get(0x81), fields.get(0x82), False
    if cause is not None and len(cause) == 3 and plmn is None:
        cause, plmn, version1 = None, cause, True
    return Poll(
        eid=fields.get(0x5A),
        notify_state_change=0x80 in fields,
        cause=None if cause is None else integer(cause),
        plmn=plmn,
        version1=version1,
    )


def read_delivery(content: bytes, *, bare: bool = False) -> Delivery:
    """ProvideEimPackageResult from the content of BF50 (`bare`: from the A1 arm of v1.0, never an EID)."""
    elements = parts(content)
    eid = None
    if elements and elements[0].tag == 0x5A and not bare:
        eid = elements.pop(0).value
    version1 = eid is None
    if len(elements) != 1:
        raise MalformedRequestError(f"ProvideEimPackageResult with {len(elements)} results")
    result = elements[0]
    match result.tag:
        case 0xBF51:
            return Delivery(eid, package_result=result.raw, version1=version1)
        case 0x30:
            return _with_notifications(eid, parts(result.value), version1)
        case 0xBF52:
            return Delivery(eid, data=result.raw, version1=version1)
        case 0xBF54:
            return Delivery(eid, download=result.raw, version1=version1)
        case 0xA0:
            return Delivery(eid, error=result.value, version1=False)
        case _:
            raise MalformedRequestError(f"ProvideEimPackageResult with the unknown result {result.tag:X}")


def _with_notifications(eid: bytes | None, elements: list[tlv.Tlv], version1: bool) -> Delivery:
    result = next((element for element in elements if element.tag == 0xBF51), None)
    if result is None:
        raise MalformedRequestError("ePRAndNotifications without an euiccPackageResult")
    notifications: tuple[bytes, ...] = ()
    for element in elements:
        if element.tag == 0xA0:
            notifications = tuple(item.raw for item in parts(element.value))
        elif element.tag == 0xBF2B:
            version1 = True
            lists = [child for child in parts(element.value) if child.tag == 0xA0]
            notifications = tuple(item.raw for child in lists for item in parts(child.value))
    return Delivery(eid, package_result=result.raw, notifications=notifications, version1=version1)


def read_euicc_data(raw: bytes) -> EuiccData:
    """IpaEuiccDataResponse (BF52), with the A0 arm or, as some IPAs write, without it."""
    elements = parts(outer(raw).value)
    only = elements[0] if len(elements) == 1 else None
    if only is not None and only.tag == 0xA1:
        return _data_error(parts(only.value))
    if only is not None and only.tag == 0x81 and len(only.value) == 1:
        return EuiccData({}, error_code=integer(only.value))
    enveloped = only is not None and only.tag == 0xA0 and not _is_list(only.value)
    if enveloped and only is not None:
        elements = parts(only.value)
    objects = {element.tag: element.raw for element in elements}
    contents = {element.tag: element.value for element in elements}
    return EuiccData(
        objects,
        notifications=tuple(item.raw for item in parts(contents.get(0xA0, b""))),
        package_results=tuple(item.raw for item in parts(contents.get(0xA2, b""))),
        transaction_id=contents.get(0x87),
        enveloped=enveloped,
    )


def _is_list(content: bytes) -> bool:
    items = parts(content)
    return bool(items) and items[0].tag in (0xBF37, 0x30)


def _data_error(elements: list[tlv.Tlv]) -> EuiccData:
    fields = {element.tag: element.value for element in elements}
    code = fields.get(0x02)
    if code is None:
        raise MalformedRequestError("ipaEuiccDataResponseError without a code")
    return EuiccData({}, error_code=integer(code), transaction_id=fields.get(0x80))


def rewrapped(raw: bytes) -> bytes:
    """A certificate or SEQUENCE that came under an implicit tag, with its 30 again."""
    element = outer(raw)
    inner = parts(element.value)
    if len(inner) == 1 and inner[0].tag == 0x30:
        return inner[0].raw
    return tlv.build(0x30, element.value)
