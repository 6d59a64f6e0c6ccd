"""Servers that are not there, not the right one or not well: one message, one exit code, and nothing is lost."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator

import pytest

from hil.eim import TlsTrust, content
from hil.eim.association import Outcome, Package, PackageState
from hil.eim.faults import Fault, FaultKind
from hil.eim.history import RecordKind
from hil.eim.tls import Leaf
from tests.e2e.loopback.conftest import MakeSite
from tests.e2e.loopback.site import Site, closed_port
from tests.e2e.virtual.device import FIRST, TWO

TRANSIENT, PERMANENT, TIMEOUT = 75, 6, 3


def failed_poll(site: Site, code: int) -> tuple[str, str]:
    """Run once, in JSON and in text: the same single error both times. Returns its class and message."""
    answer = site.json("run", "--once", code=code)
    assert (answer["ok"], answer["outcome"]) == (False, "retryLater")
    (eim,) = answer["eims"]
    assert (eim["eim_id"], eim["reached"]) == (FIRST, False)
    error = eim["error"]
    done = site.ipad("run", "--once", "-q")
    assert done.code == code
    (line,) = done.err.splitlines()
    assert line.startswith("ipad: nothing was queued; eIM eim.example.com: ")
    assert line.isprintable()
    return error["class"], error["message"]


def succeeds(site: Site, package: Package) -> None:
    """The next run does what waited, once."""
    assert site.json("run", "--once")["outcome"] == "done"
    assert (package.state, package.outcome) == (PackageState.CLOSED, Outcome.OK)
    results = [record for record in site.eim.history.records if record.kind is RecordKind.RESULT]
    assert [record.news for record in results].count(True) == 1
    assert all(record.verified for record in results)


@pytest.fixture(name="package")
def _package(site: Site) -> Iterator[Package]:
    """A package waits; when the test is over, it is still there and its turn comes."""
    package = site.queue(content.psmo_package(content.list_profile_info()))
    yield package
    assert package.open
    site.server.faults.clear()
    site.server.show_leaf(Leaf.GOOD)
    site.configure()
    succeeds(site, package)


def test_nobody_listens(site: Site, package: Package) -> None:
    with closed_port() as port:
        site.configure(port=port)
        kind, message = failed_poll(site, TRANSIENT)
    assert kind == "network"
    assert f"cannot connect to 127.0.0.1 port {port}" in message


def test_server_that_speaks_no_tls(site: Site, package: Package) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            for _ in range(2):
                connection, _address = server.accept()
                connection.recv(4096)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        site.configure(port=server.getsockname()[1])
        kind, message = failed_poll(site, TRANSIENT)
        thread.join(10)
    assert kind == "network"
    assert "no TLS handshake" in message


ACCEPTED, REFUSED = True, False
KEY_COUNTS = {
    Leaf.GOOD: ACCEPTED,
    Leaf.EXPIRED: ACCEPTED,
    Leaf.NOT_YET_VALID: ACCEPTED,
    Leaf.WRONG_NAME: ACCEPTED,
    Leaf.OTHER_KEY: REFUSED,
    Leaf.UNTRUSTED: REFUSED,
}
CERTIFICATE_COUNTS = {
    Leaf.GOOD: ACCEPTED,
    Leaf.EXPIRED: REFUSED,
    Leaf.NOT_YET_VALID: REFUSED,
    Leaf.WRONG_NAME: REFUSED,
    Leaf.OTHER_KEY: ACCEPTED,
    Leaf.UNTRUSTED: REFUSED,
}
RULES = {
    TlsTrust.PIN: KEY_COUNTS,
    TlsTrust.CERTIFICATE: KEY_COUNTS,
    TlsTrust.CA: CERTIFICATE_COUNTS,
    TlsTrust.PUBLIC: CERTIFICATE_COUNTS,
}
OTHER_KEY = r"(is not the one|is the key) in trustedPublicKeyDataTls$"
REASONS = {
    Leaf.EXPIRED: r"the certificate expired on 2020-02-01 ",
    Leaf.NOT_YET_VALID: r"the certificate is not valid before 2048-01-01 ",
    Leaf.WRONG_NAME: r"Hostname mismatch, certificate is not valid for 'eim\.example\.com'",
    Leaf.OTHER_KEY: OTHER_KEY,
    Leaf.UNTRUSTED: OTHER_KEY + "|unable to get local issuer certificate",
}
CASES = [(trust, leaf, accepted) for trust, rules in RULES.items() for leaf, accepted in rules.items()]


@pytest.mark.parametrize(("trust", "leaf", "accepted"), CASES)
def test_certificate_of_the_server(make_site: MakeSite, trust: TlsTrust, leaf: Leaf, accepted: bool) -> None:
    site = make_site(trust)
    ca = site.folder / "ca.pem"
    ca.write_bytes(site.pki.tls_anchors)
    site.configure(ca=ca)
    package = site.queue(content.psmo_package(content.list_profile_info()))
    site.server.show_leaf(leaf)
    if accepted:
        succeeds(site, package)
        return
    kind, message = failed_poll(site, PERMANENT)
    assert kind == "tls-trust"
    assert message.startswith(f"{FIRST}: ")
    assert re.search(REASONS[leaf], message)
    assert site.exchanges == []
    site.server.show_leaf(Leaf.GOOD)
    succeeds(site, package)


FAULTS: dict[str, tuple[Fault, int, str, str]] = {
    "HTTP 500": (Fault(FaultKind.STATUS, value=500), TRANSIENT, "http-status", "500"),
    "HTTP 503": (Fault(FaultKind.STATUS, value=503, seconds=120), TRANSIENT, "http-status", "503"),
    "HTTP 403": (Fault(FaultKind.STATUS, value=403), PERMANENT, "http-status", "403"),
    "HTTP 404": (Fault(FaultKind.STATUS, value=404), PERMANENT, "http-status", "404"),
    "redirect": (Fault(FaultKind.REDIRECT), PERMANENT, "http-status", "307"),
    "closed": (Fault(FaultKind.DROP_BEFORE), TRANSIENT, "network", "closed before an answer came"),
    "truncated": (Fault(FaultKind.TRUNCATED), TRANSIENT, "network", "expected 128"),
    "oversized": (Fault(FaultKind.OVERSIZED), TRANSIENT, "network", "65536"),
    "length": (Fault(FaultKind.CONTENT_LENGTH, value=7), TRANSIENT, "network", "expected 135"),
    "wrong outer tag": (Fault(FaultKind.WRONG_TAG), TRANSIENT, "exchange", "BF3C"),
    "trailing bytes": (Fault(FaultKind.TRAILING_BYTES), TRANSIENT, "exchange", "2 bytes follow"),
    "media type": (Fault(FaultKind.CONTENT_TYPE), TRANSIENT, "exchange", "text/html"),
    "web page": (Fault(FaultKind.HTML), TRANSIENT, "exchange", "text/html"),
    "nothing": (Fault(FaultKind.EMPTY), TRANSIENT, "exchange", "no body"),
    "gzip": (Fault(FaultKind.GZIP), TRANSIENT, "network", "'gzip', which was not asked for"),
}


def break_exchange(site: Site, fault: Fault, function: str) -> None:
    site.server.faults.add(Fault(fault.kind, function, None, value=fault.value, seconds=fault.seconds))


@pytest.mark.parametrize(("fault", "code", "kind", "reason"), FAULTS.values(), ids=FAULTS)
def test_answer_to_a_poll_that_is_none(
    site: Site, package: Package, fault: Fault, code: int, kind: str, reason: str
) -> None:
    break_exchange(site, fault, "GetEimPackage")
    found, message = failed_poll(site, code)
    assert found == kind
    assert reason in message
    assert FIRST in message or "GetEimPackage" in message


def test_server_that_does_not_answer_in_time(site: Site, package: Package) -> None:
    site.configure(timeout=1)
    site.server.faults.add(Fault(FaultKind.DELAY, "GetEimPackage", None, seconds=3))
    answer = site.json("run", "--once", code=TRANSIENT)
    (eim,) = answer["eims"]
    assert eim["error"]["class"] == "network-timeout"
    assert "no complete answer in 1 s" in eim["error"]["message"]


@pytest.mark.parametrize(("fault", "code", "kind", "reason"), FAULTS.values(), ids=FAULTS)
def test_result_is_kept_until_it_arrives(site: Site, fault: Fault, code: int, kind: str, reason: str) -> None:
    package = site.queue(content.psmo_package(content.enable(TWO)))
    break_exchange(site, fault, "ProvideEimPackageResult")
    answer = site.json("run", "--once", code=code)
    assert answer["undelivered"] == 1
    assert [(item["result"], item["handover"]) for item in answer["packages"]] == [("enable ok(0)", "kept")]
    site.server.faults.clear()
    site.ipad("run", "--once")
    assert (package.state, package.outcome) == (PackageState.CLOSED, Outcome.OK)
    sent = site.received("ProvideEimPackageResult")
    assert len(sent) >= 2
    assert len(set(sent)) == 1
    assert site.json("run", "--once")["undelivered"] == 0
    assert [profile.enabled for profile in site.card.profiles][:2] == [False, True]
