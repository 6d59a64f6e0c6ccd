"""AddInitialEim and GetEimConfigurationData (SGP.32 5.9.4, 5.9.18)."""

from __future__ import annotations

from hil import codec, tlv
from hil.euicc import status
from hil.euicc.eim_data import ALREADY_EXISTS, COMMAND_ERROR, EimData, EimDataError, add_eim, configuration_tlv
from hil.euicc.engine import Engine
from hil.euicc.errors import StatusError
from hil.euicc.state import CardState


def add_initial_eim(engine: Engine, request: bytes) -> bytes:
    """ES10b.AddInitialEim: only while no eIM is associated; all eIMs of the list or none."""
    entries = _entries(request)
    code = engine.forced("addInitialEimError")
    if code is None and engine.state.eims:
        code = ALREADY_EXISTS
    state = engine.state
    answers = []
    try:
        for entry in entries if code is None else ():
            state, token = _add(engine, entry, state)
            answers.append(tlv.build(0x05) if token is None else tlv.build(0x84, tlv.integer(token)))
    except EimDataError as error:
        code = error.code
    if code is not None:
        return codec.encode("AddInitialEimResponse", ("addInitialEimError", code))
    engine.commit(state)
    return tlv.build(0xBF57, tlv.build(0xA0, *answers))


def get_eim_configuration_data(engine: Engine, request: bytes) -> bytes:
    """ES10b.GetEimConfigurationData: all eIMs, or the one asked for."""
    try:
        wanted = {part.tag: part.value for part in tlv.children(tlv.single(request, 0xBF55).value)}.get(0xA0)
        eims = engine.state.eims
        if wanted:
            eim_id = tlv.single(wanted, 0x80).value.decode("utf-8")
            eims = tuple(eim for eim in eims if eim.eim_id == eim_id)
    except ValueError as error:
        raise StatusError(status.WRONG_DATA) from error
    return tlv.build(0xBF55, tlv.build(0xA0, *(configuration_tlv(eim) for eim in eims)))


def _entries(request: bytes) -> list[bytes]:
    try:
        listed = tlv.children(tlv.single(request, 0xBF57).value)
        entries = next(part for part in listed if part.tag == 0xA0)
        return [tlv.single(entry.raw, 0x30).value for entry in tlv.children(entries.value)]
    except (tlv.TlvError, StopIteration) as error:
        raise StatusError(status.WRONG_DATA) from error


def _add(engine: Engine, entry: bytes, state: CardState) -> tuple[CardState, int | None]:
    """Add one entry. A second entry of the same eimId is an error of the command, not an existing association."""
    try:
        data = EimData.parse(entry)
    except ValueError as error:
        raise StatusError(status.WRONG_DATA) from error
    if state.eim(data.eim_id) is not None:
        raise EimDataError(COMMAND_ERROR)
    return add_eim(engine, state, data)
