"""The files for systemd: what they start exists, what they harden is measured, and the tools that read them do."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from ipad.board import BoardLibrary
from ipad.board.udev import FILE_NAME, udev_rules
from ipad.cli.parser import build
from ipad.helper.protocol import HOOKS, SOCKET

SYSTEMD = Path(__file__).parents[2] / "systemd"
UNITS = sorted(path.name for path in SYSTEMD.iterdir() if path.suffix in (".service", ".socket"))
MAXIMUM = {"ipad.service": 17, "ipad@.service": 17, "ipad-helper.service": 32}
"""Tenths of the exposure level of systemd-analyze security; what the helper exists for costs it the difference."""

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
needs_udev = pytest.mark.skipif(shutil.which("udevadm") is None, reason="udev is not installed")


def settings(unit: str) -> dict[str, list[str]]:
    """All values of each key of a unit."""
    found: dict[str, list[str]] = {}
    for line in (SYSTEMD / unit).read_text(encoding="utf-8").splitlines():
        key, separator, value = line.partition("=")
        if separator and not line.startswith(("#", "[")):
            found.setdefault(key, []).append(value)
    return found


def test_the_units_are_there() -> None:
    assert UNITS == ["ipad-helper.service", "ipad-helper.socket", "ipad.service", "ipad@.service"]


@pytest.mark.parametrize("unit", [unit for unit in UNITS if unit.endswith(".service")])
def test_what_a_unit_starts_is_a_command_of_ours(unit: str) -> None:
    (line,) = settings(unit)["ExecStart"]
    program, *arguments = shlex.split(line.replace("%i", "modem0"))
    assert program == "/usr/bin/ipad"
    parsed = build().parse_args(arguments)
    assert parsed.noun == ("helper" if "helper" in unit else "run")
    assert getattr(parsed, "modem", None) == ("modem0" if "@" in unit else None)


def test_the_template_differs_from_the_unit_only_where_it_must() -> None:
    one, many = settings("ipad.service"), settings("ipad@.service")
    different = {key for key in {*one, *many} if one.get(key) != many.get(key)}
    assert different == {"Description", "Conflicts", "ExecStart", "RuntimeDirectoryPreserve", "DefaultInstance"}


def test_the_service_is_supervised_as_the_manual_says() -> None:
    unit = settings("ipad.service")
    expected = {
        "Type": "notify",
        "WatchdogSec": "180",
        "TimeoutStopSec": "90",
        "StateDirectory": "ipad",
        "User": "ipad",
    }
    assert {key: unit[key] for key in expected} == {key: [value] for key, value in expected.items()}
    assert unit["CapabilityBoundingSet"] == [""]
    assert unit["LoadCredential"] == ["ipad:/etc/ipad/credentials"]
    assert "ipad/credentials" in unit["ConfigurationDirectory"][0].split(), "it is made before it is loaded from"
    assert not {"BindsTo", "Requires"} & set(unit), "a modem or a network that is not there must not stop the agent"


def test_the_socket_is_the_one_that_the_client_asks_and_only_the_agent_may() -> None:
    unit = settings("ipad-helper.socket")
    assert unit["ListenStream"] == [str(SOCKET)]
    assert (unit["SocketUser"], unit["SocketGroup"], unit["SocketMode"]) == (["root"], ["ipad"], ["0660"])


def test_the_directories_of_root_are_made() -> None:
    text = (SYSTEMD / "tmpfiles.d/ipad.conf").read_text(encoding="utf-8")
    assert f"d {HOOKS} 0755 root root" in text
    assert "d /etc/ipad/credentials 0700 root root" in text
    assert "u ipad -" in (SYSTEMD / "sysusers.d/ipad.conf").read_text(encoding="utf-8")


def test_the_drivers_whose_ports_are_allowed_are_loaded_before() -> None:
    modules = set((SYSTEMD / "modules-load.d/ipad.conf").read_text(encoding="utf-8").split("\n"))
    assert {"usbserial", "option", "qcserial", "cdc_acm", "wwan"} <= modules
    allowed = settings("ipad.service")["DeviceAllow"]
    assert {"char-ttyUSB rw", "char-ttyACM rw", "char-wwan_port rw", "char-gsmtty rw"} <= set(allowed)


@needs_systemd
@pytest.mark.parametrize("unit", MAXIMUM)
def test_the_exposure_of_a_unit_is_as_low_as_promised(unit: str) -> None:
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", f"--threshold={MAXIMUM[unit]}", "--no-pager", SYSTEMD / unit],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-200:] + done.stderr
    level = re.search(r"Overall exposure level for \S+: (\d+\.\d)", done.stdout)
    assert level is not None
    assert float(level[1]) <= MAXIMUM[unit] / 10


@needs_systemd
def test_systemd_has_nothing_to_say_about_the_units(tmp_path: Path) -> None:
    for unit in UNITS:
        text = (
            (SYSTEMD / unit).read_text(encoding="utf-8").replace("/usr/bin/ipad", shutil.which("true") or "/bin/true")
        )
        # The manual pages come with the package.
        (tmp_path / unit).write_text(
            "\n".join(line for line in text.split("\n") if not line.startswith("Documentation"))
        )
    names = [tmp_path / ("ipad@modem.service" if unit == "ipad@.service" else unit) for unit in UNITS]
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *names], capture_output=True, text=True, check=False
    )
    complaints = [line for line in (done.stdout + done.stderr).splitlines() if "ipad" in line]
    assert done.returncode == 0, done.stderr
    assert complaints == []


def test_the_shipped_rules_are_made_from_the_shipped_definitions() -> None:
    assert (SYSTEMD / FILE_NAME).read_text(encoding="utf-8") == udev_rules(BoardLibrary()), (
        "write them anew: ipad board udev >systemd/78-mm-ipad.rules"
    )


@needs_systemd
@pytest.mark.parametrize(("tool", "folder"), [("systemd-sysusers", "sysusers.d"), ("systemd-tmpfiles", "tmpfiles.d")])
def test_the_snippets_are_taken_by_the_tools_that_read_them(tmp_path: Path, tool: str, folder: str) -> None:
    program = shutil.which(tool)
    if program is None:
        pytest.skip(f"{tool} is not installed")
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/group").write_text("root:x:0:\ndialout:x:20:\n")
    (tmp_path / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    action = ["--create"] if "tmpfiles" in tool else []
    done = subprocess.run(
        [program, f"--root={tmp_path}", *action, SYSTEMD / folder / "ipad.conf"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    if "sysusers" in tool:
        assert re.search(r"^ipad:x:\d+:", (tmp_path / "etc/passwd").read_text(), re.MULTILINE)
        assert re.search(r"^dialout:x:20:ipad$", (tmp_path / "etc/group").read_text(), re.MULTILINE)
    else:
        assert (tmp_path / "etc/ipad/credentials").stat().st_mode & 0o777 == 0o700


@needs_udev
def test_udev_takes_the_rules(tmp_path: Path) -> None:
    done = subprocess.run(["udevadm", "verify", SYSTEMD / FILE_NAME], capture_output=True, text=True, check=False)
    if "Unknown command" in done.stderr or "Unknown operation" in done.stderr:
        pytest.skip("this udev cannot check rules")
    assert done.returncode == 0, done.stderr
