"""Notifications through the eIM (SGP.32 3.7): HandleNotification, removal after acceptance, back-off after refusal."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Collection, Mapping

from ipad.codec.eim import EimConfigurationData
from ipad.codec.esipa import HandleNotificationEsipa
from ipad.codec.notification import NotificationMetadata, PendingNotification
from ipad.errors import ExchangeError, HttpStatusError, NetworkError
from ipad.policy.backoff import stepped
from ipad.procedures.context import Ipa
from ipad.procedures.delivery import remove_acknowledged
from ipad.procedures.report import NotificationReport
from ipad.procedures.stored_results import metadata_of, pending_notifications
from ipad.records import replace
from ipad.state.journal import Postponed

log = logging.getLogger(__name__)

_KEY_BYTES = 16


async def deliver_notifications(
    ipa: Ipa, eim: EimConfigurationData, *, only: Collection[int] | None = None
) -> NotificationReport:
    """Hand the pending notifications to the eIM, which forwards them.

    `only` names sequence numbers that are sent whether they are due or not; no others are sent then. They go in the
    order of their sequence numbers, each is removed from the eUICC as soon as it is accepted. One that is refused waits
    for its back-off and does not hold up the next ones; an eIM that is not reached ends the delivery. Results that the
    IPA itself owes to an SM-DP+ do not go this way.
    """
    notifications = await pending_notifications(ipa.euicc)
    postponed = {key: ipa.journal.content.postponed[key] for key in keys_kept(ipa, notifications)}
    sent: list[int] = []
    refused: list[int] = []
    failure: NetworkError | None = None
    for notification in notifications:
        metadata = metadata_of(notification)
        assert metadata is not None
        if owed_directly(ipa, metadata) or not is_due(ipa, metadata, postponed, only):
            continue
        try:
            await ipa.eims.to(eim).handle_notification(HandleNotificationEsipa(pending_notification=notification))
        except (HttpStatusError, ExchangeError) as error:
            log.warning("notification %d refused: %s", metadata.seq_number, error)
            postponed[notification_key(metadata)] = next_time(ipa, postponed.get(notification_key(metadata)))
            refused.append(metadata.seq_number)
        except NetworkError as error:
            log.warning("notification %d not delivered to %s: %s", metadata.seq_number, eim.eim_id, error)
            await ipa.eims.drop(eim)
            failure = error
            break
        else:
            await remove_acknowledged(ipa, (metadata.seq_number,))
            postponed.pop(notification_key(metadata), None)
            sent.append(metadata.seq_number)
    await ipa.journal.commit(replace(ipa.journal.content, postponed=postponed))
    return NotificationReport(
        sent=tuple(sent),
        refused=tuple(refused),
        waiting=len(notifications) - len(sent),
        network_error=failure,
    )


def notification_key(metadata: NotificationMetadata) -> bytes:
    """What a back-off is kept under: a digest of the metadata, since numbers may start over on another eUICC."""
    return hashlib.sha256(metadata.encode()).digest()[:_KEY_BYTES]


def keys_kept(ipa: Ipa, notifications: tuple[PendingNotification, ...]) -> set[bytes]:
    """The back-offs of notifications that are still on the eUICC."""
    present = {notification_key(metadata) for item in notifications if (metadata := metadata_of(item))}
    return present & set(ipa.journal.content.postponed)


def owed_directly(ipa: Ipa, metadata: NotificationMetadata) -> bool:
    """Whether this is the result of a direct download, which the IPA itself brings to the SM-DP+ (SGP.32 3.7)."""
    return ipa.rsp is not None and metadata.seq_number in ipa.journal.content.direct_results


def is_due(
    ipa: Ipa, metadata: NotificationMetadata, postponed: Mapping[bytes, Postponed], only: Collection[int] | None
) -> bool:
    """Whether a notification is to be sent now: its back-off is over, or it is among `only`."""
    if only is not None:
        return metadata.seq_number in only
    waiting = postponed.get(notification_key(metadata))
    if waiting is None:
        return True
    remaining = waiting.not_before - ipa.wall_time()
    # A pause longer than any that is ever set means that the clock was moved: then it is due.
    return remaining <= 0 or remaining > max(ipa.timers.notification_backoff)


def next_time(ipa: Ipa, before: Postponed | None) -> Postponed:
    """When a notification that was refused once more is tried again."""
    refusals = (before.refusals if before else 0) + 1
    pause = stepped(ipa.timers.notification_backoff, refusals)
    return Postponed(refusals=refusals, not_before=int(ipa.wall_time() + pause))
