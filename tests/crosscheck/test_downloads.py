"""Downloads of the agent on the whole virtual bench: card, eIM with its relay, SM-DP+ and SM-DS over TLS."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from hil.eim import content
from hil.eim.association import Outcome, Package
from hil.rig import FIRST_EIM, Rig, RigOptions
from hil.smdp.catalogue import CONFIRMATION_CODE, EVENT, FLEET, METER, SMALL, WITH_CODE
from hil.smdp.orders import Order, ProfileState
from ipad.card.isdr import IsdrSession
from ipad.clock import SystemClock
from ipad.codec.eim import EimConfigurationData
from ipad.config import Config, RspConfig
from ipad.daemon.rsp_connector import ConfiguredRspConnector
from ipad.es10.euicc import Euicc
from ipad.esipa.functions import EsipaClient
from ipad.net.known_time import KnownTime
from ipad.procedures.context import EimConnections, Ipa
from ipad.procedures.download_settings import DownloadSettings
from ipad.procedures.eim_configuration import read_initial_eims
from ipad.procedures.report import PackageReport, RunReport
from ipad.procedures.retrieval import run
from ipad.procedures.start import identify, start_up
from ipad.state.journal import Journal
from tests.fakes.store import MemoryStore
from tests.ipad.procedures.bench import DEVICE_INFO
from tests.ipad.procedures.download_bench import FAST, Bearer, CardLink


class Connector:
    """The eIM of the rig in the same process."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig

    def unusable(self, eim: EimConfigurationData) -> str | None:
        return None

    def connect(self, eim: EimConfigurationData) -> Any:
        return EsipaClient(self)

    async def exchange(self, message: bytes) -> bytes:
        return await self.rig.eim(FIRST_EIM).core.answer(message) or b""

    async def close(self) -> None:
        pass


@dataclass
class Site:
    """The bench and an agent on it."""

    rig: Rig
    ipa: Ipa

    def order(self, matching_id: str) -> Order:
        assert self.rig.rsp is not None
        return next(order for order in self.rig.rsp.smdp.server.smdp.orders if order.matching_id == matching_id)

    def code(self, matching_id: str) -> str:
        assert self.rig.rsp is not None
        return f"1${self.rig.rsp.smdp.fqdn}${matching_id}"

    async def triggered(self, *, relayed: bool, **trigger: Any) -> tuple[Package, PackageReport]:
        package = self.rig.eim(FIRST_EIM).core.queue(self.rig.eid, content.download_trigger(**trigger))
        ipa = self.ipa if relayed else replace(self.ipa, download=DownloadSettings(prefer_direct=True))
        report: RunReport = await run(ipa)
        (done,) = report.packages
        return package, done

    def installed(self, matching_id: str) -> bool:
        iccid = self.order(matching_id).metadata.iccid
        return iccid in [profile.iccid for profile in self.rig.card.profiles]


@pytest_asyncio.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    options = RigOptions(tmp_path / "rig", personality="plain", indirect=frozenset((FIRST_EIM,)))
    async with Rig(options) as rig:
        assert rig.rsp is not None
        for endpoint in (rig.rsp.smdp, rig.rsp.smds):
            endpoint.relay.open()
        rig.card.reset()
        link = CardLink(rig.card)
        euicc = Euicc(IsdrSession(link))
        await euicc.add_initial_eim(read_initial_eims(rig.initial_eim_file.read_bytes()))
        facts = await identify(euicc)
        clock = SystemClock()
        config = Config(rsp=RspConfig(ci_files=(Path(rig.rsp.ci_file),)))
        ipa = Ipa(
            eid=facts.eid,
            euicc=euicc,
            eims=EimConnections(Connector(rig)),
            connectivity=Bearer(link),
            journal=Journal.open(MemoryStore(), facts.eid),
            clock=clock,
            timers=replace(FAST, delivery_retries=(), rsp_retries=(), download_retries=()),
            device_info=DEVICE_INFO,
            rsp=ConfiguredRspConnector(config, KnownTime(clock)),
        )
        await start_up(ipa, facts=facts, announce=False)
        yield Site(rig, ipa)


@pytest.mark.asyncio
@pytest.mark.parametrize("relayed", [True, False], ids=["relayed", "direct"])
@pytest.mark.parametrize("matching_id", [SMALL, METER, FLEET])
async def test_profile_is_installed_and_both_servers_know_it(site: Site, matching_id: str, relayed: bool) -> None:
    package, done = await site.triggered(relayed=relayed, activation_code=site.code(matching_id))
    assert done.download is not None
    assert done.download.error is None
    assert done.download.direct is not relayed
    assert site.installed(matching_id)
    assert package.outcome is Outcome.OK
    forwarder = site.rig.eim(FIRST_EIM).core.forwarder
    assert forwarder is not None
    await forwarder.settled()
    assert site.order(matching_id).state is ProfileState.INSTALLED
    assert site.ipa.journal.content.undelivered == ()


@pytest.mark.asyncio
async def test_confirmation_code_that_the_eim_knows(site: Site) -> None:
    _, done = await site.triggered(
        relayed=True, activation_code=site.code(WITH_CODE), confirmation_code=CONFIRMATION_CODE
    )
    assert done.download is not None
    assert done.download.installed


@pytest.mark.asyncio
@pytest.mark.parametrize("relayed", [True, False], ids=["relayed", "direct"])
async def test_event_of_the_root_sm_ds(site: Site, relayed: bool) -> None:
    _, done = await site.triggered(relayed=relayed, smds="")
    assert done.download is not None
    assert done.download.error is None
    assert site.installed(EVENT)


@pytest.mark.asyncio
@pytest.mark.parametrize("relayed", [True, False], ids=["relayed", "direct"])
async def test_refused_matching_id_is_told(site: Site, relayed: bool) -> None:
    package, done = await site.triggered(relayed=relayed, activation_code=site.code("NO-SUCH-ORDER"))
    assert done.download is not None
    assert done.download.error is not None
    assert done.download.error_response == bytes.fromhex("BF3B03820106")
    assert package.outcome is not Outcome.OK
    assert done.delivered
