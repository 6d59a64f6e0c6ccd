"""A rig as a process that plays the board: its terminal is the modem's port, its card the eUICC."""

from __future__ import annotations

import json
import os
import shlex
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from http import HTTPStatus
from pathlib import Path
from typing import Any

from hil.pki import Pki
from hil.suite.toml_text import dumps
from hil.suite.virtual.agent import POLICY
from tests.lab.tcp_bridge import TcpBridge

ROOT = Path(__file__).parent.parent.parent
QUICK = {"search_time": 0.05, "session_time": 0.02}
PROGRAM = Path(__file__).parent / "network_program.py"
BEYOND = "127.0.0.2"
"""Where the servers of the suite listen whose way leads over the radio of the rig."""


def agent_command() -> str | None:
    """The agent of the main environment: IPAD_LAB_AGENT, else that of `make test`."""
    named = os.environ.get("IPAD_LAB_AGENT")
    built = ROOT / ".venv" / "bin" / "ipad"
    return named or (str(built) if built.exists() else None)


class VirtualBoard:
    """Rig, bridge and the agent's configuration below `folder`; the card trusts the PKI below `bench`, the bench's or
    that of somebody else. With `trusts` the agent is configured for SM-DP+ of that PKI, as its owner would do it."""

    def __init__(self, folder: Path, bench: Path, *, trusts: bool = False) -> None:
        pki = bench / "pki"
        Pki.open(pki)
        self._log = (folder / "rig.log").open("wb")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "hil", "rig", "--state", str(folder / "rig"), "--pki", str(pki)],
            stdout=subprocess.PIPE,
            stderr=self._log,
        )
        assert self._process.stdout is not None
        self.ready: dict[str, Any] = json.loads(self._process.stdout.readline())
        self.call("/knobs/network", QUICK)
        self.bridge = TcpBridge(Path(self.ready["tty"]))
        self.config = folder / "ipad.toml"
        self.run_folder = folder / "run"
        self._configure(folder, {"ci_files": [str(self.ready["ci_file"])]} if trusts else {})

    def _configure(self, folder: Path, trust: dict[str, Any]) -> None:
        policy = folder / "policy.toml"
        policy.write_text(dumps(POLICY))
        runtime = folder / "runtime"
        runtime.mkdir()
        self.config.write_text(
            dumps(
                {
                    "state": {"directory": str(folder / "state")},
                    "control": {"socket": str(runtime / "ipad.sock")},
                    "modem": {"port": self.ready["tty"], "board": "quectel-eg25", "max_data": 255},
                    "esipa": {"poll_interval": 604800, "retry_delays": [0.2, 0.5], "exchange_timeout": 5},
                    "rsp": {
                        **trust,
                        "retry_delays": [0.2, 0.5],
                        "download_retry_delays": [1.0],
                        "exchange_timeout": 10,
                    },
                    "timers": {"session": 10, "first_session": 5, "session_check": 0.2, "reconnect": 1},
                    "policy": {"file": str(policy)},
                }
            )
        )

    @property
    def eid(self) -> str:
        return str(self.ready["eid"])

    @property
    def network_program(self) -> str:
        """A command that operates the networks of the rig."""
        return shlex.join([sys.executable, str(PROGRAM), self.ready["control_url"]])

    def power_command(self, word: str) -> str:
        """A command that switches the supply of modem and eUICC: `on` or `off`."""
        return shlex.join([sys.executable, "-m", "hil", "modem", "power", word, "--control", self.ready["control_url"]])

    def over_the_air(self, *servers: str) -> dict[str, object]:
        """Lead the device to these servers of the suite's bench over the radio of the rig: without a bearer it reaches
        none. Returns members of `bench` in the board file."""
        return {"listen": BEYOND, **{name: self._door_to(name) for name in servers}}

    def _door_to(self, server: str) -> int:
        """The port at which the device finds a server beyond; who connects may have taken one that was free."""
        while True:
            port = _free_port()
            try:
                self.call("/link/doors", {"name": f"bench-{server}", "host": BEYOND, "port": port})
            except urllib.error.HTTPError as error:
                with error:
                    if error.code != HTTPStatus.CONFLICT:
                        raise
            else:
                return port

    def profiles(self) -> list[dict[str, Any]]:
        """What is really on the card."""
        return list(self.call("/card")["profiles"])

    def enabled(self) -> str | None:
        return next((str(profile["iccid"]) for profile in self.profiles() if profile["enabled"]), None)

    def call(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """The rig's control API."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.ready["control_url"] + path, data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            found = json.loads(answer.read())
        assert isinstance(found, dict)
        return found

    def close(self) -> None:
        self.bridge.close()
        self._process.terminate()
        self._process.wait(20)
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._log.close()


def _free_port() -> int:
    """One that is free at both addresses."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as here:
            port = int(here.getsockname()[1])
            try:
                socket.create_server((BEYOND, port)).close()
            except OSError:
                continue
            return port
