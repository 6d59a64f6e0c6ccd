"""The status, fact by fact."""

from __future__ import annotations

from dataclasses import replace

from ipad.codec.esipa import EimPackageError
from ipad.errors import NetworkError, PortError
from ipad.ids import Eid, Iccid
from ipad.net.counters import Usage, UsageEntry, UsageSnapshot
from ipad.observe.observer import Observer, Sources
from ipad.observe.status import EimStatus, ProfileStatus, Provisioning, ServiceState, Status
from ipad.observe.tally import MOST_CODES, Stopwatches, Tally
from ipad.observe.usage import usage_rows
from ipad.observe.writes import WriteCounter
from ipad.policy.decisions import EarlyPoll, Probe, Recover, Rollback
from ipad.policy.events import (
    Action,
    ActionResult,
    Boot,
    CardRead,
    Origin,
    Outcome,
    PollDone,
    ProfileChanged,
    Registration,
)
from ipad.policy.radio import RegistrationState
from ipad.policy.settings import Settings
from ipad.policy.state import State
from ipad.policy.supervisor import step
from ipad.procedures.progress import ProgressEvent, Stage
from ipad.procedures.report import (
    DownloadReport,
    EimReport,
    Handover,
    NotificationReport,
    PackageKind,
    PackageReport,
    RunReport,
    UnusableEim,
)
from tests.fakes.clock import FakeClock
from tests.ipad.observe.facts import EID, ONE, TWO

EIM = "eim1"
PACKAGE = PackageReport(
    kind=PackageKind.EUICC_PACKAGE, handover=Handover.ACKNOWLEDGED, eim_id=EIM, counter_value=1, eim_transaction_id=b"1"
)


def make() -> tuple[Observer, FakeClock]:
    clock = FakeClock()
    observer = Observer("modem", clock)
    observer.card_opened(Eid.parse(EID), "iot")
    observer.profiles_read((ProfileStatus(iccid=Iccid.parse(ONE), state="enabled", name="first"),))
    observer.eims_read((EimStatus(eim_id=EIM, host="eim.example.com"),))
    return observer, clock


def run(*packages: PackageReport, **eim: object) -> RunReport:
    return RunReport(eims=(EimReport(eim_id=EIM, packages=packages, **eim),))  # type: ignore[arg-type]


def counts(status: Status, name: str) -> dict[str, int]:
    return {row.code: row.count for row in status.counters if row.name == name}


def test_in_the_beginning_nothing_is_known() -> None:
    status = Observer("modem", FakeClock()).snapshot()
    assert status.state is ServiceState.STARTING
    assert status.provisioning is Provisioning.UNKNOWN
    assert status.eims == status.profiles == status.counters == ()


def test_an_eim_that_answered_is_remembered_with_its_result() -> None:
    observer, clock = make()
    observer.run_ended(run())
    (eim,) = observer.snapshot().eims
    assert (eim.last_contact_at, eim.last_result, eim.failures) == (clock.time(), "ok", 0)


def test_no_package_is_no_failure_and_another_answer_is() -> None:
    observer, _ = make()
    observer.run_ended(run(eim_error=EimPackageError.NO_EIM_PACKAGE_AVAILABLE))
    observer.run_ended(run(eim_error=EimPackageError.EID_NOT_FOUND))
    status = observer.snapshot()
    assert counts(status, "polls") == {"ok": 1, "eidNotFound": 1}
    assert status.eims[0].failures == 0


def test_failures_of_an_eim_are_counted_until_it_answers() -> None:
    observer, _ = make()
    error = NetworkError("refused", layer="tcp")
    observer.run_ended(run(network_error=error))
    observer.run_ended(run(network_error=error))
    status = observer.snapshot()
    assert (status.eims[0].failures, status.eims[0].last_result) == (2, "network tcp")
    assert status.last_error is not None
    assert status.last_error.message == "refused"
    observer.run_ended(run())
    assert observer.snapshot().eims[0].failures == 0


def test_an_eim_that_left_is_forgotten_and_one_that_stays_is_not() -> None:
    observer, _ = make()
    observer.run_ended(run())
    observer.eims_read((EimStatus(eim_id=EIM), EimStatus(eim_id="eim2")))
    assert [eim.last_result for eim in observer.snapshot().eims] == ["ok", None]
    observer.eims_read((EimStatus(eim_id="eim2"),))
    observer.eims_read((EimStatus(eim_id=EIM),))
    assert observer.snapshot().eims[0].last_result is None


