"""The layers between the functions of ESipa and the network, put together for one eIM.

From top to bottom: version, compact forms, choice of the binding, counters, binding, client.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Hashable
from typing import TYPE_CHECKING, Any, Final

from ipad.codec.compact import CompactKnowledge
from ipad.codec.eim import EimConfigurationData, EimSupportedProtocol
from ipad.config import EimConfig
from ipad.daemon.taps import TappedBinding
from ipad.errors import CodecError
from ipad.esipa.binding import EsipaBinding, HttpsBinding
from ipad.esipa.choice import ChoiceMemory, ChosenBinding, Transport, candidates
from ipad.esipa.https import AdminProtocols
from ipad.esipa.metering import Account, MeteredBinding
from ipad.esipa.minimize import KnowledgeStore, MinimizedBinding, SessionMemory
from ipad.esipa.version import EimVersion, VersionedBinding, VersionMemory
from ipad.ids import Eid
from ipad.net.authority import Authority
from ipad.net.client import HttpsClient, NetworkSettings
from ipad.net.counters import UDP_HEADERS, Usage, UsageLedger
from ipad.net.known_time import KnownTime
from ipad.net.tls import ServerTls, Trust, files_stamp
from ipad.net.tls_context import TlsMemories
from ipad.observe.tap import TrafficTap
from ipad.records import dataclass, field, replace
from ipad.state.journal import Journal

if TYPE_CHECKING:
    from ipad.esipa.json_binding import JsonBinding

_COAP_LIBRARIES: Final = ("aiocoap", "ctypes")
_MOST_DTLS_SERVERS: Final = 16


@dataclass(frozen=True, slots=True)
class EimMemory:
    """What one process learns of its eIMs and spends on them.

    `tls` and `dtls` hold sessions for short handshakes. They are found by trust and server: what an eIM's configuration
    says now never meets a session that was made under another trust.
    """

    choices: ChoiceMemory = field(default_factory=ChoiceMemory)
    admin_protocols: AdminProtocols = field(default_factory=AdminProtocols)
    versions: VersionMemory = field(default_factory=VersionMemory)
    sessions: SessionMemory = field(default_factory=SessionMemory)
    usage: UsageLedger = field(default_factory=UsageLedger)
    tls: TlsMemories = field(default_factory=TlsMemories)
    dtls: dict[Hashable, Any] = field(default_factory=dict)
    """DtlsClient, whose module belongs to an extra."""
    tap: TrafficTap | None = None


class JournalKnowledge:
    """Satisfies `esipa.minimize.KnowledgeStore`."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def get(self, eim_id: str) -> CompactKnowledge:
        """What is known of an eIM."""
        return self._journal.content.compact.get(eim_id, CompactKnowledge())

    async def put(self, eim_id: str, knowledge: CompactKnowledge) -> None:
        """Keep it. Raises StateError."""
        content = self._journal.content
        await self._journal.commit(replace(content, compact={**content.compact, eim_id: knowledge}))


@dataclass(frozen=True, slots=True)
class Minimizer:
    """What compact messages need: the EID, and where it is kept what eIMs have stored."""

    eid: Eid
    store: KnowledgeStore


@dataclass(frozen=True, slots=True, kw_only=True)
class EimTarget:
    """Where one eIM is, whom to trust there, and what the operator set for it."""

    eim: EimConfigurationData
    own: EimConfig
    server: Authority
    trust: Trust
    admin_protocol: str


def transports(eim: EimConfigurationData, own: EimConfig) -> tuple[Transport, ...]:
    """The bindings to try. Raises CodecError when there is none."""
    available = coaps_available()
    if own.binding == "coaps" and not available:
        raise CodecError('binding = "coaps" needs the extra "coap", which is not installed')
    if own.binding != "auto":
        return (Transport(own.binding),)
    found = candidates(eim.eim_supported_protocol, coaps=available)
    if not found:
        supported = eim.eim_supported_protocol or EimSupportedProtocol(0)
        if supported & EimSupportedProtocol.EIM_RETRIEVE_COAPS:
            raise CodecError('it is reached over CoAPS only, and the extra "coap" is not installed')
        raise CodecError("eimSupportedProtocol names no mode of retrieval")
    return found


