"""Everything that is told about a modem: who did it, what the journal says, and where it is written."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from ipad.codec.euicc_package import Enable as EnableCommand
from ipad.codec.euicc_package import EnableProfileResult, EuiccResultData, Psmo
from ipad.config import Config, LogConfig, StateConfig
from ipad.daemon.recorder import Recorder
from ipad.daemon.recording import make_recorder, trail_file
from ipad.errors import PortError
from ipad.ids import Eid, Iccid
from ipad.observe.alerts import ATTRIBUTE, Alert
from ipad.observe.audit import AuditEntry, read_trail
from ipad.observe.log_context import CONTEXT
from ipad.observe.status import ServiceState
from ipad.policy.decisions import ExecuteFallback, Recover, Rollback
from ipad.policy.events import Action, ActionResult, CardRead, Origin, Outcome, ProfileChanged
from ipad.procedures.report import EimReport, Handover, PackageKind, PackageReport, RunReport
from ipad.state.journal import Journal, JournalContent
from ipad.state.journal import Origin as JournalOrigin
from tests.fakes.clock import FakeClock
from tests.fakes.store import MemoryStore
from tests.ipad.observe.facts import EID, ONE, TWO
from tests.ipad.observe.test_deeds import request, result
from tests.waiting import seen


def config(folder: Path, **more: object) -> Config:
    return Config(state=StateConfig(folder), log=LogConfig(events=""), **more)  # type: ignore[arg-type]


def make(folder: Path, *, observed: bool = False) -> Recorder:
    recorder = make_recorder(config(folder), FakeClock(), observed=observed)
    recorder.card_opened(Eid.parse(EID), "iot")
    recorder.note(1.0, CardRead(enabled=ONE, installed=(ONE, TWO), fallback=ONE))
    return recorder


async def trail(recorder: Recorder, folder: Path) -> list[tuple[str, str, str | None, str | None, str]]:
    async with recorder.running():
        pass
    return [
        (row["who"], row["what"], row["before"], row["after"], row["result"])
        for row in read_trail(trail_file(config(folder)))
    ]


def files(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def alerts(caplog: pytest.LogCaptureFixture) -> list[Alert]:
    return [getattr(record, ATTRIBUTE) for record in caplog.records if hasattr(record, ATTRIBUTE)]


@pytest.mark.asyncio
async def test_a_package_that_switches_is_one_entry_of_its_eim(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = make(tmp_path)
    recorder.ordered("eim1", b"\xa1\xb2")
    enable = Psmo(enable=EnableCommand(iccid=Iccid.parse(TWO).octets))
    recorder.executed(request(enable), result(EuiccResultData(enable_result=EnableProfileResult.OK)))
    recorder.note(2.0, ProfileChanged(origin=Origin.PACKAGE, iccid=TWO, previous=ONE, rollback=True))
    assert await trail(recorder, tmp_path) == [
        ("eim:eim1/A1B2", f"enable {TWO}", "disabled", "enabled", "ok"),
    ]
    assert alerts(caplog) == [Alert.PROFILE_SWITCHED]
    assert recorder.context.iccid == TWO


@pytest.mark.asyncio
async def test_a_switch_of_an_interrupted_package_is_recorded_though_its_order_is_lost(tmp_path: Path) -> None:
    recorder = make(tmp_path)
    recorder.ordered("eim1", b"\xa1\xb2")
    recorder.note(2.0, ProfileChanged(origin=Origin.PACKAGE, iccid=TWO, previous=ONE))
    assert await trail(recorder, tmp_path) == [("eim:eim1/A1B2", "enable", ONE, TWO, "ok")]


@pytest.mark.asyncio
async def test_policy_is_named_with_its_reason(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    recorder = make(tmp_path)
    recorder.decided(2.0, Rollback(reason="not registered"))
    recorder.note(3.0, ProfileChanged(origin=Origin.ROLLBACK, iccid=ONE, previous=TWO))
    recorder.decided(4.0, ExecuteFallback(reason="no bearer for 61 min"))
    recorder.note(5.0, ProfileChanged(origin=Origin.FALLBACK, iccid=TWO, previous=ONE))
    assert await trail(recorder, tmp_path) == [
        ("policy:not registered", "profileRollback", TWO, ONE, "ok"),
        ("policy:no bearer for 61 min", "executeFallbackMechanism", ONE, TWO, "ok"),
    ]
    assert alerts(caplog) == [Alert.ROLLBACK, Alert.FALLBACK]


@pytest.mark.asyncio
async def test_an_action_that_is_refused_again_and_again_is_recorded_once(tmp_path: Path) -> None:
    recorder = make(tmp_path)
    recorder.decided(2.0, ExecuteFallback(reason="lost"))
    for outcome in (Outcome.BUSY, Outcome.FAILED, Outcome.FAILED, Outcome.REFUSED):
        recorder.note(3.0, ActionResult(action=Action.FALLBACK, outcome=outcome))
    recorder.note(3.0, ActionResult(action=Action.RECOVER, outcome=Outcome.FAILED))
    assert await trail(recorder, tmp_path) == [
        ("policy:lost", "fallback", ONE, ONE, "failed"),
        ("policy:lost", "fallback", ONE, ONE, "refused"),
    ]


@pytest.mark.asyncio
async def test_what_a_local_user_switches_is_left_to_whoever_runs_the_errand(tmp_path: Path) -> None:
    recorder = make(tmp_path)
    recorder.asked_by = "user:root"
    recorder.note(2.0, ProfileChanged(origin=Origin.EMERGENCY, iccid=TWO, previous=ONE))
    recorder.record((AuditEntry(who="user:root", what="emergency", before=None, after="on", result="ok"),))
    assert await trail(recorder, tmp_path) == [("user:root", "emergency", None, "on", "ok")]


@pytest.mark.asyncio
async def test_changes_are_written_beside_the_work_and_each_write_is_counted(tmp_path: Path) -> None:
    recorder = make(tmp_path, observed=True)
    async with recorder.running():
        recorder.decided(2.0, Rollback(reason="x"))
        recorder.note(2.0, ProfileChanged(origin=Origin.ROLLBACK, iccid=TWO, previous=ONE))
        await seen(lambda: bool(recorder.writes.status().count), "the change in the trail")
    assert recorder.observer is not None
    writes = recorder.observer.snapshot().writes
    assert (writes.count, writes.bytes) == (1, trail_file(config(tmp_path)).stat().st_size)


@pytest.mark.asyncio
async def test_without_a_change_nothing_is_written(tmp_path: Path) -> None:
    recorder = make(tmp_path, observed=True)
    recorder.run_ended(RunReport(eims=(EimReport(eim_id="eim1"),)))
    async with recorder.running():
        pass
    assert files(tmp_path) == []


@pytest.mark.asyncio
async def test_a_trail_that_cannot_be_written_stops_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    recorder = make(tmp_path / "file" / "state")
    recorder.decided(2.0, Rollback(reason="x"))
    recorder.note(2.0, ProfileChanged(origin=Origin.ROLLBACK, iccid=TWO, previous=ONE))
    async with recorder.running():
        pass
    assert [record.levelname for record in caplog.records if "trail" in record.message] == ["ERROR"]


def test_failed_packages_downloads_and_changes_of_eims_are_alerts(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = make(tmp_path)
    refused = result(EuiccResultData(enable_result=EnableProfileResult.CAT_BUSY))
    package = PackageReport(
        kind=PackageKind.EUICC_PACKAGE,
        handover=Handover.ACKNOWLEDGED,
        eim_id="eim1",
        eim_transaction_id=b"\xa1",
        result=refused,
        eims_changed=True,
    )
    recorder.run_ended(RunReport(eims=(EimReport(eim_id="eim1", packages=(package,)),)))
    assert alerts(caplog) == [Alert.PACKAGE_FAILED, Alert.EIM_CHANGED]
    assert "catBusy" in caplog.text


def test_rungs_of_the_ladder_are_alerts(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    make(tmp_path).decided(1.0, Recover(rung="cfun", step=2, reason="no bearer"))
    assert alerts(caplog) == [Alert.MODEM_RECOVERY]


@pytest.mark.asyncio
async def test_log_lines_belong_to_the_modem_and_to_what_it_does(tmp_path: Path) -> None:
    recorder = make(tmp_path)
    async with recorder.running():
        recorder.ordered("eim1", b"\xa1")
        context = CONTEXT.get()
        assert context is recorder.context
        assert (context.modem, context.eid, context.iccid) == ("modem", EID, ONE)
        assert (context.eim, context.transaction) == ("eim1", "A1")
        assert await asyncio.create_task(asyncio.to_thread(CONTEXT.get)) is context
        recorder.run_ended(RunReport())
        assert (context.eim, context.transaction) == ("", "")


def test_a_visit_has_no_status_and_needs_no_names(tmp_path: Path) -> None:
    recorder = make(tmp_path)
    assert recorder.observer is None
    assert not recorder.lacks_names((Iccid.parse(ONE),))
    recorder.entered(ServiceState.IDLE, "idle")
    recorder.failed(PortError("gone"))


@pytest.mark.asyncio
async def test_counters_ride_on_writes_and_are_kept_at_a_clean_stop(tmp_path: Path) -> None:
    store = MemoryStore()
    recorder = make(tmp_path, observed=True)
    journal = Journal(store, JournalContent(eid=Eid.parse(EID), counters={"polls/ok": 5}), JournalOrigin.KEPT)
    recorder.keep_counters_in(journal)
    recorder.run_ended(RunReport(eims=(EimReport(eim_id="eim1"),)))
    await journal.commit(journal.content)
    assert store.saves == 0, "counters alone are no reason to write"
    async with recorder.running():
        pass
    assert store.saves == 1
    again = Journal.open(store, Eid.parse(EID))
    assert again.content.counters == {"polls/ok": 6}
    again_recorder = make(tmp_path, observed=True)
    again_recorder.keep_counters_in(again)
    async with again_recorder.running():
        pass
    assert store.saves == 1, "nothing has changed since"


@pytest.fixture(autouse=True)
def _level(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
