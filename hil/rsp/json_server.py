"""The JSON binding of ES9+ and ES11 over HTTP (SGP.22 6.2, 6.5)."""

from __future__ import annotations

import base64
import binascii
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hil import tlv
from hil.faults import FaultPlan
from hil.rsp import status
from hil.rsp.authentication import Challenge
from hil.rsp.faults import Fault, FaultKind, instead, spoilt
from hil.rsp.status import RspStatus
from hil.webserver import Reply, Request

PATH = "/gsma/rsp2/es9plus/"
PROTOCOL = "gsma/rsp/v2.2.0"
_JSON = "application/json"

Function = Callable[["Members"], Awaitable[Mapping[str, Any] | None]]
"""Takes the request's members; returns the members of the answer, None for 204."""


@dataclass(frozen=True)
class Exchange:
    """One call with its answer, for a timeline."""

    function: str
    user_agent: str
    request: bytes
    status: int
    response: bytes
    outcome: str
    """Subject and reason of a call that was not executed, else empty."""
    fault: FaultKind | None
    seconds: float
    """What the function took."""


Observer = Callable[[Exchange], None]


class Members:
    """The members of a request."""

    def __init__(self, members: Mapping[str, Any]) -> None:
        self._members = members

    def text(self, name: str) -> str:
        """A string. Raises RspStatus when it is missing."""
        value = self._members.get(name)
        if not isinstance(value, str):
            raise RspStatus(status.MALFORMED, f"{name} is missing or no string")
        return value

    def binary(self, name: str) -> bytes:
        """Base64. Raises RspStatus."""
        try:
            return base64.b64decode("".join(self.text(name).split()), validate=True)
        except (binascii.Error, ValueError) as error:
            raise RspStatus(status.MALFORMED, f"{name}: {error}") from error

    def transaction_id(self) -> bytes:
        """Hexadecimal digits of either case."""
        try:
            return bytes.fromhex(self.text("transactionId"))
        except ValueError as error:
            raise RspStatus(status.UNKNOWN_TRANSACTION) from error


class JsonFunctions:
    """Dispatches requests to functions and wraps their answers."""

    def __init__(self, functions: Mapping[str, Function], observer: Observer | None = None) -> None:
        self._functions = functions
        self._observer = observer
        self.faults = FaultPlan[Fault]()
        self.calls: list[str] = []
        """Names of the functions in the order of the calls, failed ones too."""

    async def handle(self, request: Request) -> Reply:
        """Answer one HTTP request."""
        name = request.target.removeprefix(PATH)
        function = self._functions.get(name)
        if not request.target.startswith(PATH) or function is None:
            return _plain(404, "no such function")
        refusal = _refusal(request)
        if refusal is not None:
            return refusal
        try:
            members = json.loads(request.body)
        except ValueError:
            members = None
        if not isinstance(members, dict):
            return _plain(400, "no JSON object")
        self.calls.append(name)
        started = time.monotonic()
        fault = self.faults.take(name)
        reply, outcome = await self._answer(function, Members(members), fault)
        if self._observer is not None:
            seconds = time.monotonic() - started
            shown = b"" if reply.delivery.drop else reply.body
            agent = request.header("user-agent") or ""
            kind = fault.kind if fault is not None else None
            self._observer(Exchange(name, agent, request.body, reply.status, shown, outcome, kind, seconds))
        return reply

    async def _answer(self, function: Function, members: Members, fault: Fault | None) -> tuple[Reply, str]:
        """The reply, and why the function was not executed if so."""
        replaced = instead(fault) if fault is not None else None
        if replaced is not None:
            return replaced, ""
        outcome = ""
        try:
            code = fault.status_code if fault is not None else None
            if code is not None:
                raise RspStatus(code)
            answer = await function(members)
            reply = _answered(answer, fault)
        except RspStatus as error:
            outcome = str(error)
            reply = _json(json.dumps(failed(error)).encode())
        return (reply if fault is None else spoilt(reply, fault)), outcome


def _answered(answer: Mapping[str, Any] | None, fault: Fault | None) -> Reply:
    if answer is None:
        return Reply(204, headers=(("X-Admin-Protocol", PROTOCOL),))
    content = {key: _text(value) for key, value in answer.items()}
    members = {**_SUCCESS, **content}
    return _json(json.dumps(members if fault is None else fault.changed(members)).encode())


def _refusal(request: Request) -> Reply | None:
    if request.method != "POST":
        return _plain(405, "use POST")
    if _JSON not in (request.header("content-type") or "").lower():
        return _plain(415, f"expected {_JSON}")
    protocol = request.header("x-admin-protocol")
    if protocol is not None and not protocol.startswith("gsma/rsp/v2."):
        return _plain(400, "X-Admin-Protocol")
    return None


_SUCCESS = {"header": {"functionExecutionStatus": {"status": "Executed-Success"}}}


def authentication_members(asked: Challenge) -> dict[str, Any]:
    """The answer of initiateAuthentication (SGP.22 6.5.2.6)."""
    return {
        "transactionId": asked.transaction_id.hex().upper(),
        "serverSigned1": asked.server_signed1,
        "serverSignature1": asked.server_signature1,
        "euiccCiPKIdToBeUsed": tlv.build(0x04, asked.ci_key_id),
        "serverCertificate": asked.certificate,
    }


def failed(error: RspStatus) -> dict[str, Any]:
    """The answer of a function that was not executed."""
    data = {"subjectCode": error.code.subject, "reasonCode": error.code.reason, "message": str(error)}
    return {"header": {"functionExecutionStatus": {"status": "Failed", "statusCodeData": data}}}


def _text(value: object) -> object:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def _json(body: bytes) -> Reply:
    headers = (("Content-Type", f"{_JSON};charset=UTF-8"), ("X-Admin-Protocol", PROTOCOL))
    return Reply(200, body, headers)


def _plain(code: int, text: str) -> Reply:
    return Reply(code, text.encode(), (("Content-Type", "text/plain"),))
