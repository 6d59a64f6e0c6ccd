from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from hil import crypto
from hil.dtls import DtlsServer, Resumption
from hil.pki import Credential, Pki, Validity
from ipad.codec.x509 import Certificate
from ipad.errors import NetworkError, TlsTrustError
from ipad.net import dtls, records
from ipad.net.dtls import CCM_8, DtlsAssociation, DtlsClient, DtlsSettings, State
from ipad.net.tls import Anchors, PinnedCertificate, PinnedKey, PublicPki, Trust
from tests.coaps import HOST, pin, pki, reissued

ADDRESS = ("192.0.2.1", 40000)
PAST = Validity(datetime(2020, 1, 1, tzinfo=UTC), datetime(2020, 2, 1, tzinfo=UTC))
FUTURE = Validity(datetime(2048, 1, 1, tzinfo=UTC), datetime(2049, 1, 1, tzinfo=UTC))
IN_FUTURE = datetime(2048, 6, 1, tzinfo=UTC).timestamp()

Change = Callable[[list[bytes]], list[bytes]]


def same(datagrams: list[bytes]) -> list[bytes]:
    return datagrams


def shake_hands(association: DtlsAssociation, server: DtlsServer, down: Change = same) -> list[tuple[str, int]]:
    """Carry datagrams to and fro until both are silent; returns direction and size of each."""
    log: list[tuple[str, int]] = []
    while True:
        up = association.datagrams()
        for datagram in up:
            log.append(("up", len(datagram)))
            server.receive(ADDRESS, datagram)
        answers = down([datagram for _, datagram in server.datagrams()])
        for datagram in answers:
            log.append(("down", len(datagram)))
            association.receive(datagram, 0.0)
        if not up and not answers:
            return log


def make(trust: Trust | None = None, host: str = HOST, now: float | None = None, **settings: float) -> DtlsClient:
    return DtlsClient(host, trust or pin(), lambda: now or time.time(), DtlsSettings(**settings))  # type: ignore[arg-type]


def ca() -> Anchors:
    return Anchors((pki().tls_ca.certificate,))


def stranger() -> Credential:
    return pki().issue_tls((HOST,), issuer=Pki.issue_tls_ca("Nobody's CA"))


def opened(client: DtlsClient, server: DtlsServer) -> DtlsAssociation:
    association = client.associate(0.0)
    shake_hands(association, server)
    assert association.state is State.OPEN
    return association


# --- handshake and data ----------------------------------------------------------------------------------------------


def test_application_bytes_pass_both_ways_with_their_borders() -> None:
    server = DtlsServer(pki().eim_tls)
    association = opened(make(), server)
    association.send(b"one")
    association.send(b"two")
    for datagram in association.datagrams():
        server.receive(ADDRESS, datagram)
    received = server.received()
    assert [data for _, data in received] == [b"one", b"two"]
    server.send(received[0][0], b"three")
    for _, datagram in server.datagrams():
        association.receive(datagram, 0.0)
    assert association.received() == [b"three"]
    assert association.received() == []


def test_full_handshake_has_the_suite_of_the_specification_and_fits_its_sizes() -> None:
    server = DtlsServer(pki().eim_tls)
    association = make().associate(0.0)
    log = shake_hands(association, server)
    assert association.cipher == "ECDHE-ECDSA-AES128-GCM-SHA256"
    assert not association.resumed
    assert sum(size for way, size in log if way == "up") <= 560
    assert sum(size for way, size in log if way == "down") <= 1100


@pytest.mark.parametrize("mtu", [256, 576, 1200])
def test_no_datagram_is_longer_than_the_mtu(mtu: int) -> None:
    server = DtlsServer(pki().eim_tls, chain=[pki().tls_ca.certificate], mtu=mtu)
    association = make(mtu=mtu).associate(0.0)
    log = shake_hands(association, server)
    assert association.state is State.OPEN
    assert max(size for _, size in log) <= mtu


def test_server_name_is_sent_for_a_name_and_not_for_an_address() -> None:
    server = DtlsServer(pki().eim_tls)
    opened(make(), server)
    assert server.peers[0].server_name == HOST
    opened(make(host="127.0.0.1"), server)
    assert server.peers[0].server_name is None


def test_ccm_is_spoken_with_a_server_that_has_nothing_else() -> None:
    association = opened(make(), DtlsServer(pki().eim_tls, ciphers=["ECDHE-ECDSA-AES128-CCM"]))
    assert association.cipher == "ECDHE-ECDSA-AES128-CCM"


