"""Connections to eIMs from what the eUICC says of them and what the operator overrides."""

from __future__ import annotations

from ipad.codec.eim import EimConfigurationData
from ipad.config import Config, EimConfig
from ipad.daemon.bindings import EimBindings, EimMemory, EimTarget, Minimizer, transports
from ipad.errors import CodecError, ConfigError
from ipad.esipa.functions import EsipaClient
from ipad.net.authority import AddressOverrides, Authority
from ipad.net.client import NetworkSettings
from ipad.net.known_time import KnownTime
from ipad.net.resolver import HOST, Resolver
from ipad.net.tls import PublicPki, ServerTls, Trust, eim_trust


class ConfiguredConnector:
    """Satisfies `procedures.ports.EimConnector`. Raises ConfigError for address overrides that cannot be used.

    `memory` is that of the process, where there is one. Without `minimizer` all messages are full. `resolver` finds
    the eIMs.
    """

    def __init__(
        self,
        config: Config,
        time: KnownTime,
        memory: EimMemory | None = None,
        minimizer: Minimizer | None = None,
        *,
        resolver: Resolver = HOST,
    ) -> None:
        self._config = config
        self._public = PublicPki(config.net.ca_file)
        try:
            overrides = AddressOverrides(config.net.addresses)
        except CodecError as error:
            raise ConfigError(f"net.addresses: {error}") from error
        settings = NetworkSettings(
            timeout=config.esipa.exchange_timeout,
            interface=config.net.interface,
            overrides=overrides,
            resolver=resolver,
            coaps_timer=config.net.coaps_timer,
        )
        self._bindings = EimBindings(time, settings, memory or EimMemory(), minimizer)

    def unusable(self, eim: EimConfigurationData) -> str | None:
        """Why this eIM cannot be contacted, or None."""
        if not self._own(eim).enabled:
            return "it is disabled in the configuration"
        try:
            self._server(eim)
            self._trust(eim)
            transports(eim, self._own(eim))
        except CodecError as error:
            return str(error)
        return None

    def connect(self, eim: EimConfigurationData) -> EsipaClient:
        """A connection that is opened by its first function. Raises CodecError for an eIM that is unusable."""
        return EsipaClient(self._bindings.binding(self.target(eim)))

    def target(self, eim: EimConfigurationData) -> EimTarget:
        """Where the eIM is and whom to trust there. Raises CodecError for one that is unusable."""
        own = self._own(eim)
        return EimTarget(
            eim=eim,
            own=own,
            server=self._server(eim),
            trust=self._trust(eim),
            admin_protocol=own.x_admin_protocol or self._config.esipa.x_admin_protocol,
        )

    def server_tls(self, target: EimTarget) -> ServerTls:
        """TLS towards it, with the sessions of earlier connections."""
        return self._bindings.server_tls(target)

    def _own(self, eim: EimConfigurationData) -> EimConfig:
        return self._config.eim.get(eim.eim_id, EimConfig())

    def _server(self, eim: EimConfigurationData) -> Authority:
        name = self._own(eim).fqdn or eim.eim_fqdn
        if not name:
            raise CodecError("it has no eimFqdn and none is configured")
        return Authority.parse(name)

    def _trust(self, eim: EimConfigurationData) -> Trust:
        return eim_trust(eim.trusted_public_key_data_tls, self._public)