def test_an_eim_that_cannot_be_contacted_says_why() -> None:
    observer, _ = make()
    observer.run_ended(RunReport(unusable=(UnusableEim(eim_id=EIM, reason="no common binding"),)))
    assert observer.snapshot().eims[0].unusable == "no common binding"
    observer.run_ended(RunReport(suspended="the emergency profile is enabled"))
    assert observer.snapshot().eims[0].unusable == "no common binding"
    observer.run_ended(run())
    assert observer.snapshot().eims[0].unusable is None


def test_a_package_on_trial_counts_once_though_two_runs_report_it() -> None:
    observer, _ = make()
    observer.run_ended(run(replace(PACKAGE, handover=Handover.KEPT, on_trial=True)))
    observer.run_ended(RunReport(recovered=(PACKAGE,)))
    status = observer.snapshot()
    assert counts(status, "packages") == {"ok": 1}
    assert counts(status, "results") == {"kept": 1, "acknowledged": 1}


def test_a_result_that_is_delivered_later_is_no_package() -> None:
    observer, _ = make()
    observer.run_ended(run(replace(PACKAGE, kind=PackageKind.STORED_RESULT)))
    assert counts(observer.snapshot(), "packages") == {}


def test_downloads_are_counted_by_code_and_their_error_is_kept() -> None:
    observer, _ = make()
    failed = DownloadReport(address="x", direct=True, error=NetworkError("no", layer="dns"))
    observer.run_ended(run(replace(PACKAGE, kind=PackageKind.PROFILE_DOWNLOAD_TRIGGER, download=failed)))
    status = observer.snapshot()
    assert counts(status, "downloads") == {"network dns": 1}
    assert status.last_error is not None


def test_notifications_are_counted_and_those_that_wait_are_shown() -> None:
    observer, _ = make()
    report = NotificationReport(sent=(1, 2), refused=(3,), waiting=4)
    observer.run_ended(replace(run(notifications=report), undelivered=2))
    status = observer.snapshot()
    assert counts(status, "notifications") == {"ok": 2, "refused": 1}
    assert (status.notifications_waiting, status.undelivered) == (4, 2)


def test_a_download_is_measured_from_first_contact_to_end() -> None:
    observer, clock = make()
    observer.progress(ProgressEvent(Stage.CONTACTING, 0))
    clock.now += 10
    observer.progress(ProgressEvent(Stage.INSTALLING, 40))
    clock.now += 20
    observer.progress(ProgressEvent(Stage.DONE, 100))
    (row,) = observer.snapshot().durations
    assert (row.name, row.count, row.last_seconds) == ("download", 1, 30.0)


def test_a_download_that_failed_is_not_measured() -> None:
    observer, _ = make()
    observer.progress(ProgressEvent(Stage.CONTACTING, 0))
    observer.progress(ProgressEvent(Stage.FAILED, 100))
    assert observer.snapshot().durations == ()


def test_activation_and_connectivity_are_measured_from_the_switch() -> None:
    observer, _ = make()
    observer.note(100.0, ProfileChanged(origin=Origin.PACKAGE, iccid=TWO, previous=ONE))
    observer.note(101.0, Registration(state=RegistrationState.SEARCHING))
    observer.note(112.0, Registration(state=RegistrationState.HOME))
    observer.note(120.0, Registration(state=RegistrationState.HOME))
    observer.note(130.0, PollDone(eim_id=EIM))
    observer.note(200.0, PollDone(eim_id=EIM))
    assert {row.name: (row.count, row.total_seconds) for row in observer.snapshot().durations} == {
        "activation": (1, 12.0),
        "connectivity": (1, 30.0),
    }


def test_a_switch_and_a_reading_change_the_profiles_and_keep_their_names() -> None:
    observer, _ = make()
    observer.note(1.0, ProfileChanged(origin=Origin.PACKAGE, iccid=None, previous=ONE))
    assert observer.snapshot().provisioning is Provisioning.NO_PROFILE
    observer.note(2.0, CardRead(enabled=TWO, installed=(ONE, TWO), fallback=ONE))
    first, second = observer.snapshot().profiles
    assert (first.name, first.state, first.fallback) == ("first", "disabled", True)
    assert (str(second.iccid), second.state, second.name) == (TWO, "enabled", None)


