"""ES9+ and ES11 functions over the JSON binding (SGP.22 5.6, 5.8.1, 5.8.2 and 6.5.2).

Objects of the eUICC pass as the exact bytes it gave, objects of the server are handed on as the exact bytes received.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

from ipad.codec import json_binding
from ipad.codec.json_binding import Answer, b64
from ipad.codec.profile import StoreMetadataRequest
from ipad.codec.rsp import ServerSigned1, SmdpSigned2
from ipad.errors import CodecError, ExchangeError
from ipad.records import dataclass

_SIGNATURE = 0x5F37
_KEY_IDENTIFIER = 0x04


class JsonPost(Protocol):
    """One server: posts a JSON body to a function and returns the body of the answer, b"" for 204."""

    @property
    def server_certificate(self) -> bytes | None:
        """DER of the certificate that the server showed in TLS; None before that, and where there is no TLS."""
        ...

    async def post(self, function: str, body: bytes) -> bytes:
        """Raises NetworkError and its subclasses."""
        ...

    async def close(self) -> None:
        """Close the connection cleanly."""
        ...


@dataclass(frozen=True, slots=True)
class ServerAuthentication:
    """Answer of initiateAuthentication. Signature and key identifier are complete TLVs, the certificate is DER."""

    transaction_id: str
    server_signed1: ServerSigned1
    server_signature1: bytes
    euicc_ci_pk_id_to_be_used: bytes
    server_certificate: bytes


@dataclass(frozen=True, slots=True)
class DownloadOffer:
    """Answer of authenticateClient of a SM-DP+."""

    profile_metadata: StoreMetadataRequest
    smdp_signed2: SmdpSigned2
    smdp_signature2: bytes
    smdp_certificate: bytes


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of a SM-DS (SGP.22 5.8.2)."""

    event_id: str
    rsp_server_address: str


class Es9Client:
    """The functions of one RSP server. `transaction_id` strings are echoed as the server sent them."""

    def __init__(self, http: JsonPost) -> None:
        self._http = http

    @property
    def server_certificate(self) -> bytes | None:
        """DER of the certificate that the server showed in TLS."""
        return self._http.server_certificate

    async def initiate_authentication(
        self, euicc_challenge: bytes, euicc_info1: bytes, server_address: str
    ) -> ServerAuthentication:
        """ES9+/ES11.InitiateAuthentication (5.6.1, 5.8.1).

        `euicc_challenge` is 16 octets, `euicc_info1` the BF20 TLV, `server_address` has no port.
        """
        answer = await self._call(
            "initiateAuthentication",
            {"euiccChallenge": b64(euicc_challenge), "euiccInfo1": b64(euicc_info1), "smdpAddress": server_address},
        )
        with _reading():
            signed = ServerSigned1.decode(answer.required("serverSigned1"))
            signed_id = json_binding.transaction_id(signed.transaction_id)
            text = answer.transaction_id() or signed_id
            if text.upper() != signed_id:
                raise CodecError(
                    f"{text} differs from {signed_id} in serverSigned1", path="initiateAuthentication.transactionId"
                )
            return ServerAuthentication(
                text,
                signed,
                answer.required("serverSignature1", tag=_SIGNATURE),
                answer.required("euiccCiPKIdToBeUsed", "euiccCiPKIdentifierToBeUsed", tag=_KEY_IDENTIFIER),
                answer.required("serverCertificate"),
            )

    async def authenticate_client(self, transaction_id: str, authenticate_server_response: bytes) -> DownloadOffer:
        """ES9+.AuthenticateClient (5.6.3); the response is the BF38 TLV of the eUICC, also when it is an error."""
        answer = await self._authenticate_client(transaction_id, authenticate_server_response)
        with _reading():
            return DownloadOffer(
                StoreMetadataRequest.decode(answer.required("profileMetadata")),
                SmdpSigned2.decode(answer.required("smdpSigned2")),
                answer.required("smdpSignature2", tag=_SIGNATURE),
                answer.required("smdpCertificate"),
            )

    async def authenticate_client_for_events(
        self, transaction_id: str, authenticate_server_response: bytes
    ) -> tuple[Event, ...]:
        """ES11.AuthenticateClient (5.8.2); an empty list means that nothing waits."""
        answer = await self._authenticate_client(transaction_id, authenticate_server_response)
        with _reading():
            return tuple(_event(entry) for entry in answer.entries("eventEntries"))

    async def get_bound_profile_package(self, transaction_id: str, prepare_download_response: bytes) -> bytes:
        """ES9+.GetBoundProfilePackage (5.6.2): the BF36 TLV."""
        answer = await self._call(
            "getBoundProfilePackage",
            {"transactionId": transaction_id, "prepareDownloadResponse": b64(prepare_download_response)},
        )
        with _reading():
            return answer.required("boundProfilePackage")

    async def cancel_session(self, transaction_id: str, cancel_session_response: bytes) -> None:
        """ES9+.CancelSession (5.6.5) with the BF41 TLV of the eUICC."""
        await self._call(
            "cancelSession",
            {"transactionId": transaction_id, "cancelSessionResponse": b64(cancel_session_response)},
        )

    async def handle_notification(self, pending_notification: bytes) -> None:
        """ES9+.HandleNotification (5.6.4). Returns when the server accepted it: 204, or 200 with nothing against it."""
        body = json_binding.encode({"pendingNotification": b64(pending_notification)})
        answer = await self._http.post("handleNotification", body)
        if answer.strip():
            Answer.parse("handleNotification", answer)

    async def close(self) -> None:
        """Close the connection."""
        await self._http.close()

    async def _authenticate_client(self, transaction_id: str, authenticate_server_response: bytes) -> Answer:
        return await self._call(
            "authenticateClient",
            {"transactionId": transaction_id, "authenticateServerResponse": b64(authenticate_server_response)},
        )

    async def _call(self, function: str, members: dict[str, str]) -> Answer:
        body = await self._http.post(function, json_binding.encode(members))
        with _reading():
            return Answer.parse(function, body)


@contextmanager
def _reading() -> Iterator[None]:
    """What a server sends and cannot be read is a failed exchange."""
    try:
        yield
    except CodecError as error:
        raise ExchangeError(str(error)) from error


def _event(entry: Mapping[str, object]) -> Event:
    event_id, address = entry.get("eventId"), entry.get("rspServerAddress")
    if not isinstance(event_id, str) or not isinstance(address, str):
        raise CodecError("eventId or rspServerAddress is no string", path="authenticateClient.eventEntries")
    return Event(event_id, address)
