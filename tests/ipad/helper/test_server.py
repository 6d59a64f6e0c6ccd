"""Who may ask, how the helper is started and when it ends; and the client at the other end of the socket."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ipad.clock import Clock, SystemClock
from ipad.errors import HelperError, UsageError
from ipad.helper.actions import TooSoonError
from ipad.helper.client import PrivilegedHelper
from ipad.helper.protocol import MAX_LINE, PowerCycle, PulseReset, Request, RunHook, SetClock, encode_request
from ipad.helper.server import HelperServer, passed_socket, peer_of
from tests.ipad.modem.peer import FastClock
from tests.waiting import ended

US = frozenset({os.getuid()})


class Done:
    """Does nothing but note what it was asked; or raises."""

    def __init__(self, failure: HelperError | None = None, code: int = 0) -> None:
        self.asked: list[Request] = []
        self.failure = failure
        self.code = code
        self.holding = False
        self.closed = False
        self.for_root: bool | None = None
        self.waits = False
        self.broken_off = False
        self.begun = asyncio.Event()

    async def perform(self, request: Request, *, for_root: bool) -> int:
        self.asked.append(request)
        self.for_root = for_root
        self.begun.set()
        if self.waits:
            try:
                await asyncio.Event().wait()
            finally:
                self.broken_off = True
        if self.failure is not None:
            raise self.failure
        return self.code

    def close(self) -> None:
        self.closed = True


def bound(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    listener.listen()
    return listener


@asynccontextmanager
async def serving(
    tmp_path: Path, performer: Done, allowed: frozenset[int] = US, clock: Clock | None = None, idle: float | None = None
) -> AsyncIterator[tuple[PrivilegedHelper, asyncio.Task[None]]]:
    path = tmp_path / "helper.sock"
    with bound(path) as listener:
        server = HelperServer(performer, allowed, clock or SystemClock(), idle=idle)
        task = asyncio.ensure_future(server.serve(listener))
        try:
            yield PrivilegedHelper(path), task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
    assert performer.closed


@pytest.mark.asyncio
async def test_each_function_of_the_client_is_an_action(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    performer = Done(code=75)
    async with serving(tmp_path, performer) as (helper, _):
        await helper.reset("a")
        await helper.power_cycle("b", off=30)
        await helper.attach_multiplexer("c", anew=True)
        await helper.set_clock(1.8e9)
        assert (
            await helper.run_hook("/etc/ipad/hooks.d/h", ("up", "boot"), {"IPAD_A": "1"}, text="s3cret", limit=9) == 75
        )
    assert [request.action for request in performer.asked] == [
        "reset",
        "power-cycle",
        "multiplexer",
        "set-clock",
        "hook",
    ]
    assert performer.asked[0] == PulseReset("a")
    assert performer.asked[3] == SetClock(1.8e9)
    assert performer.asked[4] == RunHook("h", ("up", "boot"), {"IPAD_A": "1"}, "s3cret", 9)
    assert performer.for_root is (os.getuid() == 0)
    assert f"hook h up boot for user {os.getuid()} (process {os.getpid()}): done, code 75" in caplog.text
    assert "s3cret" not in caplog.text


@pytest.mark.asyncio
async def test_whoever_is_not_allowed_is_refused_whatever_is_asked(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    performer = Done()
    async with serving(tmp_path, performer, frozenset({os.getuid() + 1})) as (helper, _):
        with pytest.raises(HelperError, match=f"user {os.getuid()} may not ask") as caught:
            await helper.reset("a")
    assert not caught.value.transient
    assert not performer.asked
    assert "refused: user" in caplog.text


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("failure", "transient"),
    [
        (HelperError("the line is in use"), True),
        (HelperError("there is no line", transient=False), False),
        (TooSoonError("too soon"), True),
    ],
)
async def test_a_failure_arrives_with_its_reason_and_whether_waiting_helps(
    tmp_path: Path, failure: HelperError, transient: bool
) -> None:
    async with serving(tmp_path, Done(failure)) as (helper, _):
        with pytest.raises(HelperError, match=f"helper: {failure}") as caught:
            await helper.reset("a")
    assert caught.value.transient is transient


@pytest.mark.asyncio
@pytest.mark.parametrize("line", [b"{}\n", b"x" * (MAX_LINE + 1), b'{"action":"reset","board":"a"}'])
async def test_a_line_that_is_no_request_is_refused(tmp_path: Path, line: bytes) -> None:
    performer = Done()
    async with serving(tmp_path, performer):
        reader, writer = await asyncio.open_unix_connection(tmp_path / "helper.sock")
        writer.write(line)
        writer.write_eof()
        answer = await reader.read()
        writer.close()
        assert b'"ok":false,"kind":"refused"' in answer
    assert not performer.asked


@pytest.mark.asyncio
async def test_what_is_under_way_is_broken_off_when_the_helper_has_to_end(tmp_path: Path) -> None:
    performer = Done()
    performer.waits = True
    async with serving(tmp_path, performer) as (helper, task):
        asking = asyncio.ensure_future(helper.power_cycle("a"))
        await performer.begun.wait()
        task.cancel()
        with pytest.raises(HelperError, match="broke off power-cycle"):
            await asking
        assert performer.broken_off


@pytest.mark.asyncio
async def test_a_client_that_goes_away_does_not_stop_what_it_began(tmp_path: Path) -> None:
    performer = Done()
    async with serving(tmp_path, performer):
        _, writer = await asyncio.open_unix_connection(tmp_path / "helper.sock")
        writer.write(encode_request(PowerCycle("a")))
        await writer.drain()
        writer.close()
        async with asyncio.timeout(5):
            await performer.begun.wait()


@pytest.mark.asyncio
async def test_the_helper_ends_when_idle_but_not_while_something_depends_on_it(tmp_path: Path) -> None:
    performer, clock = Done(), FastClock()
    performer.holding = True
    async with serving(tmp_path, performer, clock=clock, idle=60.0) as (helper, task):
        await helper.reset("a")
        await clock.sleep(500)
        assert not task.done()
        performer.holding = False
        async with asyncio.timeout(5):
            await task


@pytest.mark.asyncio
async def test_without_a_helper_only_root_has_one_started(tmp_path: Path) -> None:
    path = tmp_path / "none.sock"
    helper = PrivilegedHelper(path)
    helper._start = None
    with pytest.raises(HelperError, match=r"needs the privileged helper, and there is none: .*none\.sock") as caught:
        await helper.reset("a")
    assert caught.value.hint == "systemctl enable --now ipad-helper.socket"
    performer, started, listeners = Done(), [], []

    async def start(where: Path) -> None:
        listeners.append(bound(where))
        server = HelperServer(performer, US, SystemClock(), idle=None)
        started.append(asyncio.ensure_future(server.serve(listeners[0])))

    await PrivilegedHelper(path, start).reset("a")
    assert performer.asked == [PulseReset("a")]
    started[0].cancel()
    await asyncio.gather(*started, return_exceptions=True)
    listeners[0].close()


@pytest.mark.asyncio
async def test_a_helper_that_cannot_be_started_is_an_error(tmp_path: Path) -> None:
    async def start(_where: Path) -> None:
        raise OSError("exit code 2")

    with pytest.raises(HelperError, match="was not started: exit code 2"):
        await PrivilegedHelper(tmp_path / "none.sock", start).reset("a")


def test_the_kernel_says_who_is_at_the_other_end() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    with ours, theirs:
        peer = peer_of(ours)
    assert (peer.process, peer.user) == (os.getpid(), os.getuid())


def test_only_a_socket_that_was_passed_to_us_is_taken(tmp_path: Path) -> None:
    for environment in (
        {},
        {"LISTEN_PID": "1", "LISTEN_FDS": "1"},
        {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "2"},
    ):
        with pytest.raises(UsageError, match="no socket was passed"):
            passed_socket(environment)
    ours = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1"}
    with bound(tmp_path / "s") as listener:
        taken = passed_socket(ours, os.dup(listener.fileno()))
        assert taken.getsockname() == str(tmp_path / "s")
        taken.close()
    one, other = socket.socketpair()
    with one, other, pytest.raises(UsageError, match="no listening Unix stream socket"):
        passed_socket(ours, os.dup(one.fileno()))


PROGRAM = """
import os, sys
os.environ["LISTEN_PID"] = str(os.getpid())
os.environ["LISTEN_FDS"] = "1"
os.dup2(int(sys.argv[1]), 3)
from ipad.cli.main import run
sys.exit(run(["helper", "--config", sys.argv[2]]))
"""


@pytest.mark.skipif(os.getuid() != 0, reason="the helper runs as root only")
def test_the_command_serves_the_socket_of_the_service_manager_and_ends_when_asked(tmp_path: Path) -> None:
    configuration = tmp_path / "ipad.toml"
    configuration.write_text('[modem]\nboard = "quectel-eg25"\n')
    path = tmp_path / "s"
    with bound(path) as listener:
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(PROGRAM), str(listener.fileno()), str(configuration)],
            pass_fds=[listener.fileno()],
            stderr=subprocess.PIPE,
            text=True,
        )
        with process:
            with pytest.raises(HelperError, match=r"board quectel-eg25 has no reset\.gpio"):
                asyncio.run(PrivilegedHelper(path).reset("quectel-eg25"))
            process.terminate()
            _, said = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "reset quectel-eg25 for user 0" in said


@pytest.mark.skipif(os.getuid() != 0, reason="the helper runs as root only")
def test_root_has_a_helper_started_where_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "own.sock"

    async def ask() -> None:
        with pytest.raises(HelperError, match=r"has no reset\.gpio"):
            await PrivilegedHelper(path).reset("quectel-eg25")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.connect(str(path))
            helper = peer_of(connection).process
            os.kill(helper, 15)
            await ended(helper)
        assert not path.exists()

    asyncio.run(ask())
