"""The hook counts what a process does, and kills it exactly where it is told."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from hil.sweep.points import by_kind, read_points
from hil.sweep.process import HOOK, KILLED, Place, nursery

SCRIPT = Path(__file__).with_name("worker_script.py")
FILES = [
    "mkdir deep",
    "open journal.new",
    "write journal.new",
    "fsync journal.new",
    "replace journal.new",
    "open journal",
]
NETWORK = ["connect", "sendall", "recv"]


@pytest.fixture(name="port")
def _port() -> Iterator[int]:
    """A server that answers whatever comes."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                if connection.recv(100):
                    connection.sendall(b"answer")

    thread = threading.Thread(target=serve)
    thread.start()
    yield int(listener.getsockname()[1])
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


def run(folder: Path, port: int, kill_at: int = 0) -> subprocess.CompletedProcess[str]:
    state = folder / "state"
    state.mkdir(parents=True)
    surroundings = {
        **os.environ,
        "PYTHONPATH": str(HOOK),
        "SWEEP_BELOW": str(state),
        "SWEEP_POINTS": str(folder / "points"),
        "SWEEP_KILL": str(kill_at),
    }
    return subprocess.run(
        [sys.executable, str(SCRIPT), str(state), str(port)],
        env=surroundings,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


def test_every_operation_is_a_point_and_nothing_else_is(tmp_path: Path, port: int) -> None:
    assert run(tmp_path, port).stdout == "done\n"
    points = read_points(tmp_path / "points")
    assert [point.number for point in points] == list(range(1, len(points) + 1))
    assert [point.what for point in points if point.kind == "file"] == FILES
    assert [point.what for point in points if point.kind == "network"] == NETWORK
    assert {"AT+CFUN?", "OK", "answer"} == {point.what for point in points if point.kind == "AT"}
    assert by_kind(points) == {"AT": 3, "network": 3, "file": 6}


def test_process_is_killed_before_the_operation_at_the_point(tmp_path: Path, port: int) -> None:
    for kill_at, there in ((1, []), (2, ["deep"]), (5, ["deep", "journal.new"]), (6, ["deep", "journal"])):
        folder = tmp_path / str(kill_at)
        killed = run(folder, port, kill_at)
        assert (killed.returncode, killed.stdout) == (KILLED, "")
        assert sorted(path.name for path in (folder / "state").iterdir()) == there
        assert len(read_points(folder / "points")) == kill_at
    assert (tmp_path / "5" / "state" / "journal.new").read_bytes() == b"content"


def test_point_that_is_never_reached_kills_nothing(tmp_path: Path, port: int) -> None:
    ended = run(tmp_path, port, 1000)
    assert (ended.returncode, ended.stdout) == (0, "done\n")


@pytest.mark.asyncio
async def test_process_of_a_nursery_is_one_of_its_own(tmp_path: Path, port: int) -> None:
    (tmp_path / "modules").write_text(json.dumps(["json", "no_such_module", "asyncio"]))
    async with nursery((sys.executable, str(SCRIPT)), tmp_path / "modules", tmp_path / "nursery.log") as made:
        codes, numbers = [], []
        for kill_at in (0, 3):
            folder = tmp_path / str(kill_at)
            state = folder / "state"
            state.mkdir(parents=True)
            place = Place(folder, state, folder / "log")
            agent = await made.start((str(state), str(port)), place, folder / "points", kill_at)
            async with asyncio.timeout(20):
                codes.append(await agent.wait())
            numbers.append(len(agent.passed()))
            assert agent.code == codes[-1]
    assert (codes, numbers) == ([0, KILLED], [12, 3])
    assert (tmp_path / "0" / "log").read_text() == "done\n"
    assert (tmp_path / "nursery.log").read_text() == ""
