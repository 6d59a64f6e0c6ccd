"""A reserved port belongs to one door, and to the next one as soon as that is gone."""

from __future__ import annotations

import errno
import socket
from contextlib import ExitStack

import pytest

from hil.link.doorway import ReservedPort


def listener_of(reserved: ReservedPort) -> socket.socket:
    listener = reserved.second()
    listener.setblocking(True)
    listener.listen()
    return listener


def test_connection_that_the_door_has_ended_does_not_keep_the_port() -> None:
    """Whoever closes first is remembered for a minute (RFC 9293 3.6.1, TIME-WAIT)."""
    reserved = ReservedPort(socket.SOCK_STREAM)
    reserved.take(0)
    port = reserved.address[1]
    with listener_of(reserved) as listener, socket.create_connection(reserved.address) as client:
        accepted, _ = listener.accept()
        accepted.close()
        assert client.recv(1) == b""
    reserved.give_back()
    again = ReservedPort(socket.SOCK_STREAM)
    again.take(port)
    with listener_of(again):
        assert again.address[1] == port
    again.give_back()


@pytest.mark.parametrize("listening", [False, True])
def test_port_of_another_door_is_refused(listening: bool) -> None:
    reserved = ReservedPort(socket.SOCK_STREAM)
    reserved.take(0)
    listener = listener_of(reserved) if listening else None
    with pytest.raises(OSError, match="in use") as refused:
        ReservedPort(socket.SOCK_STREAM).take(reserved.address[1])
    assert refused.value.errno == errno.EADDRINUSE
    if listener is not None:
        listener.close()
    reserved.give_back()


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_no_two_doors_are_given_the_same_port(kind: socket.SocketKind) -> None:
    with ExitStack() as stack:
        ports = []
        for _ in range(600):
            port = ReservedPort(kind)
            port.take(0)
            stack.callback(port.give_back)
            ports.append(port.address)
        assert len(set(ports)) == len(ports)
