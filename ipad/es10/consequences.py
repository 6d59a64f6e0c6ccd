"""What a function of ES10 leaves behind: which answers of before do not hold any more, and which can be mended.

An eUICC only changes what its functions change. So whoever keeps answers need not ask for all of them again: commands
that only read change nothing, a notification that was removed is the only one that is missing, and a deleted profile
likewise.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ipad.codec import tlv
from ipad.codec.euicc_package import DeleteProfileResult, EuiccPackageRequest, EuiccPackageResult, Psmo
from ipad.codec.notification import DeleteNotificationStatus
from ipad.errors import CodecError

EUICC_INFO1, EUICC_INFO2, ADDRESSES, EID = 0xBF20, 0xBF22, 0xBF3C, 0xBF3E
LIST_NOTIFICATION, NOTIFICATIONS, PROFILES = 0xBF28, 0xBF2B, 0xBF2D
RAT, EIMS, CERTIFICATES = 0xBF43, 0xBF55, 0xBF56

EVERYTHING: Final = frozenset(
    {
        EUICC_INFO1,
        EUICC_INFO2,
        ADDRESSES,
        EID,
        LIST_NOTIFICATION,
        NOTIFICATIONS,
        PROFILES,
        RAT,
        EIMS,
        CERTIFICATES,
    }
)
"""The functions that only read (SGP.22 5.7, SGP.32 5.9)."""

_WAITING: Final = frozenset({LIST_NOTIFICATION, NOTIFICATIONS})
_OF_SESSIONS: Final = _WAITING | {EUICC_INFO2}
"""A new or cancelled session ends the one before, and with it an installation that was cut off (SGP.22 5.7.7)."""
OF_SEGMENTS: Final = _OF_SESSIONS | {PROFILES}
"""What loading a Bound Profile Package changes: profiles, memory, notifications (SGP.22 5.7.6)."""

_NOTIFICATION_SENT, _PACKAGE = 0xBF30, 0xBF51
_BY_FUNCTION: Final = {
    0xBF21: frozenset[int](),  # PrepareDownload
    0xBF38: frozenset[int](),  # AuthenticateServer
    0xBF2E: _OF_SESSIONS,  # GetEUICCChallenge
    0xBF41: _OF_SESSIONS,  # CancelSession
    _NOTIFICATION_SENT: _WAITING,
}

_PSMOS, _ECOS = 0xA0, 0xA1
_LIST_PROFILE_INFO, _GET_RAT, _DELETE = 0xBF2D, 0xA6, 0xA5
_BY_COMMAND: Final = {
    _PSMOS: {
        _LIST_PROFILE_INFO: frozenset[int](),
        _GET_RAT: frozenset[int](),
        0xA3: OF_SEGMENTS,  # enable
        0xA4: OF_SEGMENTS,  # disable
        _DELETE: OF_SEGMENTS,
        0xA8: frozenset({PROFILES}),  # setFallbackAttribute
        0xA9: frozenset({PROFILES}),  # unsetFallbackAttribute
    },
    _ECOS: {0xAB: frozenset[int]()},  # listEim
}
"""Commands of an eUICC Package (SGP.32 2.11.1.1); those that are not here may change everything."""

_SIGNED, _METADATA, _SEQ_NUMBER, _INSTALLATION_RESULT, _INSTALLATION_DATA = 0x30, 0xBF2F, 0x80, 0xBF37, 0xBF27
_LIST, _PROFILE, _ICCID = 0xA0, 0xE3, 0x5A
ALL_NOTIFICATIONS: Final = tlv.tlv(NOTIFICATIONS)
"""The request for notifications of all kinds, without stored results of packages (SGP.32 5.9.11)."""


def outdated(request: bytes) -> frozenset[int]:
    """The functions whose answers may be others when this request was executed, by their tags."""
    try:
        element = tlv.read_single(request)
        if element.tag == _PACKAGE:
            return _outdated_by_package(element)
    except CodecError:
        return EVERYTHING
    return _BY_FUNCTION.get(element.tag, EVERYTHING)


def _outdated_by_package(package: tlv.Element) -> frozenset[int]:
    found: frozenset[int] = frozenset()
    for kind, effects in _BY_COMMAND.items():
        commands = tlv.find(package.value, _SIGNED, kind)
        if commands is not None:
            return found.union(*(effects.get(command.tag, EVERYTHING) for command in tlv.children(commands.value)))
    return EVERYTHING


def outlives(request: bytes, question: bytes) -> bool:
    """Whether an answer to `question`, of a function that `request` leaves alone, holds all the same.

    Each package adds its own result to those that are stored.
    """
    try:
        package = tlv.read_element(request).tag == _PACKAGE
        return not package or question == ALL_NOTIFICATIONS or tlv.read_element(question).tag != NOTIFICATIONS
    except CodecError:
        return False


def mended(request: bytes, answer: bytes, before: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    """Of the answers of before, by their requests, those that the request has outdated but did not make unknown."""
    try:
        tag = tlv.read_single(request).tag
        if tag == _NOTIFICATION_SENT:
            return _without_notification(request, answer, before)
        if tag == _PACKAGE:
            return _without_deleted(request, answer, before)
    except CodecError:
        pass  # what cannot be read is asked for again
    return {}


def _without_notification(request: bytes, answer: bytes, before: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    known = before.get(ALL_NOTIFICATIONS)
    number = tlv.find(tlv.read_single(request).value, _SEQ_NUMBER)
    status = tlv.find(tlv.read_single(answer).value, _SEQ_NUMBER)
    entries = None if known is None else tlv.find(tlv.read_single(known).value, _LIST)
    if number is None or status is None or entries is None:
        return {}
    present = list(tlv.children(entries.value))
    left = [entry for entry in present if _number(entry) != number.value]
    # A notification that the eUICC did not know, or one that was there twice, shows that the list is not what it was.
    expected = {DeleteNotificationStatus.OK: 1, DeleteNotificationStatus.NOTHING_TO_DELETE: 0}
    code = DeleteNotificationStatus(int.from_bytes(status.value, "big"))
    if len(present) - len(left) > expected.get(code, -1):
        return {}
    return {ALL_NOTIFICATIONS: tlv.tlv(NOTIFICATIONS, tlv.tlv(_LIST, *(entry.raw for entry in left)))}


def _number(entry: tlv.Element) -> memoryview:
    """seqNumber of a pending notification. Raises CodecError where it cannot be read."""
    path = (_INSTALLATION_DATA, _METADATA) if entry.tag == _INSTALLATION_RESULT else (_METADATA,)
    found = tlv.find(entry.value, *path, _SEQ_NUMBER)
    if found is None:
        raise CodecError(f"notification {entry.tag:X} without seqNumber")
    return found.value


def _without_deleted(request: bytes, answer: bytes, before: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    deleted = _deleted(request, answer)
    if not deleted:
        return {}
    found: dict[bytes, bytes] = {}
    for question, known in before.items():
        if tlv.read_element(question).tag != PROFILES:
            continue
        entries = tlv.find(tlv.read_single(known).value, _LIST)
        if entries is None:
            continue
        profiles = list(tlv.children(entries.value))
        left = [entry for entry in profiles if _iccid(entry) not in deleted]
        if len(profiles) - len(left) == len(deleted):
            found[question] = tlv.tlv(PROFILES, tlv.tlv(_LIST, *(entry.raw for entry in left)))
    return found


def _iccid(entry: tlv.Element) -> bytes:
    found = tlv.find(entry.value, _ICCID) if entry.tag == _PROFILE else None
    if found is None:
        raise CodecError(f"profile {entry.tag:X} without ICCID")
    return bytes(found.value)


def _deleted(request: bytes, answer: bytes) -> frozenset[bytes]:
    """The profiles that a package deleted; none where that is not all that it did to profiles."""
    psmos = EuiccPackageRequest.decode(request).euicc_package_signed.euicc_package.psmo_list or ()
    signed = EuiccPackageResult.decode(answer).euicc_package_result_signed
    if signed is None or not all(map(_only_deletes, psmos)):
        return frozenset()
    deleted: set[bytes] = set()
    for psmo, result in zip(psmos, signed.euicc_package_result_data_signed.euicc_result, strict=False):
        if psmo.delete is not None and result.delete_result == DeleteProfileResult.OK:
            deleted.add(psmo.delete.iccid)
    return frozenset(deleted)


def _only_deletes(psmo: Psmo) -> bool:
    return psmo.delete is not None or psmo.list_profile_info is not None or psmo.get_rat is not None
