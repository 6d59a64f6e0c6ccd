"""Sites for the tests of this folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from hil.eim import TlsTrust
from hil.pki import Pki
from tests.e2e.loopback.site import Site
from tests.e2e.virtual.smartcard import install

MakeSite = Callable[[TlsTrust], Site]


@pytest.fixture(scope="session", name="pki")
def _pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki.generate(tmp_path_factory.mktemp("pki"))


@pytest.fixture(name="make_site")
def _make_site(tmp_path: Path, pki: Pki, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeSite]:
    """A site that the agent of this process finds; its card is associated with the eIM."""
    with ExitStack() as stack:

        def make(trust: TlsTrust = TlsTrust.PIN) -> Site:
            site = stack.enter_context(Site(tmp_path, pki, trust))
            install(site.card, monkeypatch)
            monkeypatch.setattr("ipad.config.DEFAULT_PATH", tmp_path / "none.toml")
            site.provision()
            return site

        yield make


@pytest.fixture(name="site")
def _site(make_site: MakeSite) -> Site:
    """A site whose eIM has its TLS key pinned."""
    return make_site(TlsTrust.PIN)
