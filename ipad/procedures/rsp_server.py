"""The RSP server of a download as the procedure sees it: the same functions direct on ES9+ and relayed on ESipa.

Objects of eUICC and server pass as the exact bytes received. `DirectServer` talks to an SM-DP+ or SM-DS itself
(SGP.22 5.6, 5.8), `RelayedServer` through the eIM (SGP.32 5.14.1 to 5.14.3, 5.14.8).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ipad.codec import tlv
from ipad.codec.esipa import ProfileDownloadTriggerRequest
from ipad.codec.esipa_rsp import (
    AuthenticateClientRequestEsipa,
    CancelSessionError,
    CancelSessionRequestEsipa,
    GetBoundProfilePackageRequestEsipa,
    InitiateAuthenticationRequestEsipa,
)
from ipad.codec.euicc_info import EuiccInfo1
from ipad.codec.profile import StoreMetadataRequest
from ipad.codec.rsp import (
    AuthenticateServerResponse,
    CancelSessionResponse,
    CtxParams1,
    PrepareDownloadResponse,
    ServerSigned1,
    SmdpSigned2,
)
from ipad.codec.tlv import Buffer
from ipad.errors import ExchangeError, ServerResultError
from ipad.es9.functions import Es9Client, Event
from ipad.procedures.ports import Eim
from ipad.records import dataclass

_SIGNATURE, _OCTET_STRING = 0x5F37, 0x04


@dataclass(frozen=True, kw_only=True)
class ServerAuthentication:
    """What the server says in InitiateAuthentication. Signature and CI identifier are complete TLVs.

    `matching_id` and `ctx_params1` are those of an eIM that gives them; they go before what the IPA would take.
    """

    transaction_id: bytes
    server_signed1: ServerSigned1
    server_signature1: bytes
    euicc_ci_pk_id: bytes
    server_certificate: bytes
    matching_id: str | None = None
    ctx_params1: CtxParams1 | None = None


@dataclass(frozen=True, kw_only=True)
class ProfileOffer:
    """What an SM-DP+ says in AuthenticateClient. `smdp_signature2` is a complete TLV.

    `metadata` is None where the eIM keeps it to itself, `hash_cc` is that of an eIM that knows the confirmation code.
    """

    smdp_signed2: SmdpSigned2
    smdp_signature2: bytes
    smdp_certificate: bytes
    metadata: StoreMetadataRequest | None = None
    hash_cc: bytes | None = None


@dataclass(frozen=True, kw_only=True)
class Redirection:
    """What an SM-DS says in AuthenticateClient: its events, or what an eIM made of them."""

    events: tuple[Event, ...] = ()
    trigger: ProfileDownloadTriggerRequest | None = None


class RspServer(Protocol):
    """One server, or the eIM in front of it.

    The functions raise NetworkError when there is no usable answer, and RspStatusError or ServerResultError when the
    server refuses.
    """

    @property
    def direct(self) -> bool:
        """Whether the IPA itself is connected to the server."""
        ...

    @property
    def tls_certificate(self) -> bytes | None:
        """DER of the certificate that the server itself showed in TLS; None where the IPA does not see it."""
        ...

    async def initiate_authentication(
        self, euicc_challenge: bytes, euicc_info1: EuiccInfo1, address: str | None
    ) -> ServerAuthentication:
        """InitiateAuthentication. `address` is None where only the eIM knows it."""
        ...

    async def authenticate_client(
        self, transaction_id: bytes, response: AuthenticateServerResponse, *, discovery: bool = False
    ) -> ProfileOffer | Redirection:
        """AuthenticateClient, also with the error form of the eUICC. `discovery`: the server is an SM-DS."""
        ...

    async def get_bound_profile_package(self, transaction_id: bytes, response: PrepareDownloadResponse) -> Buffer:
        """GetBoundProfilePackage, also with the error form of the eUICC: the BF36 TLV."""
        ...

    async def cancel_session(self, transaction_id: bytes, response: CancelSessionResponse) -> None:
        """CancelSession."""
        ...

    async def close(self) -> None:
        """Close a connection that is the server's alone."""
        ...


class DirectServer:
    """An SM-DP+ or SM-DS over ES9+ and ES11."""

    direct = True

    def __init__(self, client: Es9Client) -> None:
        self._client = client
        self._transaction = ("", b"")

    @property
    def tls_certificate(self) -> bytes | None:
        return self._client.server_certificate

    async def initiate_authentication(
        self, euicc_challenge: bytes, euicc_info1: EuiccInfo1, address: str | None
    ) -> ServerAuthentication:
        if address is None:
            raise ExchangeError("initiateAuthentication: there is no server address")
        answer = await self._client.initiate_authentication(euicc_challenge, euicc_info1.encode(), host_of(address))
        transaction_id = answer.server_signed1.transaction_id
        self._transaction = (answer.transaction_id, transaction_id)
        return ServerAuthentication(
            transaction_id=transaction_id,
            server_signed1=answer.server_signed1,
            server_signature1=answer.server_signature1,
            euicc_ci_pk_id=answer.euicc_ci_pk_id_to_be_used,
            server_certificate=answer.server_certificate,
        )

    async def authenticate_client(
        self, transaction_id: bytes, response: AuthenticateServerResponse, *, discovery: bool = False
    ) -> ProfileOffer | Redirection:
        text = self._text(transaction_id)
        if discovery:
            return Redirection(events=await self._client.authenticate_client_for_events(text, response.encode()))
        offer = await self._client.authenticate_client(text, response.encode())
        return ProfileOffer(
            smdp_signed2=offer.smdp_signed2,
            smdp_signature2=offer.smdp_signature2,
            smdp_certificate=offer.smdp_certificate,
            metadata=offer.profile_metadata,
        )

    async def get_bound_profile_package(self, transaction_id: bytes, response: PrepareDownloadResponse) -> bytes:
        return await self._client.get_bound_profile_package(self._text(transaction_id), response.encode())

    async def cancel_session(self, transaction_id: bytes, response: CancelSessionResponse) -> None:
        await self._client.cancel_session(self._text(transaction_id), response.encode())

    async def close(self) -> None:
        await self._client.close()

    def _text(self, transaction_id: bytes) -> str:
        """The identifier in the letters of the server, which may look it up literally."""
        text, octets = self._transaction
        return text if octets == transaction_id else transaction_id.hex().upper()


