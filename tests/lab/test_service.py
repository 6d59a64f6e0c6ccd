"""Service managers as shell commands. Runs without labgrid, too."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from hil.lab.service import Procd, Spawned, Systemd, service_of


def shell(command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["/bin/sh", "-c", command], check=False, capture_output=True, text=True, timeout=20)


def test_name_chooses_the_manager() -> None:
    assert service_of("ipad.service", "", "") == Systemd("ipad.service")
    assert service_of("ipad@wan.service", "", "") == Systemd("ipad@wan.service")
    assert service_of("/etc/init.d/ipad", "", "") == Procd("ipad")
    assert service_of("", "/run/lab", "ipad run") == Spawned("/run/lab", "ipad run")


@pytest.mark.parametrize("name", ["ipad", "/etc/ipad.service", "/etc/init.d/", "/etc/init.d/a b", "/etc/init.d/../sh"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="service: expected"):
        service_of(name, "", "")


def test_process_without_a_service_needs_a_folder() -> None:
    with pytest.raises(ValueError, match="absolute folder"):
        service_of("", "run", "ipad run")


def test_commands_of_systemd() -> None:
    unit = Systemd("ipad.service")
    assert unit.start() == "systemctl reset-failed ipad.service 2>/dev/null; systemctl start ipad.service"
    assert unit.kill() == "systemctl kill --signal=KILL ipad.service"
    assert unit.journal("1700000000").endswith("--unit=ipad.service --since=@1700000000")


def test_mark_is_a_number_before_it_gets_into_a_command() -> None:
    for service in (Systemd("ipad.service"), Procd("ipad"), Spawned("/x", "y")):
        with pytest.raises(ValueError, match="invalid literal"):
            service.journal("1; reboot")


@pytest.mark.parametrize("service", [Systemd("ipad.service"), Procd("ipad"), Spawned("/run/lab", "ipad run")])
def test_commands_are_one_line_of_valid_shell(service: Systemd | Procd | Spawned) -> None:
    for command in (
        service.start(),
        service.stop(),
        service.kill(),
        service.running(),
        service.mark(),
        service.journal("5"),
    ):
        assert "\n" not in command
        assert subprocess.run(["/bin/sh", "-n", "-c", command], check=False).returncode == 0


def test_lines_of_procd_are_chosen_by_their_seconds(tmp_path: Path) -> None:
    log = tmp_path / "logread"
    log.write_text(
        "#!/bin/sh\necho 'Sat Nov 21 [99.5] daemon.info ipad: old'\necho 'Sat Nov 21 [100.2] daemon.info ipad: new'\n"
    )
    log.chmod(0o755)
    assert (
        shell(f"PATH={tmp_path}:$PATH; {Procd('ipad').journal('100')}").stdout
        == "Sat Nov 21 [100.2] daemon.info ipad: new\n"
    )


def test_spawned_process_starts_and_ends(tmp_path: Path) -> None:
    service = Spawned(str(tmp_path / "run"), "sh -c 'echo begun; exec sleep 60'")
    assert shell(service.running()).returncode != 0
    assert shell(service.mark()).stdout.strip() == "0"
    assert shell(service.journal("0")).returncode == 0
    assert shell(service.start()).returncode == 0
    assert shell(service.running()).returncode == 0
    assert shell(service.stop()).returncode == 0
    assert shell(service.running()).returncode != 0
    assert shell(service.stop()).returncode == 0, "stopping what does not run is no error"


def test_spawned_process_is_killed(tmp_path: Path) -> None:
    service = Spawned(str(tmp_path), "sh -c 'trap \"\" TERM; while :; do sleep 0.05; done'")
    assert shell(service.start()).returncode == 0
    assert shell(service.kill()).returncode == 0
    assert shell(service.running()).returncode != 0


def test_journal_of_a_spawned_process_begins_at_the_mark(tmp_path: Path) -> None:
    service = Spawned(str(tmp_path), "true")
    (tmp_path / "agent.log").write_text("before\n")
    mark = shell(service.mark()).stdout.strip()
    with (tmp_path / "agent.log").open("a") as log:
        log.write("after\n")
    assert shell(service.journal(mark)).stdout == "after\n"
