"""From the configuration to the listeners of injection; loads servers and the libraries that they need."""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

from ipad.addresses import listen_address
from ipad.clock import Clock
from ipad.codec.x509 import Certificate, read_certificates
from ipad.config import Config, InjectionPeer
from ipad.daemon.injection import Doorway, InjectionDesk, InjectionServer, Listening
from ipad.errors import CodecError, ConfigError
from ipad.esipa.injection import URI_PATH, routes
from ipad.esipa.version10 import downgraded, upgraded
from ipad.net.https_server import HttpsServer, HttpsSettings
from ipad.net.known_time import KnownTime
from ipad.net.peer_rules import PeerIdentity, PeerRule, PeerRules
from ipad.net.serving import Answer, Handler, ServerCredential
from ipad.observe.tap import TrafficTap
from ipad.records import replace

logger = logging.getLogger(__name__)


@asynccontextmanager
async def listening(
    config: Config, wake: Callable[[], None], clock: Clock, tap: TrafficTap | None = None
) -> AsyncIterator[InjectionDesk]:
    """Listen as long as the context lasts. `wake` is called for each message that is left at the desk; at `tap` what
    comes in can be recorded.

    Raises ConfigError as `injection_server`.
    """
    injection = config.injection
    desk = InjectionDesk(wake, retry_after=injection.retry_after, patience=injection.timeout)
    server = injection_server(config, desk, clock, KnownTime(clock).now, tap)
    try:
        await server.start()
        yield desk
    finally:
        await server.close()


def injection_server(
    config: Config, desk: InjectionDesk, clock: Clock, now: Callable[[], float], tap: TrafficTap | None = None
) -> InjectionServer:
    """The listeners of a configuration in which injection is on. `now` is the best-known time in seconds since 1970.

    Raises ConfigError for files that cannot be used, for CoAPS without its libraries, and when nobody may connect.
    """
    handler = asking(config, desk)
    if tap is not None:
        handler = _recorded(config, handler, tap)
    doorways = tuple(_doorways(config, peer_rules(config, now), handler))
    return InjectionServer(doorways, clock)


def peer_rules(config: Config, now: Callable[[], float]) -> PeerRules:
    """Who may connect; peers of an eIM that is disabled may not. Raises ConfigError."""
    rules = []
    for name, peer in config.injection.peer.items():
        own = config.eim.get(peer.eim)
        if own is not None and not own.enabled:
            logger.warning("injection: peer %s is left out, for eIM %s is disabled", name, peer.eim)
            continue
        rules.append(_rule(name, peer))
    if not rules:
        raise ConfigError("injection: every peer belongs to a disabled eIM")
    return PeerRules(rules, now)


def asking(config: Config, desk: InjectionDesk) -> Handler:
    """Ask the desk for the eIM of a peer, in the version that the eIM speaks."""

    async def ask(message: bytes, peer: PeerIdentity) -> Answer:
        eim_id = config.injection.peer[peer.name].eim
        own = config.eim.get(eim_id)
        logger.info("injection: %d bytes of %s at %s", len(message), peer.name, peer.address)
        if own is None or own.version != "1.0":
            return await desk.submit(eim_id, message)
        answer = await desk.submit(eim_id, upgraded(message))
        return answer if answer.body is None else replace(answer, body=downgraded(answer.body))

    return ask


def _recorded(config: Config, handler: Handler, tap: TrafficTap) -> Handler:
    """The same, seen by a recording of traffic."""

    async def ask(message: bytes, peer: PeerIdentity) -> Answer:
        eim_id = config.injection.peer[peer.name].eim
        if tap.ring is not None:
            tap.ring.esipa("<", eim_id, message)
        answer = await handler(message, peer)
        if tap.ring is not None and answer.body is not None:
            tap.ring.esipa(">", eim_id, answer.body)
        return answer

    return ask


def _doorways(config: Config, rules: PeerRules, handler: Handler) -> Iterator[Doorway]:
    injection = config.injection
    assert injection.certificate is not None
    assert injection.key is not None
    credential = ServerCredential(injection.certificate, injection.key)
    interface = injection.interface or config.net.interface
    settings = HttpsSettings(
        timeout=injection.timeout,
        connections=injection.peers,
        headers=(("X-Admin-Protocol", config.esipa.x_admin_protocol),),
    )
    resources = routes(handler, injection.bindings)
    for address in injection.https:
        host, port = listen_address(address) or ("", 0)
        yield Doorway(
            f"https://{address}", host, port, interface, lambda: HttpsServer(resources, credential, rules, settings)
        )
    if injection.coaps:
        make = _coaps(handler, credential, rules, injection.peers)
        for address in injection.coaps:
            host, port = listen_address(address) or ("", 0)
            yield Doorway(f"coaps://{address}", host, port, interface, make)


def _coaps(handler: Handler, credential: ServerCredential, rules: PeerRules, peers: int) -> Callable[[], Listening]:
    try:
        from ipad.net.coap_server import CoapsServer, CoapsSettings  # noqa: PLC0415 - libraries of an extra
    except ImportError as error:
        raise ConfigError(
            f"injection.coaps needs libraries that are not installed: {error}", hint="install ipad[injection-coap]"
        ) from error
    return lambda: CoapsServer(URI_PATH, handler, credential, rules, CoapsSettings(peers=peers))


def _rule(name: str, peer: InjectionPeer) -> PeerRule:
    certificate = None if peer.certificate is None else _certificate(name, peer.certificate)
    if peer.name is not None and certificate is not None and not certificate.is_ca:
        raise ConfigError(
            f"injection.peer.{name}: name is for certificates that a CA issues, and {peer.certificate} is no CA"
        )
    networks = tuple(ipaddress.ip_network(network) for network in peer.networks)
    return PeerRule(name=name, networks=networks, certificate=certificate, host=peer.name)


def _certificate(name: str, path: Path) -> Certificate:
    try:
        found = read_certificates(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"injection.peer.{name}: certificate {path}: {error.strerror or error}") from error
    except CodecError as error:
        raise ConfigError(f"injection.peer.{name}: {path} is no certificate in PEM or DER: {error}") from error
    if len(found) != 1:
        raise ConfigError(f"injection.peer.{name}: {path} holds {len(found)} certificates, expected one")
    return Certificate.parse(found[0])
