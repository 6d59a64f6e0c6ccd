"""Which RSP servers are trusted, and what eIMs are told of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil.pki import Pki
from ipad.codec.euicc_info import IpaFeatures, IpaSupportedProtocols
from ipad.config import Config, RspConfig
from ipad.daemon.rsp_connector import (
    ConfiguredRspConnector,
    download_settings,
    ipa_capabilities,
    server_trust,
)
from ipad.errors import CodecError, ConfigError
from ipad.net.known_time import KnownTime
from ipad.net.tls import Anchors, PublicPki
from ipad.procedures.certificate_dates import ClockPolicy
from tests.fakes.clock import FakeClock

BOTH = IpaFeatures.DIRECT_RSP_SERVER_COMMUNICATION | IpaFeatures.INDIRECT_RSP_SERVER_COMMUNICATION
HELD = IpaFeatures.EIM_DOWNLOAD_DATA_HANDLING


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki.generate(tmp_path_factory.mktemp("pki"))


def test_files_and_folder_in_pem_and_der_each_certificate_once(pki: Pki, tmp_path: Path) -> None:
    (tmp_path / "a.pem").write_bytes(b"CI of the test\n" + pki.ci.pem + pki.tls_ca.pem)
    folder = tmp_path / "ci"
    folder.mkdir()
    (folder / "b.der").write_bytes(pki.ci.certificate)
    (folder / "readme.txt").write_text("not looked at")
    trust = server_trust(RspConfig(ci_files=(tmp_path / "a.pem",), ci_directory=folder))
    assert trust == Anchors((pki.ci.certificate, pki.tls_ca.certificate))


def test_public_cas_beside_or_in_place_of_the_cis(pki: Pki, tmp_path: Path) -> None:
    (tmp_path / "a.pem").write_bytes(pki.ci.pem)
    both = server_trust(RspConfig(ci_files=(tmp_path / "a.pem",), public_pki=True))
    assert both == Anchors((pki.ci.certificate,), and_public=True)
    assert server_trust(RspConfig(public_pki=True)) == PublicPki()


def test_folder_without_certificates_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"rsp\.ci_directory"):
        server_trust(RspConfig(ci_directory=tmp_path))


@pytest.mark.parametrize(
    ("config", "features"),
    [
        (RspConfig(public_pki=True), BOTH | HELD),
        (RspConfig(), IpaFeatures.INDIRECT_RSP_SERVER_COMMUNICATION | HELD),
        (RspConfig(public_pki=True, eim_builds_context=True), BOTH | HELD | IpaFeatures.EIM_CTX_PARAMS1_GENERATION),
        (
            RspConfig(public_pki=True, eim_checks_metadata=True),
            BOTH | HELD | IpaFeatures.EIM_PROFILE_METADATA_VERIFICATION,
        ),
    ],
)
def test_capabilities_are_what_works(config: RspConfig, features: IpaFeatures) -> None:
    assert ipa_capabilities(config).ipa_features == features


HTTPS, COAPS = IpaSupportedProtocols.IPA_RETRIEVE_HTTPS, IpaSupportedProtocols.IPA_RETRIEVE_COAPS
INJECTION = IpaSupportedProtocols.IPA_INJECT_HTTPS | IpaSupportedProtocols.IPA_INJECT_COAPS


def test_protocols_are_those_that_can_be_spoken() -> None:
    assert ipa_capabilities(RspConfig()).ipa_supported_protocols == HTTPS
    assert ipa_capabilities(RspConfig(), coaps=True).ipa_supported_protocols == HTTPS | COAPS
    everything = ipa_capabilities(RspConfig(), coaps=True, injected_over=INJECTION)
    assert everything.ipa_supported_protocols == HTTPS | COAPS | INJECTION


def test_decisions_of_the_operator_reach_the_procedures() -> None:
    settings = download_settings(RspConfig(prefer_direct=True, clock="always", consent=True))
    assert (settings.prefer_direct, settings.clock_policy, settings.consent) == (True, ClockPolicy.ALWAYS, True)


def test_malformed_address_is_refused() -> None:
    connector = ConfiguredRspConnector(Config(rsp=RspConfig(public_pki=True)), KnownTime(FakeClock()))
    with pytest.raises(CodecError):
        connector.connect("smdp.example.com/path")
