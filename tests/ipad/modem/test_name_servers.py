from __future__ import annotations

from ipaddress import ip_address

from ipad.modem.name_servers import parse_name_servers

DATA = '+CGCONTRDP: 1,5,"iot.example","10.1.2.3.255.255.255.0","10.1.2.1","10.0.0.53","10.0.0.54"'
SECOND = '+CGCONTRDP: 3,7,"private","10.9.9.9.255.255.255.0",,"172.16.0.1"'
IMS = '+CGCONTRDP: 2,6,"ims.mnc001.mcc262.gprs","10.2.2.2.255.255.255.0",,"10.7.7.7"'


def test_servers_of_the_data_context_and_none_of_the_operators_services() -> None:
    assert parse_name_servers([IMS, DATA, "OK"]) == (ip_address("10.0.0.53"), ip_address("10.0.0.54"))


def test_context_whose_address_the_interface_has() -> None:
    own = (ip_address("10.9.9.9"),)
    assert parse_name_servers([DATA, SECOND], own) == (ip_address("172.16.0.1"),)
    assert parse_name_servers([DATA], own) == (ip_address("10.0.0.53"), ip_address("10.0.0.54"))


def test_modem_that_tells_none() -> None:
    assert parse_name_servers(['+CGCONTRDP: 1,5,"iot.example","10.1.2.3"', "nonsense"]) == ()
