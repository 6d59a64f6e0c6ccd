"""What the servers cost, as users see it."""

from __future__ import annotations

import logging
from dataclasses import asdict

import pytest

from ipad.daemon.usage import log_usage, usage_rows
from ipad.net.counters import Usage, UsageLedger, UsageSnapshot
from ipad.observe.status import UsageRow


@pytest.fixture(name="ledger")
def _ledger() -> UsageLedger:
    ledger = UsageLedger()
    ledger.add("eim.example.com", "poll", Usage(1, 400, 1300, 7, 6, 1, 0, 364, 312))
    ledger.add("eim.example.com", "notification", Usage(2, 600, 250, 2, 2, 1, 1, 104, 104))
    return ledger


def test_rows_have_stable_names(ledger: UsageLedger) -> None:
    first, second = usage_rows(ledger)
    assert (first.procedure, second.procedure) == ("notification", "poll")
    assert asdict(second) == {
        "server": "eim.example.com",
        "procedure": "poll",
        "exchanges": 1,
        "bytes_sent": 400,
        "bytes_received": 1300,
        "packets_sent": 7,
        "packets_received": 6,
        "headers_sent": 364,
        "headers_received": 312,
        "handshakes": 1,
        "resumed_handshakes": 0,
    }
    assert isinstance(first, UsageRow)


def test_run_is_one_line_per_server(ledger: UsageLedger, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "ipad")
    log_usage(ledger.snapshot())
    assert [record.getMessage() for record in caplog.records] == [
        (
            "eim.example.com: 1000 bytes sent and 1550 received in 9 + 8 packets, about 468 + 416 more of headers; "
            "1 full and 1 resumed handshake(s); notification 600 + 250, poll 400 + 1300"
        )
    ]


def test_run_without_any_contact_has_no_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "ipad")
    log_usage(UsageSnapshot())
    assert not caplog.records
