"""Notifications and eUICC Package Results that wait on the eUICC."""

from __future__ import annotations

from ipad.codec.euicc_package import EuiccPackageResult
from ipad.codec.notification import DeleteNotificationStatus, NotificationMetadata
from ipad.codec.profile import NotificationEvent
from ipad.daemon.agent import LocalAgent
from ipad.daemon.card_access import CardAccess
from ipad.errands.envelope import Json, Result
from ipad.errands.parameters import Act, Parameters
from ipad.errands.verdicts import describe_result
from ipad.errors import EuiccResultError, ExitCode, NotFoundError
from ipad.ids import Iccid
from ipad.procedures.stored_results import metadata_of, pending_notifications, stored_results


def listing(given: Parameters) -> Act[CardAccess]:
    """ES10b.RetrieveNotificationsList (SGP.22 5.7.10, SGP.32 5.9.11)."""
    given.known()

    async def act(card: CardAccess) -> Result:
        pending = await pending_notifications(card.euicc)
        results = await stored_results(card.euicc) if await card.is_iot() else ()
        rows: list[Json] = [_notification(metadata) for item in pending if (metadata := metadata_of(item))]
        rows += [_result(result) for result in results]
        return Result({"notifications": rows})

    return act


def send(given: Parameters) -> Act[LocalAgent]:
    """Hand what is pending to the eIMs (SGP.32 3.7)."""
    given.known()

    async def act(agent: LocalAgent) -> Result:
        report = await agent.send_notifications()
        error = report.network_error
        return Result(
            {
                "sent": list(report.sent),
                "refused": list(report.refused),
                "waiting": report.waiting,
                "message": str(error) if error is not None else f"{len(report.sent)} notification(s) sent",
            },
            error.exit_code if error is not None else ExitCode.OK,
        )

    return act


def remove(given: Parameters) -> Act[CardAccess]:
    """ES10b.RemoveNotificationFromList (SGP.22 5.7.11, SGP.32 5.9.12)."""
    given.known("seq")
    number = given.number("seq")

    async def act(card: CardAccess) -> Result:
        status = await card.euicc.remove_notification_from_list(number)
        if status == DeleteNotificationStatus.NOTHING_TO_DELETE:
            raise NotFoundError(f"there is no notification {number} on the eUICC", hint="see ipad notification list")
        if status != DeleteNotificationStatus.OK:
            raise EuiccResultError("RemoveNotificationFromList", status)
        return Result({"seq": number, "removed": True})

    return act


def _notification(metadata: NotificationMetadata) -> dict[str, Json]:
    events = metadata.profile_management_operation
    return {
        "seq": metadata.seq_number,
        "type": "notification",
        "event": [
            flag.name.removeprefix("NOTIFICATION_").lower()
            for flag in NotificationEvent
            if flag & events and flag.name is not None
        ],
        "iccid": str(Iccid(metadata.iccid)) if metadata.iccid is not None else None,
        "receiver": metadata.notification_address,
    }


def _result(result: EuiccPackageResult) -> dict[str, Json]:
    signed = result.euicc_package_result_signed
    data = signed.euicc_package_result_data_signed if signed is not None else None
    return {
        "seq": data.seq_number if data is not None else None,
        "type": "package_result",
        "event": describe_result(result),
        "iccid": None,
        "receiver": data.eim_id if data is not None else None,
    }
