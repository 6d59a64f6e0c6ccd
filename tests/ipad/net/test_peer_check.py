"""The decisions themselves; whole handshakes are in test_dtls."""

from __future__ import annotations

import time

import pytest

from ipad.codec.x509 import Certificate
from ipad.net.peer_check import PeerCheck
from ipad.net.tls import Anchors, PinnedKey, PublicPki, Trust
from tests.coaps import HOST, pin, pki

LEAF = pki().eim_tls.certificate
CA = pki().tls_ca.certificate


def check(trust: Trust, host: str = HOST) -> PeerCheck:
    return PeerCheck(host, trust, time.time)


def test_nothing_was_asked_in_the_beginning() -> None:
    subject = check(pin())
    assert not subject.called
    assert subject.refusal is None


@pytest.mark.parametrize("trust", [pin(), Anchors((CA,)), PublicPki()])
def test_certificate_that_cannot_be_read_is_refused(trust: Trust) -> None:
    subject = check(trust)
    assert not subject.accepts(b"\x30\x00", 0, 0)
    assert subject.refusal is not None
    assert "cannot be read" in subject.refusal


@pytest.mark.parametrize(
    ("error", "text"),
    [(10, "expired"), (9, "not valid yet"), (19, "root is not trusted"), (20, "issuer"), (99, "verification error 99")],
)
def test_library_has_the_last_word_on_anchors(error: int, text: str) -> None:
    for depth in (1, 0):
        subject = check(Anchors((CA,)))
        assert not subject.accepts(LEAF, error, depth)
        assert subject.refusal is not None
        assert text in subject.refusal


def test_anchor_without_the_name_is_not_enough() -> None:
    subject = check(Anchors((CA,)), "other.example.com")
    assert subject.accepts(CA, 0, 1)
    assert not subject.accepts(LEAF, 0, 0)
    assert subject.refusal == "the server's certificate is not for other.example.com"


@pytest.mark.parametrize("error", [0, 10, 20, 21, 7])
def test_pinned_leaf_passes_whatever_is_wrong(error: int) -> None:
    assert check(pin()).accepts(LEAF, error, 0)


def test_pinned_ca_counts_only_at_the_top_of_a_sound_chain() -> None:
    trust = PinnedKey(Certificate.parse(CA).spki)
    sound = check(trust)
    assert sound.accepts(CA, 19, 1)
    assert sound.accepts(CA, 0, 1)
    assert sound.accepts(LEAF, 0, 0)
    # Without a report that the CA is the end of the chain nothing says that the chain leads to it.
    assert not check(trust).accepts(LEAF, 0, 0)
    for depth, error in ((1, 24), (1, 10), (0, 7)):
        broken = check(trust)
        assert broken.accepts(CA, 19, 1)
        if depth:
            assert broken.accepts(CA, error, 1)
        assert not broken.accepts(LEAF, error if not depth else 0, 0)