def test_decisions_and_actions_are_counted() -> None:
    observer, _ = make()
    observer.decided(1.0, Rollback(reason="not registered"))
    observer.decided(1.0, EarlyPoll(reason="x"))
    observer.decided(1.0, Recover(rung="cfun", step=1, reason="x"))
    observer.decided(1.0, Probe(reason="x"))
    observer.note(2.0, ActionResult(action=Action.ROLLBACK, outcome=Outcome.DONE))
    status = observer.snapshot()
    assert counts(status, "decisions") == {"rollback": 1, "early-poll": 1}
    assert counts(status, "recoveries") == {"cfun": 1}
    assert counts(status, "actions") == {"rollback done": 1}


def test_another_euicc_begins_anew() -> None:
    observer, _ = make()
    observer.run_ended(run())
    observer.card_opened(Eid.parse("1" * 32), "iot")
    status = observer.snapshot()
    assert (status.profiles, status.eims, status.provisioning) == ((), (), Provisioning.UNKNOWN)


def test_policy_is_asked_when_somebody_looks() -> None:
    observer, _ = make()
    state, settings = State(), Settings()
    for event in (
        Boot(),
        CardRead(enabled=ONE, installed=(ONE,)),
        ProfileChanged(origin=Origin.PACKAGE, iccid=TWO, previous=ONE, rollback=True),
        Registration(state=RegistrationState.ROAMING, plmn="26201", cause=None),
    ):
        state = step(settings, state, event, 10.0).state
    observer.sources = Sources(policy=lambda: (state, settings), writes=WriteCounter().status)
    status = observer.snapshot()
    assert status.provisioning is Provisioning.ON_TRIAL
    assert status.policy.window is not None
    assert str(status.policy.window.previous) == ONE
    assert status.radio.plmn == "26201"
    assert status.bearer.connected is False


def test_a_card_in_a_reader_has_no_radio() -> None:
    observer, _ = make()
    state = step(Settings(), State(), Boot(radio=False, bearers=False), 1.0).state
    observer.sources.policy = lambda: (state, Settings())
    status = observer.snapshot()
    assert status.radio.registration is None
    assert status.bearer.connected is None


def test_next_polls_are_durations_and_infinity_is_none() -> None:
    observer, clock = make()
    observer.sources.polls = lambda: {EIM: clock.monotonic() + 60, "eim2": float("inf")}
    status = observer.snapshot()
    assert status.eims[0].next_poll_seconds == status.next_poll_seconds == 60.0


def test_failures_are_counted_by_code_and_the_last_one_is_shown() -> None:
    observer, _ = make()
    observer.entered(ServiceState.FAILED, "failed: gone")
    observer.failed(PortError("gone", hint="is it powered?"))
    status = observer.snapshot()
    assert counts(status, "failures") == {"port": 1}
    assert status.last_error is not None
    assert status.last_error.hint == "is it powered?"
    assert (status.state, status.text) == (ServiceState.FAILED, "failed: gone")


def test_counters_go_on_after_a_restart() -> None:
    observer, _ = make()
    observer.run_ended(run())
    again = Observer("modem", FakeClock())
    again.restore({**observer.kept(), "": 1, "polls/": 2, "/x": 3, "bad/number": -1})
    again.run_ended(run())
    assert counts(again.snapshot(), "polls") == {"ok": 2}
    assert counts(again.snapshot(), "bad") == {}


def test_codes_of_peers_are_bounded() -> None:
    tally = Tally()
    for number in range(500):
        tally.add("polls", f"code {number}")
    rows = tally.rows()
    assert len(rows) == MOST_CODES + 1
    assert tally.count("polls", "other") == 500 - MOST_CODES


def test_a_stopwatch_that_never_began_measures_nothing() -> None:
    watches = Stopwatches()
    assert watches.stop("x", 1.0) is None
    assert watches.rows() == ()


def test_servers_beyond_some_are_one_row() -> None:
    entries = tuple(UsageEntry(f"server{n:03}", "poll", Usage(bytes_sent=1)) for n in range(40))
    rows = usage_rows(UsageSnapshot(entries))
    assert len(rows) == 17
    assert rows[-1].server == "other"
    assert sum(row.bytes_sent for row in rows) == 40
