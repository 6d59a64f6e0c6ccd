"""ES10b.LoadEuiccPackage: verify, process, sign and store (SGP.32 3.3.1, 5.9.1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from hil import codec, crypto, tlv
from hil.euicc import eco, psmo, status
from hil.euicc.config import NotificationEvent
from hil.euicc.eim_data import integer, verification_key
from hil.euicc.engine import Engine
from hil.euicc.errors import StatusError
from hil.euicc.identifiers import eid_octets
from hil.euicc.knobs import PowerLossPoint
from hil.euicc.notifications import notify
from hil.euicc.package_results import package_result, signed_error, unsigned_error, with_result
from hil.euicc.package_run import PackageRun, ProcessingTerminated
from hil.euicc.state import CardState, EimRecord
from hil.euicc.switching import finish_pending_switch

INVALID_EID: Final = 3
REPLAY_ERROR: Final = 4
COUNTER_VALUE_OUT_OF_RANGE: Final = 6
SIZE_OVERFLOW: Final = 15
ECALL_ACTIVE: Final = 104
UNDEFINED_ERROR: Final = 127

RESULT_SIZE_OVERFLOW: Final = 1
UNKNOWN_OR_DAMAGED_COMMAND: Final = 2
INTERRUPTION: Final = 3

_MAXIMUM_ID_BYTES: Final = 128
_MAXIMUM_TRANSACTION_ID: Final = 16


@dataclass(frozen=True, slots=True)
class _Package:
    """EuiccPackageRequest, read only as far as needed to judge it."""

    size: int
    signed: bytes
    """EuiccPackageSigned exactly as received."""
    signature: bytes
    eim_id: str
    eid: bytes | None
    counter_value: int | None
    transaction_id: bytes | None
    operations: Mapping[int, psmo.Operation]
    commands: bytes
    """Content of psmoList or ecoList."""


def load_euicc_package(engine: Engine, request: bytes) -> bytes:
    """Answer BF51: a signed result, a signed error or an unsigned one. StatusError 6A80 when no eimId can be read."""
    package = _parse(request)
    eim = engine.state.eim(package.eim_id)
    if eim is None:
        return _unsigned(engine, package, None, UNDEFINED_ERROR)
    if not _signature_good(eim, package):
        return _unsigned(engine, package, eim.association_token, UNDEFINED_ERROR)
    if package.counter_value is None or package.eid is None:
        return _unsigned(engine, package, eim.association_token, UNDEFINED_ERROR)
    code = _refusal(engine, eim, package, package.counter_value)
    if code is not None:
        if code == SIZE_OVERFLOW and engine.knobs.unsigned_error_code and _beyond_reading(engine, package):
            return _unsigned(engine, package, eim.association_token, SIZE_OVERFLOW)
        return signed_error(engine.signing_key(eim), eim, package.counter_value, package.transaction_id, code)
    return _execute(engine, eim, package, package.counter_value)


def _parse(request: bytes) -> _Package:
    try:
        parts = tlv.children(tlv.single(request, 0xBF51).value)
        signed = next(part for part in parts if part.tag == 0x30)
        signature = next(part for part in parts if part.tag == 0x5F37)
        members = {part.tag: part.value for part in tlv.children(signed.value)}
        eim_id = members[0x80].decode("utf-8")
        if not 1 <= len(members[0x80]) <= _MAXIMUM_ID_BYTES:
            raise ValueError("eimId is empty or too long")
    except (ValueError, KeyError, StopIteration) as error:
        raise StatusError(status.WRONG_DATA) from error
    transaction_id = members.get(0x82)
    if transaction_id is not None and not 1 <= len(transaction_id) <= _MAXIMUM_TRANSACTION_ID:
        raise StatusError(status.WRONG_DATA)
    operations, commands = _commands(members)
    return _Package(
        size=len(request),
        signed=signed.raw,
        signature=signature.value,
        eim_id=eim_id,
        eid=members.get(0x5A),
        counter_value=integer(members[0x81]) if members.get(0x81) else None,
        transaction_id=transaction_id,
        operations=operations,
        commands=commands,
    )


def _commands(members: Mapping[int, bytes]) -> tuple[Mapping[int, psmo.Operation], bytes]:
    """The list and who executes it. A package without a known list is one damaged command."""
    if 0xA0 in members:
        return psmo.OPERATIONS, members[0xA0]
    if 0xA1 in members:
        return eco.OPERATIONS, members[0xA1]
    return {}, b"\x00"


def _signature_good(eim: EimRecord, package: _Package) -> bool:
    try:
        key = verification_key(eim)
    except crypto.CryptoError:
        return False
    return crypto.verify_lenient(key, package.signature, package.signed + eim.token_tlv())


def _refusal(engine: Engine, eim: EimRecord, package: _Package, counter_value: int) -> int | None:
    """The checks after the signature, in order; None if the package is accepted."""
    knobs = engine.knobs
    if package.eid != eid_octets(engine.config.eid):
        return INVALID_EID
    if counter_value <= eim.counter_value:
        return REPLAY_ERROR
    if counter_value > knobs.maximum_counter:
        return COUNTER_VALUE_OUT_OF_RANGE
    if package.size > knobs.maximum_package_bytes or _count(package.commands) > knobs.maximum_package_commands:
        return SIZE_OVERFLOW
    if engine.state.emergency is not None:
        return ECALL_ACTIVE
    return UNDEFINED_ERROR if knobs.package_failure else None


def _beyond_reading(engine: Engine, package: _Package) -> bool:
    """Twice what can be processed is taken as what cannot even be buffered."""
    return package.size > 2 * engine.knobs.maximum_package_bytes


def _count(commands: bytes) -> int:
    """Commands that can be told apart; damage is judged when they are executed."""
    count = 0
    offset = 0
    while offset < len(commands):
        try:
            offset += len(tlv.first(commands, offset).raw)
        except tlv.TlvError:
            return count
        count += 1
    return count


def _unsigned(engine: Engine, package: _Package, token: int | None, code: int) -> bytes:
    sent = code if engine.knobs.unsigned_error_code else None
    return unsigned_error(package.eim_id, package.transaction_id, token, sent)


def _execute(engine: Engine, eim: EimRecord, package: _Package, counter_value: int) -> bytes:
    """Process the commands on a copy, sign, store everything in one step, then switch profiles."""
    start = replace(engine.state, rollback=None)
    run = PackageRun(engine, start, eim, counter_value, package.transaction_id)
    results = _process(run, package)
    key = engine.signing_key(eim)
    number = run.state.next_sequence_number
    result = package_result(key, eim, counter_value, package.transaction_id, number, results)
    state = with_result(
        _with_counter(run.state, eim.eim_id, counter_value), number, result, engine.knobs.result_capacity
    )
    for profile in run.deleted:
        state = notify(state, engine.signing_key(), NotificationEvent.DELETE, profile)
    state = replace(state, rollback=run.rollback_record(number), pending_switch=run.plan)
    engine.lose_power_at(PowerLossPoint.BEFORE_COUNTER_STORED)
    engine.commit(state)
    engine.lose_power_at(PowerLossPoint.AFTER_RESULT_STORED)
    finish_pending_switch(engine)
    return result


def _with_counter(state: CardState, eim_id: str, counter_value: int) -> CardState:
    """The counter of the package is stored last, unless the eIM deleted itself."""
    record = state.eim(eim_id)
    return state if record is None else state.with_eim(replace(record, counter_value=counter_value))


def _process(run: PackageRun, package: _Package) -> list[bytes]:
    """Results up to the first failure; the last one may be processingTerminated."""
    results: list[bytes] = []
    limit = run.engine.knobs.maximum_result_bytes
    offset = 0
    try:
        while offset < len(package.commands):
            _meet_fault(run, len(results))
            command = _next_command(package, offset)
            offset += len(command.raw)
            outcome = package.operations[command.tag](run, command)
            if sum(map(len, results)) + len(outcome.result) > limit:
                raise ProcessingTerminated(RESULT_SIZE_OVERFLOW)
            results.append(outcome.result)
            if not outcome.go_on:
                break
    except ProcessingTerminated as terminated:
        if terminated.result:
            results.append(terminated.result)
        results.append(codec.encode("EuiccResultData", ("processingTerminated", terminated.code)))
    return results


def _next_command(package: _Package, offset: int) -> tlv.Tlv:
    try:
        command = tlv.first(package.commands, offset)
    except tlv.TlvError as error:
        raise ProcessingTerminated(UNKNOWN_OR_DAMAGED_COMMAND) from error
    if command.tag not in package.operations:
        raise ProcessingTerminated(UNKNOWN_OR_DAMAGED_COMMAND)
    return command


def _meet_fault(run: PackageRun, done: int) -> None:
    """The faults that a test asked for."""
    if run.engine.knobs.interrupt_after_commands == done:
        raise ProcessingTerminated(INTERRUPTION)
    if run.engine.knobs.failing_command == done:
        raise ProcessingTerminated(UNDEFINED_ERROR)
