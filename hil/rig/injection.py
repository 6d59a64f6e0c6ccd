"""Injection as the operator orders it: through the rig's link, so that a device without a bearer is not reached."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from hil.eim.injection import InjectionOutcome, InjectionTarget, inject_over
from hil.eim.knobs import BindingName
from hil.eim.transfer_link import link_to
from hil.link import Link
from hil.pki import Credential, Pki
from hil.rig.endpoint import EimEndpoint


class ClientCertificate(StrEnum):
    """What the eIM shows of itself."""

    OWN = "own"
    NONE = "none"
    STRANGER = "stranger"
    """A certificate with its name, of another key, under a CA that nobody knows."""


@dataclass(frozen=True)
class InjectionOrder:
    """`anchors`: PEM for the IPA's server, None: any certificate will do. `all`: until nothing is queued or one fails.

    `timeout`: seconds for each request.
    """

    url: str
    binding: BindingName | None = None
    anchors: str | None = None
    client: ClientCertificate = ClientCertificate.OWN
    all: bool = False
    timeout: float = 60.0


async def carry_out(order: InjectionOrder, endpoint: EimEndpoint, eid: bytes, link: Link) -> list[InjectionOutcome]:
    """Inject what is queued for an eUICC.

    Raises ValueError for a URL that is none, UnknownEuiccError, OSError when there is no port for the way there.
    """
    wanted = InjectionTarget.of(order.url, order.binding)
    name = f"{endpoint.name}-injection"
    door = (link.udp_door if wanted.binding is BindingName.COAPS else link.tcp_door)(name, *wanted.address, inward=True)
    try:
        door.start()
        return await _inject(order, endpoint, eid, door.address)
    finally:
        await link.remove(name)


async def _inject(
    order: InjectionOrder, endpoint: EimEndpoint, eid: bytes, address: tuple[str, int]
) -> list[InjectionOutcome]:
    eim = endpoint.core
    target = InjectionTarget.of(
        order.url,
        order.binding,
        anchors=_anchors(order),
        connect=address,
        credential=_credential(order.client, endpoint),
        timeout=order.timeout,
    )
    transfer = link_to(target, f"gsma-rsp-eim;{eim.identity.eim_id}")
    outcomes = []
    try:
        while True:
            outcomes.append(await inject_over(eim, eid, transfer))
            if not order.all or not outcomes[-1].ok:
                return outcomes
    finally:
        await transfer.close()


def _anchors(order: InjectionOrder) -> bytes | None:
    return None if order.anchors is None else order.anchors.encode("ascii")


def _credential(wanted: ClientCertificate, endpoint: EimEndpoint) -> Credential | None:
    match wanted:
        case ClientCertificate.OWN:
            return endpoint.client
        case ClientCertificate.NONE:
            return None
        case ClientCertificate.STRANGER:
            issuer = Pki.issue_tls_ca("Nobody's CA")
            return Pki.issue_tls_client(endpoint.core.identity.eim_id, issuer)
