"""The agent's configuration on a board comes back as it was."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

pytest.importorskip("labgrid")

from labgrid import Target

from hil.lab.board_files import BoardFiles
from hil.lab.command_driver import IpadLocalCommandDriver
from hil.lab.daemon_driver import IpadDaemonDriver
from hil.lab.settings import BoardSettings, read_settings
from hil.suite.errors import TargetError
from tests.lab.fakes import active

OWN = '# mine\n[modem]\nboard = "quectel-eg25"\n\n[rsp]\nci_files = ["/etc/ipad/ci.pem"]\n'


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "ipad.toml"
    path.write_text(OWN)
    path.chmod(0o640)
    return path


@pytest.fixture
def daemon(config: Path) -> IpadDaemonDriver:
    target = Target("main")
    IpadLocalCommandDriver(target, None)
    return active(target, IpadDaemonDriver(target, None, config=str(config)))


def settings(tmp_path: Path, **members: object) -> BoardSettings:
    return read_settings({"bench": {"state": "s"}, "files": str(tmp_path / "files"), **members}, tmp_path)


def test_configuration_is_changed_and_put_back(tmp_path: Path, config: Path, daemon: IpadDaemonDriver) -> None:
    files = BoardFiles(daemon, settings(tmp_path, configuration="[timers]\nsession = 5\n"))
    files.take(b"-----BEGIN CERTIFICATE-----\n")
    changed = tomllib.loads(config.read_text())
    assert changed["modem"] == {"board": "quectel-eg25"}
    assert changed["timers"] == {"session": 5}
    assert changed["rsp"]["ci_files"] == ["/etc/ipad/ci.pem", str(tmp_path / "files" / "ci.pem")]
    assert (tmp_path / "files" / "ci.pem").read_text() == "-----BEGIN CERTIFICATE-----\n"
    files.restore()
    assert config.read_text() == OWN
    assert config.stat().st_mode & 0o777 == 0o640
    assert not (tmp_path / "files").exists()


def test_case_adds_tables_and_takes_them_away(tmp_path: Path, config: Path, daemon: IpadDaemonDriver) -> None:
    files = BoardFiles(daemon, settings(tmp_path))
    files.take(None)
    files.apply({"modem": {"speed": 9600}}, {"poll": {"per_day": 4}})
    changed = tomllib.loads(config.read_text())
    assert changed["modem"] == {"board": "quectel-eg25", "speed": 9600}
    assert tomllib.loads(Path(changed["policy"]["file"]).read_text()) == {"poll": {"per_day": 4}}
    files.apply({}, {})
    assert tomllib.loads(config.read_text()) == tomllib.loads(OWN)
    files.restore()


def test_policy_of_the_owner_is_what_is_changed(tmp_path: Path, config: Path, daemon: IpadDaemonDriver) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text("[poll]\nper_day = 2\nweak_time = 60\n")
    config.write_text(f'[policy]\nfile = "{policy}"\n')
    files = BoardFiles(daemon, settings(tmp_path, policy="[poll]\nper_day = 9\n"))
    files.take(None)
    used = tomllib.loads(config.read_text())["policy"]["file"]
    assert tomllib.loads(Path(used).read_text()) == {"poll": {"per_day": 9, "weak_time": 60}}
    files.restore()
    assert policy.read_text() == "[poll]\nper_day = 2\nweak_time = 60\n"


def test_run_that_was_torn_down_is_made_good_by_the_next(
    tmp_path: Path, config: Path, daemon: IpadDaemonDriver
) -> None:
    BoardFiles(daemon, settings(tmp_path, configuration="[timers]\nsession = 5\n")).take(None)
    files = BoardFiles(daemon, settings(tmp_path))
    files.take(None)
    assert tomllib.loads(config.read_text()) == tomllib.loads(OWN)
    files.restore()
    assert config.read_text() == OWN


def test_restore_without_a_change_does_nothing(tmp_path: Path, config: Path, daemon: IpadDaemonDriver) -> None:
    BoardFiles(daemon, settings(tmp_path)).restore()
    assert config.read_text() == OWN


def test_configuration_that_is_no_toml_is_named(tmp_path: Path, config: Path, daemon: IpadDaemonDriver) -> None:
    config.write_text("[modem")
    files = BoardFiles(daemon, settings(tmp_path))
    with pytest.raises(TargetError, match=r"ipad\.toml on the board: "):
        files.take(None)
    files.restore()
    assert config.read_text() == "[modem"


def test_request_for_the_euicc_is_written_as_it_is(tmp_path: Path, daemon: IpadDaemonDriver) -> None:
    files = BoardFiles(daemon, settings(tmp_path))
    files.take(None)
    request = bytes(range(256))
    assert Path(files.put_eim(request)).read_bytes() == request
    files.restore()


def test_configuration_that_is_not_there_is_told_and_nothing_is_made(
    tmp_path: Path, config: Path, daemon: IpadDaemonDriver
) -> None:
    config.unlink()
    files = BoardFiles(daemon, settings(tmp_path))
    with pytest.raises(TargetError, match=f"there is no {config} on the board: expected the agent's configuration"):
        files.take(None)
    assert not (tmp_path / "files").exists()
