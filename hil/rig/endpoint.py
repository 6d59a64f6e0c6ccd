"""One eIM of the rig: core, TLS server, and the relay through which a device reaches it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from hil import crypto
from hil.clock import Clock
from hil.eim import EimIdentity, TlsTrust, VirtualEim
from hil.eim.core import Provisioning
from hil.eim.json_binding import PATH as JSON_PATH
from hil.eim.server import PATH, EimServer
from hil.eim.store import EimStore
from hil.eim.tls import Leaves, server_credential
from hil.pki import Credential, Pki
from hil.relay import Relay
from hil.rig.options import RigError
from hil.rig.ports import PortBook
from hil.rig.reservation import Doorway
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
    def json_url(self) -> str:
        """Below which a device on this machine calls the functions of the JSON binding."""
        return f"https://{LOCAL_NAME}:{self.relay.address[1]}{JSON_PATH}"

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
        # The relay's port must be known before the identity: it is part of eimFqdn.
        doorway = await Doorway.reserve(plan.name, book)
        port = doorway.port
        fqdn = plan.fqdn or f"{LOCAL_NAME}:{port}"
        identity = EimIdentity(
            plan.eim_id,
            fqdn,
            plan.signing_key,
            leaves.anchors,
            plan.trust,
            indirect_download=plan.indirect,
            ci_key_id=pki.ci_key_id,
        )
        store = EimStore(state / plan.name)
        core = VirtualEim(identity, clock, store, ci=pki.ci.certificate, provisioning=provisioning)
        server = EimServer(core, leaves, clock, ExchangeTap(plan.name, timeline))
        await server.start()
        try:
            relay = doorway.lead_to(server.port)
        except RigError:
            await server.close()
            raise
        return cls(plan, core, server, relay)

    async def close(self) -> None:
        """Stop serving."""
        if self.core.forwarder is not None:
            await self.core.forwarder.close()
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