def test_ccm_8_is_spoken_only_if_configured() -> None:
    server = DtlsServer(pki().eim_tls, ciphers=[CCM_8])
    assert opened(make(ccm_8=True), server).cipher == CCM_8
    with pytest.raises(NetworkError, match="no DTLS handshake"):
        shake_hands(make().associate(0.0), server)


def test_no_shared_cipher_suite() -> None:
    server = DtlsServer(pki().eim_tls, ciphers=["ECDHE-ECDSA-AES256-GCM-SHA384"])
    association = make().associate(0.0)
    with pytest.raises(NetworkError, match=r"no DTLS handshake.*handshake failure") as caught:
        shake_hands(association, server)
    assert caught.value.layer == "dtls"
    assert association.state is State.CLOSED


# --- trust -----------------------------------------------------------------------------------------------------------


def accepts(trust: Trust, credential: Credential, *, chain: bool = False, host: str = HOST, now: float = 0) -> bool:
    server = DtlsServer(credential, chain=[pki().tls_ca.certificate] if chain else [])
    association = make(trust, host, now or None).associate(0.0)
    try:
        shake_hands(association, server)
    except TlsTrustError:
        # The server is told, and nothing of ours followed.
        for datagram in association.datagrams():
            server.receive(ADDRESS, datagram)
        assert server.counters.failures == 1
        assert server.counters.handshakes == 0
        return False
    return association.state is State.OPEN


@pytest.mark.parametrize("hosts", [(HOST,), ("wrong.example.com",)])
@pytest.mark.parametrize("validity", [Validity(), PAST, FUTURE])
def test_pinned_key_of_the_server_is_enough(hosts: tuple[str, ...], validity: Validity) -> None:
    assert accepts(pin(), reissued(*hosts, validity=validity))


