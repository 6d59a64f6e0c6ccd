from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ipad.net.interface_counters import Counters, rates, read_counters
from ipad.net.link_quality import LinkQuality, Segments, Transfer, throughput

BEFORE = Counters(received_bytes=1000, sent_bytes=500, received_packets=10, sent_packets=8, errors=1)
AFTER = Counters(received_bytes=26_000, sent_bytes=5500, received_packets=40, sent_packets=28, errors=3)


def test_counters_of_the_kernel(tmp_path: Path) -> None:
    folder = tmp_path / "wwan0" / "statistics"
    folder.mkdir(parents=True)
    for name, value in {
        "rx_bytes": 1, "tx_bytes": 2, "rx_packets": 3, "tx_packets": 4, "rx_errors": 5, "tx_errors": 6, "tx_dropped": 7
    }.items():  # fmt: skip
        (folder / name).write_text(f"{value}\n")
    assert read_counters("wwan0", tmp_path) == Counters(
        received_bytes=1, sent_bytes=2, received_packets=3, sent_packets=4, errors=18
    )
    (folder / "rx_bytes").write_text("many\n")
    assert read_counters("wwan0", tmp_path) is None
    assert read_counters("wwan1", tmp_path) is None


def test_rates_between_two_readings() -> None:
    found = rates(BEFORE, AFTER, 2.0)
    assert found is not None
    assert (found.received_kbps, found.sent_kbps, found.packets, found.errors) == (100.0, 20.0, 50, 2)


@pytest.mark.parametrize(
    ("before", "after", "seconds"),
    [(None, AFTER, 1.0), (BEFORE, None, 1.0), (AFTER, BEFORE, 1.0), (BEFORE, AFTER, 0.0)],
    ids=["no beginning", "no end", "the interface was made anew", "no time"],
)
def test_no_rates(before: Counters | None, after: Counters | None, seconds: float) -> None:
    assert rates(before, after, seconds) is None


def test_idle_link_is_not_a_slow_one() -> None:
    assert throughput(Transfer(), rates(BEFORE, BEFORE, 10.0)) is None


def test_throughput_is_the_larger_of_both_lower_bounds() -> None:
    transfer = Transfer(received=4000, seconds=0.8)
    assert throughput(transfer, None) == pytest.approx(40)
    assert throughput(transfer, rates(BEFORE, AFTER, 2.0)) == pytest.approx(100)
    assert throughput(transfer, rates(BEFORE, AFTER, 20.0)) == pytest.approx(40)


def test_loss_is_known_after_some_packets() -> None:
    quality = LinkQuality()
    quality.note(Transfer(segments=Segments(10, 1)), None)
    assert quality.loss is None
    for _ in range(3):
        quality.note(Transfer(segments=Segments(10, 1)), None)
    assert quality.loss == pytest.approx(10)


def test_errors_of_the_interface_count_as_loss() -> None:
    quality = LinkQuality()
    quality.note(Transfer(segments=Segments(10, 0)), rates(BEFORE, AFTER, 2.0))
    assert quality.loss == pytest.approx(4)


def test_old_loss_is_forgotten_in_time_and_with_the_bearer() -> None:
    quality = LinkQuality()
    quality.note(Transfer(segments=Segments(100, 50)), None)
    for _ in range(20):
        quality.note(Transfer(segments=Segments(50, 0)), None)
    assert quality.loss is not None
    assert quality.loss < 5
    quality.forget()
    assert quality.loss is None


def test_errors_never_exceed_everything() -> None:
    quality = LinkQuality()
    quality.note(Transfer(segments=Segments(40, 0)), rates(BEFORE, replace(AFTER, errors=500), 2.0))
    assert quality.loss == 100
