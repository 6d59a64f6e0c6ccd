"""Messages to the service manager."""

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ipad.daemon.sdnotify import ServiceManager


@pytest.fixture
def manager_socket(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(5)
        yield listener


def test_messages_reach_the_socket(manager_socket: socket.socket) -> None:
    manager = ServiceManager({"NOTIFY_SOCKET": manager_socket.getsockname()})
    manager.ready()
    manager.status("idle\nnext poll 12:03")
    manager.alive()
    manager.stopping()
    assert [manager_socket.recv(100) for _ in range(4)] == [
        b"READY=1",
        b"STATUS=idle next poll 12:03",
        b"WATCHDOG=1",
        b"STOPPING=1",
    ]


def test_abstract_socket_is_reached() -> None:
    name = f"ipad-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(f"\0{name}")
        listener.settimeout(5)
        ServiceManager({"NOTIFY_SOCKET": f"@{name}"}).ready()
        assert listener.recv(100) == b"READY=1"


def test_nothing_happens_without_a_manager_or_with_one_that_left(tmp_path: Path) -> None:
    ServiceManager({}).ready()
    ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "gone")}).ready()


@pytest.mark.parametrize(
    ("environment", "interval"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "180000000"}, 90.0),
        ({"WATCHDOG_USEC": "180000000", "WATCHDOG_PID": str(os.getpid())}, 90.0),
        ({"WATCHDOG_USEC": "180000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_watchdog_is_fed_at_half_its_time(environment: dict[str, str], interval: float | None) -> None:
    assert ServiceManager(environment).watchdog_interval == interval


def test_reload_is_told_with_its_moment(manager_socket: socket.socket) -> None:
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    ServiceManager({"NOTIFY_SOCKET": manager_socket.getsockname()}).reloading()
    first, _, moment = manager_socket.recv(100).decode().partition("\nMONOTONIC_USEC=")
    assert first == "RELOADING=1"
    assert before <= int(moment) <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