def test_pinned_key_outside_the_dates_is_said(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert accepts(pin(), reissued(HOST, validity=PAST))
    assert "outside its dates" in caplog.text


def test_other_key_than_the_pinned_one_is_refused() -> None:
    assert not accepts(pin(), pki().issue_tls((HOST,)))
    assert not accepts(pin(), stranger())


def test_pinned_key_of_the_ca_in_the_chain_means_a_full_check() -> None:
    trust = PinnedKey(crypto.spki(crypto.public_key_from_certificate(pki().tls_ca.certificate)))
    assert accepts(trust, pki().eim_tls, chain=True)
    assert not accepts(trust, pki().eim_tls)
    assert not accepts(trust, pki().eim_tls, chain=True, host="other.example.com")
    assert not accepts(trust, reissued(HOST, validity=PAST), chain=True)
    # The CA's certificate beside a leaf that it did not issue proves nothing.
    assert not accepts(trust, stranger(), chain=True)


def test_pinned_certificate_means_its_key() -> None:
    trust = PinnedCertificate(Certificate.parse(pki().eim_tls.certificate))
    assert accepts(trust, pki().eim_tls)
    assert accepts(trust, reissued("wrong.example.com"))
    assert not accepts(trust, pki().issue_tls((HOST,)), chain=True)


def test_anchor_means_chain_and_name() -> None:
    assert accepts(ca(), pki().eim_tls)
    assert accepts(ca(), pki().eim_tls, host="127.0.0.1")
    assert not accepts(ca(), pki().eim_tls, host="other.example.com")
    assert not accepts(ca(), stranger())


def test_dates_are_compared_with_the_best_known_time() -> None:
    assert not accepts(ca(), reissued(HOST, validity=PAST))
    assert not accepts(ca(), reissued(HOST, validity=FUTURE))
    assert accepts(ca(), reissued(HOST, validity=FUTURE), now=IN_FUTURE)


def test_public_pki_does_not_know_the_bench() -> None:
    assert not accepts(PublicPki(), pki().eim_tls)


def test_ca_file_takes_the_place_of_the_public_pki(tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.mktemp("ca") / "ca.pem"
    file.write_bytes(pki().tls_ca.pem)
    assert accepts(PublicPki(file), pki().eim_tls)
    with pytest.raises(TlsTrustError, match="trusted certificates"):
        make(PublicPki(file.with_name("missing.pem")))


def test_anchor_that_is_no_certificate() -> None:
    with pytest.raises(TlsTrustError, match="trusted certificates"):
        make(Anchors((b"\x30\x00",)))


# --- resumption ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("resumption", "tickets"), [(Resumption.SESSION_ID, False), (Resumption.TICKET, True)])
@pytest.mark.parametrize("notify", [True, False])
def test_next_association_is_a_short_handshake(resumption: Resumption, tickets: bool, notify: bool) -> None:
    server = DtlsServer(pki().eim_tls, resumption=resumption)
    client = make(tickets=tickets)
    for count in range(3):
        association = opened(client, server)
        assert association.resumed is (count > 0)
        association.close(notify=notify)
        for datagram in association.datagrams():
            server.receive(ADDRESS, datagram)
    assert server.counters.resumed == 2


def test_resumed_handshake_is_small() -> None:
    server, client = DtlsServer(pki().eim_tls), make()
    opened(client, server).close(notify=False)
    log = shake_hands(client.associate(0.0), server)
    assert sum(size for _, size in log) <= 700


def test_full_handshake_where_the_server_forgot_the_session() -> None:
    server, client = DtlsServer(pki().eim_tls), make()
    opened(client, server)
    server.show(pki().eim_tls, resumption=Resumption.NONE)
    assert not opened(client, server).resumed


def test_session_of_one_server_is_not_shown_to_another() -> None:
    server = DtlsServer(pki().eim_tls)
    opened(make(), server)
    assert not opened(make(), server).resumed


SHORT = Validity(datetime(2026, 1, 1, tzinfo=UTC), datetime(2040, 1, 1, tzinfo=UTC))
BEFORE = datetime(2030, 1, 1, tzinfo=UTC).timestamp()


def resumes(client: DtlsClient, server: DtlsServer) -> bool:
    """Whether the next handshake is a short one."""
    association = opened(client, server)
    association.close(notify=False)
    return association.resumed


@pytest.mark.parametrize("trust", [ca, lambda: PinnedKey(crypto.spki(pki().tls_ca.public_key))], ids=["CA", "its key"])
def test_certificates_must_be_valid_when_a_session_is_resumed(trust: Callable[[], Trust]) -> None:
    server = DtlsServer(reissued(HOST, validity=SHORT), chain=[pki().tls_ca.certificate])
    client = make(trust(), now=BEFORE)
    assert [resumes(client, server) for _ in range(3)] == [False, True, True]
    client.now = lambda: IN_FUTURE
    refused = client.associate(0.0)
    with pytest.raises(TlsTrustError, match="expired"):
        shake_hands(refused, server)
    for alert in refused.datagrams():
        server.receive(ADDRESS, alert)
    client.now = lambda: BEFORE
    assert [resumes(client, server) for _ in range(2)] == [False, True]


def test_time_of_a_later_handshake_is_that_of_the_handshake() -> None:
    server = DtlsServer(reissued(HOST, validity=SHORT), resumption=Resumption.NONE)
    client = make(ca(), now=BEFORE)
    assert not resumes(client, server)
    client.now = lambda: IN_FUTURE
    with pytest.raises(TlsTrustError, match="expired"):
        shake_hands(client.associate(0.0), server)


def test_dates_do_not_matter_to_a_session_with_a_pinned_key() -> None:
    server, client = DtlsServer(reissued(HOST, validity=SHORT)), make(now=BEFORE)
    assert not resumes(client, server)
    client.now = lambda: IN_FUTURE
    assert resumes(client, server)


def test_key_changed_between_two_associations_is_noticed() -> None:
    server, client = DtlsServer(pki().eim_tls), make()
    opened(client, server)
    server.show(pki().issue_tls((HOST,)))
    with pytest.raises(TlsTrustError, match="trustedPublicKeyDataTls") as caught:
        shake_hands(client.associate(0.0), server)
    assert not caught.value.transient


# --- hostile and lossy lines -----------------------------------------------------------------------------------------


def test_replayed_datagrams_are_dropped() -> None:
    server = DtlsServer(pki().eim_tls)
    association = opened(make(), server)
    (peer,) = server.peers
    server.send(peer, b"once")
    datagrams = [datagram for _, datagram in server.datagrams()]
    for datagram in datagrams * 3:
        association.receive(datagram, 0.0)
    assert association.received() == [b"once"]


def test_spoofed_datagrams_do_no_harm() -> None:
    server = DtlsServer(pki().eim_tls)
    association = opened(make(), server)
    (peer,) = server.peers
    server.send(peer, b"data")
    (genuine,) = [datagram for _, datagram in server.datagrams()]
    flipped = genuine[:-1] + bytes((genuine[-1] ^ 1,))
    alert = bytes.fromhex("15fefd00000000000000090002") + b"\x02\x28"
    for spoofed in (b"", b"\0", b"GET / HTTP/1.1\r\n\r\n", genuine[:-1], genuine[:13], flipped, alert, bytes(1200)):
        association.receive(spoofed, 0.0)
        assert association.received() == []
        assert association.state is State.OPEN
    association.receive(genuine, 0.0)
    assert association.received() == [b"data"]


def test_rubbish_in_the_handshake_does_no_harm() -> None:
    def spoil(datagrams: list[bytes]) -> list[bytes]:
        return [item for datagram in datagrams for item in (datagram[:20], b"\x16\xfe\xfd", bytes(90), datagram)]

    association = make().associate(0.0)
    shake_hands(association, DtlsServer(pki().eim_tls), spoil)
    assert association.state is State.OPEN


def test_doubled_and_reversed_flights_are_sorted_out() -> None:
    def shuffle(datagrams: list[bytes]) -> list[bytes]:
        return [*reversed(datagrams), *datagrams]

    association = make(mtu=300).associate(0.0)
    shake_hands(association, DtlsServer(pki().eim_tls, mtu=300), shuffle)
    assert association.state is State.OPEN


def test_deadline_is_there_during_the_handshake_only() -> None:
    server = DtlsServer(pki().eim_tls)
    association = make().associate(100.0)
    deadline = association.next_deadline(100.0)
    assert deadline is not None
    assert 100.0 < deadline <= 101.0
    shake_hands(association, server)
    assert association.next_deadline(100.0) is None


def test_longer_timer_is_kept_and_doubled() -> None:
    association = make(first_timer=9.0).associate(100.0)
    association.datagrams()
    assert association.next_deadline(100.0) == pytest.approx(109.0)
    association.handle_timeout(109.0)
    assert association.next_deadline(109.0) == pytest.approx(127.0)
    for _ in range(5):
        association.handle_timeout(200.0)
    assert association.next_deadline(200.0) == pytest.approx(260.0)


def test_timeout_before_its_time_repeats_nothing() -> None:
    association = make().associate(0.0)
    assert len(association.datagrams()) == 1
    association.handle_timeout(0.0)
    assert association.datagrams() == []


# --- the end ---------------------------------------------------------------------------------------------------------


def test_close_tells_the_server() -> None:
    server = DtlsServer(pki().eim_tls)
    association = opened(make(), server)
    association.close()
    (alert,) = association.datagrams()
    server.receive(ADDRESS, alert)
    assert server.peers == ()
    assert association.state is State.CLOSED
    association.close()
    assert association.datagrams() == []


def test_close_of_the_server_is_noticed() -> None:
    server = DtlsServer(pki().eim_tls)
    association = opened(make(), server)
    server.close(server.peers[0])
    for _, datagram in server.datagrams():
        association.receive(datagram, 0.0)
    assert association.state is State.CLOSED


def test_nothing_can_be_sent_before_and_after() -> None:
    server = DtlsServer(pki().eim_tls)
    association = make().associate(0.0)
    with pytest.raises(NetworkError, match="not open"):
        association.send(b"early")
    shake_hands(association, server)
    association.close(notify=False)
    with pytest.raises(NetworkError, match="not open"):
        association.send(b"late")
    association.receive(b"\x16", 0.0)
    association.handle_timeout(0.0)
    assert association.next_deadline(0.0) is None


def test_too_much_for_a_datagram_is_refused() -> None:
    association = opened(make(), DtlsServer(pki().eim_tls))
    association.send(bytes(1200 - dtls.RECORD_OVERHEAD))
    (datagram,) = association.datagrams()
    assert len(datagram) == 1200
    with pytest.raises(NetworkError, match="1164 bytes in a datagram for 1163"):
        association.send(bytes(1201 - dtls.RECORD_OVERHEAD))


def test_client_hello_offers_what_is_used_and_no_more() -> None:
    (hello,) = make().associate(0.0).datagrams()
    assert records.acceptable(hello) == hello
    # Before 3.4 OpenSSL says by a suite that it knows RFC 5746, after that by an extension.
    assert bytes.fromhex("0004c02bc0ac0100") in hello or bytes.fromhex("0006c02bc0ac00ff0100") in hello
    assert bytes.fromhex("000a000400020017") in hello
    assert len(hello) <= 145


def test_library_that_does_not_take_the_signature_algorithms_offers_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dtls, "SIGNATURES", "NO+SUCH")
    client = make()
    (hello,) = client.associate(0.0).datagrams()
    assert len(hello) > 145
    opened(client, DtlsServer(pki().eim_tls))
