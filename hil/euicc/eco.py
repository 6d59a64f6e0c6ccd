"""eIM Configuration Operations of an eUICC Package (SGP.32 3.5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from hil import codec, tlv
from hil.euicc.eim_data import CI_UNKNOWN, COMMAND_ERROR, COUNTER_OUT_OF_RANGE, EimData, EimDataError, add_eim
from hil.euicc.package_run import Outcome, PackageRun
from hil.euicc.state import EimRecord

OK: Final = 0
NOT_FOUND: Final = 1
LAST_EIM_DELETED: Final = 2

Operation = Callable[[PackageRun, tlv.Tlv], Outcome]


def add_eim_operation(run: PackageRun, command: tlv.Tlv) -> Outcome:
    """addEim: the token if one was asked for, else a result code."""
    token: int | None = None
    code = run.engine.forced("addEimResultCode")
    if code is None:
        try:
            run.state, token = add_eim(run.engine, run.state, _parse(command))
            code = OK
        except EimDataError as error:
            code = error.code
    result: tuple[str, int] = ("addEimResultCode", code) if token is None else ("associationToken", token)
    return Outcome(codec.encode("EuiccResultData", ("addEimResult", result)), code == OK)


def delete_eim(run: PackageRun, command: tlv.Tlv) -> Outcome:
    """deleteEim; deleting the last one is done and told."""
    code = run.engine.forced("deleteEimResult")
    if code is None:
        code = _delete_eim(run, command)
    return Outcome.of("deleteEimResult", code, success=(OK, LAST_EIM_DELETED))


def _delete_eim(run: PackageRun, command: tlv.Tlv) -> int:
    try:
        eim_id = _parse(command).eim_id
    except EimDataError as error:
        return error.code
    if run.state.eim(eim_id) is None:
        return NOT_FOUND
    run.state = run.state.without_eim(eim_id)
    return OK if run.state.eims else LAST_EIM_DELETED


def update_eim(run: PackageRun, command: tlv.Tlv) -> Outcome:
    """updateEim: only the given members change; the token stays."""
    code = run.engine.forced("updateEimResult")
    if code is None:
        try:
            code = _update_eim(run, _parse(command))
        except EimDataError as error:
            code = error.code
    return Outcome.of("updateEimResult", code)


def _update_eim(run: PackageRun, data: EimData) -> int:
    record = run.state.eim(data.eim_id)
    if record is None:
        return NOT_FOUND
    if run.engine.keyring.find(data.ci_pkid) is None:
        return CI_UNKNOWN
    changes = _changes(data)
    if data.association_token is not None or not changes:
        return COMMAND_ERROR
    if data.counter_value is not None:
        if data.counter_value > run.engine.knobs.maximum_counter:
            return COUNTER_OUT_OF_RANGE
        if data.counter_value < record.counter_value and data.public_key_data is None:
            return COMMAND_ERROR
    run.state = run.state.with_eim(replace(record, **changes))
    return OK


def list_eim(run: PackageRun, _command: tlv.Tlv) -> Outcome:
    """listEim."""
    code = run.engine.forced("listEimError")
    result: tuple[str, Any] = (
        ("listEimError", code) if code is not None else ("eimIdList", [_identity(eim) for eim in run.state.eims])
    )
    return Outcome(codec.encode("EuiccResultData", ("listEimResult", result)), go_on=code is None)


OPERATIONS: Final[dict[int, Operation]] = {
    0xA8: add_eim_operation,
    0xA9: delete_eim,
    0xAA: update_eim,
    0xAB: list_eim,
}
"""Tag of the command in ecoList -> what it does."""


def _parse(command: tlv.Tlv) -> EimData:
    try:
        return EimData.parse(command.value)
    except ValueError as error:
        raise EimDataError(COMMAND_ERROR) from error


def _changes(data: EimData) -> dict[str, Any]:
    given: dict[str, Any] = {
        "fqdn": data.fqdn,
        "id_type": data.id_type,
        "counter_value": data.counter_value,
        "public_key_data": data.public_key_data,
        "trusted_tls_data": data.trusted_tls_data,
        "supported_protocol": data.supported_protocol,
        "ci_pkid": data.ci_pkid,
        "indirect_download": data.indirect_download or None,
    }
    return {name: value for name, value in given.items() if value is not None}


def _identity(eim: EimRecord) -> dict[str, Any]:
    identity: dict[str, Any] = {"eimId": eim.eim_id}
    if eim.id_type is not None:
        identity["eimIdType"] = eim.id_type
    return identity
