"""The JSON model that commands print and the control API answers: stable keys, one envelope, errors as records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from ipad.errors import ExitCode, IpadError, NoDaemonError, RemoteError
from ipad.observe.failure import failure_of
from ipad.records import dataclass

SCHEMA: Final = 1
"""Number of the JSON model; grows when a key changes its meaning or goes away."""

Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]
Record = Mapping[str, Json]

_ENVELOPE: Final = ("ok", "schema")


@dataclass(frozen=True, slots=True)
class Result:
    """What an errand found or did. With an exit code other than OK the record has a `message` that says why."""

    record: Record
    exit_code: ExitCode = ExitCode.OK


def success(result: Result) -> dict[str, Json]:
    """The envelope of a result. A result with an exit code other than OK has it as `exit_code`."""
    code = int(result.exit_code)
    return {"ok": not code, "schema": SCHEMA, **result.record, **({"exit_code": code} if code else {})}


def opened(body: object) -> Result:
    """The result in an envelope. Raises RemoteError for an error in it, NoDaemonError for what is no envelope."""
    if not isinstance(body, dict) or not isinstance(body.get("ok"), bool):
        raise NoDaemonError("what answers is no agent: there is no `ok` in what it says", hint="see control.socket")
    if "error" in body and not body["ok"]:
        raise told_error(body["error"])
    record = {key: value for key, value in body.items() if key not in _ENVELOPE}
    return Result(record, ExitCode.OK if body["ok"] else _exit_code(record.get("exit_code")))


def failure(error: IpadError) -> dict[str, Json]:
    """The envelope of an error."""
    return {"ok": False, "schema": SCHEMA, "error": error_record(error)}


def error_record(error: IpadError) -> dict[str, Json]:
    """An error as programs read it: see `ipad.observe.failure.Failure`, whose `kind` is called `class` here."""
    found = failure_of(error)
    return {
        "class": found.kind,
        "code": found.code,
        "name": found.name,
        "message": found.message,
        "hint": found.hint,
        "exit_code": found.exit_code,
    }


def told_error(record: object) -> RemoteError:
    """The error of a record that the daemon sent. What is missing or of another type in it is left out."""
    fields = record if isinstance(record, dict) else {}
    texts = {key: value for key, value in fields.items() if isinstance(value, str)}
    number = fields.get("code")
    return RemoteError(
        texts.get("message", "the daemon gave an answer that is not understood"),
        hint=texts.get("hint"),
        kind=texts.get("class", "remote"),
        code=number if isinstance(number, int) else None,
        name=texts.get("name"),
        exit_code=_exit_code(fields.get("exit_code")),
    )


def _exit_code(value: object) -> ExitCode:
    return next((code for code in ExitCode if code == value and code), ExitCode.FAILED)