class RelayedServer:
    """A server behind the eIM. The eIM finds its download data by the transaction id of the trigger."""

    direct = False
    tls_certificate = None

    def __init__(self, eim: Eim, eim_transaction_id: bytes | None) -> None:
        self._eim = eim
        self._eim_transaction_id = eim_transaction_id

    async def initiate_authentication(
        self, euicc_challenge: bytes, euicc_info1: EuiccInfo1, address: str | None
    ) -> ServerAuthentication:
        response = await self._eim.initiate_authentication(
            InitiateAuthenticationRequestEsipa(
                euicc_challenge=euicc_challenge,
                smdp_address=address,
                euicc_info1=euicc_info1,
                eim_transaction_id=self._eim_transaction_id,
            )
        )
        ok = response.initiate_authentication_ok_esipa
        if ok is None:
            error = response.initiate_authentication_error_esipa
            assert error is not None
            raise ServerResultError("InitiateAuthentication", error, response=response.encode())
        signed_id = ok.server_signed1.transaction_id
        if ok.transaction_id not in (None, signed_id):
            raise ExchangeError("InitiateAuthentication: transactionId differs from the one in serverSigned1")
        key_id = expand_key_identifier(
            ok.euicc_ci_pk_identifier_to_be_used, euicc_info1.euicc_ci_pk_id_list_for_signing
        )
        return ServerAuthentication(
            transaction_id=signed_id,
            server_signed1=ok.server_signed1,
            server_signature1=tlv.tlv(_SIGNATURE, ok.server_signature1),
            euicc_ci_pk_id=tlv.tlv(_OCTET_STRING, key_id),
            server_certificate=ok.server_certificate,
            matching_id=ok.matching_id,
            ctx_params1=ok.ctx_params1,
        )

    async def authenticate_client(
        self,
        transaction_id: bytes,
        response: AuthenticateServerResponse,
        *,
        discovery: bool = False,  # noqa: ARG002 - the eIM says it by its answer
    ) -> ProfileOffer | Redirection:
        request = AuthenticateClientRequestEsipa(transaction_id=transaction_id, authenticate_server_response=response)
        answer = await self._eim.authenticate_client(request)
        if answer.authenticate_client_ok_ds_esipa is not None:
            return Redirection(trigger=answer.authenticate_client_ok_ds_esipa.profile_download_trigger)
        offer = answer.authenticate_client_ok_dp_esipa
        if offer is None:
            error = answer.authenticate_client_error_esipa
            assert error is not None
            raise ServerResultError("AuthenticateClient", error, response=answer.encode())
        return ProfileOffer(
            smdp_signed2=offer.smdp_signed2,
            smdp_signature2=tlv.tlv(_SIGNATURE, offer.smdp_signature2),
            smdp_certificate=offer.smdp_certificate,
            metadata=offer.profile_meta_data,
            hash_cc=offer.hash_cc,
        )

    async def get_bound_profile_package(self, transaction_id: bytes, response: PrepareDownloadResponse) -> Buffer:
        request = GetBoundProfilePackageRequestEsipa(transaction_id=transaction_id, prepare_download_response=response)
        answer = await self._eim.get_bound_profile_package(request)
        ok = answer.get_bound_profile_package_ok_esipa
        if ok is None:
            error = answer.get_bound_profile_package_error_esipa
            assert error is not None
            raise ServerResultError("GetBoundProfilePackage", error, response=answer.encode())
        return ok.bound_profile_package

    async def cancel_session(self, transaction_id: bytes, response: CancelSessionResponse) -> None:
        request = CancelSessionRequestEsipa(transaction_id=transaction_id, cancel_session_response=response)
        answer = await self._eim.cancel_session(request)
        if answer.cancel_session_ok is None:
            error = answer.cancel_session_error or CancelSessionError.UNDEFINED_ERROR
            raise ServerResultError("CancelSession", error, response=answer.encode())

    async def close(self) -> None:
        """The connection is that of the eIM and stays."""


def expand_key_identifier(given: bytes, known: Sequence[bytes]) -> bytes:
    """The CI key identifier of the eUICC that begins with what an eIM gave of it (SGP.32 5.14.1).

    Raises ExchangeError when none or more than one does.
    """
    found = [key_id for key_id in dict.fromkeys(known) if key_id.startswith(given)]
    if len(found) != 1:
        raise ExchangeError(
            f"InitiateAuthentication: euiccCiPKIdentifierToBeUsed {given.hex().upper() or 'without octets'} fits "
            f"{len(found)} of the eUICC's CI keys, expected exactly one"
        )
    return found[0]


def host_of(address: str) -> str:
    """The host of `host[:port]`, in the letters given: that is what a server knows itself by (SGP.22 5.6.1)."""
    if address.startswith("["):
        return address[1:].partition("]")[0]
    return address.partition(":")[0].removesuffix(".")
