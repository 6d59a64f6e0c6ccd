"""Notifications that the IPA itself brings to their receivers, by ES9+.HandleNotification (SGP.32 3.7, SGP.22 3.5).

The result of a direct download always goes this way. Others do where no eIM is reached that would forward them.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from ipad.codec.esipa import EimPackageResult
from ipad.codec.notification import (
    DeleteNotificationStatus,
    NotificationMetadata,
    PendingNotification,
    ProfileInstallationResult,
)
from ipad.errors import CodecError, ExchangeError, HttpStatusError, NetworkError, RspStatusError
from ipad.procedures.context import Ipa
from ipad.procedures.installation_result import sequence_number
from ipad.procedures.notification import is_due, keys_kept, next_time, notification_key
from ipad.procedures.ports import RspConnector
from ipad.procedures.report import NotificationReport
from ipad.procedures.stored_results import metadata_of, pending_notifications
from ipad.records import dataclass, field, replace
from ipad.state.journal import Postponed

if TYPE_CHECKING:
    from ipad.es9.functions import Es9Client

log = logging.getLogger(__name__)


async def deliver_to_receivers(
    ipa: Ipa,
    *,
    only_owed: bool,
    only: Collection[int] | None = None,
    at_hand: ProfileInstallationResult | None = None,
) -> NotificationReport:
    """Deliver in the order of the sequence numbers; what is accepted is removed from the eUICC at once.

    `only_owed`: nothing but results of direct downloads. `only` names sequence numbers that are sent whether they are
    due or not; no others are sent then. A refused notification waits for its back-off and does not
    hold up others; a receiver that is not reached gets nothing more this time. `at_hand`: a result that the eUICC has
    just given; where it is all that is owed, the list of the eUICC is not needed for it.
    """
    if ipa.rsp is None or (only_owed and not ipa.journal.content.direct_results):
        return NotificationReport()
    known = _all_that_is_owed(ipa, at_hand) if only_owed else None
    notifications = known or await pending_notifications(ipa.euicc)
    delivery = _Delivery(ipa, ipa.rsp, dict(ipa.journal.content.postponed))
    present = {metadata.seq_number for item in notifications if (metadata := metadata_of(item)) is not None}
    owed = tuple(number for number in ipa.journal.content.direct_results if number in present)
    wanted = set(owed) if only_owed else present - _on_their_way(ipa) | set(owed)
    try:
        for item in notifications:
            metadata = metadata_of(item)
            assert metadata is not None
            if metadata.seq_number in wanted and is_due(ipa, metadata, delivery.postponed, only):
                await delivery.send(item, metadata)
    finally:
        await delivery.close()
    content = ipa.journal.content
    present_keys = set(content.postponed) if known else keys_kept(ipa, notifications)
    kept = present_keys | delivery.postponed.keys() - content.postponed.keys()
    await ipa.journal.commit(
        replace(
            content,
            postponed={key: value for key, value in delivery.postponed.items() if key in kept},
            direct_results=tuple(number for number in owed if number not in delivery.sent),
        )
    )
    return NotificationReport(
        sent=tuple(delivery.sent),
        refused=tuple(delivery.refused),
        waiting=len(notifications) - len(delivery.sent),
        network_error=delivery.failure,
    )


def _all_that_is_owed(ipa: Ipa, at_hand: ProfileInstallationResult | None) -> tuple[PendingNotification, ...]:
    """The result at hand as a notification; empty unless nothing else is owed to an SM-DP+."""
    if at_hand is None or ipa.journal.content.direct_results != (sequence_number(at_hand),):
        return ()
    return (PendingNotification(profile_installation_result=at_hand),)


def _on_their_way(ipa: Ipa) -> set[int]:
    """Notifications inside results that an eIM does not have yet: it will forward them."""
    found: set[int] = set()
    for item in ipa.journal.content.undelivered:
        result = EimPackageResult.decode(item.result)
        notifications: tuple[PendingNotification, ...] = ()
        if result.epr_and_notifications is not None:
            notifications = result.epr_and_notifications.notification_list
        elif result.profile_download_trigger_result is not None:
            installation = result.profile_download_trigger_result.profile_download_trigger_result_data
            if installation.profile_installation_result is not None:
                notifications = (
                    PendingNotification(profile_installation_result=installation.profile_installation_result),
                )
        found.update(metadata.seq_number for entry in notifications if (metadata := metadata_of(entry)) is not None)
    return found


@dataclass
class _Delivery:
    """One pass over the notifications: connections, and what became of each."""

    ipa: Ipa
    connector: RspConnector
    postponed: dict[bytes, Postponed]
    sent: list[int] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)
    failure: NetworkError | None = None
    _clients: dict[str, Es9Client] = field(default_factory=dict)
    _unreachable: set[str] = field(default_factory=set)

    async def send(self, item: PendingNotification, metadata: NotificationMetadata) -> None:
        """Deliver one notification and remove it, unless its receiver was not reached before."""
        address, key = metadata.notification_address, notification_key(metadata)
        if address in self._unreachable:
            return
        try:
            await self._client(address).handle_notification(item.encode())
        except (HttpStatusError, ExchangeError, RspStatusError, CodecError) as error:
            log.warning("notification %d refused by %r: %s", metadata.seq_number, address[:80], error)
            self.postponed[key] = next_time(self.ipa, self.postponed.get(key))
            self.refused.append(metadata.seq_number)
        except NetworkError as error:
            log.warning("notification %d not delivered to %r: %s", metadata.seq_number, address[:80], error)
            self._unreachable.add(address)
            self.failure = error
        else:
            status = await self.ipa.euicc.remove_notification_from_list(metadata.seq_number)
            if status not in (DeleteNotificationStatus.OK, DeleteNotificationStatus.NOTHING_TO_DELETE):
                log.warning("the eUICC did not remove notification %d: %s", metadata.seq_number, status)
            self.postponed.pop(key, None)
            self.sent.append(metadata.seq_number)

    def _client(self, address: str) -> Es9Client:
        """The connection to a receiver; CodecError for an address that is none."""
        if address not in self._clients:
            from ipad.es9.functions import Es9Client  # noqa: PLC0415 - most notifications go to eIMs

            self._clients[address] = Es9Client(self.connector.connect(address))
        return self._clients[address]

    async def close(self) -> None:
        """Close all connections."""
        clients: Mapping[str, Es9Client] = self._clients
        for client in clients.values():
            await client.close()
