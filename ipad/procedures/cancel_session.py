"""The one way out of a download between authentication and the first segment (SGP.22 3.0.2; SGP.32 3.2.3, 5.14.8).

The eUICC signs the reason and forgets the session, and the server learns the reason from it. Nothing that goes wrong
here hides the error that led here.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final

from ipad.codec.esipa_rsp import (
    AuthenticateClientErrorEsipa,
    GetBoundProfilePackageErrorEsipa,
)
from ipad.codec.rsp import CancelSessionReason
from ipad.errors import (
    DownloadCheckError,
    EuiccResultError,
    IpadError,
    NetworkError,
    RspStatusError,
    ServerResultError,
)
from ipad.procedures.ports import Euicc
from ipad.procedures.rsp_server import RspServer
from ipad.records import dataclass

log = logging.getLogger(__name__)

_OF_AUTHENTICATE_CLIENT: Final[Mapping[int, CancelSessionReason]] = {
    AuthenticateClientErrorEsipa.PPR_NOT_ALLOWED: CancelSessionReason.PPR_NOT_ALLOWED,
}
_OF_GET_BOUND_PROFILE_PACKAGE: Final[Mapping[int, CancelSessionReason]] = {
    GetBoundProfilePackageErrorEsipa.METADATA_MISMATCH: CancelSessionReason.METADATA_MISMATCH,
    GetBoundProfilePackageErrorEsipa.CONFIRMATION_CODE_MISSING: CancelSessionReason.POSTPONED,
    GetBoundProfilePackageErrorEsipa.CONFIRMATION_CODE_REFUSED: CancelSessionReason.POSTPONED,
}
"""The same number means different things in different functions."""


@dataclass(frozen=True, slots=True)
class Cancellation:
    """Why a session is cancelled, and whether the server is still to be told."""

    reason: CancelSessionReason
    tell_server: bool = True


def cancellation_for(error: IpadError) -> Cancellation:
    """What to do about a session that ends with `error`.

    A server that itself refused on ES9+ has ended its session, and so has one that got an error of the eUICC. An eIM
    that refused wants to be told (SGP.32 3.2.3). A wrong confirmation code is no end of the order: it may be tried
    again, as after a lost connection.
    """
    if isinstance(error, DownloadCheckError):
        reason = error.reason
        return Cancellation(CancelSessionReason(reason) if reason is not None else CancelSessionReason.UNDEFINED_REASON)
    if isinstance(error, NetworkError):
        return Cancellation(CancelSessionReason.TIMEOUT)
    if isinstance(error, RspStatusError | EuiccResultError):
        return Cancellation(CancelSessionReason.UNDEFINED_REASON, tell_server=False)
    if isinstance(error, ServerResultError):
        of_package = isinstance(error.code, GetBoundProfilePackageErrorEsipa)
        reasons = _OF_GET_BOUND_PROFILE_PACKAGE if of_package else _OF_AUTHENTICATE_CLIENT
        return Cancellation(reasons.get(error.code, CancelSessionReason.UNDEFINED_REASON))
    return Cancellation(CancelSessionReason.UNDEFINED_REASON)


async def cancel_session(euicc: Euicc, server: RspServer, transaction_id: bytes, cancellation: Cancellation) -> None:
    """Cancel the session on the eUICC and, unless it ended there already, at the server. Raises nothing."""
    log.info("cancelling the session: %s", cancellation.reason)
    try:
        response = await euicc.cancel_session(transaction_id, cancellation.reason)
    except IpadError as error:
        log.warning("the eUICC did not cancel the session: %s", error)
        return
    if response.cancel_session_response_error is not None:
        log.warning("CancelSession: the eUICC answered %s", response.cancel_session_response_error)
    if not cancellation.tell_server:
        return
    try:
        await server.cancel_session(transaction_id, response)
    except IpadError as error:
        log.warning("the server was not told of the cancelled session: %s", error)
