"""The RSP servers of the rig: a SM-DP+ with its orders and a SM-DS with its events, and how others reach them."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

from hil.aka import AkaKey
from hil.eim.download import Source
from hil.link import Link
from hil.pki import Pki, PkiError, Role
from hil.rig.discovery import Discovery
from hil.rig.options import RigError, RigOptions
from hil.rig.ports import PortBook
from hil.rig.reservation import Doorway
from hil.rig.rsp_endpoint import SMDP_TLS_POLICY, SMDS_TLS_POLICY, RspEndpoint, RspPlan, RspSite
from hil.rig.taps import RspTap
from hil.rig.timeline import Interface, Timeline
from hil.rsp.forgery import Forger
from hil.rsp.json_client import ServerRoute
from hil.rsp.status import SMDP_CODES, SMDS_CODES
from hil.smdp.catalogue import CONFIRMATION_CODE, activation_codes, default_orders
from hil.smdp.core import SmDpPlus
from hil.smdp.order_form import package_facts
from hil.smdp.orders import Order
from hil.smdp.server import SmDpServer
from hil.smdp.store import SmDpStore, SmDpStoreError
from hil.smds.core import SmDs
from hil.smds.server import SmDsServer
from hil.webserver import LOOPBACK

Enrol = Callable[[str, AkaKey], None]
"""Gives an operator the key of an IMSI."""

SMDP: Final = "smdp"
SMDS: Final = "smds"


class RspServers:
    """Both servers. Use `start`, which closes them with the stack."""

    def __init__(
        self, smdp: RspEndpoint[SmDpServer], smds: RspEndpoint[SmDsServer], discovery: Discovery, ci_file: Path
    ) -> None:
        self.smdp = smdp
        self.smds = smds
        self.discovery = discovery
        self.ci_file = ci_file
        self._enrol: Enrol | None = None
        self._client_tls = ssl.create_default_context(cafile=str(ci_file))

    @classmethod
    async def start(
        cls, options: RigOptions, pki: Pki, book: PortBook, link: Link, timeline: Timeline, stack: AsyncExitStack
    ) -> RspServers | None:
        """Serve; None when the PKI has neither certificates for them nor the key to issue some. Raises RigError."""
        state = options.state
        smdp_plan = RspPlan(
            SMDP, Role.SMDP_AUTH, Role.SMDP_TLS, SMDP_TLS_POLICY, SMDP_CODES, options.smdp_fqdn, options.smdp_port
        )
        smds_plan = RspPlan(SMDS, Role.SMDS_AUTH, Role.SMDS_TLS, SMDS_TLS_POLICY, SMDS_CODES)
        try:
            smdp_site = RspSite(smdp_plan, pki, Doorway.reserve(link.tcp_door(SMDP), book, options.smdp_port))
            smds_site = RspSite(smds_plan, pki, Doorway.reserve(link.tcp_door(SMDS), book))
            binding = pki[Role.SMDP_PB]
        except PkiError:
            if options.smdp_fqdn is not None:
                raise
            # Whatever was reserved before it turned out that there is no server to lead to.
            for name in {door.name for door in link.doors} & {SMDP, SMDS}:
                await link.remove(name)
            return None
        smds = SmDs(smds_site.identity, forge=Forger(pki))
        smdp = SmDpPlus(smdp_site.identity, smdp_site.oid, {pki.ci_key_id: binding}, forge=Forger(pki))
        discovery = Discovery(smds, smdp_site.fqdn, state / "smds" / "events.json")
        _load_orders(smdp, SmDpStore(state / "smdp"), discovery, pki.eid)
        smdp_server = SmDpServer(smdp, RspTap(SMDP, Interface.ES9, timeline))
        smds_server = SmDsServer(smds, RspTap(SMDS, Interface.ES11, timeline))
        smdp_endpoint = await RspEndpoint.start(smdp_site, smdp_server, state / "tls")
        stack.push_async_callback(smdp_endpoint.close)
        smds_endpoint = await RspEndpoint.start(smds_site, smds_server, state / "tls")
        stack.push_async_callback(smds_endpoint.close)
        ci_file = state / "ci.pem"
        authority = pki.rsp_tls_authority
        ci_file.write_bytes(pki.ci.pem + (b"" if authority is pki.ci else authority.pem))
        return cls(smdp_endpoint, smds_endpoint, discovery, ci_file)

    @property
    def endpoints(self) -> tuple[RspEndpoint[SmDpServer], RspEndpoint[SmDsServer]]:
        """Both."""
        return self.smdp, self.smds

    @property
    def core(self) -> SmDpPlus:
        """The SM-DP+."""
        return self.smdp.server.smdp

    @property
    def orders(self) -> Iterable[Order]:
        """All orders of the SM-DP+."""
        return iter(self.core.orders)

    def add(self, order: Order) -> Order:
        """A new order. ValueError when its matching id is in use."""
        self.core.orders.add(order)
        self._tell_key(order)
        self.changed(order)
        return order

    def tell_keys(self, enrol: Enrol) -> None:
        """Tell the operator the key of every order, those to come as well."""
        self._enrol = enrol
        for order in self.orders:
            self._tell_key(order)

    def _tell_key(self, order: Order) -> None:
        facts = package_facts(order.package, unchecked=True)
        if self._enrol is not None and facts.imsi is not None and facts.aka is not None:
            self._enrol(facts.imsi, facts.aka)

    def remove(self, order: Order) -> None:
        """Forget an order, and its event."""
        self.core.orders.remove(order)
        if order.event and order.eid is not None:
            self.discovery.delete(order.eid, order.matching_id)
        self.core.on_change()

    def changed(self, order: Order) -> None:
        """Somebody else than an eUICC changed an order."""
        self.core.on_order(order)
        self.core.on_change()

    def route(self, address: str, source: Source) -> ServerRoute | None:
        """How an eIM, which needs no bearer of the device, reaches a server. `hil.eim.relay.Routes`."""
        first: Iterable[RspEndpoint[SmDpServer] | RspEndpoint[SmDsServer]]
        first = (self.smds, self.smdp) if source is Source.SMDS else (self.smdp, self.smds)
        for endpoint in first:
            if endpoint.identity.is_own(address):
                return ServerRoute(LOOPBACK, endpoint.server.port, endpoint.host, self._client_tls)
        return None

    def ready_line(self) -> dict[str, Any]:
        """The part of the rig's line of JSON."""
        return {
            "smdp_url": self.smdp.url,
            "smdp_fqdn": self.smdp.fqdn,
            "smdp_oid": self.smdp.oid,
            "smds_url": self.smds.url,
            "smds_fqdn": self.smds.fqdn,
            "ci_file": str(self.ci_file),
            "activation_codes": activation_codes(iter(self.orders), self.smdp.fqdn),
            "confirmation_code": CONFIRMATION_CODE,
        }


def _load_orders(smdp: SmDpPlus, store: SmDpStore, discovery: Discovery, eid: str) -> None:
    """Stored orders, or those of a fresh rig; from now on every change is stored."""
    discovery.load()
    smdp.on_order = discovery.order_changed
    try:
        fresh = store.is_new
        store.load(smdp)
    except SmDpStoreError as error:
        raise RigError(str(error)) from error
    for order in default_orders(eid) if fresh else ():
        discovery.order_changed(smdp.orders.add(order))
    smdp.on_change = lambda: store.save(smdp)
    smdp.on_change()
