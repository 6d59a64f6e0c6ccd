"""One RSP server of the rig (SM-DP+ or SM-DS): who it is, its TLS, and the relay through which a device reaches it."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Generic, Protocol, TypeVar
from urllib.parse import urlsplit

from cryptography import x509

from hil.eim.tls import Leaf, LeafSwitch, Leaves, RspRole
from hil.faults import FaultPlan
from hil.link import TcpDoor
from hil.pki import Credential, Pki, PkiError, Role
from hil.pki import certificates as shape
from hil.pki.chain import parse, registered_id
from hil.rig.options import RigError
from hil.rig.reservation import Doorway
from hil.rsp.authentication import Identity
from hil.rsp.faults import Fault
from hil.rsp.json_server import PATH
from hil.rsp.status import AuthenticationCodes
from hil.webserver import LOOPBACK

LOCAL_NAME: Final = "localhost"


class RspServer(Protocol):
    """What the server classes of SM-DP+ and SM-DS have in common."""

    @property
    def port(self) -> int: ...

    @property
    def faults(self) -> FaultPlan[Fault]: ...

    async def start(self, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        """Listen."""

    async def listen_anew(self, tls: ssl.SSLContext | None = None) -> None:
        """Listen on the same port with another context."""

    async def close(self) -> None:
        """Stop."""


Server = TypeVar("Server", bound=RspServer)


@dataclass(frozen=True)
class RspPlan:
    """`fqdn` None: localhost and the port of the relay. `port` 0: remembered, or chosen by the system."""

    name: str
    auth: Role
    tls: Role
    policy: str
    codes: AuthenticationCodes
    fqdn: str | None = None
    port: int = 0


class RspSite:
    """Where a server will be: its port, its address and its identity, before there is a server."""

    def __init__(self, plan: RspPlan, pki: Pki, doorway: Doorway[TcpDoor]) -> None:
        """Raises PkiError when the PKI has no certificates for it."""
        self.plan = plan
        self.pki = pki
        self.doorway = doorway
        self.fqdn = plan.fqdn or f"{LOCAL_NAME}:{doorway.port}"
        credential = pki[plan.auth]
        if credential.private_key is None:
            raise PkiError(f"there is no private key for {plan.auth}")
        self.oid = registered_id(parse(credential.certificate)) or ""
        authorities = {pki.ci_key_id: pki.ci.certificate}
        self.identity = Identity(self.fqdn, {pki.ci_key_id: credential}, authorities, plan.codes, port=doorway.port)

    @property
    def host(self) -> str:
        """The name in its certificate."""
        return urlsplit(f"//{self.fqdn}").hostname or LOCAL_NAME

    def leaves(self, directory: Path) -> Leaves:
        """The TLS leaf of the PKI if it has the name, else one issued for it."""
        role = RspRole(self.plan.policy, self.oid)
        hosts = (LOCAL_NAME, LOOPBACK) if self.host == LOCAL_NAME else (self.host, LOCAL_NAME, LOOPBACK)
        return Leaves(self.pki, self._leaf(hosts, directory), hosts, directory / self.plan.name, role)

    def _leaf(self, hosts: tuple[str, ...], directory: Path) -> Credential:
        own = self.pki.credentials.get(self.plan.tls)
        if own is not None and own.private_key is not None and self.host in _names(own.certificate):
            return own
        name = f"{self.plan.name}-{self.host}"
        stored = Credential.read(directory, name)
        if stored is not None:
            return stored
        issued = self.pki.issue_server(self.plan.tls, hosts)
        if issued is None:
            raise RigError(f"there is no certificate {self.plan.tls} for {self.host} and no key to issue it")
        issued.write(directory, name)
        return issued


class RspEndpoint(Generic[Server]):
    """Serves a SM-DP+ or SM-DS behind the link of the device."""

    def __init__(self, site: RspSite, server: Server, leaves: LeafSwitch, relay: TcpDoor) -> None:
        self.name = site.plan.name
        self.fqdn = site.fqdn
        self.host = site.host
        self.oid = site.oid
        self.identity = site.identity
        self.server = server
        self.relay = relay
        self._leaves = leaves

    @property
    def url(self) -> str:
        """Base of all functions, for a device on this machine."""
        return f"https://{LOCAL_NAME}:{self.relay.address[1]}{PATH.rstrip('/')}"

    @property
    def leaf(self) -> Leaf:
        """The certificate that new connections see."""
        return self._leaves.leaf

    def show_leaf(self, leaf: Leaf) -> None:
        """Change the certificate for new connections. Raises PkiError when it cannot be issued."""
        self._leaves.show(leaf)

    async def forget_sessions(self) -> None:
        """Resume no TLS session of before, so that every client sees the certificate. Raises PortTakenError."""
        await self.server.listen_anew(self._leaves.context())

    @classmethod
    async def start(cls, site: RspSite, server: Server, directory: Path) -> RspEndpoint[Server]:
        """Serve. Raises RigError, PkiError."""
        leaves = LeafSwitch(site.leaves(directory))
        await server.start(0, leaves.context())
        return cls(site, server, leaves, site.doorway.lead_to(server.port))

    async def close(self) -> None:
        """Stop serving."""
        await self.relay.stop()
        await self.server.close()


SMDP_TLS_POLICY: Final = shape.ROLE_DP_TLS
SMDS_TLS_POLICY: Final = shape.ROLE_DS_TLS


def _names(certificate: bytes) -> list[str]:
    try:
        found = parse(certificate).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [*found.get_values_for_type(x509.DNSName), *map(str, found.get_values_for_type(x509.IPAddress))]
