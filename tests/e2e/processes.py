"""The rig and the agent as processes, as their users start them."""

from __future__ import annotations

import contextlib
import io
import json
import selectors
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from hil.cli.main import main as hil_main
from hil.waiting import looks
from tests.e2e.commands import Finished

_READY_WITHIN = 40.0
_END_WITHIN = 20.0


@dataclass(frozen=True)
class Rig:
    """A running rig; `facts` is the JSON line that it printed when it was ready."""

    facts: Mapping[str, Any]
    process: subprocess.Popen[str]

    @property
    def tty(self) -> str:
        """The port of the virtual modem."""
        return str(self.facts["tty"])

    def hil(self, *arguments: str) -> str:
        """Operate the rig as `ipad-hil` does, in this process; it must succeed. Returns what it printed."""
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            code = hil_main([*arguments, "--control", self.facts["control_url"]])
        assert code == 0, f"{arguments}: exit code {code}\n{printed.getvalue()}"
        return printed.getvalue()


@contextlib.contextmanager
def running_rig(folder: Path, *options: str) -> Iterator[Rig]:
    """`ipad-hil rig` with its state below `folder`; ended by SIGTERM. What it logs is in `folder/rig.log`."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "rig.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "hil", "rig", "--state", str(folder / "rig"), *options],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            cwd=folder,
        )
    try:
        yield Rig(json.loads(_first_line(process, folder / "rig.log")), process)
    finally:
        process.terminate()
        try:
            process.wait(_END_WITHIN)
        finally:
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()


def _first_line(process: subprocess.Popen[str], log: Path) -> str:
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        line = process.stdout.readline() if selector.select(_READY_WITHIN) else ""
    if not line:
        raise AssertionError(f"the rig did not become ready:\n{log.read_text(errors='replace')[-2000:]}")
    return line


@dataclass(frozen=True)
class Agent:
    """How `ipad` is run: always with the same configuration file, in the same folder."""

    folder: Path
    config: Path

    def run(self, *arguments: str, limit: float = 50.0) -> Finished:
        """Run one command to its end."""
        done = subprocess.run(
            self._command(arguments), check=False, capture_output=True, text=True, cwd=self.folder, timeout=limit
        )
        return Finished(done.returncode, done.stdout, done.stderr)

    def json(self, *arguments: str, code: int = 0) -> Any:
        """Run one command with --json and return what it printed; it must end with `code`."""
        return self.run(*arguments, "--json").answered(code)

    @contextlib.contextmanager
    def daemon(self) -> Iterator[subprocess.Popen[str]]:
        """`ipad run` while the context lasts; its log is in `folder/ipad.log`. It has to end with 0 on SIGTERM."""
        with (self.folder / "ipad.log").open("ab") as log:
            process = subprocess.Popen(self._command(("run", "-v")), stderr=log, text=True, cwd=self.folder)
        try:
            yield process
            process.send_signal(signal.SIGTERM)
            assert process.wait(_END_WITHIN) == 0
        finally:
            process.kill()
            process.wait()

    def wait_for_log(self, text: str, limit: float = 30.0) -> None:
        """Wait until the daemon has logged something."""
        path = self.folder / "ipad.log"
        if not any(text in path.read_text(errors="replace") for _ in looks(limit, 0.05)):
            raise AssertionError(f"{text!r} never came:\n{path.read_text(errors='replace')[-3000:]}")

    def _command(self, arguments: tuple[str, ...]) -> list[str]:
        return [sys.executable, "-m", "ipad", *arguments, "--config", str(self.config)]


def agent_for(rig: Rig, folder: Path, extra: str = "", *, link: str | None = None) -> Agent:
    """An agent configured for a rig: its port, its servers, a state folder of its own. `extra` is more TOML."""
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "ipad.toml"
    modem = link if link is not None else f'port = "{rig.tty}"\nboard = "quectel-eg25"'
    # An eimFqdn without a port is a name that only the configuration leads to the rig.
    overrides = "".join(
        f'"https://{rig.facts[name]}" = "127.0.0.1:{urlsplit(rig.facts[url]).port}"\n'
        for name, url in (("eim_fqdn", "esipa_url"), ("eim2_fqdn", "eim2_url"))
        if ":" not in rig.facts[name]
    )
    config.write_text(
        f'[state]\ndirectory = "state"\n[control]\nsocket = "{folder}/ipad.sock"\n'
        f'[modem]\n{modem}\n[net]\nca_file = "{rig.facts["ca_file"]}"\n'
        f"[net.addresses]\n{overrides}{extra}",
        encoding="utf-8",
    )
    return Agent(folder, config)
