"""Control API of the rig: a small HTTP/JSON service on loopback.

A route is a method, a path with `{names}` and a handler that takes a `Call` and returns JSON values. Errors are JSON
too: {"error": "..."} with status 400 (the call makes no sense), 404 (no such route or thing), 405 or 409 (not now).
"""

import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from hil.webserver import LOOPBACK, Reply, Request, WebServer

log = logging.getLogger(__name__)


class CallError(Exception):
    """A call that is refused with an HTTP status."""

    def __init__(self, message: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Call:
    """`names` from the path, `query`, and the JSON body ({} when there is none)."""

    names: dict[str, str]
    query: dict[str, str]
    body: dict[str, Any] = field(default_factory=dict)

    def number(self, name: str, default: float | None = None) -> float | None:
        """A number of the query. Raises CallError."""
        text = self.query.get(name)
        if text is None:
            return default
        try:
            return float(text)
        except ValueError:
            raise CallError(f"{name}: expected a number, found {text!r}") from None


Handler = Callable[[Call], Awaitable[Any]]


@dataclass(frozen=True)
class Route:
    """`path` like "/eim/{eim}/results"."""

    method: str
    path: str
    handler: Handler

    def match(self, path: str) -> dict[str, str] | None:
        """The names of a path that fits, else None."""
        wanted, found = self.path.split("/"), path.split("/")
        if len(wanted) != len(found):
            return None
        names = {}
        for want, have in zip(wanted, found, strict=True):
            if want.startswith("{"):
                names[want[1:-1]] = unquote(have)
            elif want != have:
                return None
        return names


class ControlServer:
    """Serves routes on a loopback port."""

    def __init__(self, routes: list[Route]) -> None:
        self._routes = routes
        self._server = WebServer(self._answer)

    @property
    def url(self) -> str:
        """Base of all paths, without a slash at the end."""
        return f"http://{LOOPBACK}:{self._server.port}"

    @property
    def port(self) -> int:
        """The port in use."""
        return self._server.port

    async def start(self, port: int = 0) -> None:
        """Listen. Raises PortTakenError."""
        await self._server.start(port)

    async def close(self) -> None:
        """Stop serving."""
        await self._server.close()

    async def _answer(self, request: Request) -> Reply:
        try:
            return _json(HTTPStatus.OK, await self._dispatch(request))
        except CallError as error:
            return _json(error.status, {"error": str(error)})
        except Exception as error:  # the bench must answer whatever goes wrong in one call
            log.exception("%s %s", request.method, request.target)
            return _json(HTTPStatus.INTERNAL_SERVER_ERROR, {"error": f"{type(error).__name__}: {error}"})

    async def _dispatch(self, request: Request) -> Any:
        address = urlsplit(request.target)
        path = address.path.rstrip("/") or "/"
        fitting = [(route, names) for route in self._routes if (names := route.match(path)) is not None]
        if not fitting:
            raise CallError(f"there is no {path}", HTTPStatus.NOT_FOUND)
        for route, names in fitting:
            if route.method == request.method:
                query = dict(parse_qsl(address.query, keep_blank_values=True))
                return await route.handler(Call(names, query, _body(request.body)))
        allowed = ", ".join(sorted({route.method for route, _ in fitting}))
        raise CallError(f"{path} takes {allowed}", HTTPStatus.METHOD_NOT_ALLOWED)


def _body(data: bytes) -> dict[str, Any]:
    if not data:
        return {}
    try:
        body = json.loads(data)
    except ValueError as error:
        raise CallError(f"the body is no JSON: {error}") from error
    if not isinstance(body, dict):
        raise CallError("the body must be a JSON object")
    return body


def _json(status: HTTPStatus, value: Any) -> Reply:
    return Reply(status, json.dumps(value).encode() + b"\n", (("Content-Type", "application/json"),))
