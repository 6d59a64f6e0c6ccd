"""One eIM of the rig: core, TLS server, and the relay through which a device reaches it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from hil import crypto
from hil.clock import Clock
from hil.eim import EimIdentity, TlsTrust, VirtualEim
from hil.eim.core import Provisioning
from hil.eim.server import PATH, EimServer
from hil.eim.store import EimStore
from hil.eim.tls import Leaves, server_credential
from hil.pki import Credential, Pki
from hil.relay import Relay
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


class EimEndpoint:
    """Serves one eIM behind a relay that is shut until `set_open`."""

    def __init__(self, plan: EndpointPlan, core: VirtualEim, server: EimServer, relay: Relay) -> None:
        self.name = plan.name
        self.core = core
        self.server = server
        self.relay = relay

    @property
    def url(self) -> str:
        """Where a device on this machine sends ESipa messages."""
        return f"https://{LOCAL_NAME}:{self.relay.address[1]}{PATH}"

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
        *,
        clock: Clock,
        timeline: Timeline,
        provisioning: Provisioning | None = None,
    ) -> "EimEndpoint":
        """Serve. Raises RigError (port in use), PkiError, StoreError."""
        leaves = _leaves(plan, pki, state / "tls")
        # The relay's port must be known before the identity: it is part of eimFqdn. The target is not, so the
        # reservation comes first and the relay that keeps it is made once the server listens.
        reserved = Relay(LOOPBACK, 0)
        try:
            port = reserved.start(book.port(plan.name), is_open=False)
        except OSError as error:
            raise book.taken(plan.name, error) from error
        await reserved.stop()
        fqdn = plan.fqdn or f"{LOCAL_NAME}:{port}"
        identity = EimIdentity(plan.eim_id, fqdn, plan.signing_key, leaves.anchors, plan.trust, ci_key_id=pki.ci_key_id)
        store = EimStore(state / plan.name)
        core = VirtualEim(identity, clock, store, ci=pki.ci.certificate, provisioning=provisioning)
        server = EimServer(core, leaves, clock, ExchangeTap(plan.name, timeline))
        await server.start()
        relay = Relay(LOOPBACK, server.port)
        try:
            relay.start(port, is_open=False)
        except OSError as error:
            await server.close()
            raise book.taken(plan.name, error) from error
        book.remember(plan.name, port)
        return cls(plan, core, server, relay)

    async def close(self) -> None:
        """Stop serving."""
        await self.relay.stop()
        await self.server.close()


def _leaves(plan: EndpointPlan, pki: Pki, directory: Path) -> Leaves:
    """The TLS leaf: the PKI's own for the first eIM under its usual names, else one issued for the purpose."""
    host = urlsplit(f"//{plan.fqdn}").hostname if plan.fqdn else None
    hosts = (LOCAL_NAME, LOOPBACK) if host is None else (host, LOCAL_NAME, LOOPBACK)
    if plan.name == "eim1" and host is None:
        credential: Credential = pki.eim_tls
    else:
        credential = server_credential(pki, hosts, directory, f"{plan.name}-{host or LOCAL_NAME}")
    return Leaves(pki, credential, hosts, directory / plan.name)
