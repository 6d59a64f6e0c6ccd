"""What is asked of the privileged helper: one JSON object in one line, and one line back.

The list of actions is fixed and each names what it needs and no more. No request names a line, a device or a path:
those come from files of root. `docs/systemd.md` describes both sides.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final

from ipad.errors import ConfigError, HelperError
from ipad.records import asdict, dataclass, field
from ipad.toml import Check, Document, Within, build

SOCKET: Final = Path("/run/ipad-helper.sock")
SOCKET_VARIABLE: Final = "IPAD_HELPER_SOCKET"
"""Environment variable that names another socket."""
HOOKS: Final = Path("/etc/ipad/hooks.d")
"""The only directory whose programs the helper runs."""
MAX_LINE: Final = 8192
"""Bytes of a request or an answer, with the end of the line."""

_HOOK_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_ARGUMENT = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_VARIABLE = re.compile(r"IPAD_[A-Z0-9_]{1,32}")
_MAX_TEXT: Final = 256
_MAX_SHOWN: Final = 600


def is_hook_name(name: str) -> bool:
    """Whether a file of that name may be a hook: no path, and nothing hidden."""
    return bool(_HOOK_NAME.fullmatch(name))


BoardName = Annotated[
    str, Check(lambda text: bool(re.fullmatch(r"[a-z0-9][a-z0-9-]{0,63}", text)), "the name of a board")
]
HookName = Annotated[str, Check(is_hook_name, "the name of a program")]
Argument = Annotated[str, Check(lambda text: bool(_ARGUMENT.fullmatch(text)), "a word of [a-z0-9-]")]
Text = Annotated[str, Check(lambda text: len(text) <= _MAX_TEXT and text.isprintable(), "at most 256 characters")]

Arguments = Annotated[tuple[Argument, ...], Check(lambda words: len(words) <= 4, "at most 4 words")]
Variables = Annotated[
    Mapping[str, Text],
    Check(lambda table: len(table) <= 32 and all(map(_VARIABLE.fullmatch, table)), "at most 32 names IPAD_..."),
]


class Kind(StrEnum):
    """How an answer that is not `ok` is meant."""

    REFUSED = "refused"
    """The request is wrong, or not allowed here; asking again does not help."""
    NOT_NOW = "not-now"
    """Allowed, but too soon after the last time."""
    FAILED = "failed"
    """It was tried."""


@dataclass(frozen=True, slots=True)
class PulseReset:
    """A pulse on the reset line of a board."""

    action: ClassVar[str] = "reset"
    board: BoardName


@dataclass(frozen=True, slots=True)
class PowerCycle:
    """Power off and on: by the power line of a board, else its power key, else its USB port."""

    action: ClassVar[str] = "power-cycle"
    board: BoardName


@dataclass(frozen=True, slots=True)
class AttachMultiplexer:
    """Bring the UART of a board into multiplexer mode and keep it there. `anew`: also if it is there already."""

    action: ClassVar[str] = "multiplexer"
    board: BoardName
    anew: bool = False


@dataclass(frozen=True, slots=True)
class RunHook:
    """Run a program of the directory of hooks. `text` is what it reads from its standard input; it may be secret.

    `limit`: seconds until it is ended.
    """

    action: ClassVar[str] = "hook"
    name: HookName
    arguments: Arguments = ()
    variables: Variables = field(default_factory=dict)
    text: Text = field(default="", repr=False, metadata={"secret": True})
    limit: Annotated[float, Within(1, 900, "s")] = 60.0


@dataclass(frozen=True, slots=True)
class SetClock:
    """Set the clock of the system to a time that the network told. `seconds` since 1970."""

    action: ClassVar[str] = "set-clock"
    seconds: Annotated[float, Within(0, 2**33, "s")]


Request = PulseReset | PowerCycle | AttachMultiplexer | RunHook | SetClock
ACTIONS: Final[Mapping[str, type[Request]]] = {
    kind.action: kind for kind in (PulseReset, PowerCycle, AttachMultiplexer, RunHook, SetClock)
}


@dataclass(frozen=True, slots=True)
class Answer:
    """`ok` with the exit code of a hook, or a kind of failure with a sentence."""

    ok: bool
    code: int = 0
    kind: Kind = Kind.FAILED
    message: str = ""


def encode_request(request: Request) -> bytes:
    """One line. Raises HelperError when it is longer than the helper reads."""
    line = json.dumps({"action": request.action, **asdict(request)}, separators=(",", ":")).encode() + b"\n"
    if len(line) > MAX_LINE:
        raise HelperError(f"the request {request.action} has {len(line)} bytes, more than {MAX_LINE}", transient=False)
    return line


def decode_request(line: bytes) -> Request:
    """What a client asks for. Raises HelperError for anything but a request that is complete and right."""
    table = _table(line, "request")
    action = table.pop("action", None)
    kind = ACTIONS.get(action) if isinstance(action, str) else None
    if kind is None:
        raise HelperError(f"there is no action {str(action)[:64]!r}; known: {', '.join(ACTIONS)}", transient=False)
    try:
        return build(kind, Document(Path("request"), table), table)
    except ConfigError as error:
        raise HelperError(str(error), transient=False) from error


def encode_answer(answer: Answer) -> bytes:
    """One line."""
    table: dict[str, object] = {"ok": answer.ok}
    if answer.ok:
        table["code"] = answer.code
    else:
        table |= {"kind": answer.kind.value, "message": answer.message[:_MAX_SHOWN]}
    return json.dumps(table, separators=(",", ":")).encode() + b"\n"


def decode_answer(line: bytes) -> Answer:
    """What the helper says. Raises HelperError when it makes no sense."""
    table = _table(line, "answer")
    ok, code, kind, message = (table.get(key) for key in ("ok", "code", "kind", "message"))
    if ok is True and isinstance(code, int):
        return Answer(ok=True, code=code)
    if ok is not False or kind not in list(Kind) or not isinstance(message, str):
        raise HelperError("the helper answers something that is no answer")
    return Answer(ok=False, kind=Kind(kind), message=message[:_MAX_SHOWN])


def _table(line: bytes, what: str) -> dict[str, Any]:
    if not line.endswith(b"\n") or len(line) > MAX_LINE:
        raise HelperError(f"expected a {what} in one line of at most {MAX_LINE} bytes", transient=False)
    try:
        table = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise HelperError(f"the {what} is no JSON", transient=False) from error
    if not isinstance(table, dict):
        raise HelperError(f"expected a {what} that is a JSON object", transient=False)
    return table
