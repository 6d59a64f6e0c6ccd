"""A server of the agent and the clients that knock at it."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from hil.pki import Credential
from ipad.codec.x509 import Certificate
from ipad.net.peer_rules import PeerIdentity, PeerRule, PeerRules
from ipad.net.serving import Answer, ServerCredential
from tests.ipad.net.issuing import Issued, issue

HOST = "127.0.0.1"


def files(issued: Issued, folder: Path, name: str) -> ServerCredential:
    """Certificate with its chain, and key, as PEM files."""
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    above = b"".join(item.public_bytes(Encoding.PEM) for item in issued.above)
    certificate.write_bytes(issued.pem + above)
    key.write_bytes(issued.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return ServerCredential(certificate, key)


def credential(issued: Issued) -> Credential:
    """As the bench wants it."""
    return Credential(issued.der, issued.key)


def rule(
    name: str = "peer", certificate: Issued | None = None, networks: Sequence[str] = (), host: str | None = None
) -> PeerRule:
    return PeerRule(
        name=name,
        networks=tuple(ipaddress.ip_network(network) for network in networks),
        certificate=None if certificate is None else Certificate.parse(certificate.der),
        host=host,
    )


def rules(*those: PeerRule, now: float | None = None) -> PeerRules:
    return PeerRules(those, lambda: time.time() if now is None else now)


@dataclass
class Desk:
    """A handler that echoes, and remembers who asked what."""

    answers: list[Answer] = field(default_factory=list)
    seen: list[tuple[bytes, PeerIdentity]] = field(default_factory=list)
    sent: list[bool] = field(default_factory=list)
    hold: asyncio.Event | None = None
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    done: asyncio.Event = field(default_factory=asyncio.Event)

    def note(self, sent: bool) -> None:
        self.sent.append(sent)
        self.done.set()

    async def ask(self, body: bytes, peer: PeerIdentity) -> Answer:
        self.seen.append((body, peer))
        self.asked.set()
        if self.hold is not None:
            await self.hold.wait()
        if self.answers:
            return self.answers.pop(0)
        return Answer(body=body, sent=self.note)


@dataclass(frozen=True)
class People:
    """A CA with two clients, a client without a CA, and the server itself."""

    ca: Issued = field(default_factory=lambda: issue("CA of clients", ca=True))
    other_ca: Issued = field(default_factory=lambda: issue("Another CA", ca=True))
    server: Issued = field(default_factory=lambda: issue("device", hosts=(HOST,)))

    def client(self, name: str = "eim.example.com", issuer: Issued | None = None) -> Issued:
        return issue(name, issuer, hosts=(name,))


def client_context(server: Issued, shown: Issued | None, folder: Path) -> ssl.SSLContext:
    """Of a client that trusts the server's certificate, and shows one of its own if it has one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=server.der)
    if shown is not None:
        found = files(shown, folder, f"client-{shown.certificate.serial_number:x}")
        context.load_cert_chain(found.certificate, found.key)
    return context


def post(body: bytes, *headers: str, path: str = "/gsma/rsp2/asn1", method: str = "POST") -> bytes:
    """A request with a length."""
    lines = [f"{method} {path} HTTP/1.1", "Host: device", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


async def exchange(context: ssl.SSLContext, port: int, *requests: bytes) -> list[bytes]:
    """Send requests over one connection; the answers up to the one after which it was closed."""
    reader, writer = await asyncio.open_connection(HOST, port, ssl=context, server_hostname=HOST)
    answers = []
    try:
        for request in requests:
            writer.write(request)
            answers.append(await read_answer(reader))
    finally:
        writer.transport.abort()
    return answers


async def read_answer(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
    return head + await reader.readexactly(length)
