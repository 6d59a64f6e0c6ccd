"""An IPA that is a server, for tests of the injection client: it answers with what a test put ready."""

from __future__ import annotations

import base64
import json
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hil import tlv
from hil.coap import CoapsServer, RefusedError
from hil.dtls import DtlsServer
from hil.eim.knobs import BindingName
from hil.pki import Credential, Pki
from hil.webserver import Reply, Request, WebServer

PATHS = {BindingName.ASN1: "/gsma/rsp2/asn1", BindingName.JSON: "/gsma/rsp2/esipa/transferEimPackage"}
RECEIVED = bytes.fromhex("BF4E020500")

Answer = bytes | int | Callable[[bytes], bytes]
"""A TransferEimPackageResponse, a status that is none, or what makes the response of the request."""


@dataclass
class InjectedIpa:
    """`answers` to packages, in their order; acknowledgements are always received."""

    pki: Pki
    folder: Path
    binding: BindingName
    client_ca: bytes | None = None
    answers: list[Answer] = field(default_factory=list)
    requests: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    connections: set[int] = field(default_factory=set)
    retry_after: int = 30

    async def start(self) -> None:
        credential = self.pki.issue_tls(("localhost",))
        if self.binding is BindingName.COAPS:
            self.coaps = CoapsServer(self._coap, DtlsServer(credential))
            self.port = await self.coaps.start()
        else:
            self.web = WebServer(self._http)
            await self.web.start(0, self._context(credential))
            self.port = self.web.port

    async def close(self) -> None:
        await (self.coaps if self.binding is BindingName.COAPS else self.web).close()

    @property
    def url(self) -> str:
        scheme = "coaps" if self.binding is BindingName.COAPS else "https"
        return f"{scheme}://localhost:{self.port}"

    def _context(self, credential: Credential) -> ssl.SSLContext:
        certificate, key = credential.write(self.folder, "ipa")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        if self.client_ca is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(cadata=self.client_ca.decode())
        return context

    def _answer(self, message: bytes) -> bytes | int:
        self.requests.append(message)
        if tlv.single(tlv.single(message, 0xBF4E).value).tag == 0xBF53:
            return RECEIVED
        answer = self.answers.pop(0)
        return answer(message) if callable(answer) else answer

    async def _coap(self, body: bytes) -> bytes:
        answer = self._answer(body)
        if isinstance(answer, int):
            raise RefusedError(f"{answer // 100}.{answer % 100:02}", max_age=self.retry_after)
        return answer

    async def _http(self, request: Request) -> Reply:
        assert (request.method, request.target) == ("POST", PATHS[self.binding])
        self.headers.append(dict(request.headers))
        self.connections.add(request.connection)
        is_json = self.binding is BindingName.JSON
        answer = self._answer(_from_json(request.body) if is_json else request.body)
        if isinstance(answer, int):
            return Reply(answer, b"", (("Retry-After", str(self.retry_after)),))
        return Reply(200, _to_json(answer) if is_json else answer)


def _from_json(body: bytes) -> bytes:
    (value,) = json.loads(body).values()
    return tlv.build(0xBF4E, base64.b64decode(value, validate=True))


def _to_json(message: bytes) -> bytes:
    answer = tlv.single(tlv.single(message, 0xBF4E).value)
    text = base64.b64encode(answer.raw).decode()
    members: dict[str, Any]
    match answer.tag:
        case 0xBF51:
            members = {"euiccPackageResult": text}
        case 0xBF52:
            members = {"ipaEuiccDataResponse": text}
        case 0x30:
            result, listed = tlv.children(answer.value)
            items = [base64.b64encode(item.raw).decode() for item in tlv.children(listed.value)]
            both = {"euiccPackageResult": base64.b64encode(result.raw).decode(), "notificationList": items}
            members = {"ePRAndNotifications": both}
        case 0x05:
            members = {"eimPackageReceived": None}
        case _:
            members = {"eimPackageError": int.from_bytes(answer.value)}
    return json.dumps({"header": {"functionExecutionStatus": {"status": "Executed-Success"}}, **members}).encode()
