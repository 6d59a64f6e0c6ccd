"""The DTLS server without I/O: strangers, spoofed and damaged datagrams, room."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hil.dtls_client import DtlsClient, DtlsError
from ipad.errors import ConfigError
from ipad.net.dtls_server import DtlsServer
from ipad.net.peer_rules import PeerIdentity, PeerRule
from ipad.net.records import renumbered
from ipad.net.serving import ServerCredential
from tests.ipad.net.doors import HOST, People, credential, files, rule, rules
from tests.ipad.net.issuing import Issued

PEOPLE = People()
CLIENT = PEOPLE.client()
HERE = ("192.0.2.1", 40000)


@dataclass
class Scene:
    """A server, and clients by their address."""

    folder: Path
    those: tuple[PeerRule, ...] = (rule("eim", CLIENT),)
    max_peers: int = 4
    refusals: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.server = DtlsServer(
            files(PEOPLE.server, self.folder, "server"),
            rules(*self.those),
            lambda _, reason: self.refusals.append(reason),
            max_peers=self.max_peers,
        )

    def client(self, shown: Issued | None = CLIENT) -> DtlsClient:
        return DtlsClient(HOST, anchors=PEOPLE.server.pem, credential=None if shown is None else credential(shown))

    def shake_hands(self, client: DtlsClient, address: tuple[str, int] = HERE) -> int:
        """Carry datagrams until nobody has any; the bytes that the server sent."""
        client.start()
        return self.carry(client, address)

    def carry(self, client: DtlsClient, address: tuple[str, int] = HERE) -> int:
        sent = 0
        while up := client.datagrams():
            for datagram in up:
                self.server.receive(address, datagram)
            for target, datagram in self.server.datagrams():
                sent += len(datagram)
                if target == address:
                    client.receive(datagram)
        return sent

    def heard(self) -> list[tuple[bytes, PeerIdentity | None]]:
        return [(data, peer.identity) for peer, data in self.server.received()]


def test_known_client_talks_and_is_answered(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    client = scene.client()
    scene.shake_hands(client)
    client.send(b"question")
    for datagram in client.datagrams():
        scene.server.receive(HERE, datagram)
    [(peer, data)] = scene.server.received()
    assert (data, peer.identity) == (b"question", PeerIdentity("eim", "192.0.2.1"))
    scene.server.send(peer, b"answer")
    for _, datagram in scene.server.datagrams():
        client.receive(datagram)
    assert client.received() == [b"answer"]
    assert not scene.refusals


def test_client_of_a_known_ca_is_let_in(tmp_path: Path) -> None:
    scene = Scene(tmp_path, (rule("ours", PEOPLE.ca, host="eim.example.com"),))
    client = scene.client(PEOPLE.client(issuer=PEOPLE.ca))
    scene.shake_hands(client)
    assert client.is_open


@pytest.mark.parametrize("who", ["nobody", "other key", "other CA", "other name of the CA"])
def test_stranger_is_refused_in_the_handshake(tmp_path: Path, who: str) -> None:
    shown = {
        "nobody": None,
        "other key": PEOPLE.client(),
        "other CA": PEOPLE.client(issuer=PEOPLE.other_ca),
        "other name of the CA": PEOPLE.client("other.example.com", issuer=PEOPLE.ca),
    }[who]
    scene = Scene(tmp_path, (rule("a", CLIENT), rule("b", PEOPLE.ca, host="eim.example.com")))
    client = scene.client(shown)
    with pytest.raises(DtlsError):
        scene.shake_hands(client)
    assert len(scene.refusals) == 1
    assert not scene.heard()


def test_nothing_is_taken_from_an_address_that_no_rule_names(tmp_path: Path) -> None:
    scene = Scene(tmp_path, (rule("a", CLIENT, networks=("198.51.100.0/24",)),))
    assert scene.shake_hands(scene.client()) == 0
    assert scene.refusals == ["no peer may come from there"]


def test_network_alone_is_enough_where_a_rule_says_so(tmp_path: Path) -> None:
    scene = Scene(tmp_path, (rule("lan", networks=("192.0.2.0/24",)),))
    client = scene.client(None)
    scene.shake_hands(client)
    assert client.is_open


def test_server_sends_no_more_than_it_got_before_the_cookie_came_back(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    client = scene.client()
    client.start()
    [hello] = client.datagrams()
    for port in range(100):
        scene.server.receive(("192.0.2.1", port), hello)
    answers = scene.server.datagrams()
    assert len(answers) == 100
    assert all(len(datagram) < len(hello) for _, datagram in answers)
    assert scene.server.timeout() is None, "nothing is kept of any of them"


def test_cookie_of_one_address_is_of_no_use_to_another(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    client = scene.client()
    client.start()
    scene.server.receive(HERE, client.datagrams()[0])
    client.receive(scene.server.datagrams()[0][1])
    with_cookie = client.datagrams()[0]
    scene.server.receive(("192.0.2.66", 4000), with_cookie)
    [(address, datagram)] = scene.server.datagrams()
    assert address == ("192.0.2.66", 4000)
    assert len(datagram) < 100, "a cookie of its own, not the certificate"


def test_replayed_and_spoofed_datagrams_change_nothing(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    client = scene.client()
    scene.shake_hands(client)
    client.send(b"once")
    [record] = client.datagrams()
    for _ in range(3):
        scene.server.receive(HERE, record)
    damaged = record[:-1] + bytes([record[-1] ^ 1])
    for address, data in [(HERE, damaged), (("192.0.2.9", 1), record), (HERE, b""), (HERE, b"\x17garbage")]:
        scene.server.receive(address, data)
    assert [data for data, _ in scene.heard()] == [b"once"]
    client.send(b"twice")
    scene.carry(client)
    assert [data for data, _ in scene.heard()] == [b"twice"]


def test_handshake_succeeds_when_the_first_flight_of_the_client_was_lost(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    client = scene.client()
    client.start()
    while up := client.datagrams():
        for datagram in up:  # the client counts on from the record that was lost
            scene.server.receive(HERE, renumbered(datagram, 1))
        for _, datagram in scene.server.datagrams():
            client.receive(datagram)
    assert client.is_open


def test_new_handshake_takes_the_place_of_the_association_of_its_address(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    first, second = scene.client(), scene.client()
    scene.shake_hands(first)
    scene.shake_hands(second)
    assert len(scene.server.lost()) == 1
    second.send(b"x")
    scene.carry(second)
    assert [data for data, _ in scene.heard()] == [b"x"]


def test_half_open_associations_make_room_first(tmp_path: Path) -> None:
    scene = Scene(tmp_path, max_peers=2)
    client = scene.client()
    scene.shake_hands(client)
    for port in range(5):
        other = scene.client()
        other.start()
        address = ("192.0.2.2", port)
        scene.server.receive(address, other.datagrams()[0])
        other.receive(scene.server.datagrams()[0][1])
        scene.server.receive(address, other.datagrams()[0])
        scene.server.datagrams()
    client.send(b"still here")
    scene.carry(client)
    assert [data for data, _ in scene.heard()] == [b"still here"]
    assert len(scene.server.lost()) == 4


def test_client_that_says_goodbye_is_forgotten(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    client = scene.client()
    scene.shake_hands(client)
    client.close()
    for datagram in client.datagrams():
        scene.server.receive(HERE, datagram)
    assert len(scene.server.lost()) == 1


def test_useless_certificate_is_an_error_of_the_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"a\.pem"):
        DtlsServer(ServerCredential(tmp_path / "a.pem", tmp_path / "a.key"), rules(), lambda _, __: None)
