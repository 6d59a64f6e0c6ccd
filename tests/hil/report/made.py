"""Records of runs, made up."""

from __future__ import annotations

from typing import Any

from hil.suite.record import CaseRecord, EventRecord, Run, SignalSample

EVENTS = (
    EventRecord(0.0, "AT", ">", 'AT+CGLA=1,32,"80E2910003BF3E00"', 32),
    EventRecord(0.01, "APDU", ">", "STORE DATA", 8, "81E2910003BF3E00"),
    EventRecord(0.02, "APDU", "<", "SW 9000", 20, "BF3E125A10", cut=True),
    EventRecord(0.5, "ESIPA", ">", "eim1 GetEimPackage", 23, "BF4F12"),
    EventRecord(0.7, "RADIO", "", "bearer down"),
    EventRecord(1.2, "AGENT", "", "said <b>this</b> & that"),
)
SIGNALS = (
    SignalSample(0.0, -85.0, -9.0, 14.0, registered=True, bearer=True),
    SignalSample(0.7, None, None, None, registered=False, bearer=False, layer="registration"),
    SignalSample(1.1, -101.0, -12.0, 3.0, registered=True, bearer=None),
)


def case(name: str = "test_one", **changes: Any) -> CaseRecord:
    """A case that passed."""
    values: dict[str, Any] = {
        "id": f"chapters/test_04_rollback.py::{name}",
        "chapter": "04 Rollback",
        "title": f"Title of {name}",
        "sections": ("3.3.2", "SGP.22 3.1.3"),
        "result": "passed",
        "seconds": 1.5,
        "events": EVENTS,
        "signals": SIGNALS,
    }
    return CaseRecord(**{**values, **changes})


def run(*cases: CaseRecord, target: str = "virtual") -> Run:
    """A run of these cases."""
    return Run(
        "2026-01-01T00:00:00+00:00", target, ("network", "power"), {"ipad": "1.2.3"}, {"modem": "quectel-eg25"}, cases
    )
