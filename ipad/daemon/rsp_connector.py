"""Connections to SM-DP+ and SM-DS, and what the operator decides about profile downloads."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ipad.codec.euicc_info import IpaCapabilities, IpaFeatures, IpaSupportedProtocols
from ipad.codec.x509 import read_certificates
from ipad.config import Config, InjectionConfig, RspConfig
from ipad.daemon.taps import TappedJson
from ipad.errors import CodecError, ConfigError
from ipad.net.authority import AddressOverrides, Authority
from ipad.net.client import HttpsClient, NetworkSettings
from ipad.net.counters import UsageLedger
from ipad.net.known_time import KnownTime
from ipad.net.resolver import HOST, Resolver
from ipad.net.tls import Anchors, PublicPki, ServerTls, Trust
from ipad.net.tls_context import TlsMemories
from ipad.observe.tap import TrafficTap
from ipad.procedures.certificate_dates import ClockPolicy
from ipad.procedures.context import IPA_CAPABILITIES
from ipad.procedures.download_settings import DownloadSettings

if TYPE_CHECKING:
    from ipad.es9.functions import JsonPost

logger = logging.getLogger(__name__)

_SUFFIXES: Final = (".pem", ".crt", ".cer", ".der")


class ConfiguredRspConnector:
    """Satisfies `procedures.ports.RspConnector`: each server has a connection and a TLS context of its own.

    `usage` is told what functions cost, under the address of the server; at `tap` traffic can be recorded. Raises
    ConfigError for CI certificates or address overrides that cannot be used.
    """

    def __init__(
        self,
        config: Config,
        time: KnownTime,
        usage: UsageLedger | None = None,
        *,
        resolver: Resolver = HOST,
        tap: TrafficTap | None = None,
    ) -> None:
        self._rsp = config.rsp
        self._time = time
        self._usage = usage if usage is not None else UsageLedger()
        self._memories = TlsMemories()
        self._tap = tap
        self._trust = server_trust(config.rsp)
        try:
            overrides = AddressOverrides(config.net.addresses)
        except CodecError as error:
            raise ConfigError(f"net.addresses: {error}") from error
        self._settings = NetworkSettings(
            timeout=config.rsp.exchange_timeout,
            interface=config.net.interface,
            overrides=overrides,
            resolver=resolver,
        )

    def connect(self, address: str) -> JsonPost:
        """A connection that is opened by its first function. Raises CodecError for a malformed address."""
        from ipad.es9.https import HttpsJson  # noqa: PLC0415 - direct downloads are seldom
        from ipad.es9.metering import MeteredJson  # noqa: PLC0415

        server = Authority.parse(address)
        tls = ServerTls(self._trust, self._time.now, memory=self._memories.of(str(server)))
        client = HttpsClient(server, tls, self._settings)
        post = HttpsJson(client, user_agent=self._rsp.user_agent, admin_protocol=self._rsp.x_admin_protocol)
        metered = MeteredJson(str(server), post, lambda: client.usage, self._usage)
        return metered if self._tap is None else TappedJson(str(server), metered, self._tap)


def server_trust(config: RspConfig) -> Trust:
    """The GSMA CIs of the configuration (SGP.22 2.6.6), the system's CAs where that is wanted; never those of an eIM.

    Raises ConfigError for a file that cannot be read or has no certificate, and for a folder without any.
    """
    certificates = tuple(dict.fromkeys(der for path in _files(config) for der in _read(path)))
    if not certificates:
        return PublicPki()
    return Anchors(certificates, and_public=config.public_pki)


def ipa_capabilities(
    config: RspConfig,
    *,
    coaps: bool = False,
    injected_over: IpaSupportedProtocols = IpaSupportedProtocols(0),  # noqa: B008 - a constant
) -> IpaCapabilities:
    """What eIMs are told (SGP.32 4.1): no direct download without trusted servers, and what the eIM is to do.

    `coaps`: whether CoAPS can be spoken. `injected_over`: the modes of injection that are open, IPA_INJECT_HTTPS and
    IPA_INJECT_COAPS.
    """
    features = IPA_CAPABILITIES.ipa_features
    if not config.trusts_servers:
        features &= ~IpaFeatures.DIRECT_RSP_SERVER_COMMUNICATION
    if config.eim_builds_context:
        features |= IpaFeatures.EIM_CTX_PARAMS1_GENERATION
    if config.eim_checks_metadata:
        features |= IpaFeatures.EIM_PROFILE_METADATA_VERIFICATION
    protocols = IpaSupportedProtocols.IPA_RETRIEVE_HTTPS | injected_over
    if coaps:
        protocols |= IpaSupportedProtocols.IPA_RETRIEVE_COAPS
    return IpaCapabilities(ipa_features=features, ipa_supported_protocols=protocols)


def injected_over(config: InjectionConfig) -> IpaSupportedProtocols:
    """The modes of injection that are open."""
    modes = IpaSupportedProtocols(0)
    if config.https:
        modes |= IpaSupportedProtocols.IPA_INJECT_HTTPS
    if config.coaps:
        modes |= IpaSupportedProtocols.IPA_INJECT_COAPS
    return modes


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
