"""An SM-DP+ of the bench at the far end of the air, without sockets."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hil.euicc.config import make_iccid
from hil.link.meter import Heading
from hil.pki import Pki
from hil.pki.pki import SMDP_OID, Role
from hil.rsp.authentication import Identity
from hil.smdp.catalogue import activation_code
from hil.smdp.core import SmDpPlus
from hil.smdp.orders import Metadata, Order
from hil.smdp.server import SmDpServer
from hil.upp.builder import UsimProfile, build
from hil.webserver import Request
from ipad.es9.https import HttpsJson
from ipad.net.http import HttpResponse
from tests.e2e.scenarios.air import Air

SMDP = "smdp.example.com"
NEW, NEW_IMSI = make_iccid("8949000000000000106"), "001020000000016"


class Servers:
    """One SM-DP+ with one order: a profile of the network of profile Two."""

    def __init__(self, pki: Pki, air: Air, folder: Path) -> None:
        self.air = air
        identity = Identity(SMDP, {pki.ci_key_id: pki[Role.SMDP_AUTH]}, {pki.ci_key_id: pki.ci.certificate})
        self.smdp = SmDpPlus(identity, SMDP_OID, {pki.ci_key_id: pki[Role.SMDP_PB]})
        self.server = SmDpServer(self.smdp)
        self.profile = UsimProfile(iccid=NEW, imsi=NEW_IMSI, size=20_000)
        self.order = Order("NEW-1", Metadata(iccid=NEW), build(self.profile))
        self.smdp.orders.add(self.order)
        self.calls: list[str] = []
        self.ci_file = folder / "ci.pem"
        self.ci_file.write_bytes(pki.ci.pem)

    @property
    def code(self) -> str:
        """The activation code of the order."""
        return activation_code(self.order, SMDP)

    def connect(self, _address: str) -> Any:
        """Takes the place of `ConfiguredRspConnector.connect`."""
        return HttpsJson(_Client(self))  # type: ignore[arg-type]


@dataclass(frozen=True)
class _Client:
    """In place of the HTTPS client."""

    servers: Servers

    @property
    def server_certificate(self) -> bytes | None:
        return None

    async def post(self, path: str, headers: Any, body: bytes, *, max_body: int, repeatable: bool) -> HttpResponse:
        servers, air = self.servers, self.servers.air
        servers.calls.append(path.rpartition("/")[2])
        await air.cross(Heading.UP, len(body), SMDP)
        lowered = tuple((name.lower(), value) for name, value in headers)
        reply = await servers.server.functions.handle(Request("POST", path, lowered, body, len(body), 1))
        await air.cross(Heading.DOWN, len(reply.body), SMDP)
        return HttpResponse(reply.status, (("content-type", "application/json;charset=UTF-8"),), reply.body)

    async def close(self) -> None:
        return None
