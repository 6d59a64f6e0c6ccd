"""A program that does a little of everything that has points: run by the tests, never imported."""

from __future__ import annotations

import os
import pty
import socket
import sys
import threading
import tty
from pathlib import Path


def speak() -> None:
    master, slave = pty.openpty()
    tty.setraw(slave)
    os.write(slave, b"AT+CFUN?\r")
    threading.Thread(target=lambda: os.write(master, b"OK\r\n")).start()  # a master is a terminal as well
    os.read(slave, 100)


def call(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"request")
        connection.recv(100)
    one, other = socket.socketpair()
    one.send(b"no message of the network")
    other.recv(100)


def keep(state: Path) -> None:
    (state / "deep").mkdir()
    temporary = state / "journal.new"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(b"content")
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(state / "journal")
    (state / "journal").read_bytes()
    (state.parent / "elsewhere").write_bytes(b"not watched")


if __name__ == "__main__":
    keep(Path(sys.argv[1]))
    call(int(sys.argv[2]))
    speak()
    print("done")  # noqa: T201
