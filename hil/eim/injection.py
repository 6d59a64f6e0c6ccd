"""Injection: the eIM sends its packages to the server of an IPA (SGP.32 3.1.1.2, 3.3.1, 5.14.4).

One package per call: the request, its result verified as one that was fetched, and the acknowledgement in a second
request. What arrives twice is acknowledged twice and is news once. A package whose result did not come stays handed
out: the IPA may still deliver it, and the next call sends the same bytes.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from enum import StrEnum

from hil.eim import transfer
from hil.eim.core import VirtualEim
from hil.eim.messages import MalformedRequestError
from hil.eim.transfer_link import InjectionTarget, TransferLink, TransferReply, UnreachableError, link_to

log = logging.getLogger(__name__)

__all__ = ["InjectionEnd", "InjectionOutcome", "InjectionTarget", "inject", "inject_over"]


class InjectionEnd(StrEnum):
    """How an injection ended."""

    RESULT = "result"
    """A result or data arrived."""
    RECEIVED = "received"
    """eimPackageReceived: the result of the download comes later."""
    PACKAGE_ERROR = "package-error"
    """eimPackageError."""
    BUSY = "busy"
    """HTTP 503 or 429, CoAP 5.03: to be repeated later."""
    REFUSED = "refused"
    """Any other status that is no success."""
    UNREACHABLE = "unreachable"
    """No connection, no trust, or no answer."""
    MALFORMED = "malformed"
    """An answer that is no TransferEimPackageResponse."""
    NOTHING = "nothing"
    """Nothing was queued; nothing was sent."""


@dataclass(frozen=True)
class InjectionOutcome:
    """What came of one injection.

    `package`: its number in the queue. `status`: as in "HTTP 200" or "CoAP 2.04", "" without an answer. `error`:
    eimPackageError. `retry_after` in seconds. `records`: numbers of what was written down. `acknowledged`: sequence
    numbers that were named to the IPA; `confirmed`: whether that said to have got them, None when there were none.
    """

    end: InjectionEnd
    package: int | None = None
    status: str = ""
    detail: str = ""
    error: int | None = None
    retry_after: float | None = None
    records: tuple[int, ...] = ()
    verified: bool | None = None
    """Whether all checks of all records passed, None without records."""
    acknowledged: tuple[int, ...] = ()
    confirmed: bool | None = None

    @property
    def ok(self) -> bool:
        """The IPA took the package and, where there was something to acknowledge, the acknowledgement."""
        return self.end in (InjectionEnd.RESULT, InjectionEnd.RECEIVED) and self.confirmed is not False


async def inject(eim: VirtualEim, eid: bytes, target: InjectionTarget) -> InjectionOutcome:
    """Send the package of this eUICC that waits to the server of its IPA. Raises UnknownEuiccError."""
    link = link_to(target, f"gsma-rsp-eim;{eim.identity.eim_id}")
    try:
        return await inject_over(eim, eid, link)
    finally:
        await link.close()


async def inject_over(eim: VirtualEim, eid: bytes, link: TransferLink) -> InjectionOutcome:
    """As `inject`, over a link that stays open. Raises UnknownEuiccError."""
    alternative = eim.hand_out(eid)
    if alternative is None:
        return InjectionOutcome(InjectionEnd.NOTHING)
    package = eim.association(eid).waiting()
    so_far = InjectionOutcome(InjectionEnd.UNREACHABLE, None if package is None else package.number)
    try:
        reply = await link.exchange(transfer.request(alternative))
    except UnreachableError as error:
        return replace(so_far, detail=str(error))
    except MalformedRequestError as error:
        return replace(so_far, end=InjectionEnd.MALFORMED, detail=str(error))
    return await _answered(eim, eid, link, reply, replace(so_far, status=reply.status))


async def _answered(
    eim: VirtualEim, eid: bytes, link: TransferLink, reply: TransferReply, so_far: InjectionOutcome
) -> InjectionOutcome:
    if not reply.success:
        end = InjectionEnd.BUSY if reply.busy else InjectionEnd.REFUSED
        return replace(so_far, end=end, retry_after=reply.retry_after)
    try:
        answer = transfer.read_answer(reply.message)
        if answer.result is not None:
            return await _result(eim, eid, answer.result, link, so_far)
    except MalformedRequestError as error:
        return replace(so_far, end=InjectionEnd.MALFORMED, detail=str(error))
    package = eim.association(eid).waiting()
    if answer.error is not None:
        eim.transfer_refused(eid, package, answer.error)
        return replace(so_far, end=InjectionEnd.PACKAGE_ERROR, error=answer.error)
    eim.transfer_received(eid, package)
    return replace(so_far, end=InjectionEnd.RECEIVED)


async def _result(
    eim: VirtualEim, eid: bytes, result: bytes, link: TransferLink, so_far: InjectionOutcome
) -> InjectionOutcome:
    """Take a result and acknowledge it. Raises MalformedRequestError."""
    first = eim.history.next_number
    receipt = eim.take_transferred(eid, result)
    records = [record for record in eim.history.records if record.number >= first]
    outcome = replace(
        so_far,
        end=InjectionEnd.RESULT,
        detail="; ".join(record.summary for record in records),
        records=tuple(record.number for record in records),
        verified=all(record.verified for record in records) if records else None,
    )
    numbers = eim.numbers_to_acknowledge(receipt)
    if numbers is None:
        eim.settle(eid, receipt, None)
        return outcome
    refusal = await _acknowledge(link, numbers)
    if refusal is None:
        eim.settle(eid, receipt, numbers)
    else:
        log.info("the acknowledgement was not taken: %s", refusal)
        outcome = replace(outcome, detail=f"{outcome.detail}; acknowledgement: {refusal}")
    return replace(outcome, acknowledged=tuple(numbers), confirmed=refusal is None)


async def _acknowledge(link: TransferLink, numbers: list[int]) -> str | None:
    """Send acknowledgements; None when the IPA said to have received them, else what it did."""
    try:
        reply = await link.exchange(transfer.request(transfer.acknowledgements(numbers)))
        if not reply.success:
            return reply.status
        answer = transfer.read_answer(reply.message)
    except (UnreachableError, MalformedRequestError) as error:
        return str(error)
    if answer.received:
        return None
    return "answered with a result" if answer.error is None else f"eimPackageError {answer.error}"
