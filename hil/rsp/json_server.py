"""The JSON binding of ES9+ and ES11 over HTTP (SGP.22 6.2, 6.5)."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hil import tlv
from hil.rsp import status
from hil.rsp.authentication import Challenge
from hil.rsp.status import RspStatus, StatusCode
from hil.webserver import Delivery, Reply, Request

PATH = "/gsma/rsp2/es9plus/"
PROTOCOL = "gsma/rsp/v2.2.0"
_JSON = "application/json"

Function = Callable[["Members"], Awaitable[Mapping[str, Any] | None]]
"""Takes the request's members; returns the members of the answer, None for 204."""


@dataclass
class Faults:
    """What the server does wrong on demand, by function name ("initiateAuthentication", ...)."""

    fail: dict[str, StatusCode] = field(default_factory=dict)
    http_status: dict[str, int] = field(default_factory=dict)
    body: dict[str, bytes] = field(default_factory=dict)
    """A body to send instead of the answer."""
    members: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    """Members of the answer to replace; None leaves one out."""
    delivery: dict[str, Delivery] = field(default_factory=dict)
    once: bool = True
    """A fault is used once, then forgotten."""

    def take(self, table: dict[str, Any], function: str) -> Any:
        """The fault of a table for a function, if any."""
        return table.pop(function, None) if self.once else table.get(function)


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

    def __init__(self, functions: Mapping[str, Function], faults: Faults | None = None) -> None:
        self._functions = functions
        self.faults = faults or Faults()
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
        return await self._answer(name, function, Members(members))

    async def _answer(self, name: str, function: Function, members: Members) -> Reply:
        faults = self.faults
        delivery = faults.take(faults.delivery, name) or Delivery()
        http_status = faults.take(faults.http_status, name)
        if http_status is not None:
            return Reply(
                http_status, b"<html><body>on demand</body></html>", (("Content-Type", "text/html"),), delivery
            )
        body = faults.take(faults.body, name)
        if body is not None:
            return _json(body, delivery)
        code = faults.take(faults.fail, name)
        try:
            if code is not None:
                raise RspStatus(code)
            answer = await function(members)
        except RspStatus as error:
            return _json(json.dumps(failed(error)).encode(), delivery)
        if answer is None:
            return Reply(204, headers=(("X-Admin-Protocol", PROTOCOL),), delivery=delivery)
        answer = {**answer, **(faults.take(faults.members, name) or {})}
        content = {key: _text(value) for key, value in answer.items() if value is not None}
        return _json(json.dumps({**_SUCCESS, **content}).encode(), delivery)


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


def _json(body: bytes, delivery: Delivery) -> Reply:
    headers = (("Content-Type", f"{_JSON};charset=UTF-8"), ("X-Admin-Protocol", PROTOCOL))
    return Reply(200, body, headers, delivery)


def _plain(code: int, text: str) -> Reply:
    return Reply(code, text.encode(), (("Content-Type", "text/plain"),))
