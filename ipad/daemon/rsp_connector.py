"""Connections to SM-DP+ and SM-DS, and what the operator decides about profile downloads."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ipad.codec.euicc_info import IpaCapabilities, IpaFeatures
from ipad.codec.x509 import read_certificates
from ipad.config import Config, RspConfig
from ipad.errors import CodecError, ConfigError
from ipad.es9.https import HttpsJson
from ipad.net.authority import AddressOverrides, Authority
from ipad.net.client import HttpsClient, NetworkSettings
from ipad.net.known_time import KnownTime
from ipad.net.tls import Anchors, PublicPki, ServerTls, Trust
from ipad.procedures.certificate_dates import ClockPolicy
from ipad.procedures.context import IPA_CAPABILITIES
from ipad.procedures.download_settings import DownloadSettings

logger = logging.getLogger(__name__)

_SUFFIXES: Final = (".pem", ".crt", ".cer", ".der")


class ConfiguredRspConnector:
    """Satisfies `procedures.ports.RspConnector`: each server has a connection and a TLS context of its own.

    Raises ConfigError for CI certificates or address overrides that cannot be used.
    """

    def __init__(self, config: Config, time: KnownTime) -> None:
        self._rsp = config.rsp
        self._time = time
        self._trust = server_trust(config.rsp)
        try:
            overrides = AddressOverrides(config.net.addresses)
        except CodecError as error:
            raise ConfigError(f"net.addresses: {error}") from error
        self._settings = NetworkSettings(
            timeout=config.rsp.exchange_timeout, interface=config.net.interface, overrides=overrides
        )

    def connect(self, address: str) -> HttpsJson:
        """A connection that is opened by its first function. Raises CodecError for a malformed address."""
        client = HttpsClient(Authority.parse(address), ServerTls(self._trust, self._time.now), self._settings)
        return HttpsJson(client, user_agent=self._rsp.user_agent, admin_protocol=self._rsp.x_admin_protocol)


def server_trust(config: RspConfig) -> Trust:
    """The GSMA CIs of the configuration (SGP.22 2.6.6), the system's CAs where that is wanted; never those of an eIM.

    Raises ConfigError for a file that cannot be read or has no certificate, and for a folder without any.
    """
    certificates = tuple(dict.fromkeys(der for path in _files(config) for der in _read(path)))
    if not certificates:
        return PublicPki()
    return Anchors(certificates, and_public=config.public_pki)


def ipa_capabilities(config: RspConfig) -> IpaCapabilities:
    """What eIMs are told (SGP.32 4.1): no direct download without trusted servers, and what the eIM is to do."""
    features = IPA_CAPABILITIES.ipa_features
    if not config.trusts_servers:
        features &= ~IpaFeatures.DIRECT_RSP_SERVER_COMMUNICATION
    if config.eim_builds_context:
        features |= IpaFeatures.EIM_CTX_PARAMS1_GENERATION
    if config.eim_checks_metadata:
        features |= IpaFeatures.EIM_PROFILE_METADATA_VERIFICATION
    return IpaCapabilities(ipa_features=features, ipa_supported_protocols=IPA_CAPABILITIES.ipa_supported_protocols)


def download_settings(config: RspConfig) -> DownloadSettings:
    """The decisions of the operator for the procedures."""
    return DownloadSettings(
        prefer_direct=config.prefer_direct, clock_policy=ClockPolicy(config.clock), consent=config.consent
    )


def _files(config: RspConfig) -> Iterator[Path]:
    yield from config.ci_files
    if config.ci_directory is None:
        return
    try:
        found = sorted(path for path in config.ci_directory.iterdir() if path.suffix.lower() in _SUFFIXES)
    except OSError as error:
        raise ConfigError(f"rsp.ci_directory: {error}") from error
    if not found:
        raise ConfigError(f"rsp.ci_directory: {config.ci_directory} has no certificate ({', '.join(_SUFFIXES)})")
    yield from found


def _read(path: Path) -> tuple[bytes, ...]:
    try:
        return read_certificates(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"rsp: CI certificate {path}: {error.strerror or error}") from error
    except CodecError as error:
        raise ConfigError(f"rsp: {path} is no certificate in PEM or DER: {error}") from error
