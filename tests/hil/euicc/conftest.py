"""Cards with the keys of the published examples."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hil.euicc import CardConfig, Keyring, SigningKey
from hil.pki import Pki
from hil.pki import certificates as shape
from tests.hil.euicc.bench import CI_PKID, EID, EUICC_KEY, Bench, two_profiles


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki.generate(tmp_path_factory.mktemp("pki"), eid=EID)


@pytest.fixture(scope="session")
def keyring(pki: Pki) -> Keyring:
    issuer = shape.Issuer.of(pki.eum.certificate, pki.eum.key)
    subject = shape.name("Test eUICC", "Test EUM", EID)
    certificate = shape.issue(subject, EUICC_KEY.public_key(), issuer, shape.euicc_extensions())
    return Keyring((SigningKey(CI_PKID, EUICC_KEY, certificate, pki.eum.certificate),), EID)


@pytest.fixture
def make_bench(tmp_path: Path, keyring: Keyring) -> Callable[[CardConfig], Bench]:
    def make(config: CardConfig) -> Bench:
        return Bench(tmp_path / "card", config, keyring)

    return make


@pytest.fixture
def bench(make_bench: Callable[[CardConfig], Bench]) -> Bench:
    """Two profiles, the second enabled and set for fallback; the eIM of the examples with token 1 and counter 0."""
    made = make_bench(two_profiles())
    made.associate()
    made.change(next_association_token=2)
    return made
