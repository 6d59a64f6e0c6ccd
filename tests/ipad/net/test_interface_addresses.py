from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

from ipad.net.interface_addresses import interface_addresses


def test_addresses_with_which_packets_can_leave(tmp_path: Path) -> None:
    table = tmp_path / "if_inet6"
    table.write_text(
        "20010db8000000000000000000000001 05 40 00 80   wwan9\n"
        "fe800000000000000000000000000001 05 40 20 80   wwan9\n"
        "20010db8000000000000000000000002 05 40 00 c0   wwan9\n"
        "20010db8000000000000000000000003 05 40 00 80   eth9\n"
        "nonsense 05 40 00 80 wwan9\n"
        "short line\n"
    )
    assert interface_addresses("wwan9", table) == (ip_address("2001:db8::1"),)


def test_loopback_has_its_address(tmp_path: Path) -> None:
    assert interface_addresses("lo", tmp_path / "missing") == (ip_address("127.0.0.1"),)


def test_interface_that_does_not_exist() -> None:
    assert interface_addresses("nosuchif0") == ()
