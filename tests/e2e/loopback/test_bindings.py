"""The main job over every HTTPS binding and version, with the agent's own commands and real TLS."""

from __future__ import annotations

import pytest

from hil.eim import content
from hil.eim.association import Outcome, Package, PackageState
from hil.eim.history import RecordKind
from hil.eim.knobs import BindingName, CompactForms, EimVersion
from tests.e2e.loopback.site import Site
from tests.e2e.virtual.device import FIRST, TWO


def configure(site: Site, **own: str | bool) -> None:
    """Add a table of the eIM to the configuration."""
    site.configure()
    lines = [f"{key} = {str(value).lower() if isinstance(value, bool) else repr(value)}" for key, value in own.items()]
    text = site.config.read_text(encoding="utf-8")
    site.config.write_text(f'{text}[eim."{FIRST}"]\n' + "\n".join(lines).replace("'", '"') + "\n", encoding="utf-8")


def enable(site: Site) -> Package:
    return site.queue(content.psmo_package(content.enable(TWO)))


def done(site: Site, *packages: Package) -> None:
    """All was carried out, and everything that arrived is genuine."""
    for package in packages:
        assert (package.state, package.outcome) == (PackageState.CLOSED, Outcome.OK), package.detail
    assert all(record.verified for record in site.eim.history.records if record.kind is not RecordKind.POLL)


def bindings(site: Site) -> set[BindingName]:
    return {exchange.binding for exchange in site.exchanges}


def test_packages_data_and_notifications_over_json(site: Site) -> None:
    configure(site, binding="json")
    packages = enable(site), site.queue(content.data_request((0x81, 0xBF20, 0xBF22, 0xA5, 0xA6, 0xA8)))
    assert site.json("run", "--once")["outcome"] == "done"
    done(site, *packages)
    assert bindings(site) == {BindingName.JSON}
    assert not any(exchange.remarks for exchange in site.exchanges)
    assert any(record.kind is RecordKind.NOTIFICATION for record in site.eim.history.records)


@pytest.mark.parametrize("status", [404, 405, 415, 501])
def test_refused_binding_is_followed_by_the_other_one(site: Site, status: int) -> None:
    site.eim.knobs.refused_bindings = {"asn1": status}
    package = enable(site)
    assert site.json("run", "--once")["outcome"] == "done"
    done(site, package)
    refused = [exchange for exchange in site.exchanges if exchange.binding is BindingName.ASN1]
    assert [exchange.status for exchange in refused] == [status], "one message, then never again in this process"


def test_configured_binding_is_not_left(site: Site) -> None:
    configure(site, binding="asn1")
    site.eim.knobs.refused_bindings = {"asn1": 404}
    assert site.json("run", "--once", code=6)["outcome"] == "retryLater"
    assert bindings(site) == {BindingName.ASN1}


@pytest.mark.parametrize("version", ["1.0", "auto"])
@pytest.mark.parametrize("binding", ["asn1", "json"])
def test_eim_of_version_1_0_is_served(site: Site, version: str, binding: str) -> None:
    site.eim.knobs.version = EimVersion.V1_0
    configure(site, version=version, binding=binding)
    packages = enable(site), site.queue(content.data_request((0x81, 0xBF20, 0xA8, 0xA9, 0xA0)))
    assert site.json("run", "--once")["outcome"] == "done"
    done(site, *packages)
    refused = [exchange.status for exchange in site.exchanges if exchange.status == 400]
    assert len(refused) <= (0 if version == "1.0" else 2)


def test_minimized_eim_gets_compact_notifications_after_it_stored_the_certificates(site: Site) -> None:
    configure(site, minimize=True)
    data = site.queue(content.data_request((0xBF20, 0xBF22, 0xA5, 0xA6, 0xA8)))
    assert site.json("run", "--once")["outcome"] == "done"
    capabilities = site.eim.association(site.eid).capabilities
    assert capabilities is not None
    assert capabilities[5] & 0x04, "minimizeEsipaBytes"
    package = enable(site)
    assert site.json("run", "--once")["outcome"] == "done"
    done(site, data, package)
    assert site.eim.compact.expanded, "the journal told another process what the eIM has"
    compacted = [raw for raw in site.eim.compact.expanded if raw[:2] == b"\xbf\x50"]
    assert compacted
    assert all(site.card.certificate[4:] not in raw for raw in compacted)


def test_minimized_eim_that_cannot_expand_gets_full_messages_for_good(site: Site) -> None:
    configure(site, minimize=True)
    site.queue(content.data_request((0xBF20, 0xBF22, 0xA5, 0xA6)))
    assert site.json("run", "--once")["outcome"] == "done"
    site.eim.knobs.compact_forms = CompactForms.REFUSE
    first = enable(site)
    assert site.json("run", "--once")["outcome"] == "done"
    refused = [exchange for exchange in site.exchanges if exchange.status == 400]
    assert len(refused) == 1
    second = site.queue(content.psmo_package(content.list_profile_info()))
    assert site.json("run", "--once")["outcome"] == "done"
    done(site, first, second)
    assert len([exchange for exchange in site.exchanges if exchange.status == 400]) == 1
