"""The agent's control socket: the same answers as the commands of `ipad`, without a process for each."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from hil.suite.abilities import Answer

_FAILED: Final = 1


@dataclass(frozen=True)
class Call:
    """One request."""

    method: str
    path: str
    body: Mapping[str, Any] = field(default_factory=dict)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def send(path: Path, call: Call, within: float) -> Answer:
    """The answer to one call. Raises OSError (no agent, no answer in time), ValueError for what is no JSON object."""
    connection = _UnixConnection(path, within)
    headers = {"Content-Type": "application/json"} if call.method == "POST" else {}
    body = json.dumps(dict(call.body)).encode() if call.method == "POST" else None
    try:
        connection.request(call.method, f"{call.path}?wait=1" if call.method == "POST" else call.path, body, headers)
        response = connection.getresponse()
        value = json.loads(response.read())
    except http.client.HTTPException as error:
        raise ConnectionError(f"{path}: {error!r}") from error
    finally:
        connection.close()
    if not isinstance(value, dict):
        raise ValueError(f"{path}: expected an object, got {type(value).__name__}")
    return Answer(_code(response.status, value), value)


def _code(status: int, value: Mapping[str, Any]) -> int:
    error = value.get("error")
    if isinstance(error, Mapping):
        return int(error.get("exit_code", _FAILED))
    if status not in (HTTPStatus.OK, HTTPStatus.ACCEPTED):
        return _FAILED
    return int(value.get("exit_code", 0) or 0)


_PLAIN: Final[Mapping[tuple[str, ...], Call]] = {
    ("status",): Call("GET", "/v1/status"),
    ("poll",): Call("POST", "/v1/poll"),
    ("eim", "poll"): Call("POST", "/v1/poll"),
    ("profile", "list"): Call("GET", "/v1/profiles"),
    ("profile", "download"): Call("POST", "/v1/profiles/download"),
    ("eim", "list"): Call("GET", "/v1/eims"),
    ("euicc", "info"): Call("GET", "/v1/euicc"),
    ("notification", "list"): Call("GET", "/v1/notifications"),
    ("notification", "send"): Call("POST", "/v1/notifications/send"),
    ("modem", "info"): Call("GET", "/v1/modem"),
    ("policy", "status"): Call("GET", "/v1/policy"),
    ("policy", "return"): Call("POST", "/v1/policy/return"),
    ("emergency", "enable"): Call("POST", "/v1/emergency/enable"),
    ("emergency", "disable"): Call("POST", "/v1/emergency/disable"),
}
_WITH_ARGUMENT: Final[Mapping[tuple[str, ...], Callable[[str], Call]]] = {
    ("poll",): lambda eim_id: Call("POST", "/v1/poll", {"eim_id": eim_id}),
    ("eim", "poll"): lambda eim_id: Call("POST", "/v1/poll", {"eim_id": eim_id}),
    ("eim", "add"): lambda file: Call("POST", "/v1/eims", {"request": Path(file).read_bytes().hex()}),
    ("profile", "info"): lambda iccid: Call("GET", f"/v1/profiles/{iccid}"),
    ("profile", "download"): lambda code: Call("POST", "/v1/profiles/download", {"code": code}),
    ("modem", "at"): lambda command: Call("POST", "/v1/modem/at", {"command": command}),
}


def call_for(words: Sequence[str]) -> Call | None:
    """The call that a command makes, None for one that is left to the command itself."""
    plain = _PLAIN.get(tuple(words))
    if plain is not None or not words or any(word.startswith("-") for word in words):
        return plain
    made = _WITH_ARGUMENT.get(tuple(words[:-1]))
    return None if made is None else made(words[-1])
