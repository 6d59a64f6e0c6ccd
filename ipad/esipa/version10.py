"""Messages of SGP.32 v1.0 for those of v1.2, and back (SGP.32 v1.0 6.3; v1.2 6.3).

The procedures know v1.2 only. What v1.0 lacks is left out: causes of a state change, the EID and the transaction id of
a result, the transaction id of InitiateAuthentication, reasons of a failed download. Signed objects are untouched.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from ipad.codec import tlv
from ipad.codec.tlv import Buffer, Element
from ipad.errors import CodecError

_GET_PACKAGE, _PROVIDE_RESULT, _HANDLE_NOTIFICATION, _INITIATE = 0xBF4F, 0xBF50, 0xBF3D, 0xBF39
_TRANSFER, _NOTIFICATIONS_RESPONSE = 0xBF4E, 0xBF2B
_DATA, _DOWNLOAD = 0xBF52, 0xBF54

_TAGS: Final[Mapping[int, int]] = {0x80: 0x81, 0x88: 0xA8, _NOTIFICATIONS_RESPONSE: 0xA0}
"""Tags of the tag list of v1.0 that are others in v1.2: default SM-DP+, capabilities, notifications."""

_PACKAGE_RESULTS: Final = 0x82
"""Search criterion of v1.0: the list is one of eUICC Package Results."""

_DATA_ORDER: Final = (0x80, 0xBF20, 0xBF22, 0x83, 0x84, 0xA5, 0xA6, 0xA8, 0xA9, _NOTIFICATIONS_RESPONSE)


def downgraded(message: bytes) -> bytes:
    """An EsipaMessageFromIpaToEim in the form of v1.0."""
    element = tlv.read_single(message)
    rewrite = _REQUESTS.get(element.tag)
    return message if rewrite is None else rewrite(element)


def upgraded(answer: bytes) -> bytes:
    """An EsipaMessageFromEimToIpa in the form of v1.2; what cannot be read is left as it is, for whoever decodes it."""
    try:
        element = tlv.read_single(answer)
        if element.tag not in (_GET_PACKAGE, _TRANSFER) or not _is_data_request(element):
            return answer
        request = next(tlv.children(element.value))
        return tlv.tlv(element.tag, _upgraded_data_request(request))
    except CodecError:
        return answer  # the decoder of the function says what is wrong with it


def is_data_request_of_v10(answer: bytes) -> bool:
    """Whether GetEimPackage was answered with a data request that only v1.0 has."""
    try:
        element = tlv.read_single(answer)
        if element.tag != _GET_PACKAGE or not _is_data_request(element):
            return False
        request = next(tlv.children(element.value))
        return _upgraded_data_request(request) != bytes(request.raw)
    except CodecError:
        return False


def is_empty_response(answer: bytes) -> bool:
    """Whether ProvideEimPackageResult was answered with the empty SEQUENCE of v1.0."""
    return answer == b"\xbf\x50\x00"


def _is_data_request(element: Element) -> bool:
    parts = list(tlv.children(element.value))
    return len(parts) == 1 and parts[0].tag == _DATA


def _get_package(element: Element) -> bytes:
    """rPLMN is 81, where v1.2 has the cause of the state change."""
    parts = []
    for part in tlv.children(element.value):
        if part.tag == 0x82:
            parts.append(tlv.tlv(0x81, part.value))
        elif part.tag != 0x81:
            parts.append(bytes(part.raw))
    return tlv.tlv(_GET_PACKAGE, *parts)


def _provide_result(element: Element) -> bytes:
    """The result stands there without the EID."""
    return tlv.tlv(_PROVIDE_RESULT, *(_result(part) for part in tlv.children(element.value) if part.tag != 0x5A))


def _handle_notification(element: Element) -> bytes:
    """The package result has the automatic tag A1."""
    parts = []
    for part in tlv.children(element.value):
        if part.tag == _PROVIDE_RESULT:
            inner = tlv.read_single(_provide_result(part))
            parts.append(tlv.tlv(0xA1, inner.value))
        else:
            parts.append(bytes(part.raw))
    return tlv.tlv(_HANDLE_NOTIFICATION, *parts)


def _initiate_authentication(element: Element) -> bytes:
    """There is no transaction id of the eIM."""
    return tlv.tlv(_INITIATE, *_without(element, 0x82))


def _transfer(element: Element) -> bytes:
    return tlv.tlv(_TRANSFER, *(_result(part) for part in tlv.children(element.value)))


def _result(part: Element) -> bytes:
    """One EimPackageResult."""
    if part.tag == 0x30:
        return _with_notifications(part)
    if part.tag == _DATA:
        return _data_response(part)
    if part.tag == _DOWNLOAD:
        return _download_result(part)
    if part.tag == 0xA0:  # eimPackageResultResponseError: the code alone
        code = tlv.find(part.value, 0x02)
        if code is None:
            raise CodecError("eimPackageResultResponseError has no code")
        return bytes(code.raw)
    return bytes(part.raw)


def _with_notifications(part: Element) -> bytes:
    """ePRAndNotifications: the list is a whole RetrieveNotificationsListResponse."""
    items = (
        tlv.tlv(_NOTIFICATIONS_RESPONSE, item.raw) if item.tag == 0xA0 else bytes(item.raw)
        for item in tlv.children(part.value)
    )
    return tlv.tlv(0x30, *items)


def _data_response(part: Element) -> bytes:
    arm = next(tlv.children(part.value), None)
    if arm is None:
        return bytes(part.raw)
    fields = {field.tag: field for field in tlv.children(arm.value)}
    if arm.tag == 0xA1:
        code = fields.get(0x02)
        if code is None:
            raise CodecError("ipaEuiccDataResponseError has no code")
        return tlv.tlv(_DATA, tlv.tlv(0x81, code.value))
    objects = {tag: bytes(field.raw) for tag, field in fields.items() if tag in _DATA_ORDER}
    if 0x81 in fields:
        objects[0x80] = tlv.tlv(0x80, fields[0x81].value)
    listed = fields.get(0xA0) or fields.get(0xA2)
    if listed is not None:
        objects[_NOTIFICATIONS_RESPONSE] = tlv.tlv(_NOTIFICATIONS_RESPONSE, listed.raw)
    return tlv.tlv(_DATA, tlv.tlv(0xA0, *(objects[tag] for tag in _DATA_ORDER if tag in objects)))


def _download_result(part: Element) -> bytes:
    """profileDownloadError has no reason, and its errorResponse the automatic tag 80."""
    parts = []
    for field in tlv.children(part.value):
        if field.tag == 0x30:
            responses = (tlv.tlv(0x80, item.value) for item in tlv.children(field.value) if item.tag == 0x04)
            parts.append(tlv.tlv(0x30, *responses))
        else:
            parts.append(bytes(field.raw))
    return tlv.tlv(_DOWNLOAD, *parts)


def _upgraded_data_request(request: Element) -> bytes:
    fields = {field.tag: field for field in tlv.children(request.value)}
    criterion = next(tlv.children(fields[0xA1].value), None) if 0xA1 in fields else None
    results = criterion is not None and criterion.tag == _PACKAGE_RESULTS
    parts: list[Buffer] = []
    for tag, field in fields.items():
        if tag == 0x5C:
            listed = 0xA2 if results else 0xA0
            tags = ((listed if item == _NOTIFICATIONS_RESPONSE else _TAGS.get(item, item)) for item in _tags(field))
            parts.append(tlv.tlv(0x5C, *map(tlv.encode_tag, tags)))
        elif not (tag == 0xA1 and results):
            parts.append(field.raw)
    return tlv.tlv(_DATA, *parts)


def _tags(field: Element) -> Iterable[int]:
    """The tags of a tag list, each of one or two bytes."""
    octets, position = bytes(field.value), 0
    while position < len(octets):
        size = 2 if octets[position] & 0x1F == 0x1F else 1
        if position + size > len(octets):
            raise CodecError("the tag list ends inside a tag")
        yield int.from_bytes(octets[position : position + size], "big")
        position += size


def _without(element: Element, tag: int) -> Iterable[Buffer]:
    return [part.raw for part in tlv.children(element.value) if part.tag != tag]


_REQUESTS: Final = {
    _GET_PACKAGE: _get_package,
    _PROVIDE_RESULT: _provide_result,
    _HANDLE_NOTIFICATION: _handle_notification,
    _INITIATE: _initiate_authentication,
    _TRANSFER: _transfer,
}
