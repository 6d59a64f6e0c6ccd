"""What the agent shows of itself: the trail of changes and the status, after real packages on a whole device."""

from __future__ import annotations

from typing import Any

from hil.eim import content
from hil.eim.association import SigningFaults
from ipad.clock import SystemClock
from ipad.daemon.assembly import AgentFactory
from ipad.daemon.guarding import make_guard
from ipad.daemon.once import poll_until_idle
from ipad.observe.status import Provisioning, Status
from ipad.state.store import StateStore
from tests.e2e.virtual.device import FIRST, ONE, TWO, Device


def changes(device: Device, *options: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = device.json("audit", "--full", *options)["changes"]
    return found


def test_each_change_says_who_what_before_after_and_how_it_ended(device: Device) -> None:
    associated = changes(device)
    assert [change["what"] for change in associated] == [f"addInitialEim {FIRST}"]
    assert associated[0]["who"].startswith("user:")
    device.queue(content.psmo_package(content.enable(TWO, rollback=True)))
    device.json("run", "--once")
    device.queue(content.psmo_package(content.delete(ONE), content.delete(TWO)))
    device.json("run", "--once")
    rows = changes(device)[1:]
    assert {row["who"].rpartition("/")[0] for row in rows} == {f"eim:{FIRST}"}
    assert [(row["what"], row["before"], row["after"], row["result"]) for row in rows] == [
        (f"enable {TWO}", "disabled", "enabled", "ok"),
        (f"delete {ONE}", "disabled", None, "ok"),
        (f"delete {TWO}", "enabled", "enabled", "profileNotInDisabledState"),
    ]


def test_a_package_that_the_card_refuses_changes_nothing_and_is_recorded(device: Device) -> None:
    device.eim.knobs.recover_replays = False
    device.eim.queue(device.eid, content.psmo_package(content.enable(TWO)), SigningFaults(counter=0))
    device.json("run", "--once")
    row = changes(device)[-1]
    assert (row["what"], row["after"], row["result"]) == (f"enable {TWO}", "disabled", "replayError")


def test_a_rollback_is_recorded_as_the_doing_of_policy(device: Device) -> None:
    from tests.e2e.virtual.test_supervision import IMSI_TWO, NO_COVERAGE  # noqa: PLC0415 - names of its network

    device.network.set_service(NO_COVERAGE, imsi=IMSI_TWO)
    device.queue(content.psmo_package(content.enable(TWO, rollback=True)))
    device.ipad("run", "--once")
    enabled, undone = changes(device)[1:]
    assert (enabled["what"], enabled["result"]) == (f"enable {TWO}", "ok")
    assert undone["who"].startswith("policy:")
    assert (undone["what"], undone["before"], undone["after"]) == ("profileRollback", TWO, ONE)


def test_the_trail_is_masked_unless_somebody_wants_it_whole(device: Device) -> None:
    device.queue(content.psmo_package(content.enable(TWO, rollback=True)))
    device.json("run", "--once")
    assert TWO not in device.ipad("audit").out
    assert TWO in device.ipad("audit", "--full").out


def test_idle_polls_write_neither_trail_nor_counters(device: Device) -> None:
    device.json("run", "--once")
    trail = device.folder / "state" / "audit.jsonl"
    before = (trail.read_bytes(), device.journal.read_bytes())
    device.json("run", "--once")
    assert (trail.read_bytes(), device.journal.read_bytes()) == before


def test_status_is_read_from_modem_and_card_where_no_agent_runs(device: Device) -> None:
    found = device.json("status")
    assert found["state"] == "direct"
    assert found["provisioning"] == "operational"
    assert found["eid"] == device.card.eid
    assert [eim["eim_id"] for eim in found["eims"]] == [FIRST]
    states = {profile["iccid"]: profile["state"] for profile in found["profiles"]}
    assert states[ONE] == "enabled"
    assert states[TWO] == "disabled"
    assert found["device"]["manufacturer"] == "Quectel"
    assert found["radio"]["registration"] == "home"
    assert found["radio"]["signal_dbm"] < 0
    text = device.ipad("status").out
    assert "operational" in text
    assert "Quectel" in text


def observed(device: Device) -> Status:
    """One visit with an observer, as the service has it."""

    async def visit() -> Status:
        guard = make_guard(device.settings, SystemClock(), boot=device.boot, observed=True)
        factory = AgentFactory(device.settings, SystemClock(), guard=guard)
        assert guard.recorder is not None
        assert guard.recorder.observer is not None
        async with guard.running(), factory.open() as agent:
            await poll_until_idle(agent, guard)
            return guard.recorder.observer.snapshot()

    return device.run(visit())


def test_the_agent_knows_names_results_and_durations(device: Device) -> None:
    device.queue(content.psmo_package(content.enable(TWO, rollback=True)))
    status = observed(device)
    assert status.provisioning is Provisioning.OPERATIONAL
    assert str(status.eid) == device.card.eid
    assert status.enabled is not None
    assert str(status.enabled.iccid) == TWO
    assert {profile.name for profile in status.profiles} != {None}
    (eim,) = status.eims
    assert (eim.last_result, eim.failures) == ("ok", 0)
    counted = {(row.name, row.code): row.count for row in status.counters}
    assert counted["packages", "ok"] == 1
    assert counted["switches", "package"] == 1
    durations = {row.name: row for row in status.durations}
    assert 0 < durations["activation"].last_seconds <= durations["connectivity"].last_seconds
    assert status.writes.count > 0
    assert status.writes.bytes > 0
    assert status.radio.registration == "home"
    assert status.device.model


def test_counters_are_kept_across_processes(device: Device) -> None:
    device.queue(content.psmo_package(content.enable(TWO, rollback=True)))
    observed(device)
    device.queue(content.psmo_package(content.enable(ONE, rollback=True)))
    status = observed(device)
    assert {row.code: row.count for row in status.counters if row.name == "switches"} == {"package": 2}
    assert StateStore(device.journal).load().content is not None
