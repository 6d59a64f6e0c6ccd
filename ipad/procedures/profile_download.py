"""One download of a profile, direct or relayed: from InitiateAuthentication to the result (SGP.22 3.1.3, SGP.32 3.2.3).

Up to the first segment every failure leads through `cancel_session`. From then on the eUICC speaks: it answers with a
ProfileInstallationResult, and one that was lost on the way is looked up in its notifications. The whole package is
here before the first segment goes out, so that a broken link never leaves half of it on the eUICC.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from ipad.codec import tlv
from ipad.codec.bpp import BoundProfilePackage
from ipad.codec.euicc_info import DeviceInfo
from ipad.codec.notification import ProfileInstallationResult
from ipad.codec.rsp import CancelSessionReason, PrepareDownloadRequest
from ipad.codec.tlv import Buffer
from ipad.errors import CardError, CodecError, EuiccResultError, IpadError, NetworkError, PortError, StatusWordError
from ipad.procedures.cancel_session import Cancellation, cancel_session, cancellation_for
from ipad.procedures.certificate_dates import DateCheck
from ipad.procedures.installation_result import find_result
from ipad.procedures.mutual_authentication import RspSession, RspTarget, authenticate
from ipad.procedures.patient_server import answer_was_lost
from ipad.procedures.ports import Euicc
from ipad.procedures.profile_checks import ProfileRules, check_offer, check_package, check_profile, confirmation_hash
from ipad.procedures.progress import ProgressListener, Stage, entered, unheeded, within
from ipad.procedures.rsp_server import ProfileOffer, Redirection, RspServer
from ipad.records import dataclass, field

log = logging.getLogger(__name__)

_PREPARE_DOWNLOAD, _OCTET_STRING = 0xBF21, 0x04


@dataclass(frozen=True, kw_only=True)
class Download:
    """Everything that one attempt needs.

    `before_loading` is awaited with the transaction id before the first segment. `retry_follows`: a session whose
    answers got lost is left as it is, so that the next attempt can use the same one-time key.
    """

    euicc: Euicc
    server: RspServer
    target: RspTarget
    dates: DateCheck
    before_loading: Callable[[bytes], Awaitable[None]]
    rules: ProfileRules = field(default_factory=ProfileRules)
    device_info: DeviceInfo | None = None
    confirmation_code: str | None = None
    number_before: int | None = None
    progress: ProgressListener = unheeded
    retry_follows: bool = False

    async def authenticate(self) -> RspSession:
        """The first half; there is nothing to cancel when it fails.

        Raises DownloadCheckError, EuiccResultError, RspStatusError, ServerResultError, NetworkError, CardError and
        PortError.
        """
        self.progress(entered(Stage.CONTACTING, self.target.place))
        return await authenticate(self.euicc, self.server, self.target, self.device_info, self.dates)

    async def complete(self, session: RspSession) -> ProfileInstallationResult | Redirection:
        """The second half: the result of the eUICC, good or bad, or what an SM-DS says.

        Raises as `authenticate`, and CodecError for a malformed package; nothing of the profile is on the eUICC then
        and the session is cancelled, unless `retry_follows`.
        """
        self.progress(entered(Stage.AUTHENTICATING))
        if session.discovery and self.server.direct:
            return await self._discover(session)
        try:
            fetched = await self._fetch(session)
            if isinstance(fetched, Redirection):
                return fetched
            await self.before_loading(session.transaction_id)
        except asyncio.CancelledError:
            # The process is asked to end: what the eUICC holds is let go, the server finds out by itself.
            await self._cancel(session, Cancellation(CancelSessionReason.TIMEOUT, tell_server=False))
            raise
        except IpadError as error:
            if not (self.retry_follows and isinstance(error, NetworkError) and answer_was_lost(error)):
                await self._cancel(session, cancellation_for(error))
            raise
        return await self._load(session, fetched)

    async def _discover(self, session: RspSession) -> ProfileInstallationResult | Redirection:
        """An SM-DS session ends with its answer, so there is nothing to cancel (SGP.22 3.6)."""
        answer = await self.server.authenticate_client(session.transaction_id, session.response, discovery=True)
        assert isinstance(answer, Redirection)
        return answer

    async def _fetch(self, session: RspSession) -> BoundProfilePackage | Redirection:
        """From AuthenticateClient to a package that was checked."""
        offer = await self.server.authenticate_client(session.transaction_id, session.response)
        if isinstance(offer, Redirection):
            return offer
        self.progress(entered(Stage.CHECKING, offer.metadata.profile_name if offer.metadata is not None else ""))
        check_offer(session, offer, self.dates)
        if offer.metadata is not None:
            await check_profile(self.euicc, offer.metadata, self.rules)
        hash_cc = confirmation_hash(offer, self.confirmation_code)
        self.progress(entered(Stage.PREPARING))
        data = await self._prepared_package(session, offer, hash_cc)
        package = BoundProfilePackage.parse(data)
        metadata = check_package(package, session, offer)
        if offer.metadata is None:
            await check_profile(self.euicc, metadata, self.rules)
        return package

    async def _prepared_package(self, session: RspSession, offer: ProfileOffer, hash_cc: bytes | None) -> Buffer:
        response = await self.euicc.prepare_download(_prepare_request(offer, hash_cc))
        self.progress(entered(Stage.FETCHING))
        refusal = response.download_response_error
        if refusal is None:
            return await self.server.get_bound_profile_package(session.transaction_id, response)
        try:
            await self.server.get_bound_profile_package(session.transaction_id, response)
        except IpadError as error:
            log.info("GetBoundProfilePackage with the error of the eUICC: %s", error)
        raise EuiccResultError("PrepareDownload", refusal.download_error_code, response=response.encode())

    async def _load(self, session: RspSession, package: BoundProfilePackage) -> ProfileInstallationResult:
        self.progress(entered(Stage.INSTALLING, f"{package.size} bytes"))
        try:
            return await self.euicc.load_bound_profile_package(package, self._loaded)
        except (CardError, PortError, CodecError) as error:
            log.warning("loading ended without a result, looking for it on the eUICC: %s", error)
            result = await self._lost_result(session, reset=not isinstance(error, StatusWordError))
            if result is not None:
                return result
            await self._cancel(session, Cancellation(CancelSessionReason.LOAD_BPP_EXECUTION_ERROR))
            raise

    async def _lost_result(self, session: RspSession, *, reset: bool) -> ProfileInstallationResult | None:
        """The stored result. After a reset the eUICC has one even of what was interrupted (SGP.22 3.1.3.3)."""
        try:
            if reset:
                await self.euicc.reset()
            return await find_result(self.euicc, session.transaction_id, self.number_before)
        except IpadError as error:
            log.warning("the notifications of the eUICC cannot be read: %s", error)
            return None

    def _loaded(self, done: int, total: int) -> None:
        self.progress(within(Stage.INSTALLING, done, total))

    async def _cancel(self, session: RspSession, cancellation: Cancellation) -> None:
        await cancel_session(self.euicc, self.server, session.transaction_id, cancellation)


def _prepare_request(offer: ProfileOffer, hash_cc: bytes | None) -> PrepareDownloadRequest:
    """The request of ES10b.PrepareDownload, put together from the TLVs as they were received."""
    parts = [offer.smdp_signed2.raw, offer.smdp_signature2]
    if hash_cc is not None:
        parts.append(tlv.tlv(_OCTET_STRING, hash_cc))
    return PrepareDownloadRequest.decode(tlv.tlv(_PREPARE_DOWNLOAD, *parts, offer.smdp_certificate))
