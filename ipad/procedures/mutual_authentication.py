"""Common mutual authentication: the server proves itself to the eUICC (SGP.22 3.0.1, SGP.32 3.2.3 steps 5 to 9).

Before the eUICC is asked, the IPA checks what the eUICC cannot know: that this is the server of the activation code,
and that its certificate is valid today. Nothing is to be cancelled yet when such a check fails.
"""

from __future__ import annotations

import logging

from ipad.codec import tlv
from ipad.codec.euicc_info import DeviceCapabilities, DeviceInfo
from ipad.codec.rsp import (
    AuthenticateServerRequest,
    AuthenticateServerResponse,
    CtxParams1,
    CtxParamsForCommonAuthentication,
)
from ipad.codec.x509 import ROLE_DP_AUTH, ROLE_DS_AUTH, Certificate
from ipad.errors import CodecError, DownloadCheckError, EuiccResultError, ExchangeError, IpadError
from ipad.procedures.certificate_dates import DateCheck
from ipad.procedures.ports import Euicc
from ipad.procedures.rsp_server import RspServer, ServerAuthentication, host_of
from ipad.records import dataclass

log = logging.getLogger(__name__)

UNKNOWN_DEVICE = DeviceInfo(tac=bytes(4), device_capabilities=DeviceCapabilities())
"""DeviceInfo of a device that has no modem to ask (SGP.22 4.2 makes the TAC mandatory)."""

_REQUEST_TAG = 0xBF38


@dataclass(frozen=True, kw_only=True)
class RspTarget:
    """Which server to ask for what. `address` is `host[:port]`, None where only the eIM knows it.

    `smds_levels` is how many SM-DS may still be asked on the way from here.
    """

    address: str | None
    matching_id: str = ""
    smdp_oid: str | None = None
    default_smdp: bool = False
    smds_levels: int = 0

    @property
    def place(self) -> str:
        """The server for messages."""
        return self.address or "the server of the eIM"


@dataclass(frozen=True, kw_only=True)
class RspSession:
    """A session in which eUICC and server know each other. `discovery`: the server is an SM-DS."""

    transaction_id: bytes
    server_oid: str | None
    discovery: bool
    response: AuthenticateServerResponse


async def authenticate(
    euicc: Euicc, server: RspServer, target: RspTarget, device_info: DeviceInfo | None, dates: DateCheck
) -> RspSession:
    """Steps up to ES10b.AuthenticateServer.

    Raises DownloadCheckError (no session to cancel), EuiccResultError when the eUICC refuses the server, which is told
    so, and what the ports raise.
    """
    info1 = await euicc.get_euicc_info1()
    challenge = await euicc.get_euicc_challenge()
    asked = await server.initiate_authentication(challenge, info1, target.address)
    certificate = check_server(asked, challenge, target, server, dates)
    discovery = ROLE_DS_AUTH in certificate.policies and ROLE_DP_AUTH not in certificate.policies
    request = authenticate_server_request(asked, target.matching_id, device_info)
    response = await euicc.authenticate_server(request)
    refusal = response.authenticate_response_error
    if refusal is not None:
        await _forward_refusal(server, asked.transaction_id, response, discovery=discovery)
        raise EuiccResultError("AuthenticateServer", refusal.authenticate_error_code, response=response.encode())
    return RspSession(
        transaction_id=asked.transaction_id,
        server_oid=certificate.registered_id,
        discovery=discovery,
        response=response,
    )


def check_server(
    asked: ServerAuthentication, challenge: bytes, target: RspTarget, server: RspServer, dates: DateCheck
) -> Certificate:
    """What is checked of a server before the eUICC sees it (SGP.22 3.0.1 step 5); returns its certificate.

    Raises DownloadCheckError without a reason, ExchangeError for a certificate that cannot be read.
    """
    signed = asked.server_signed1
    if signed.euicc_challenge != challenge:
        raise DownloadCheckError(f"{target.place}: serverSigned1 carries another euiccChallenge than the eUICC gave")
    if target.address is not None and host_of(signed.server_address).lower() != host_of(target.address).lower():
        raise DownloadCheckError(
            f"{target.place}: the server calls itself {signed.server_address[:80]!r} in serverSigned1"
        )
    certificate = _read(asked.server_certificate, "serverCertificate")
    oids = certificate.registered_ids
    if target.smdp_oid is not None and target.smdp_oid not in oids:
        raise DownloadCheckError(
            f"{target.place}: the activation code asks for the server with OID {target.smdp_oid}, "
            f"its certificate is for {', '.join(oids) or 'none'}"
        )
    shown = server.tls_certificate
    if shown is not None:
        tls_oids = _read(shown, "TLS certificate").registered_ids
        if tls_oids and not set(tls_oids) & set(oids):
            raise DownloadCheckError(
                f"{target.place}: the certificate in TLS is for OID {', '.join(tls_oids)}, "
                f"the one for authentication for {', '.join(oids) or 'none'}"
            )
    dates.check(certificate, f"the authentication certificate of {target.place}")
    return certificate


def authenticate_server_request(
    asked: ServerAuthentication, matching_id: str, device_info: DeviceInfo | None
) -> AuthenticateServerRequest:
    """The request of ES10b.AuthenticateServer, put together from the TLVs as they were received."""
    context = asked.ctx_params1
    if context is None:
        parameters = CtxParamsForCommonAuthentication(
            matching_id=asked.matching_id if asked.matching_id is not None else matching_id,
            device_info=device_info or UNKNOWN_DEVICE,
        )
        context = CtxParams1(ctx_params_for_common_authentication=parameters)
    return AuthenticateServerRequest.decode(
        tlv.tlv(
            _REQUEST_TAG,
            asked.server_signed1.raw,
            asked.server_signature1,
            asked.euicc_ci_pk_id,
            asked.server_certificate,
            context.encode(),
        )
    )


async def _forward_refusal(
    server: RspServer, transaction_id: bytes, response: AuthenticateServerResponse, *, discovery: bool
) -> None:
    """The server ends its session when it reads the error of the eUICC; what it answers does not matter."""
    try:
        await server.authenticate_client(transaction_id, response, discovery=discovery)
    except IpadError as error:
        log.info("AuthenticateClient with the error of the eUICC: %s", error)


def _read(der: bytes, name: str) -> Certificate:
    try:
        return Certificate.parse(der)
    except CodecError as error:
        raise ExchangeError(f"{name} cannot be read: {error}") from error
