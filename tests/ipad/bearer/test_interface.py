"""Interfaces as the kernel tells them, from dumps made by hand and from this machine."""

from __future__ import annotations

import ipaddress
import socket
import struct

import pytest

from ipad.bearer.interface import interface_of, read_interface
from ipad.errors import BearerError

RUNNING = 0x1 | 0x40
DONE = struct.pack("=IHHII", 20, 3, 2, 1, 0) + bytes(4)


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def message(kind: int, body: bytes) -> bytes:
    return struct.pack("=IHHII", 16 + len(body), kind, 2, 1, 0) + body


def link(index: int, name: str, flags: int = RUNNING) -> bytes:
    return message(16, struct.pack("=BBHiII", 0, 0, 1, index, flags, 0) + attribute(3, name.encode() + b"\0"))


def address(index: int, text: str, *, scope: int = 0, flags: int = 0, peer: str = "") -> bytes:
    own = ipaddress.ip_address(text)
    family = socket.AF_INET if own.version == 4 else socket.AF_INET6
    body = struct.pack("=BBBBI", family, 32, flags & 0xFF, scope, index)
    body += attribute(1, ipaddress.ip_address(peer or text).packed)
    body += attribute(2, own.packed) if own.version == 4 else b""
    return message(20, body + attribute(8, struct.pack("=I", flags)))


def test_state_of_an_interface_among_others() -> None:
    links = link(1, "lo") + link(7, "wwan0") + link(8, "wwan01") + DONE
    addresses = (
        address(1, "127.0.0.1", scope=254)
        + address(7, "10.64.0.2", peer="10.64.0.1")
        + address(7, "2001:db8:1:2:3:4:5:6")
        + address(7, "fe80::1", scope=253)
        + address(8, "192.0.2.1")
        + DONE
    )
    state = interface_of("wwan0", links, addresses)
    assert state is not None
    assert [str(entry) for entry in state.addresses] == ["10.64.0.2", "2001:db8:1:2:3:4:5:6"]
    assert state.identity == "7:10.64.0.2,2001:db8:1:2::/64"
    assert interface_of("wwan1", links, addresses) is None


@pytest.mark.parametrize("flags", [0x08, 0x20, 0x40])
def test_addresses_that_cannot_be_used_do_not_count(flags: int) -> None:
    state = interface_of("wwan0", link(7, "wwan0"), address(7, "2001:db8::1", flags=flags))
    assert state is not None
    assert state.addresses == ()
    assert state.identity is None


@pytest.mark.parametrize("flags", [0, 0x1, 0x40])
def test_an_interface_that_is_down_or_without_carrier_has_no_link(flags: int) -> None:
    state = interface_of("wwan0", link(7, "wwan0", flags), address(7, "10.0.0.1"))
    assert state is not None
    assert state.identity is None


def test_a_privacy_address_does_not_make_a_new_link() -> None:
    one, two = (
        interface_of("wwan0", link(7, "wwan0"), address(7, f"2001:db8:1:2::{last}") + address(7, "10.0.0.1"))
        for last in ("aaaa", "bbbb")
    )
    assert one is not None
    assert two is not None
    assert one.identity == two.identity


def test_an_interface_made_anew_is_a_new_link() -> None:
    one, two = (interface_of("ppp0", link(index, "ppp0"), address(index, "10.0.0.1")) for index in (9, 10))
    assert one is not None
    assert two is not None
    assert one.identity != two.identity


def test_damaged_dumps_end_where_they_break() -> None:
    whole = link(7, "wwan0") + link(8, "wwan1")
    assert interface_of("wwan1", whole[:-4], b"") is None
    state = interface_of("wwan0", whole, address(7, "10.0.0.1")[:-1])
    assert state is not None
    assert state.addresses == ()


def test_an_error_of_the_kernel_is_told() -> None:
    with pytest.raises(BearerError, match="error 1"):
        interface_of("wwan0", message(2, struct.pack("=i", -1) + bytes(16)), b"")


def test_the_interfaces_of_this_machine_are_read() -> None:
    state = read_interface("lo")
    assert state is not None
    assert state.index == socket.if_nametoindex("lo")
    assert state.addresses == ()
    assert read_interface("ipad-none") is None
