"""One eIM of the rig: core, its servers over HTTPS and CoAPS, and the relays through which a device reaches them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from hil import crypto
from hil.clock import Clock
from hil.eim import EimIdentity, EimProtocol, TlsTrust, VirtualEim
from hil.eim.coaps import EimCoapsServer
from hil.eim.core import Provisioning
from hil.eim.json_binding import PATH as JSON_PATH
from hil.eim.server import PATH, EimServer
from hil.eim.store import EimStore
from hil.eim.tls import Leaf, Leaves, server_credential
from hil.link import Link, TcpDoor, UdpDoor
from hil.pki import Credential, Pki
from hil.rig import coaps_doorway
from hil.rig.ports import PortBook
from hil.rig.taps import ExchangeTap
from hil.rig.timeline import Timeline
from hil.webserver import LOOPBACK

LOCAL_NAME: Final = "localhost"


@dataclass(frozen=True)
class EndpointPlan:
    """What makes one eIM: `name` in the rig, eimId, key, the eimFqdn to publish (None: localhost and the port)."""

    name: str
    eim_id: str
    signing_key: crypto.PrivateKey
    trust: TlsTrust
    fqdn: str | None = None
    indirect: bool = False
    """Whether eUICCs are told that it relays profile downloads."""
    protocols: tuple[EimProtocol, ...] = (EimProtocol.HTTPS,)
    """eimSupportedProtocol."""
    host: str = LOCAL_NAME
    """Where devices find this machine: an eimFqdn that is not given is this and the port."""
    certified: bool = True
    """Whether eUICCs have certificates under the bench's CI: these are told to sign with that key, and are checked."""


@dataclass(frozen=True)
class ClientIdentity:
    """A client certificate with its key, and the PEM file with the certificate."""

    credential: Credential
    file: Path


@dataclass(frozen=True)
class Ways:
    """How a device gets to an eIM."""

    tcp: TcpDoor
    udp: UdpDoor


class EimEndpoint:
    """Serves one eIM behind the link of the device."""

    def __init__(
        self,
        plan: EndpointPlan,
        core: VirtualEim,
        server: EimServer,
        coaps: EimCoapsServer,
        ways: Ways,
        client: ClientIdentity,
    ) -> None:
        self.name = plan.name
        self.core = core
        self.server = server
        self.coaps = coaps
        self.relay = ways.tcp
        self.coaps_relay = ways.udp
        self.client = client.credential
        """What the eIM shows of itself where it is the client: injection."""
        self.client_file = client.file

    @property
    def url(self) -> str:
        """Where a device on this machine sends ESipa messages."""
        return f"https://{LOCAL_NAME}:{self.relay.address[1]}{PATH}"

    @property
    def json_url(self) -> str:
        """Below which a device on this machine calls the functions of the JSON binding."""
        return f"https://{LOCAL_NAME}:{self.relay.address[1]}{JSON_PATH}"

    @property
    def coaps_url(self) -> str:
        """Where a device on this machine sends ESipa messages over CoAPS."""
        return f"coaps://{LOCAL_NAME}:{self.coaps_relay.address[1]}{PATH}"

    def show_leaf(self, leaf: Leaf) -> None:
        """Change the certificate for new handshakes over TLS and DTLS. Raises PkiError when it cannot be issued."""
        self.server.show_leaf(leaf)
        self.coaps.show_leaf(leaf)

    @property
    def fqdn(self) -> str:
        """eimFqdn."""
        return self.core.identity.fqdn

    @classmethod
    async def start(
        cls,
        plan: EndpointPlan,
        pki: Pki,
        state: Path,
        book: PortBook,
        link: Link,
        *,
        clock: Clock,
        timeline: Timeline,
        provisioning: Provisioning | None = None,
    ) -> "EimEndpoint":
        """Serve. Raises RigError (port in use), PkiError, StoreError."""
        leaves = _leaves(plan, pki, state / "tls")
        client = _client(plan, pki, leaves.credential(Leaf.GOOD), state / "tls")
        # The port must be known before the identity: it is part of eimFqdn.
        doorways = await coaps_doorway.reserve_both(plan.name, book, link)
        fqdn = plan.fqdn or f"{plan.host}:{doorways.tcp.port}"
        identity = EimIdentity(
            plan.eim_id,
            fqdn,
            plan.signing_key,
            leaves.anchors,
            plan.trust,
            indirect_download=plan.indirect,
            ci_key_id=pki.ci_key_id if plan.certified else None,
            protocols=plan.protocols,
        )
        store = EimStore(state / plan.name)
        ci = pki.ci.certificate if plan.certified else None
        core = VirtualEim(identity, clock, store, ci=ci, provisioning=provisioning)
        tap = ExchangeTap(plan.name, timeline)
        server = EimServer(core, leaves, clock, tap)
        coaps = EimCoapsServer(core, leaves, clock, server.faults, tap)
        await server.start()
        await coaps.start()
        ways = Ways(doorways.tcp.lead_to(server.port), doorways.udp.lead_to(coaps.port))
        return cls(plan, core, server, coaps, ways, client)

    async def close(self) -> None:
        """Stop serving."""
        if self.core.forwarder is not None:
            await self.core.forwarder.close()
        await self.relay.stop()
        await self.coaps_relay.stop()
        await self.coaps.close()
        await self.server.close()


def _leaves(plan: EndpointPlan, pki: Pki, directory: Path) -> Leaves:
    """The TLS leaf: the PKI's own for the first eIM under its usual names, else one issued for the purpose."""
    host = urlsplit(f"//{plan.fqdn}").hostname if plan.fqdn else None if plan.host == LOCAL_NAME else plan.host
    hosts = (LOCAL_NAME, LOOPBACK) if host is None else (host, LOCAL_NAME, LOOPBACK)
    if plan.name == "eim1" and host is None:
        credential: Credential = pki.eim_tls
    else:
        credential = server_credential(pki, hosts, directory, f"{plan.name}-{host or LOCAL_NAME}")
    return Leaves(pki, credential, hosts, directory / plan.name)


def _client(plan: EndpointPlan, pki: Pki, server: Credential, directory: Path) -> ClientIdentity:
    """A client certificate for the key of the TLS server, which IPAs know; the server's own when none can be issued."""
    name = f"{plan.name}-client"
    credential = Credential.read(directory, name)
    if credential is None or credential.public_key != server.public_key:
        issued = pki.tls_ca.private_key is not None
        credential = Pki.issue_tls_client(plan.eim_id, pki.tls_ca, server.key) if issued else server
    file, _ = credential.write(directory, name)
    return ClientIdentity(credential, file)
