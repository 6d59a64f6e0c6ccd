"""The servers of a fleet: one PKI, one eIM, one SM-DP+."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from hil.clock import Clock
from hil.eim import EimIdentity, VirtualEim
from hil.eim.server import EimServer
from hil.eim.tls import LeafSwitch, Leaves, RspRole
from hil.fleet.requests import RequestLog
from hil.fleet.smdp import FleetSmDp
from hil.pki import Pki, Role
from hil.pki.chain import parse, registered_id
from hil.rig.rsp_endpoint import SMDP_TLS_POLICY
from hil.rsp.authentication import Identity
from hil.smdp.server import SmDpServer
from hil.webserver import LOOPBACK

EIM_ID: Final = "eim.example.com"
HOST: Final = "localhost"


class Tokens:
    """The side that loads AddInitialEim: the token that each card made up. `hil.eim.core.Provisioning`."""

    def __init__(self) -> None:
        self._tokens: dict[bytes, int | None] = {}

    def told(self, eid: bytes, token: int | None) -> None:
        """A card was loaded."""
        self._tokens[eid] = token

    def association_token(self, eid: bytes, eim_id: str) -> int | None:
        """The token of a card for the only eIM."""
        return self._tokens.get(eid) if eim_id == EIM_ID else None


@dataclass(frozen=True)
class Site:
    """All servers, while they serve. `ci_file`: PEM under which devices trust the SM-DP+."""

    pki: Pki
    eim: VirtualEim
    server: EimServer
    smdp: FleetSmDp
    smdp_server: SmDpServer
    requests: RequestLog
    tokens: Tokens
    ci_file: Path

    @classmethod
    async def open(cls, folder: Path, clock: Clock, stack: AsyncExitStack) -> Self:
        """Serve until the stack ends. Raises PkiError, PortTakenError."""
        pki = Pki.open(folder / "pki")
        leaves = Leaves(pki, pki.eim_tls, (HOST, LOOPBACK), folder / "tls" / "eim")
        identity = EimIdentity(EIM_ID, HOST, pki.eim.key, leaves.anchors, ci_key_id=pki.ci_key_id)
        tokens, requests = Tokens(), RequestLog(clock)
        eim = VirtualEim(identity, clock, ci=pki.ci.certificate, provisioning=tokens)
        server = EimServer(eim, leaves, clock, requests)
        await server.start()
        stack.push_async_callback(server.close)
        smdp, smdp_server = await _open_smdp(pki, folder)
        stack.push_async_callback(smdp_server.close)
        ci_file = folder / "ci.pem"
        authority = pki.rsp_tls_authority
        ci_file.write_bytes(pki.ci.pem + (b"" if authority is pki.ci else authority.pem))
        return cls(pki, eim, server, smdp, smdp_server, requests, tokens, ci_file)


async def _open_smdp(pki: Pki, folder: Path) -> tuple[FleetSmDp, SmDpServer]:
    signing = pki[Role.SMDP_AUTH]
    oid = registered_id(parse(signing.certificate)) or ""
    identity = Identity(HOST, {pki.ci_key_id: signing}, {pki.ci_key_id: pki.ci.certificate})
    smdp = FleetSmDp(identity, oid, {pki.ci_key_id: pki[Role.SMDP_PB]})
    role = RspRole(SMDP_TLS_POLICY, oid)
    leaves = Leaves(pki, pki[Role.SMDP_TLS], (HOST, LOOPBACK), folder / "tls" / "smdp", role)
    server = SmDpServer(smdp)
    await server.start(0, LeafSwitch(leaves).context())
    return smdp, server
