"""Client of the control API, for the commands and for the demo."""

import json
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode
from urllib.request import ProxyHandler, Request, build_opener


class ControlError(Exception):
    """A call that failed; the message is the rig's or says why it could not be reached."""


class ControlClient:
    """Calls the control API of a rig at `url`. Loopback only: proxies of the environment are not used."""

    def __init__(self, url: str) -> None:
        if not url.startswith("http://"):
            raise ControlError(f"{url!r} is no control URL of a rig")
        self._url = url.rstrip("/")
        self._opener = build_opener(ProxyHandler({}))

    def get(self, path: str, **query: str | float | None) -> Any:
        """GET with the query members that are not None. Raises ControlError."""
        given = {name: value for name, value in query.items() if value is not None}
        timeout = float(given.get("timeout", 10)) + 10
        return self._call("GET", path + (f"?{urlencode(given)}" if given else ""), None, timeout)

    def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """POST a JSON object. Raises ControlError."""
        return self._call("POST", path, body or {}, 20)

    def delete(self, path: str) -> Any:
        """DELETE. Raises ControlError."""
        return self._call("DELETE", path, None, 20)

    def _call(self, method: str, path: str, body: dict[str, Any] | None, timeout: float) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = Request(self._url + quote(path, safe="/?&=%:,"), data, method=method)  # noqa: S310 - checked above
        try:
            with self._opener.open(request, timeout=timeout) as response:
                return json.loads(response.read())
        except HTTPError as error:
            with error:
                raise ControlError(_message(error.read(), error.code)) from error
        except (URLError, OSError, ValueError) as error:
            reason = getattr(error, "reason", error)
            raise ControlError(f"no rig answers at {self._url}: {reason}") from error


def _message(body: bytes, status: int) -> str:
    try:
        return str(json.loads(body)["error"])
    except (ValueError, KeyError, TypeError):
        return f"the rig answered HTTP {status}"
