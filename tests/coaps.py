"""The agent's CoAPS client and the bench's CoAPS endpoint, put together on loopback."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from hil import crypto
from hil.coap import CoapsServer
from hil.dtls import DtlsServer
from hil.pki import Credential, Pki, Validity
from hil.pki import certificates as shape
from ipad.net.authority import AddressOverrides, Authority
from ipad.net.coap import CoapClient, CoapSettings
from ipad.net.dtls import DtlsClient, DtlsSettings
from ipad.net.tls import PinnedKey, Trust

HOST = "eim.example.com"
POLL = bytes.fromhex("BF4F125A1089049032001234567890000000100070")
NOTHING = bytes.fromhex("BF4F03020101")

Handler = Callable[[bytes], Awaitable[bytes | None]]


@cache
def pki() -> Pki:
    """One for all tests; nothing of it stays on disk."""
    with TemporaryDirectory() as directory:
        return Pki.generate(Path(directory), hosts=(HOST, "127.0.0.1"))


def pin() -> PinnedKey:
    """The key of the bench's eIM."""
    return PinnedKey(crypto.spki(pki().eim_tls.public_key))


def reissued(*hosts: str, validity: Validity | None = None) -> Credential:
    """The eIM's key in another certificate of the same CA."""
    authority = pki().tls_ca
    certificate = shape.issue(
        shape.name(hosts[0]),
        pki().eim_tls.public_key,
        shape.Issuer.of(authority.certificate, authority.key),
        shape.tls_leaf_extensions(hosts),
        validity or Validity(),
    )
    return Credential(certificate, pki().eim_tls.key)


async def answer(body: bytes) -> bytes | None:
    """A poll finds nothing, HandleNotification has no answer, anything else comes back."""
    if body == POLL:
        return NOTHING
    return None if body.startswith(b"\xbf\x3d") else body


PATIENT = CoapSettings(timeout=30, handshake_timeout=20, ack_timeout=10)
"""No retransmission of CoAP, whatever else the machine has to do."""

QUICK = CoapSettings(timeout=20, handshake_timeout=10, ack_timeout=0.1, max_retransmit=2, probe_retransmit=0)
"""Retransmissions of CoAP after tenths of a second."""


def client(
    port: int,
    settings: CoapSettings = PATIENT,
    *,
    trust: Trust | None = None,
    dtls: DtlsSettings | None = None,
    host: str = HOST,
) -> CoapClient:
    """A client that finds `host` on a port of loopback."""
    overrides = AddressOverrides({f"coaps://{host}": f"127.0.0.1:{port}"})
    association = DtlsClient(host, trust or pin(), time.time, dtls)
    return CoapClient(Authority(host), association, replace(settings, overrides=overrides))


@dataclass
class Pair:
    """A client and its server."""

    client: CoapClient
    server: CoapsServer

    async def post(self, body: bytes, max_body: int = 1 << 20) -> bytes:
        """The payload of a response that must be a success."""
        response = await self.client.post(("gsma", "rsp2", "asn1"), body, max_body=max_body)
        assert response.code_text == "2.04"
        return response.payload


@asynccontextmanager
async def running(
    settings: CoapSettings = PATIENT,
    *,
    handler: Handler = answer,
    trust: Trust | None = None,
    dtls: DtlsSettings | None = None,
    server: DtlsServer | None = None,
    host: str = HOST,
) -> AsyncIterator[Pair]:
    """A started server and a client for it; both are closed in the end."""
    endpoint = CoapsServer(handler, server or DtlsServer(pki().eim_tls))
    port = await endpoint.start()
    pair = Pair(client(port, settings, trust=trust, dtls=dtls, host=host), endpoint)
    try:
        yield pair
    finally:
        await pair.client.close()
        await endpoint.close()
