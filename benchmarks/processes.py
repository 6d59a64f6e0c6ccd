"""The rig and the agent as processes, for measurements; each with compiled bytecode, as an installed package has it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

_READY_WITHIN = 60.0
_PAUSE = 0.02


class BenchmarkError(Exception):
    """A measurement that could not be made."""


def environment(folder: Path) -> dict[str, str]:
    """Bytecode is kept below `folder`: whether that of the sources is fresh must not decide."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "IPAD_"))}
    return {**kept, "PYTHONPYCACHEPREFIX": str(folder / "bytecode")}


@contextlib.contextmanager
def running(
    arguments: list[str], folder: Path, *, log: str, stdin: int | None = subprocess.DEVNULL, stdout: int | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """This Python with some arguments, as long as the context lasts; what it logs is in `folder/log`."""
    with (folder / log).open("wb") as errors:
        process = subprocess.Popen(  # noqa: S603 - our own programs
            [sys.executable, *arguments],
            stdin=stdin,
            stdout=stdout if stdout is not None else subprocess.DEVNULL,
            stderr=errors,
            cwd=folder,
            env=environment(folder),
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


@contextlib.contextmanager
def rig(folder: Path, *options: str) -> Iterator[Mapping[str, Any]]:
    """`ipad-hil rig`; yields the facts that it prints."""
    arguments = ["-m", "hil", "rig", "--state", str(folder / "rig"), *options]
    with running(arguments, folder, log="rig.log", stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        yield json.loads(_line(process.stdout, folder / "rig.log"))


def _line(pipe: IO[bytes], log: Path) -> bytes:
    line = pipe.readline()
    if not line:
        raise BenchmarkError(f"the rig did not start: {log.read_text(errors='replace')[-2000:]}")
    return line


def configure(folder: Path, facts: Mapping[str, Any], extra: str = "") -> Path:
    """The configuration of an agent for a rig, whose eUICC knows its eIM."""
    config = folder / "ipad.toml"
    config.write_text(
        f'[state]\ndirectory = "{folder / "state"}"\n[control]\nsocket = "{folder / "ipad.sock"}"\n'
        f'[modem]\nport = "{facts["tty"]}"\nboard = "quectel-eg25"\n[net]\nca_file = "{facts["ca_file"]}"\n{extra}',
        encoding="utf-8",
    )
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "ipad", "eim", "add", str(facts["initial_eim_file"]), "--config", str(config)],
        capture_output=True,
        cwd=folder,
        env=environment(folder),
        check=False,
    )
    if done.returncode:
        raise BenchmarkError(f"the eIM was not added: {done.stderr.decode(errors='replace')}")
    return config


def wait_for(log: Path, text: str) -> None:
    """Wait until a program has logged something. Raises BenchmarkError."""
    deadline = time.monotonic() + _READY_WITHIN
    while text not in log.read_text(errors="replace"):
        if time.monotonic() > deadline:
            raise BenchmarkError(f"{text!r} was never logged: {log.read_text(errors='replace')[-2000:]}")
        time.sleep(_PAUSE)


def cpu_seconds(pid: int) -> float:
    """What a process has used of the processor until now, all its threads, in nanosecond steps (proc(5), schedstat)."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def wake_ups(pid: int) -> int:
    """How often the threads of a process have waited for something until now (proc(5), voluntary_ctxt_switches)."""
    lines = [
        line for task in Path(f"/proc/{pid}/task").iterdir() for line in (task / "status").read_text().splitlines()
    ]
    return sum(int(line.split()[1]) for line in lines if line.startswith("voluntary_ctxt_switches"))


def memory(pid: int) -> dict[str, int]:
    """Resident, proportional and private memory of a process in KiB (proc(5), smaps_rollup)."""
    found = dict.fromkeys(("Rss", "Pss", "Private_Clean", "Private_Dirty"), 0)
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        name, _, value = line.partition(":")
        if name in found:
            found[name] = int(value.split()[0])
    return {
        "resident": found["Rss"],
        "proportional": found["Pss"],
        "private": found["Private_Clean"] + found["Private_Dirty"],
    }
