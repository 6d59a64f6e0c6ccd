"""Power cuts and kill -9: the card holds the old state or the new one, and state and results agree."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hil.euicc import CardConfig, EuiccError, PowerLoss, PowerLossPoint, VirtualEuicc
from hil.euicc.store import StateStore
from tests.hil.euicc.bench import DELETE, DISABLE, ENABLE, ICCID1, ICCID2, Bench, psmo, two_profiles

MakeBench = Callable[[CardConfig], Bench]


def enabled(bench: Bench) -> bytes | None:
    profile = bench.state.enabled_profile
    return profile.iccid if profile else None


def lose_power(bench: Bench, point: PowerLossPoint, request: bytes) -> None:
    bench.card.knobs.power_loss = point
    with pytest.raises(PowerLoss):
        bench.es10(request)
    assert not bench.card.powered


@pytest.mark.parametrize("again", [Bench.reopen, Bench.power_up], ids=["reopened", "same object"])
def test_before_the_counter_is_stored_nothing_has_happened(bench: Bench, again: Callable[[Bench], None]) -> None:
    before = bench.state
    request = bench.package(psmo(ENABLE, ICCID1, rollback=True))
    lose_power(bench, PowerLossPoint.BEFORE_COUNTER_STORED, request)
    again(bench)
    assert bench.state == before
    bench.es10(request)
    assert enabled(bench) == ICCID1


@pytest.mark.parametrize("point", [PowerLossPoint.AFTER_RESULT_STORED, PowerLossPoint.AFTER_SWITCH])
@pytest.mark.parametrize("again", [Bench.reopen, Bench.power_up], ids=["reopened", "same object"])
def test_after_the_result_is_stored_the_switch_is_completed(
    bench: Bench, point: PowerLossPoint, again: Callable[[Bench], None]
) -> None:
    request = bench.package(psmo(ENABLE, ICCID1, rollback=True))
    lose_power(bench, point, request)
    again(bench)
    assert enabled(bench) == ICCID1
    assert bench.state.pending_switch is None
    assert [item.sequence_number for item in bench.state.results] == [1]
    assert [item.sequence_number for item in bench.state.notifications] == [2, 3]
    assert bench.card.visible_iccid == "89490200000000000110"
    assert bench.refused(request)[1] == 4
    assert bench.es10("BF58038001FF")[:6] == bytes.fromhex("BF586F020100")
    assert bench.state.notifications == ()


def test_pending_delete_is_completed_with_the_switch(bench: Bench) -> None:
    request = bench.package(psmo(DISABLE, ICCID2), psmo(DELETE, ICCID2))
    lose_power(bench, PowerLossPoint.AFTER_RESULT_STORED, request)
    bench.reopen()
    assert [profile.iccid for profile in bench.state.profiles] == [ICCID1]
    assert enabled(bench) is None


def test_power_lost_again_while_the_switch_is_completed(bench: Bench) -> None:
    lose_power(bench, PowerLossPoint.AFTER_RESULT_STORED, bench.package(psmo(ENABLE, ICCID1)))
    bench.card.knobs.power_loss = PowerLossPoint.AFTER_SWITCH
    with pytest.raises(PowerLoss):
        bench.card.reset()
    bench.reopen()
    assert enabled(bench) == ICCID1
    assert len(bench.state.notifications) == 2


def test_local_switch_is_one_step(bench: Bench) -> None:
    bench.change(profiles=bench.state.enabled_only(ICCID1).profiles)
    lose_power(bench, PowerLossPoint.AFTER_SWITCH, bytes.fromhex("BF5D038001FF"))
    bench.reopen()
    assert enabled(bench) == ICCID2
    assert bench.es10("BF5E038001FF") == bytes.fromhex("BF5E03800100")


_CHILD = """
import sys
from pathlib import Path
from hil.euicc.store import StateStore
from dataclasses import replace
store = StateStore.open(Path(sys.argv[1]))
print("ready", flush=True)
while True:
    number = store.state.next_sequence_number + 1
    store.commit(replace(store.state, next_sequence_number=number, next_association_token=number))
"""


def test_killed_process_leaves_a_whole_state(make_bench: MakeBench) -> None:
    bench = make_bench(two_profiles())
    for _ in range(3):
        child = subprocess.Popen([sys.executable, "-c", _CHILD, str(bench.folder)], stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        before = (bench.folder / "euicc.cbor").stat().st_mtime_ns
        while (bench.folder / "euicc.cbor").stat().st_mtime_ns == before:
            os.sched_yield()
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        child.stdout.close()
        state = StateStore.open(bench.folder).state
        assert state.next_association_token == state.next_sequence_number > 1
        bench.reopen()


def test_failing_disk_leaves_the_old_state(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    before = bench.state

    def full(_path: Path, _data: bytes) -> int:
        raise OSError("no space left")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_bytes", full)
        with pytest.raises(OSError, match="no space"):
            bench.es10("BF3F03800141")
    assert bench.state == before
    bench.reopen()
    assert bench.state == before


@pytest.mark.parametrize("content", [b"", b"\xff\xff", b"\xa0", b"\xa2gversion\x01estate\xa0"])
def test_corrupt_memory_is_refused(bench: Bench, content: bytes) -> None:
    (bench.folder / "euicc.cbor").write_bytes(content)
    with pytest.raises(EuiccError):
        VirtualEuicc.open(bench.folder, bench.keyring)


def test_missing_or_second_card_is_refused(bench: Bench, tmp_path: Path) -> None:
    with pytest.raises(EuiccError, match="does not exist"):
        VirtualEuicc.open(tmp_path / "nowhere", bench.keyring)
    with pytest.raises(EuiccError, match="already"):
        VirtualEuicc.create(bench.folder, two_profiles(), bench.keyring)
