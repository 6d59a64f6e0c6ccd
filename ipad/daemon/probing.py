"""Looks along the data path as the configuration wants them, in the words of policy."""

from __future__ import annotations

from collections.abc import Iterable

from ipad.clock import Clock
from ipad.codec.eim import EimConfigurationData
from ipad.config import Config
from ipad.daemon.bindings import transports
from ipad.daemon.connector import ConfiguredConnector
from ipad.daemon.resolution import server_sources
from ipad.esipa.choice import Transport
from ipad.modem.modem import Modem
from ipad.net.authority import AddressOverrides, Authority
from ipad.net.clock_trust import clock_synchronised, explains
from ipad.net.dns_resolver import InterfaceResolver
from ipad.net.known_time import KnownTime
from ipad.net.link_quality import LinkQuality
from ipad.net.probe import Look, PathProbe, ProbeSettings, ProbeTarget, ReachedLayer
from ipad.policy.events import Layer, ProbeResult, Traffic


def make_probe(config: Config, clock: Clock, modem: Modem | None, known_time: KnownTime) -> PathProbe:
    """The probe. Raises CodecError for address overrides that cannot be used; the connector refuses them as well."""
    settings = ProbeSettings(
        interface=config.net.interface,
        timeout=config.probe.timeout,
        others=tuple(Authority.parse(other) for other in config.probe.others),
        depth=ReachedLayer(config.probe.depth),
        overrides=AddressOverrides(config.net.addresses),
    )
    # A name gets a little less time than its layer, so that what was heard until then is not lost.
    resolver = InterfaceResolver(clock, server_sources(config, modem), patience=config.probe.timeout * 0.9)
    return PathProbe(
        settings,
        clock,
        resolver,
        lambda dates: explains(known_time, dates, synchronised=clock_synchronised()),
    )


def probe_targets(connector: ConfiguredConnector, eims: Iterable[EimConfigurationData]) -> tuple[ProbeTarget, ...]:
    """The eIMs that can be looked for, in their order."""
    found: list[ProbeTarget] = []
    for eim in eims:
        if connector.unusable(eim) is not None:
            continue
        target = connector.target(eim)
        coaps = transports(eim, target.own)[0] is Transport.COAPS
        found.append(ProbeTarget(eim.eim_id, target.server, None if coaps else connector.server_tls(target)))
    return tuple(found)


def probe_result(look: Look, session: str | None) -> ProbeResult:
    """The look as policy is told it; `session` is the bearer that it went over."""
    return ProbeResult(
        reached=Layer(look.reached.value),
        session=session,
        packets=look.packets,
        others=look.others,
        clock=look.clock,
        failure=look.failure,
    )


def traffic(quality: LinkQuality, look: Look) -> Traffic | None:
    """What a look says about throughput and loss; None when it says nothing."""
    quality.note(look.transfer, look.rates)
    if quality.kbps is None and quality.loss is None:
        return None
    return Traffic(kbps=quality.kbps, loss=quality.loss)
