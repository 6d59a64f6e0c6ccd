"""Every class is known to labgrid, and the examples are environment files that it takes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("labgrid")

from labgrid import Environment, Target, target_factory
from labgrid.exceptions import InvalidConfigError

import hil.lab
import hil.lab.drivers
from hil.lab.network_driver import NetworkAction
from hil.lab.resource import IpadModemInfo
from hil.lab.settings import read_settings

EXAMPLES = Path(hil.lab.__file__).parent / "examples"
EID = "89049032001234567890000000100070"


def test_every_class_is_registered() -> None:
    known = {**target_factory.drivers, **target_factory.resources}
    assert {name for name in known if name.startswith("Ipad")} == set(hil.lab.drivers.__all__)


def test_package_is_imported_without_labgrid() -> None:
    code = (
        "import sys; sys.modules['labgrid'] = None; import hil.lab, hil.lab.settings, hil.lab.service, hil.lab.servers"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)


@pytest.mark.parametrize("name", ["virtual.yaml", "ssh-board.yaml", "local-board.yaml", "network-board.yaml"])
def test_example_is_a_board(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LG_MODEM_TTY", "/dev/null")
    monkeypatch.setenv("LG_FOLDER", "/nowhere")
    monkeypatch.setenv("LG_EID", EID)
    environment = Environment(str(EXAMPLES / name))
    board = environment.get_target("main")
    assert board is not None
    assert board.get_strategy().daemon is board.get_driver("IpadDaemonDriver", activate=False)
    assert len(board.get_resource("IpadModemInfo").eid) == 32
    assert read_settings(environment.config.get_option("suite"), EXAMPLES).times.switch > 0


def test_network_has_another_shell_than_the_board() -> None:
    board = Environment(str(EXAMPLES / "network-board.yaml")).get_target("main")
    assert board is not None
    network = board.get_driver("IpadNetworkDriver", name="network", activate=False)
    assert network.cmd.name == "here"
    assert network.can(NetworkAction.REJECT)
    assert not network.can(NetworkAction.CUT)
    assert board.get_driver("IpadDaemonDriver", activate=False).cmd.name == "board"


def test_example_of_a_remote_place_names_what_the_exporter_exports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LG_PLACE", "gw1")
    environment = Environment(str(EXAMPLES / "remote-place.yaml"))
    resources = environment.config.get_targets()["main"]["resources"]
    assert resources == [{"RemotePlace": {"name": "gw1"}}]
    exported = (EXAMPLES / "exporter.yaml").read_text()
    for cls in ("IpadModemInfo", "NetworkService", "NetworkPowerPort"):
        assert f"cls: {cls}" in exported
    assert read_settings(environment.config.get_option("suite"), EXAMPLES).bench.host


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"eid": 89049032001234567890000000100070}, "eid: expected 32 digits in quotes"),
        ({"eid": "8904"}, "eid: expected 32 digits in quotes"),
        ({"spare_iccid": "8949F"}, "spare_iccid: expected 18 or 19 or 20 digits in quotes"),
    ],
)
def test_identifiers_are_digits_in_quotes(members: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        IpadModemInfo(Target("main"), None, "quectel-eg25", **members)


def test_board_name_is_text() -> None:
    with pytest.raises((TypeError, InvalidConfigError)):
        IpadModemInfo(Target("main"), None, 25)
