"""`ipad notification`: notifications and eUICC Package Results that wait on the eUICC."""

from __future__ import annotations

from ipad.cli.invocation import Invocation
from ipad.cli.output import Json, Report
from ipad.cli.runs import describe_result
from ipad.clock import SystemClock
from ipad.codec.euicc_package import EuiccPackageResult
from ipad.codec.notification import DeleteNotificationStatus, NotificationMetadata
from ipad.codec.profile import NotificationEvent
from ipad.daemon.assembly import AgentFactory
from ipad.daemon.card_access import open_card
from ipad.errors import EuiccResultError, ExitCode, NotFoundError, UsageError
from ipad.ids import Iccid
from ipad.procedures.stored_results import metadata_of, pending_notifications, stored_results

_COLUMNS = ("seq", "type", "event", "iccid", "receiver")


async def list_notifications(call: Invocation) -> Report:
    """ES10b.RetrieveNotificationsList (SGP.22 5.7.10, SGP.32 5.9.11)."""
    async with open_card(call.config, SystemClock()) as card:
        pending = await pending_notifications(card.euicc)
        results = await stored_results(card.euicc) if await card.is_iot() else ()
    rows: list[Json] = [_notification(metadata) for item in pending if (metadata := metadata_of(item))]
    rows += [_result(result) for result in results]
    return Report({"notifications": rows}, tables={"notifications": _COLUMNS})


async def send(call: Invocation) -> Report:
    """Hand what is pending to the eIMs (SGP.32 3.7)."""
    async with AgentFactory(call.config, SystemClock()).open() as agent:
        report = await agent.send_notifications()
    error = report.network_error
    return Report(
        {
            "sent": list(report.sent),
            "refused": list(report.refused),
            "waiting": report.waiting,
            "message": str(error) if error is not None else f"{len(report.sent)} notification(s) sent",
        },
        exit_code=error.exit_code if error is not None else ExitCode.OK,
    )


async def remove(call: Invocation) -> Report:
    """ES10b.RemoveNotificationFromList (SGP.22 5.7.11, SGP.32 5.9.12)."""
    number = call.args.seq
    if number < 0:
        raise UsageError(f"sequence number {number}: expected 0 or more")
    async with open_card(call.config, SystemClock()) as card:
        status = await card.euicc.remove_notification_from_list(number)
    if status == DeleteNotificationStatus.NOTHING_TO_DELETE:
        raise NotFoundError(f"there is no notification {number} on the eUICC", hint="see ipad notification list")
    if status != DeleteNotificationStatus.OK:
        raise EuiccResultError("RemoveNotificationFromList", status)
    return Report({"seq": number, "removed": True})


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
