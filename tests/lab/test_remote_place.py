"""The suite on a board in a farm: coordinator, exporter and place on loopback, the same cases as anywhere."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from hil.waiting import looks

pytest.importorskip("labgrid")

from tests.lab.suite_run import CHAPTERS, run_suite
from tests.lab.virtual_board import VirtualBoard, agent_command

AGENT = agent_command()
TOOLS = Path(sys.executable).parent
PLACE = "gw1"
EXPORTED = """
gw1:
  at: {{cls: NetworkSerialPort, host: 127.0.0.1, port: {port}, speed: 115200, protocol: raw}}
  info: {{cls: IpadModemInfo, board: quectel-eg25, eid: "{eid}", spare_iccid: "89490000000000000023"}}
"""
BOARD = """
imports: [hil.lab.drivers]
targets:
  main:
    resources:
      - RemotePlace: {{name: !template "$LG_PLACE"}}
    drivers:
      - SerialDriver: {{name: at, bindings: {{port: at}}}}
      - IpadAtDriver: {{timeout: 3.0, bindings: {{port: at}}}}
      - IpadLocalCommandDriver: {{}}
      - IpadDaemonDriver: {{agent: "{agent}", config: {config}, service: "", folder: {folder}/run, pause: 0.05}}
      - IpadGatewayStrategy: {{pause: 0.1}}
options:
  coordinator_address: {coordinator}
  suite:
    files: {folder}/files
    limits: {{command: 20, poll: 20, start: 20, switch: 40, recovery: 20, settle: 0.2}}
    bench: {{state: bench, associate: true}}
"""


class Farm:
    """A coordinator and the exporter of one bench."""

    def __init__(self, folder: Path, board: VirtualBoard, stack: ExitStack) -> None:
        command = [str(TOOLS / "labgrid-coordinator"), "-l", "127.0.0.1:0"]
        coordinator = stack.enter_context(process(command, folder, "coordinator"))
        assert coordinator.stdout is not None
        self.address = coordinator.stdout.readline().split()[-1]
        exported = folder / "exporter.yaml"
        exported.write_text(EXPORTED.format(port=board.bridge.port, eid=board.eid))
        command = [str(TOOLS / "labgrid-exporter"), "-c", self.address, "-n", "lab1", "--hostname", "127.0.0.1"]
        stack.enter_context(process([*command, str(exported)], folder, "exporter"))

    def client(self, *words: str, check: bool = True, **variables: str) -> str:
        """`labgrid-client`."""
        command = [str(TOOLS / "labgrid-client"), "-x", self.address, *words]
        environment = {**os.environ, **variables}
        return subprocess.run(command, check=check, capture_output=True, text=True, timeout=30, env=environment).stdout

    def make_place(self) -> None:
        """Once the exporter has told what it has."""
        told = any("IpadModemInfo" in self.client("resources", check=False) for _ in looks(20.0, 0.1))
        assert told, "the exporter told nothing"
        self.client("-p", PLACE, "create")
        self.client("-p", PLACE, "add-match", f"lab1/{PLACE}/*")
        self.client("-p", PLACE, "set-tags", "board=eg25")

    def reserve(self) -> str:
        """A place with the tag, waited for and acquired as a job does it; the token of the reservation."""
        token = self.client("reserve", "--wait", "--shell", "board=eg25").strip().partition("LG_TOKEN=")[2]
        assert token
        self.client("-p", "+", "acquire", LG_TOKEN=token)
        return token


@contextmanager
def process(command: list[str], folder: Path, name: str) -> Iterator[subprocess.Popen[str]]:
    with (folder / f"{name}.log").open("w") as log:
        started = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=log, text=True)
        try:
            yield started
        finally:
            started.terminate()
            started.wait(20)
            assert started.stdout is not None
            started.stdout.close()


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


@pytest.mark.timeout(180)
@pytest.mark.skipif(AGENT is None, reason="needs an agent of the main environment: IPAD_LAB_AGENT")
def test_suite_runs_on_a_place_that_was_acquired(tmp_path: Path, stack: ExitStack) -> None:
    board = VirtualBoard(tmp_path, tmp_path / "bench")
    stack.callback(board.close)
    farm = Farm(tmp_path, board, stack)
    farm.make_place()
    file = tmp_path / "board.yaml"
    members = {"agent": AGENT, "config": board.config, "folder": tmp_path}
    file.write_text(BOARD.format(coordinator=farm.address, **members))

    refused = run_suite(file, str(CHAPTERS / "test_00_smoke.py"), LG_PLACE=PLACE)
    assert refused.results() == {}
    assert f"place {PLACE} is not acquired" in refused.output

    enabled = board.enabled()
    token = farm.reserve()
    run = run_suite(file, str(CHAPTERS / "test_00_smoke.py"), LG_PLACE="+", LG_TOKEN=token)
    assert run.code == 0, run.output
    assert run.results() == {"test_package_goes_through": "passed", "test_switch_goes_through": "passed"}
    assert run.record is not None
    assert run.record.board["board"] == "quectel-eg25"
    assert "ESIPA" in {event.interface for event in run.record.cases[0].events}
    assert board.enabled() == enabled

    farm.client("-p", "+", "release", LG_TOKEN=token)
    assert "acquired: None" in farm.client("-p", PLACE, "show")
