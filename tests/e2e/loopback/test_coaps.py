"""Packages, data and notifications over CoAPS, with the agent's own commands and real DTLS."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hil.coap import CoapsServer
from hil.dtls import DtlsServer
from hil.eim import content
from hil.eim.association import Outcome, PackageState
from hil.eim.history import RecordKind
from hil.eim.tls import server_credential
from tests.e2e.loopback.site import Site
from tests.e2e.virtual.device import FIRST, TWO


@pytest.fixture(name="endpoint")
def _endpoint(site: Site) -> Iterator[CoapsServer]:
    """The site's eIM behind DTLS with the key that its HTTPS server has."""
    credential = server_credential(site.pki, (FIRST, "localhost"), site.folder, "server")
    endpoint = CoapsServer(site.eim.answer, DtlsServer(credential))
    port = site.do(endpoint.start())
    text = site.config.read_text(encoding="utf-8")
    override = f'"coaps://{FIRST}" = "127.0.0.1:{port}"\n'
    site.config.write_text(f'{text}{override}[eim."{FIRST}"]\nbinding = "coaps"\n', encoding="utf-8")
    yield endpoint
    site.do(endpoint.close())


def test_packages_data_and_notifications_over_coaps(site: Site, endpoint: CoapsServer) -> None:
    packages = (
        site.queue(content.psmo_package(content.enable(TWO))),
        site.queue(content.data_request((0x81, 0xBF20, 0xBF22, 0xA5, 0xA6, 0xA8))),
    )
    assert site.json("run", "--once")["outcome"] == "done"
    assert [(package.state, package.outcome) for package in packages] == [(PackageState.CLOSED, Outcome.OK)] * 2
    assert all(record.verified for record in site.eim.history.records if record.kind is not RecordKind.POLL)
    assert any(record.kind is RecordKind.NOTIFICATION for record in site.eim.history.records)
    assert not site.exchanges, "nothing went over HTTPS"
    assert len(endpoint.requests) >= 5
