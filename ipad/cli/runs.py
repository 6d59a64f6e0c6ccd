"""How a run over eIMs is printed."""

from __future__ import annotations

from typing import Final

from ipad.cli.output import Report, report_of
from ipad.errands.envelope import Result

_TABLES: Final = {
    "eims": ("eim_id", "reached", "answer", "error", "more"),
    "packages": ("eim_id", "kind", "transaction_id", "counter", "result", "handover"),
    "usage": ("server", "procedure", "bytes_sent", "bytes_received", "handshakes", "resumed_handshakes"),
}


def run_report(result: Result) -> Report:
    """The report of `run --once` and `eim poll`."""
    return report_of(result, tables=_TABLES)
