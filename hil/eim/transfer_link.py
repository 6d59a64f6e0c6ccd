"""How the eIM reaches the server of an IPA: HTTPS with ASN.1 or JSON, or CoAPS (SGP.32 3.1.1.2, 6.1, 6.2, 6.4).

The eIM shows a certificate of its own, for SGP.32 leaves it to whoever operates the IPA whom that lets in.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol, Self
from urllib.parse import urlsplit

import h11

from hil.clock import Clock, LoopClock
from hil.coap import CoapError, CoapsClient
from hil.dtls_client import DtlsClient, DtlsError
from hil.eim import json_binding, json_transfer
from hil.eim.http_binding import ADMIN_PROTOCOL, CONTENT_TYPE
from hil.eim.http_binding import PATH as ASN1_PATH
from hil.eim.knobs import BindingName
from hil.pki import Credential

_PORTS: Final = {"https": 443, "coaps": 5684}
_MAX_BODY: Final = 1 << 20
_READ_SIZE: Final = 1 << 16
_TEMPORARY: Final = ("HTTP 429", "HTTP 503", "CoAP 5.03")


class UnreachableError(Exception):
    """No answer came: there is no connection, the handshake failed, or it took too long."""


@dataclass(frozen=True)
class InjectionTarget:
    """The server of an IPA. Times in seconds.

    `url` is https://HOST[:PORT] or coaps://HOST[:PORT], with a path or without: then that of the binding. `anchors`:
    PEM under which its certificate must be, with the name of the host; None takes any certificate. `connect`: address
    in place of the host's. `credential`: what the eIM shows of itself.
    """

    url: str
    binding: BindingName
    anchors: bytes | None = None
    connect: tuple[str, int] | None = None
    credential: Credential | None = None
    timeout: float = 60.0

    def __post_init__(self) -> None:
        parsed = urlsplit(self.url)
        wanted = "coaps" if self.binding is BindingName.COAPS else "https"
        if parsed.scheme != wanted or not parsed.hostname:
            raise ValueError(f"{self.url!r} is no URL like {wanted}://HOST:PORT")
        _ = parsed.port

    @classmethod
    def of(cls, url: str, binding: BindingName | None = None, **details: Any) -> Self:
        """With the binding that the URL suggests, if none is given. Raises ValueError."""
        if binding is None:
            parsed = urlsplit(url)
            is_json = parsed.path.startswith(json_binding.PATH)
            binding = (
                BindingName.COAPS if parsed.scheme == "coaps" else BindingName.JSON if is_json else BindingName.ASN1
            )
        return cls(url, binding, **details)

    @property
    def host(self) -> str:
        """Host of the URL."""
        return str(urlsplit(self.url).hostname)

    @property
    def port(self) -> int:
        """Port of the URL, or the default one."""
        parsed = urlsplit(self.url)
        return parsed.port or _PORTS[parsed.scheme]

    @property
    def address(self) -> tuple[str, int]:
        """Where to connect to."""
        return self.connect or (self.host, self.port)

    @property
    def path(self) -> str:
        """Path of the URL, or that of the binding."""
        default = json_transfer.PATH if self.binding is BindingName.JSON else ASN1_PATH
        path = urlsplit(self.url).path
        return default if path in ("", "/") else path


@dataclass(frozen=True)
class TransferReply:
    """`status` as in "HTTP 200" or "CoAP 2.04"; `message` in ASN.1, empty unless it is a success."""

    status: str
    message: bytes
    retry_after: float | None = None

    @property
    def success(self) -> bool:
        """2xx or 2.xx."""
        return self.status.split()[-1].startswith("2")

    @property
    def busy(self) -> bool:
        """The IPA wants to be asked later."""
        return self.status in _TEMPORARY


class TransferLink(Protocol):
    """A way to an IPA that may carry several messages."""

    async def exchange(self, message: bytes) -> TransferReply:
        """Send a TransferEimPackageRequest. Raises UnreachableError, MalformedRequestError."""

    async def close(self) -> None:
        """Hang up."""


def link_to(target: InjectionTarget, user_agent: str, clock: Clock | None = None) -> TransferLink:
    """A link that connects with its first message."""
    return CoapsLink(target, clock) if target.binding is BindingName.COAPS else HttpsLink(target, user_agent)


class HttpsLink:
    """HTTP/1.1 over TLS; one connection as long as the server lets it live."""

    def __init__(self, target: InjectionTarget, user_agent: str) -> None:
        self._target = target
        self._user_agent = user_agent
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._machine = h11.Connection(h11.CLIENT)

    async def exchange(self, message: bytes) -> TransferReply:
        """Send a TransferEimPackageRequest. Raises UnreachableError, MalformedRequestError."""
        is_json = self._target.binding is BindingName.JSON
        body = json_transfer.to_body(message) if is_json else message
        try:
            async with asyncio.timeout(self._target.timeout):
                status, headers, answer = await self._post(body)
        except (OSError, h11.ProtocolError, TimeoutError) as error:
            await self.close()
            raise UnreachableError(f"{type(error).__name__} {error}".rstrip()) from error
        wait = headers.get(b"retry-after", b"")
        retry_after = float(wait) if wait.isdigit() else None
        if not 200 <= status < 300:
            return TransferReply(f"HTTP {status}", b"", retry_after)
        return TransferReply(f"HTTP {status}", json_transfer.to_message(answer) if is_json else answer)

    async def close(self) -> None:
        """Hang up."""
        streams, self._streams = self._streams, None
        if streams is not None:
            streams[1].close()
            with contextlib.suppress(OSError):
                await streams[1].wait_closed()

    async def _post(self, body: bytes) -> tuple[int, dict[bytes, bytes], bytes]:
        if self._streams is None:
            host, port = self._target.address
            context = _tls(self._target)
            self._streams = await asyncio.open_connection(host, port, ssl=context, server_hostname=self._target.host)
            self._machine = h11.Connection(h11.CLIENT)
        reader, writer = self._streams
        machine = self._machine
        request = h11.Request(method="POST", target=self._target.path, headers=self._headers(body))
        for event in (request, h11.Data(data=body), h11.EndOfMessage()):
            writer.write(machine.send(event) or b"")
        await writer.drain()
        status, headers, answer = await _response(machine, reader)
        if machine.our_state is h11.DONE and machine.their_state is h11.DONE:
            machine.start_next_cycle()
        else:
            await self.close()
        return status, headers, answer

    def _headers(self, body: bytes) -> list[tuple[str, str]]:
        target = self._target
        json_type = json_binding.CONTENT_TYPE
        return [
            ("Host", urlsplit(target.url).netloc),
            ("User-Agent", self._user_agent),
            ("X-Admin-Protocol", ADMIN_PROTOCOL),
            ("Content-Type", json_type if target.binding is BindingName.JSON else CONTENT_TYPE),
            ("Content-Length", str(len(body))),
        ]


class CoapsLink:
    """CoAP over DTLS; one association."""

    def __init__(self, target: InjectionTarget, clock: Clock | None = None) -> None:
        self._target = target
        self._clock = clock or LoopClock()
        self._client: CoapsClient | None = None

    async def exchange(self, message: bytes) -> TransferReply:
        """Send a TransferEimPackageRequest. Raises UnreachableError."""
        path = tuple(segment for segment in self._target.path.split("/") if segment)
        try:
            async with asyncio.timeout(self._target.timeout):
                if self._client is None:
                    self._client = await self._opened()
                response = await self._client.post(path, message)
        except (OSError, DtlsError, CoapError, TimeoutError) as error:
            await self.close()
            raise UnreachableError(f"{type(error).__name__} {error}".rstrip()) from error
        success = response.code.startswith("2")
        return TransferReply(f"CoAP {response.code}", response.body if success else b"", response.max_age)

    async def close(self) -> None:
        """Hang up."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _opened(self) -> CoapsClient:
        target = self._target
        client = CoapsClient(DtlsClient(target.host, anchors=target.anchors, credential=target.credential), self._clock)
        try:
            await client.open(*target.address)
        except BaseException:
            await client.close()
            raise
        return client


async def _response(machine: h11.Connection, reader: asyncio.StreamReader) -> tuple[int, dict[bytes, bytes], bytes]:
    status, headers, body = 0, dict[bytes, bytes](), bytearray()
    while True:
        event = machine.next_event()
        if event is h11.NEED_DATA:
            machine.receive_data(await reader.read(_READ_SIZE))
        elif isinstance(event, h11.Response):
            status, headers = event.status_code, dict(event.headers)
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > _MAX_BODY:
                raise OSError(f"the answer has more than {_MAX_BODY} bytes")
        elif isinstance(event, h11.EndOfMessage):
            return status, headers, bytes(body)
        elif isinstance(event, h11.ConnectionClosed):
            raise OSError("the connection was closed without an answer")


def _tls(target: InjectionTarget) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if target.anchors is None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    else:
        context.load_verify_locations(cadata=target.anchors.decode("ascii"))
    if target.credential is not None:
        with tempfile.TemporaryDirectory(prefix="ipad-hil-") as folder:
            certificate, key = target.credential.write(Path(folder), "client")
            context.load_cert_chain(certificate, key)
    return context
