"""The tables of injection, and what is made of them."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from ipad.clock import SystemClock
from ipad.codec.euicc_info import IpaSupportedProtocols
from ipad.config import Config, InjectionConfig, load
from ipad.daemon.injection import InjectionDesk
from ipad.daemon.injection_setup import injection_server, peer_rules
from ipad.daemon.rsp_connector import injected_over
from ipad.errors import ConfigError
from ipad.net.peer_rules import PeerIdentity
from tests.ipad.net.doors import files
from tests.ipad.net.issuing import issue

CA = issue("CA", ca=True)
LEAF = issue("eim.example.com", CA, hosts=("eim.example.com",))

BASE = """
[injection]
https = ["127.0.0.1:0"]
certificate = "device.pem"
key = "device.key"
"""
PEER = """
[injection.peer.eim]
eim = "eim.example.com"
networks = ["192.0.2.0/24"]
"""


def configured(folder: Path, text: str) -> Config:
    (folder / "ipad.toml").write_text(text)
    return load(folder / "ipad.toml")[0]


def test_injection_is_off_by_default() -> None:
    assert not Config().injection.enabled
    assert injected_over(InjectionConfig()) == IpaSupportedProtocols(0)


def test_tables_are_read(tmp_path: Path) -> None:
    injection = configured(tmp_path, BASE + PEER).injection
    assert injection.enabled
    assert injection.certificate == tmp_path / "device.pem"
    assert injection.peer["eim"].eim == "eim.example.com"
    assert injected_over(injection) == IpaSupportedProtocols.IPA_INJECT_HTTPS
    both = injected_over(InjectionConfig(https=("127.0.0.1:1",), coaps=("127.0.0.1:1",)))
    assert both == IpaSupportedProtocols.IPA_INJECT_HTTPS | IpaSupportedProtocols.IPA_INJECT_COAPS


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (BASE, "injection.peer: is missing"),
        (BASE.replace('key = "device.key"', "") + PEER, "injection.key: is missing"),
        (BASE.replace('certificate = "device.pem"', "") + PEER, "injection.certificate: is missing"),
        (BASE.replace("127.0.0.1:0", "127.0.0.1") + PEER, "an IP address and a port"),
        (BASE.replace("127.0.0.1:0", "device.example.com:443") + PEER, "an IP address and a port"),
        (BASE.replace("127.0.0.1:0", "127.0.0.1:65536") + PEER, "an IP address and a port"),
        (BASE.replace("127.0.0.1:0", "0.0.0.0:8443") + PEER, "is every network"),
        (BASE.replace("127.0.0.1:0", "[::]:8443") + PEER, "is every network"),
        (BASE + PEER.replace('networks = ["192.0.2.0/24"]', ""), "who may connect is never everybody"),
        (BASE + PEER.replace("192.0.2.0/24", "192.0.2.1/24"), "an IP network"),
        (BASE + PEER.replace('eim = "eim.example.com"', ""), "injection.peer.eim.eim is missing"),
        (BASE + PEER.replace('"eim.example.com"', '""'), "an eimId of 1 to 128 bytes"),
        (BASE + PEER + 'name = "eim.example.com"\n', "needs a certificate"),
        (BASE + 'bindings = ["soap"]\n' + PEER, "expected one of"),
        (BASE + "bindings = []\n" + PEER, "at least one binding"),
        (BASE + "timeout = 0\n" + PEER, "out of range"),
    ],
)
def test_contradictions_are_refused(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem.replace("[", r"\[")):
        configured(tmp_path, text)


def test_every_address_of_a_named_interface_may_be_listened_at(tmp_path: Path) -> None:
    text = BASE.replace("127.0.0.1:0", "0.0.0.0:8443") + PEER + '[net]\ninterface = "wwan0"\n'
    assert configured(tmp_path, text).injection.enabled


def test_peers_become_rules(tmp_path: Path) -> None:
    files(CA, tmp_path, "ca")
    peer = PEER.replace('networks = ["192.0.2.0/24"]', 'certificate = "ca.pem"\nname = "eim.example.com"')
    rules = peer_rules(configured(tmp_path, BASE + peer), time.time)
    assert rules.identify([LEAF.der, CA.der], "192.0.2.1") == PeerIdentity("eim", "192.0.2.1")
    assert rules.identify([issue("other", CA, hosts=("other",)).der, CA.der], "192.0.2.1") is None


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "No such file"),
        (b"no certificate", "no certificate in PEM or DER"),
        (LEAF.pem + CA.pem, "holds 2 certificates"),
        (LEAF.pem, "is no CA"),
    ],
)
def test_useless_certificate_of_a_peer_is_refused(tmp_path: Path, content: bytes | None, problem: str) -> None:
    if content is not None:
        (tmp_path / "peer.pem").write_bytes(content)
    peer = PEER + 'certificate = "peer.pem"\nname = "eim.example.com"\n'
    with pytest.raises(ConfigError, match=problem):
        peer_rules(configured(tmp_path, BASE + peer), time.time)


def test_peers_of_a_disabled_eim_may_not_connect(tmp_path: Path) -> None:
    disabled = '[eim."eim.example.com"]\nenabled = false\n'
    with pytest.raises(ConfigError, match="every peer belongs to a disabled eIM"):
        peer_rules(configured(tmp_path, BASE + PEER + disabled), time.time)
    other = PEER.replace("peer.eim", "peer.other").replace("eim.example.com", "other.example.com")
    rules = peer_rules(configured(tmp_path, BASE + PEER + other + disabled), time.time)
    assert rules.identify((), "192.0.2.1") == PeerIdentity("other", "192.0.2.1")


@pytest.mark.asyncio
async def test_server_of_a_configuration_listens(tmp_path: Path) -> None:
    files(issue("device", hosts=("127.0.0.1",)), tmp_path, "device")
    text = BASE + 'coaps = ["127.0.0.1:0"]\n' + PEER
    server = injection_server(configured(tmp_path, text), InjectionDesk(lambda: None), SystemClock(), time.time)
    await server.start()
    assert set(server.ports) == {"https://127.0.0.1:0", "coaps://127.0.0.1:0"}
    assert all(server.ports.values())
    await server.close()
