"""Who may connect: networks, pinned certificates, CAs."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest

from ipad.net.peer_rules import PeerIdentity, RefusalLog
from tests.ipad.net.doors import rule, rules
from tests.ipad.net.issuing import DAY, NOW, Issued, issue

CA = issue("CA", ca=True)
LEAF = issue("eim.example.com", CA, hosts=("eim.example.com",))


def chain(*certificates: Issued) -> list[bytes]:
    return [item.der for item in certificates]


@pytest.mark.parametrize(
    ("networks", "address", "let_through"),
    [
        (("192.0.2.0/24",), "192.0.2.7", True),
        (("192.0.2.0/24",), "192.0.3.7", False),
        (("192.0.2.0/24",), "::ffff:192.0.2.7", True),
        (("2001:db8::/32",), "2001:db8::1", True),
        (("2001:db8::/32",), "2001:db9::1", False),
        (("fe80::/10",), "fe80::1%eth0", True),
        (("192.0.2.0/24", "10.0.0.0/8"), "10.1.2.3", True),
        (("192.0.2.0/24",), "no address", False),
        ((), "203.0.113.9", True),
    ],
)
def test_address_is_let_through_only_from_the_networks_of_a_rule(
    networks: tuple[str, ...], address: str, let_through: bool
) -> None:
    assert bool(rules(rule(networks=networks)).at(address)) is let_through


def test_without_rules_nobody_is_let_through() -> None:
    assert not rules().at("127.0.0.1")


def test_pinned_certificate_is_known_by_its_key() -> None:
    known = rules(rule("a", certificate=LEAF))
    assert known.identify(chain(LEAF), "192.0.2.1") == PeerIdentity("a", "192.0.2.1")
    assert known.identify(chain(issue("eim.example.com", CA)), "192.0.2.1") is None
    assert known.identify((), "192.0.2.1") is None


def test_pinned_certificate_is_known_after_its_end() -> None:
    later = time.time() + timedelta(days=1000).total_seconds()
    assert rules(rule(certificate=LEAF), now=later).identify(chain(LEAF), "192.0.2.1") is not None


def test_ca_vouches_for_what_it_issued() -> None:
    known = rules(rule("ours", certificate=CA))
    other = issue("Other", ca=True)
    assert known.identify(chain(LEAF, CA), "192.0.2.1") is not None
    assert known.identify(chain(issue("x", other), other), "192.0.2.1") is None


def test_certificate_of_the_ca_itself_is_no_client() -> None:
    assert rules(rule(certificate=CA)).identify(chain(CA), "192.0.2.1") is None


def test_ca_with_a_name_vouches_for_that_name_alone() -> None:
    known = rules(rule(certificate=CA, host="eim.example.com"))
    assert known.identify(chain(LEAF, CA), "192.0.2.1") is not None
    assert known.identify(chain(issue("b", CA, hosts=("b.example.com",)), CA), "192.0.2.1") is None


@pytest.mark.parametrize(("before", "after"), [(NOW - 3 * DAY, NOW - DAY), (NOW + DAY, NOW + 3 * DAY)])
def test_ca_does_not_vouch_outside_the_dates(before: object, after: object) -> None:
    leaf = issue("eim.example.com", CA, before=before, after=after)  # type: ignore[arg-type]
    assert rules(rule(certificate=CA)).identify(chain(leaf, CA), "192.0.2.1") is None


def test_first_rule_that_fits_counts() -> None:
    known = rules(rule("a", certificate=issue("a")), rule("b", certificate=LEAF), rule("c", certificate=CA))
    found = known.identify(chain(LEAF, CA), "192.0.2.1")
    assert found is not None
    assert found.name == "b"


def test_certificate_and_network_must_both_fit() -> None:
    known = rules(rule("a", certificate=LEAF, networks=("192.0.2.0/24",)), rule("b", networks=("10.0.0.0/8",)))
    assert known.at("10.0.0.1").identify(chain(LEAF), "10.0.0.1") == PeerIdentity("b", "10.0.0.1")
    assert known.at("192.0.2.1").identify((), "192.0.2.1") is None


def test_what_is_no_certificate_is_nobody() -> None:
    assert rules(rule(certificate=LEAF)).identify([b"\x30\x00"], "192.0.2.1") is None


def test_refusals_are_counted_and_logged_once_a_minute() -> None:
    lines: list[str] = []
    now = [100.0]
    log = RefusalLog(lines.append, lambda: now[0])
    for _ in range(5):
        log.note("192.0.2.1", "no peer")
    now[0] += 61
    log.note("192.0.2.2", "no peer")
    assert log.count == 6
    assert lines == ["refused 192.0.2.1: no peer", "refused 192.0.2.2: no peer (4 others since the last line)"]
