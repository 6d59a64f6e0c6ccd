"""An IPA between the virtual card and virtual RSP servers, all in memory: what every test of downloads builds first."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hil import tlv
from hil.crypto import spki
from hil.euicc import VirtualEuicc
from hil.euicc.config import CardConfig, default_card
from hil.pki import Pki
from hil.pki.pki import SMDP_OID, Role
from hil.rsp.authentication import Identity
from hil.rsp.json_server import JsonFunctions, failed
from hil.rsp.status import RspStatus, StatusCode
from hil.smdp.core import SmDpPlus
from hil.smdp.orders import Metadata, Order, ProfileState
from hil.smdp.server import SmDpServer
from hil.smds.core import SmDs
from hil.smds.server import SmDsServer
from hil.upp.builder import UsimProfile, build
from hil.webserver import Request
from ipad.card.isdr import IsdrSession
from ipad.card.logical import LogicalChannel
from ipad.codec.eim import EimConfigurationData, EimPublicKeyData, EimSupportedProtocol
from ipad.codec.esipa import EimPackageResult, ProvideEimPackageResult
from ipad.codec.notification import PendingNotification
from ipad.errors import CardError, IpadError, NetworkError
from ipad.es9.https import HttpsJson
from ipad.es10.euicc import Euicc
from ipad.esipa.functions import EsipaClient
from ipad.ids import Iccid
from ipad.net.authority import Authority
from ipad.net.http import HttpResponse
from ipad.policy.limits import Timers
from ipad.procedures.context import EimConnections, Ipa
from ipad.procedures.progress import ProgressEvent
from ipad.procedures.report import DownloadReport, RunReport
from ipad.procedures.retrieval import run
from ipad.procedures.start import identify, start_up
from ipad.state.journal import Journal
from tests.fakes.clock import FakeClock
from tests.fakes.power import Fuse, Fused, PowerCut
from tests.fakes.store import MemoryStore
from tests.ipad.procedures.bench import DEVICE_INFO
from tests.ipad.procedures.relay_eim import TXID, RelayEim, Tamper

EIM = "eim.example.com"
SMDP = "smdp.example.com"
SMDS = "testrootsmds.example.com"
ICCID = "8988123456789012345"
IMSI = "001020123456789"
CODE = f"1${SMDP}$TEST-1"
FAST = Timers(delivery_retries=(10.0,), new_session=60.0, rsp_retries=(3.0, 10.0), download_retries=(30.0,))


class CardLink:
    """A channel to the virtual card. `cut_at` loses the card at the n-th STORE DATA block from now on."""

    max_data = 255

    def __init__(self, card: VirtualEuicc) -> None:
        self.card = card
        self.cut_at: int | None = None
        self.refuse_at: int | None = None
        self.power_cut_at: int | None = None
        self._blocks = itertools.count(1)
        self._channel = LogicalChannel(self._send)

    async def _send(self, command: bytes) -> bytes:
        if command[1] == 0xE2:
            number = next(self._blocks)
            if number == self.cut_at:
                raise CardError("the card does not answer")
            if number == self.power_cut_at:
                raise PowerCut(f"at block {number}")
            if number == self.refuse_at:
                return b"\x6f\x00"
        return self.card.transmit(command)

    def count_from_here(self) -> None:
        self._blocks = itertools.count(1)

    async def open(self, aid: bytes) -> bytes:
        return await self._channel.open(aid)

    async def transmit(self, command: bytes) -> bytes:
        return await self._channel.transmit(command)

    async def close(self) -> None:
        await self._channel.close()

    async def reset(self) -> None:
        self._channel.forget()
        self.cut_at = None
        self.card.reset()


@dataclass
class Network:
    """RSP servers by host name, and what goes wrong on the way to them."""

    servers: dict[str, JsonFunctions] = field(default_factory=dict)
    tls_certificates: dict[str, bytes] = field(default_factory=dict)
    lose: dict[str, list[IpadError]] = field(default_factory=dict)  # function -> raised instead of asking
    lose_answer: dict[str, list[IpadError]] = field(default_factory=dict)  # function -> raised after it was executed
    calls: list[str] = field(default_factory=list)
    requests: list[tuple[str, bytes]] = field(default_factory=list)
    refuse: dict[str, StatusCode] = field(default_factory=dict)  # function -> status instead of the answer
    http_status: dict[str, int] = field(default_factory=dict)
    body: dict[str, bytes] = field(default_factory=dict)
    members: dict[str, dict[str, bytes | str | None]] = field(default_factory=dict)  # None leaves a member out
    tamper: Tamper = lambda package: package
    wrap: Callable[[Any], Any] = lambda client: client

    def connect(self, address: str) -> Any:
        return self.wrap(HttpsJson(_Client(self, Authority.parse(address))))  # type: ignore[arg-type]


class _Client:
    """In place of the HTTPS client: one server of the network, without sockets."""

    def __init__(self, network: Network, server: Authority) -> None:
        self.network = network
        self.server = server

    @property
    def server_certificate(self) -> bytes | None:
        return self.network.tls_certificates.get(self.server.host)

    async def post(self, path: str, headers: Any, body: bytes, *, max_body: int, repeatable: bool) -> HttpResponse:
        function = path.rpartition("/")[2]
        self.network.calls.append(function)
        self.network.requests.append((function, body))
        if self.network.lose.get(function):
            raise self.network.lose[function].pop(0)
        if self.server.host not in self.network.servers:
            raise NetworkError(f"{self.server}: no such name", layer="dns")
        lowered = tuple((name.lower(), value) for name, value in headers)
        request = Request("POST", path, lowered, body, len(body), 1)
        reply = await self.network.servers[self.server.host].handle(request)
        if self.network.lose_answer.get(function):
            raise self.network.lose_answer[function].pop(0)
        answer = self._spoilt(function, reply.body)
        if len(answer) > max_body:
            raise NetworkError(f"{self.server}: more than {max_body} bytes", layer="http", transient=False)
        media_type = "text/html" if answer.startswith(b"<") else "application/json;charset=UTF-8"
        http_status = self.network.http_status.get(function, reply.status)
        return HttpResponse(http_status, (("content-type", media_type),), answer)

    def _spoilt(self, function: str, body: bytes) -> bytes:
        network = self.network
        if function in network.body:
            return network.body[function]
        if function in network.refuse:
            return json.dumps(failed(RspStatus(network.refuse[function]))).encode()
        if not body:
            return body
        members = json.loads(body)
        for name, value in network.members.get(function, {}).items():
            members.pop(name, None)
            if value is not None:
                members[name] = base64.b64encode(value).decode() if isinstance(value, bytes) else value
        if "boundProfilePackage" in members:
            package = network.tamper(base64.b64decode(members["boundProfilePackage"]))
            members["boundProfilePackage"] = base64.b64encode(package).decode()
        return json.dumps(members).encode()

    async def close(self) -> None:
        pass


@dataclass
class _Connector:
    eim: RelayEim
    wrap: Callable[[Any], Any] = lambda eim: eim

    def unusable(self, eim: EimConfigurationData) -> str | None:
        return None

    def connect(self, eim: EimConfigurationData) -> Any:
        return self.wrap(EsipaClient(self.eim))


@dataclass
class Bearer:
    """A bearer that is new after each recovery of the SIM, which resets the card."""

    link: CardLink
    sessions: int = 1
    recovered: list[Iccid | None] = field(default_factory=list)

    async def data_session(self) -> str | None:
        return f"session-{self.sessions}"

    async def wait_new_session(self, before: str | None, timeout: float) -> bool:  # noqa: ASYNC109
        return before != f"session-{self.sessions}"

    async def registered_plmn(self) -> None:
        return None

    async def recover_sim(self, expected: Iccid | None) -> None:
        self.recovered.append(expected)
        self.sessions += 1
        await self.link.reset()


def make_order(matching_id: str = "TEST-1", *, size: int = 0, iccid: str = ICCID, **options: Any) -> Order:
    """A released order for a USIM profile; `metadata` replaces members of the metadata."""
    metadata = options.pop("metadata", {})
    return Order(
        matching_id, Metadata(iccid=iccid, **metadata), build(UsimProfile(iccid=iccid, imsi=IMSI, size=size)), **options
    )


class DownloadBench:
    """Card, servers, eIM and journal that outlive the IPA, and the IPA that runs now."""

    def __init__(self, pki: Pki, folder: Path, config: CardConfig | None = None) -> None:
        self.pki = pki
        self.folder = folder
        self.card = VirtualEuicc.create(folder / "card", config or default_card(), pki)
        self.card.reset()
        self.smdp = self.make_smdp()
        self.smdp_server = SmDpServer(self.smdp)
        self.smds = self.make_smds(SMDS)
        self.network = Network()
        self.network.servers = {
            SMDP: self.smdp_server.functions,
            SMDS: SmDsServer(self.smds).functions,
        }
        self.eim = RelayEim(self.smdp)
        self.connector = _Connector(self.eim)
        self.store = MemoryStore()
        self.clock = FakeClock()
        self.settings: dict[str, Any] = {}
        self.events: list[ProgressEvent] = []
        self.fuse: Fuse | None = None
        self.ipa: Ipa
        self.link: CardLink
        self.bearer: Bearer

    def make_smdp(self, pki: Pki | None = None, *, address: str = SMDP) -> SmDpPlus:
        pki = pki or self.pki
        identity = Identity(address, {pki.ci_key_id: pki[Role.SMDP_AUTH]}, {pki.ci_key_id: pki.ci.certificate})
        return SmDpPlus(identity, SMDP_OID, {pki.ci_key_id: pki[Role.SMDP_PB]})

    def make_smds(self, address: str) -> SmDs:
        pki = self.pki
        return SmDs(Identity(address, {pki.ci_key_id: pki[Role.SMDS_AUTH]}, {pki.ci_key_id: pki.ci.certificate}))

    def tamper(self, change: Tamper) -> None:
        """Change every package on its way, direct and relayed."""
        self.network.tamper = self.eim.tamper = change

    def reopen_card(self) -> None:
        """The power was lost: only what the card has stored is there."""
        self.card = VirtualEuicc.open(self.folder / "card", self.pki)
        self.card.reset()
        if hasattr(self, "ipa"):
            del self.ipa

    async def start(self) -> Ipa:
        """Start the IPA as a new process does."""
        self.link = CardLink(self.card)
        self.bearer = Bearer(self.link)
        euicc: Any = Euicc(IsdrSession(self.link))
        ports: dict[str, Any] = {"store": self.store, "connectivity": self.bearer}
        self.network.wrap = self.connector.wrap = lambda port: port
        if self.fuse is not None:
            fuse = self.fuse
            euicc = Fused(euicc, fuse)
            ports = {name: Fused(port, fuse) for name, port in ports.items()}
            self.network.wrap = self.connector.wrap = lambda port: Fused(port, fuse)
        facts = await identify(euicc)
        values: dict[str, Any] = {
            "eid": facts.eid,
            "euicc": euicc,
            "eims": EimConnections(self.connector),
            "connectivity": ports["connectivity"],
            "journal": Journal.open(ports["store"], facts.eid),
            "clock": self.clock,
            "timers": FAST,
            "device_info": DEVICE_INFO,
            "rsp": self.network,
            "progress": self.events.append,
        }
        self.ipa = Ipa(**{**values, **self.settings})
        await start_up(self.ipa, facts=facts, announce=False)
        return self.ipa

    async def associate(self, *, relays: bool = True) -> EimConfigurationData:
        """Associate the eIM; `relays`: it offers indirect download."""
        eim = EimConfigurationData(
            eim_id=EIM,
            eim_fqdn=EIM,
            counter_value=0,
            eim_public_key_data=EimPublicKeyData(eim_public_key=spki(self.pki.eim.public_key)),
            eim_supported_protocol=EimSupportedProtocol.EIM_RETRIEVE_HTTPS,
            indirect_profile_download=relays,
        )
        await Euicc(IsdrSession(CardLink(self.card))).add_initial_eim((eim,))
        self.card.reset()
        return replace(eim, counter_value=None)

    async def run(self) -> RunReport:
        """Start if need be, and run once."""
        if not hasattr(self, "ipa"):
            await self.start()
        return await run(self.ipa)

    async def triggered(self, download_data: bytes | None = None, *, relays: bool) -> DownloadReport:
        """Associate the eIM, let it trigger, run; the report of the one download."""
        await self.associate(relays=relays)
        self.eim.offer(code_data() if download_data is None else download_data)
        report = await self.run()
        (package,) = report.packages
        assert package.download is not None
        return package.download

    def iccids(self) -> list[str]:
        return [profile.iccid for profile in self.card.profiles]

    def enabled(self) -> str | None:
        return next((profile.iccid for profile in self.card.profiles if profile.enabled), None)

    @property
    def order(self) -> Order:
        return next(iter(self.smdp.orders))

    def told(self) -> EimPackageResult:
        """The one result that the eIM got."""
        (message,) = self.eim.results
        return ProvideEimPackageResult.decode(message).eim_package_result

    def told_error(self) -> bytes | None:
        """The errorResponse of the one result, which is a profileDownloadError undefinedError."""
        result = self.told().profile_download_trigger_result
        assert result is not None
        assert result.eim_transaction_id == TXID
        error = result.profile_download_trigger_result_data.profile_download_error
        assert error is not None
        assert error.profile_download_error_reason == 127
        return error.error_response

    async def pending(self) -> tuple[PendingNotification, ...]:
        """What waits on the card."""
        response = await Euicc(IsdrSession(CardLink(self.card))).retrieve_notifications_list()
        return response.notification_list or ()

    async def pending_results(self) -> int:
        return sum(item.profile_installation_result is not None for item in await self.pending())


def code_data(code: str = CODE) -> bytes:
    """An activation code as ProfileDownloadData."""
    return tlv.build(0x80, code.encode())


DEFAULT_SMDP = tlv.build(0x81, b"")
ROOT_SMDS = tlv.build(0xA2, b"")


def lost(layer: str = "http") -> NetworkError:
    return NetworkError("the connection broke", layer=layer)


__all__ = ["TXID", "ProfileState"]
