"""ListNotification, RetrieveNotificationsList, RemoveNotificationFromList.

SGP.22 5.7.9 to 5.7.11, SGP.32 5.9.11 and 5.9.12.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from hil import codec, tlv
from hil.euicc import status
from hil.euicc.engine import Engine, decode
from hil.euicc.errors import StatusError
from hil.euicc.state import StoredNotification

_OK: Final = 0
_NOTHING_TO_DELETE: Final = 1


def list_notification(engine: Engine, request: bytes) -> bytes:
    """ES10b.ListNotification: metadata of notifications, not of eUICC Package results."""
    members = decode("ListNotificationRequest", request)
    code = engine.forced("listNotificationsResultError")
    if code is not None:
        return codec.encode("ListNotificationResponse", ("listNotificationsResultError", code))
    chosen = _of_events(engine, members.get("profileManagementOperation"))
    return tlv.build(0xBF28, tlv.build(0xA0, *(item.metadata for item in chosen)))


def retrieve_notifications_list(engine: Engine, request: bytes) -> bytes:
    """ES10b.RetrieveNotificationsList; on an IoT eUICC also eUICC Package results."""
    prefix = "" if engine.iot else "SGP22."
    members = decode(f"{prefix}RetrieveNotificationsListRequest", request)
    code = engine.forced("notificationsListResultError")
    if code is not None:
        return codec.encode(f"{prefix}RetrieveNotificationsListResponse", ("notificationsListResultError", code))
    if "searchCriteria" not in members:
        return _notification_list(engine.state.notifications)
    criterion, value = members["searchCriteria"]
    if criterion == "seqNumber":
        return _by_number(engine, value)
    if criterion == "profileManagementOperation":
        return _notification_list(_of_events(engine, value))
    if criterion == "euiccPackageResults":
        return _result_list(tuple(item.result for item in engine.state.results))
    raise StatusError(status.WRONG_DATA)


def remove_notification_from_list(engine: Engine, request: bytes) -> bytes:
    """ES10b.RemoveNotificationFromList (NotificationSent): a notification or an eUICC Package result."""
    number = decode("NotificationSentRequest", request)["seqNumber"]
    code = engine.forced("deleteNotificationStatus")
    if code is None:
        code = _remove(engine, number)
    return codec.encode("NotificationSentResponse", {"deleteNotificationStatus": code})


def _remove(engine: Engine, number: int) -> int:
    state = engine.state
    left = replace(
        state,
        notifications=tuple(item for item in state.notifications if item.sequence_number != number),
        results=tuple(item for item in state.results if item.sequence_number != number),
    )
    if left == state:
        return _NOTHING_TO_DELETE
    engine.commit(left)
    return _OK


def _by_number(engine: Engine, number: int) -> bytes:
    results = tuple(item.result for item in engine.state.results if item.sequence_number == number)
    if results:
        return _result_list(results)
    return _notification_list(tuple(item for item in engine.state.notifications if item.sequence_number == number))


def _of_events(engine: Engine, events: Any) -> tuple[StoredNotification, ...]:
    """Notifications of any of these events, all of them without a filter."""
    if events is None:
        return engine.state.notifications
    mask = events[0][0] if events[0] else 0
    return tuple(item for item in engine.state.notifications if item.event & mask)


def _notification_list(chosen: tuple[StoredNotification, ...]) -> bytes:
    return tlv.build(0xBF2B, tlv.build(0xA0, *(item.pending for item in chosen)))


def _result_list(results: tuple[bytes, ...]) -> bytes:
    return tlv.build(0xBF2B, tlv.build(0xA2, *results))
