"""A package that is queued and handed out, and what the eIM says and notes of it."""

from __future__ import annotations

from hil.eim import VirtualEim, content
from hil.eim.association import Package
from hil.eim.history import Record, RecordKind
from tests.hil.eim import vectors as v

ENABLE = content.psmo_package(content.enable(v.ICCID1, rollback=True))


def enabled(eim: VirtualEim) -> Package:
    """Queue the enable of the examples and hand it out."""
    package = eim.queue(v.EID, ENABLE)
    assert eim.handle(v.GEP1) == v.GER6
    return package


def answer(eim: VirtualEim) -> bytes:
    response = eim.handle(v.GEP1)
    assert response is not None
    return response


def last(eim: VirtualEim, kind: RecordKind) -> Record:
    return next(record for record in reversed(eim.history.records) if record.kind is kind)
