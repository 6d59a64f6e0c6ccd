"""A farm of one board on loopback: a coordinator, an exporter, a place."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from hil.waiting import looks
from tests.lab.board_file import SPARE
from tests.lab.virtual_board import VirtualBoard

TOOLS = Path(sys.executable).parent
PLACE = "gw1"
EXPORTED = """
gw1:
  at: {{cls: NetworkSerialPort, host: 127.0.0.1, port: {port}, speed: 115200, protocol: raw}}
  info: {{cls: IpadModemInfo, board: quectel-eg25, eid: "{eid}", spare_iccid: "{spare}"}}
"""
REMOTE_PLACE = 'RemotePlace: {name: !template "$LG_PLACE"}'
"""The resources of a board file for a place that the environment names."""


class Farm:
    """A coordinator and the exporter of one bench."""

    def __init__(self, folder: Path, board: VirtualBoard, stack: ExitStack) -> None:
        command = [str(TOOLS / "labgrid-coordinator"), "-l", "127.0.0.1:0"]
        coordinator = stack.enter_context(_process(command, folder, "coordinator"))
        assert coordinator.stdout is not None
        self.address = coordinator.stdout.readline().split()[-1]
        exported = folder / "exporter.yaml"
        exported.write_text(EXPORTED.format(port=board.bridge.port, eid=board.eid, spare=SPARE))
        command = [str(TOOLS / "labgrid-exporter"), "-c", self.address, "-n", "lab1", "--hostname", "127.0.0.1"]
        stack.enter_context(_process([*command, str(exported)], folder, "exporter"))

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


def farmed(folder: Path, stack: ExitStack, *, trusts: bool = False) -> tuple[VirtualBoard, Farm]:
    """A virtual board (`trusts`: as it has it), and a farm in which it is a place. Both end with the stack."""
    board = VirtualBoard(folder, folder / "bench", trusts=trusts)
    stack.callback(board.close)
    farm = Farm(folder, board, stack)
    farm.make_place()
    return board, farm


@contextmanager
def _process(command: list[str], folder: Path, name: str) -> Iterator[subprocess.Popen[str]]:
    with (folder / f"{name}.log").open("w") as log:
        started = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=log, text=True)
        try:
            yield started
        finally:
            started.terminate()
            started.wait(20)
            assert started.stdout is not None
            started.stdout.close()