def coaps_available() -> bool:
    """Whether the libraries of the extra are there; none of them is loaded."""
    return all(importlib.util.find_spec(name) is not None for name in _COAP_LIBRARIES)


def _json_binding() -> type[JsonBinding]:
    from ipad.esipa.json_binding import JsonBinding  # noqa: PLC0415 - few eIMs speak it

    return JsonBinding


class EimBindings:
    """Makes the bindings of eIMs."""

    def __init__(
        self, time: KnownTime, settings: NetworkSettings, memory: EimMemory, minimizer: Minimizer | None = None
    ) -> None:
        self._time = time
        self._minimizer = minimizer
        self._settings = settings
        self._memory = memory

    def server_tls(self, target: EimTarget) -> ServerTls:
        """TLS towards an eIM, with the sessions of earlier connections under the same trust."""
        memory = self._memory.tls.of((target.trust, str(target.server)))
        return ServerTls(target.trust, self._time.now, memory=memory)

    def binding(self, target: EimTarget) -> EsipaBinding:
        """The way to an eIM, opened by its first message. Raises CodecError when there is no common binding."""
        eim_id = target.eim.eim_id
        https = HttpsClient(target.server, self.server_tls(target), self._settings)
        account = Account(eim_id, lambda: https.usage, self._memory.usage)

        def opener(transport: Transport) -> EsipaBinding:
            if transport is Transport.COAPS:
                return self._coaps(target)
            kind = HttpsBinding if transport is Transport.ASN1 else _json_binding()
            made = kind(https, admin_protocol=target.admin_protocol, known=self._memory.admin_protocols)
            return MeteredBinding(made, account)

        among = transports(target.eim, target.own)
        binding: EsipaBinding = ChosenBinding(eim_id, among, opener, self._memory.choices)
        version = None if target.own.version == "auto" else EimVersion(target.own.version)
        if self._minimizer is not None and target.own.minimize and version is not EimVersion.V1_0:
            eid = self._minimizer.eid.octets
            binding = MinimizedBinding(eim_id, eid, binding, self._minimizer.store, self._memory.sessions)
        binding = VersionedBinding(eim_id, binding, version, self._memory.versions)
        return binding if self._memory.tap is None else TappedBinding(eim_id, binding, self._memory.tap)

    def _coaps(self, target: EimTarget) -> EsipaBinding:
        from ipad.esipa.coap_binding import CoapBinding  # noqa: PLC0415 - loads libraries of an extra
        from ipad.net.coap import CoapClient, CoapSettings  # noqa: PLC0415

        settings = CoapSettings(
            timeout=self._settings.timeout,
            interface=self._settings.interface,
            overrides=self._settings.overrides,
            resolver=self._settings.resolver,
        )
        if self._settings.coaps_timer is not None:
            settings = replace(settings, ack_timeout=self._settings.coaps_timer)
        client = CoapClient(target.server, self._dtls(target), settings)

        def usage() -> Usage:
            traffic = client.traffic
            return Usage(
                bytes_sent=traffic.bytes_sent,
                bytes_received=traffic.bytes_received,
                packets_sent=traffic.datagrams_sent,
                packets_received=traffic.datagrams_received,
                handshakes=traffic.handshakes,
                resumed_handshakes=traffic.resumed_handshakes,
                headers_sent=traffic.datagrams_sent * UDP_HEADERS,
                headers_received=traffic.datagrams_received * UDP_HEADERS,
            )

        return MeteredBinding(CoapBinding(client), Account(target.eim.eim_id, usage, self._memory.usage))

    def _dtls(self, target: EimTarget) -> Any:
        """The DTLS client of before, which knows the last session, or a new one."""
        from ipad.net.dtls import DtlsClient, DtlsSettings  # noqa: PLC0415 - loads a library of an extra

        known = self._memory.dtls
        key = (target.trust, str(target.server), files_stamp(target.trust))
        if key not in known:
            while len(known) >= _MOST_DTLS_SERVERS:
                del known[next(iter(known))]
            timer = self._settings.coaps_timer
            settings = DtlsSettings() if timer is None else DtlsSettings(first_timer=timer)
            known[key] = DtlsClient(target.server.host, target.trust, self._time.now, settings)
        known[key].now = self._time.now
        return known[key]
