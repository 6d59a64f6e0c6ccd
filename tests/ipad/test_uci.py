"""The configuration of OpenWrt, as TOML that the agent takes."""

from __future__ import annotations

import os
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from ipad.cli.main import run
from ipad.config import from_document
from ipad.errors import ConfigError
from ipad.toml import Document
from ipad.uci import toml_of

OPENWRT = Path(__file__).parents[2] / "openwrt/files"
WHOLE = """
package ipad

config ipad 'main'
	option enabled '1'

config modem 'wan'
	option port '/dev/ttyUSB2'
	option baud '115200'
	option timeouts_apdu '60.5'
	list apdu 'ccho'
	list apdu 'csim'

config eim
	option id 'eim.example.com'
	option minimize '1'

config net
	list addresses 'https://eim.example.com=192.0.2.1:443'

config bearer
	option modemmanager_inhibit 'on'	# a comment

config bearer_apn
	option apn "iot"

config bearer_apn
	option apn 'other'
	option iccid '8949'

config clock
	option set '1'
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "ipad"
    path.write_text(text)
    return path


def test_sections_become_tables_and_options_keys_of_the_right_type(tmp_path: Path) -> None:
    path = written(tmp_path, WHOLE)
    config = from_document(Document(path, tomllib.loads(toml_of(path))))
    modem = config.modem("wan")
    assert (modem.port, modem.baud, modem.apdu, modem.timeouts.apdu) == ("/dev/ttyUSB2", 115200, ("ccho", "csim"), 60.5)
    assert config.eim["eim.example.com"].minimize
    assert config.net.addresses == {"https://eim.example.com": "192.0.2.1:443"}
    assert config.bearer.modemmanager.inhibit
    assert [entry.apn for entry in config.bearer.apn] == ["iot", "other"]
    assert config.clock.set


def test_text_is_quoted_so_that_nothing_can_be_slipped_in(tmp_path: Path) -> None:
    path = written(tmp_path, "config modem\n\toption port 'a\"\\ [clock]'\n")
    assert tomllib.loads(toml_of(path)) == {"modem": {"port": 'a"\\ [clock]'}}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("config nonsense\n", r":1: there is no section type 'nonsense'; known: state, modem"),
        ("config modem\n\toption colour '1'\n", ":2: a section modem has no option 'colour'"),
        ("config modem\n\toption baud 'fast'\n", ":2: baud: 'fast': expected a number"),
        ("config clock\n\toption set 'maybe'\n", ":2: set: 'maybe': expected 0 or 1"),
        ("config modem\n\tlist port 'a'\n", ":2: port: expected one value"),
        ("option port 'a'\n", ":1: expected config, option or list"),
        ("config modem 'a' 'b'\n", ":1: expected config, option or list"),
        ("config modem 'a\n", ":1: No closing quotation"),
    ],
)
def test_what_is_wrong_is_named_with_file_and_line(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        toml_of(written(tmp_path, text))


def test_the_command_checks_what_it_prints(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["config", "from-uci", str(written(tmp_path, WHOLE))]) == 0
    assert tomllib.loads(capsys.readouterr().out)["clock"] == {"set": True}
    assert run(["config", "from-uci", str(written(tmp_path, "config modem\n\toption baud '1'\n"))]) == 78
    assert "modem.baud: 1 is out of range" in capsys.readouterr().err
    assert run(["config", "from-uci", str(tmp_path / "missing")]) == 78


def test_the_file_that_is_shipped_is_valid() -> None:
    path = OPENWRT / "ipad.config"
    config = from_document(Document(path, tomllib.loads(toml_of(path))))
    assert str(config.state.directory) == "/etc/ipad/state"


PROCD = """
config_load() { :; }
config_get_bool() { eval "$1=${ENABLED:-0}"; }
procd_open_instance() { echo open; }
procd_set_param() { echo "set $*"; }
procd_close_instance() { echo close; }
logger() { while [ $# -gt 1 ]; do shift; done; cat "$1" >&2; }
. "$1"
PROG=$PROGRAM UCI=$2 MADE=$3/run/ipad.toml OWN=$3/own.toml
start_service
"""


def started(
    tmp_path: Path, *, enabled: bool = True, program: str = 'echo "[modem]"'
) -> subprocess.CompletedProcess[str]:
    script = tmp_path / "ipad-program"
    script.write_text(f"#!/bin/sh\n{program}\n")
    script.chmod(0o755)
    return subprocess.run(
        ["/bin/sh", "-c", PROCD, "sh", OPENWRT / "ipad.init", tmp_path / "ipad", tmp_path],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "ENABLED": str(int(enabled)), "PROGRAM": str(script)},
    )


def test_the_init_script_renders_the_configuration_and_starts_the_agent(tmp_path: Path) -> None:
    done = started(tmp_path)
    made = tmp_path / "run/ipad.toml"
    assert f"set command {tmp_path}/ipad-program run --config {made}" in done.stdout
    assert "set respawn 3600 5 0" in done.stdout
    assert done.stdout.startswith("open\n")
    assert done.stdout.endswith("close\n")
    assert made.read_text() == "[modem]\n"
    assert made.stat().st_mode & 0o077 == 0, "it may hold passwords"


def test_the_init_script_prefers_a_file_of_the_operators(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text("[modem]\n")
    assert f"run --config {tmp_path}/own.toml" in started(tmp_path).stdout


def test_the_init_script_starts_nothing_that_is_switched_off_or_wrong(tmp_path: Path) -> None:
    done = started(tmp_path, enabled=False)
    assert (done.stdout, done.returncode) == ("", 0)
    done = started(tmp_path, program="echo 'ipad: wrong' >&2; exit 78")
    assert (done.stdout, done.returncode, done.stderr) == ("", 1, "ipad: wrong\n")
    assert not (tmp_path / "run/ipad.toml").exists()


@pytest.mark.skipif(shutil.which("busybox") is None, reason="busybox is not installed")
def test_the_init_script_is_what_busybox_takes() -> None:
    done = subprocess.run(["busybox", "ash", "-n", OPENWRT / "ipad.init"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
