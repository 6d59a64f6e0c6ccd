"""One IPA on fakes: what every test of the procedures builds first."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ipad.codec.euicc_info import DeviceCapabilities, DeviceInfo
from ipad.ids import Plmn
from ipad.policy.events import Outcome
from ipad.policy.limits import Limits, Timers
from ipad.procedures.context import EimConnections, Ipa
from ipad.procedures.report import RunReport
from ipad.procedures.retrieval import run
from ipad.procedures.rollback import roll_back
from ipad.procedures.start import StartReport, identify, start_up
from ipad.state.journal import Journal
from tests.fakes.card_state import CardState, card_state
from tests.fakes.clock import FakeClock
from tests.fakes.connectivity import FakeConnectivity
from tests.fakes.eim import EimServer, FakeConnector
from tests.fakes.euicc import FakeEuicc
from tests.fakes.power import Fuse, Fused
from tests.fakes.store import MemoryStore

DEVICE_INFO = DeviceInfo(
    tac=bytes.fromhex("35290611"),
    device_capabilities=DeviceCapabilities(eutran_epc_supported_release=b"\x0e\x00\x00"),
    imei=bytes.fromhex("3529061100000010"),
)


@dataclass
class Bench:
    """Card, eIMs and journal that outlive the IPA, and the IPA that runs now."""

    card: CardState = field(default_factory=card_state)
    servers: dict[str, EimServer] = field(default_factory=dict)
    store: MemoryStore = field(default_factory=MemoryStore)
    clock: FakeClock = field(default_factory=FakeClock)
    timers: Timers = field(default_factory=Timers)
    limits: Limits = field(default_factory=Limits)
    settings: dict[str, Any] = field(default_factory=dict)
    announce: bool = False

    def __post_init__(self) -> None:
        for eim_id in self.card.eims:
            self.servers.setdefault(eim_id, EimServer(eim_id))
        self.euicc = FakeEuicc(self.card)
        self.connectivity = FakeConnectivity(self.card)
        self.connector = FakeConnector(self.servers)
        self.ipa: Ipa
        self.started: StartReport

    @property
    def eim(self) -> EimServer:
        """The first eIM."""
        return next(iter(self.servers.values()))

    async def start(self, fuse: Fuse | None = None) -> Ipa:
        """Start the IPA as a new process does."""
        euicc: Any = self.euicc
        connectivity: Any = self.connectivity
        store: Any = self.store
        self.connector.wrap = lambda eim: eim
        if fuse is not None:
            euicc, connectivity, store = Fused(euicc, fuse), Fused(connectivity, fuse), Fused(store, fuse)
            self.connector.wrap = lambda eim: Fused(eim, fuse)
        facts = await identify(euicc)
        self.ipa = Ipa(
            eid=facts.eid,
            euicc=euicc,
            eims=EimConnections(self.connector),
            connectivity=connectivity,
            journal=Journal.open(store, facts.eid),
            clock=self.clock,
            timers=self.timers,
            limits=self.limits,
            device_info=DEVICE_INFO,
            **self.settings,
        )
        self.started = await start_up(self.ipa, facts=facts, announce=self.announce)
        return self.ipa

    async def run(self) -> RunReport:
        """Start if need be, run, and look after a profile on trial as policy does; the last report.

        The window is as short as can be: one more run over a new bearer, and one rollback where that leads nowhere.
        """
        report = await self.run_once()
        if report.on_trial and await self.ipa.connectivity.data_session() is not None:
            report = await self.run_once()
        if not self.undecided:
            return report
        outcome = await roll_back(self.ipa)
        if outcome is Outcome.DONE and await self.ipa.connectivity.data_session() is not None:
            return await self.run_once()
        return report

    async def run_once(self) -> RunReport:
        """Start if need be, and run once."""
        if not hasattr(self, "ipa"):
            await self.start()
        return await run(self.ipa)

    @property
    def undecided(self) -> bool:
        """Whether the package that enabled the profile may still be undone."""
        marker = self.ipa.journal.content.marker
        return marker is not None and marker.rollback_flag

    def restart(self) -> None:
        """Lose everything that a process holds; the card loses power."""
        self.card.complete_switch()
        self.connectivity.sessions += 1
        if hasattr(self, "ipa"):
            del self.ipa

    def register(self, plmn: str) -> None:
        """Be registered on a network."""
        self.connectivity.plmn = Plmn.parse(plmn)
