"""An error as programs read it: the same in `--json`, in the status and in the codes that are counted."""

from __future__ import annotations

import re
from typing import Final

from ipad.errors import (
    EuiccResultError,
    HttpStatusError,
    IpadError,
    ModemError,
    NetworkError,
    RemoteError,
    RspStatusError,
    ServerResultError,
    StatusWordError,
)
from ipad.records import dataclass

_LONGEST_CODE: Final = 48


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An error.

    `kind` is the branch of the error tree. `code` and `name` are the number that the peer gave (result code, status
    word, HTTP status, +CME ERROR) and its name in the specification, or None; of an RSP server `name` is its subject
    and reason code, of the network the layer.
    """

    kind: str
    code: int | None
    name: str | None
    message: str
    hint: str | None
    exit_code: int

    @property
    def label(self) -> str:
        """A short code for counters: the kind and, where there is one, what the peer said."""
        detail = self.name if self.name is not None else self.code
        text = self.kind if detail is None else f"{self.kind} {detail}"
        return "".join(char if char.isascii() and char.isprintable() else "?" for char in text[:_LONGEST_CODE])


def failure_of(error: IpadError) -> Failure:
    """The failure that an error is; of one that the agent told, the failure that the agent has seen."""
    if isinstance(error, RemoteError):
        return Failure(
            kind=error.kind,
            code=error.code,
            name=error.name,
            message=str(error),
            hint=error.hint,
            exit_code=int(error.exit_code),
        )
    code, name = _peer_code(error)
    kind = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", type(error).__name__.removesuffix("Error")).lower()
    return Failure(
        kind=kind or "ipad",
        code=code,
        name=name,
        message=str(error),
        hint=error.hint,
        exit_code=int(error.exit_code),
    )


def _peer_code(error: IpadError) -> tuple[int | None, str | None]:
    found: tuple[int | None, str | None] = None, None
    match error:
        case EuiccResultError(code=code) | ServerResultError(code=code):
            found = int(code), getattr(code, "spec_name", code.name)
        case StatusWordError(sw=sw):
            found = sw, f"{sw:04X}"
        case RspStatusError(subject=subject, reason=reason):
            found = None, f"{subject}/{reason}"
        case HttpStatusError(status=status):
            found = status, None
        case NetworkError(layer=layer):
            found = None, layer
        case ModemError(code=number):
            found = number, None
    return found
