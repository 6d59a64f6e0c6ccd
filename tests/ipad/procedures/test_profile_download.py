"""Downloads that succeed: direct and relayed, by every trigger, with what eIM and SM-DP+ are told."""

from __future__ import annotations

import asyncio

import pytest

from hil import codec, tlv
from hil.smdp.orders import confirmation_hash
from hil.smds.core import Event
from hil.smds.server import SmDsServer
from ipad.card.isdr import IsdrSession
from ipad.codec.activation_code import ActivationCode
from ipad.codec.rsp import CancelSessionReason
from ipad.errors import DownloadCheckError, RefusedError
from ipad.es10.euicc import Euicc
from ipad.ids import Iccid
from ipad.procedures.download_settings import DownloadSettings, DownloadTurn
from ipad.procedures.download_trigger import target_of_code
from ipad.procedures.progress import Stage
from ipad.procedures.report import Handover
from ipad.procedures.triggered_download import download_locally
from ipad.state.journal import EnabledProfile
from tests.ipad.procedures.download_bench import (
    CODE,
    DEFAULT_SMDP,
    ICCID,
    ROOT_SMDS,
    SMDP,
    SMDS,
    TXID,
    CardLink,
    DownloadBench,
    ProfileState,
    code_data,
    lost,
    make_order,
)


@pytest.mark.asyncio
@pytest.mark.parametrize("size", [0, 60_000])
async def test_direct_download_installs_and_tells_sm_dp_and_eim(world: DownloadBench, size: int) -> None:
    world.smdp.orders.add(make_order(size=size))
    before = world.enabled()
    report = await world.triggered(relays=False)
    assert report.installed
    assert report.direct
    assert str(report.iccid) == ICCID
    assert ICCID in world.iccids()
    assert world.enabled() == before
    assert world.order.state is ProfileState.INSTALLED
    assert world.smdp.reports[-1].verified
    assert world.network.calls == [
        "initiateAuthentication",
        "authenticateClient",
        "getBoundProfilePackage",
        "handleNotification",
    ]
    result = world.told().profile_download_trigger_result
    assert result is not None
    assert result.eim_transaction_id == TXID
    data = result.profile_download_trigger_result_data
    assert data.profile_installation_result is not None
    assert data.profile_installation_result.encode() == world.smdp.notifications[0]
    assert 0xBF3D in world.eim.messages
    assert 0xBF50 not in world.eim.messages
    assert await world.pending_results() == 0
    assert world.ipa.journal.content.download is None
    assert world.ipa.journal.content.undelivered == ()
    assert world.ipa.journal.content.direct_results == ()


@pytest.mark.asyncio
@pytest.mark.parametrize("compact", [False, True])
async def test_relayed_download_installs_and_the_eim_acknowledges(world: DownloadBench, compact: bool) -> None:
    world.smdp.orders.add(make_order())
    world.eim.compact = compact
    report = await world.triggered(relays=True)
    assert report.installed
    assert not report.direct
    assert world.network.calls == []
    assert world.eim.messages[:5] == [0xBF4F, 0xBF39, 0xBF3B, 0xBF3A, 0xBF50]
    assert world.eim.smdp_addresses == [SMDP]
    assert world.eim.eim_transaction_ids == [TXID]
    result = world.told().profile_download_trigger_result
    assert result is not None
    assert result.profile_download_trigger_result_data.profile_installation_result is not None
    assert world.order.state is ProfileState.INSTALLED
    assert await world.pending_results() == 0
    assert world.ipa.journal.content.direct_results == ()


@pytest.mark.asyncio
async def test_trigger_without_data_is_relayed_without_an_address(world: DownloadBench) -> None:
    world.smdp.orders.add(make_order())
    world.eim.matching_id = "TEST-1"
    assert (await world.triggered(b"", relays=True)).installed
    assert world.eim.smdp_addresses == [None]


@pytest.mark.asyncio
async def test_matching_id_of_the_eim_goes_before_that_of_the_code(world: DownloadBench) -> None:
    world.smdp.orders.add(make_order("OTHER-1"))
    world.eim.matching_id = "OTHER-1"
    assert (await world.triggered(relays=True)).installed


@pytest.mark.asyncio
async def test_context_of_the_eim_is_used_as_it_is(world: DownloadBench) -> None:
    world.smdp.orders.add(make_order("OTHER-1"))
    device = {"tac": bytes.fromhex("99887766"), "deviceCapabilities": {}}
    members = {"matchingId": "OTHER-1", "deviceInfo": device}
    world.eim.context = codec.encode("CtxParams1", ("ctxParamsForCommonAuthentication", members))
    assert (await world.triggered(relays=True)).installed
    session = next(iter(world.smdp.sessions.values()))
    assert session.euicc is not None
    assert session.euicc.device_info["tac"] == device["tac"]


@pytest.mark.asyncio
async def test_device_info_of_the_modem_reaches_the_server(world: DownloadBench) -> None:
    world.smdp.orders.add(make_order())
    await world.triggered(relays=False)
    session = next(iter(world.smdp.sessions.values()))
    assert session.euicc is not None
    assert session.euicc.device_info["tac"] == bytes.fromhex("35290611")
    assert session.euicc.device_info["imei"] == bytes.fromhex("3529061100000010")


@pytest.mark.asyncio
@pytest.mark.parametrize(("relays", "prefer_direct", "direct"), [(True, False, False), (True, True, True)])
async def test_preference_decides_where_both_ways_are_open(
    world: DownloadBench, relays: bool, prefer_direct: bool, direct: bool
) -> None:
    world.smdp.orders.add(make_order())
    world.settings["download"] = DownloadSettings(prefer_direct=prefer_direct)
    assert (await world.triggered(relays=relays)).direct is direct


@pytest.mark.asyncio
async def test_default_sm_dp_finds_the_order_by_eid(world: DownloadBench) -> None:
    world.smdp.orders.add(make_order("", eid=world.card.eid))
    report = await world.triggered(DEFAULT_SMDP, relays=False)
    assert report.installed
    assert not report.enabled
    assert report.address == SMDP


@pytest.mark.asyncio
async def test_root_sm_ds_names_every_event_once(world: DownloadBench) -> None:
    other = "8988123456789012352"
    world.smdp.orders.add(make_order("EVENT-1"))
    world.smdp.orders.add(make_order("EVENT-2", iccid=other))
    world.smds.events += [
        Event(world.card.eid, "EVENT-1", SMDP),
        Event(world.card.eid, "EVENT-1", SMDP.upper()),
        Event(world.card.eid, "EVENT-2", SMDP),
    ]
    await world.associate(relays=False)
    world.eim.offer(ROOT_SMDS)
    report = await world.run()
    assert [package.download.installed for package in report.packages if package.download] == [True, True]
    assert {ICCID, other} <= set(world.iccids())
    assert len(world.eim.results) == 2


@pytest.mark.asyncio
async def test_event_of_another_sm_ds_is_followed(world: DownloadBench) -> None:
    world.smdp.orders.add(make_order("EVENT-9"))
    second = world.make_smds("ds2.example.com")
    second.events.append(Event(world.card.eid, "EVENT-5", SMDP))
    second.events.append(Event(world.card.eid, "EVENT-9", SMDP))
    world.network.servers["ds2.example.com"] = SmDsServer(second).functions
    world.smds.events.append(Event(world.card.eid, "EVENT-9", "ds2.example.com"))
    report = await world.triggered(ROOT_SMDS, relays=False)
    assert report.installed
    assert world.network.calls.count("initiateAuthentication") == 3


@pytest.mark.asyncio
async def test_sm_dss_that_refer_to_one_another_come_to_an_end(world: DownloadBench) -> None:
    hosts = ["ds2.example.com", "ds3.example.com", SMDP]
    previous = world.smds
    for host in hosts[:2]:
        previous.events.append(Event(world.card.eid, "EVENT-1", host))
        previous = world.make_smds(host)
        world.network.servers[host] = SmDsServer(previous).functions
    previous.events.append(Event(world.card.eid, "EVENT-1", SMDP))
    report = await world.triggered(ROOT_SMDS, relays=False)
    assert isinstance(report.error, DownloadCheckError)
    assert "SM-DS" in str(report.error)


@pytest.mark.asyncio
async def test_sm_ds_without_events_is_told_to_the_eim(world: DownloadBench) -> None:
    report = await world.triggered(ROOT_SMDS, relays=False)
    assert "no event" in str(report.error)
    assert world.told_error() is None


@pytest.mark.asyncio
async def test_relayed_sm_ds_becomes_a_download_with_the_trigger_of_the_eim(world: DownloadBench) -> None:
    world.smdp.orders.add(make_order("EVENT-1"))
    world.smds.events.append(Event(world.card.eid, "EVENT-1", SMDP))
    world.eim.smds = world.smds
    world.eim.redirect = tlv.build(0xBF54, tlv.build(0xA0, code_data(f"1${SMDP}$EVENT-1")))
    assert (await world.triggered(ROOT_SMDS, relays=True)).installed
    assert world.eim.smdp_addresses == [SMDS, SMDP]
    assert world.eim.eim_transaction_ids == [TXID, TXID]


@pytest.mark.asyncio
async def test_relayed_sm_ds_without_an_event_is_told(world: DownloadBench) -> None:
    world.eim.smds = world.smds
    report = await world.triggered(ROOT_SMDS, relays=True)
    assert "no event" in str(report.error)
    assert world.told_error() is None


@pytest.mark.asyncio
async def test_eim_that_knows_no_results_as_notifications_gets_them_plain(world: DownloadBench) -> None:
    world.smdp.orders.add(make_order())
    world.eim.takes_results_as_notifications = False
    await world.triggered(relays=False)
    assert world.eim.messages.count(0xBF50) == 1
    assert world.told().profile_download_trigger_result is not None
    results = [item for item in world.smdp.notifications if item.startswith(b"\xbf\x37")]
    assert len(results) == 2  # from the IPA, and from this eIM which forwards what it gets
    assert await world.pending_results() == 0


@pytest.mark.asyncio
async def test_result_waits_for_an_eim_that_is_gone_meanwhile(world: DownloadBench) -> None:
    world.smdp.orders.add(make_order())
    world.eim.lose[0xBF3D] = [lost()] * 2
    world.eim.lose[0xBF50] = [lost()] * 2
    await world.associate(relays=False)
    world.eim.offer(code_data())
    first = await world.run()
    assert first.undelivered == 1
    assert first.packages[0].handover is Handover.KEPT
    second = await world.run()
    assert second.undelivered == 0
    assert world.told().profile_download_trigger_result is not None


@pytest.mark.asyncio
async def test_immediate_enabling_goes_before_the_results(world: DownloadBench) -> None:
    world.smdp.orders.add(make_order("", eid=world.card.eid))
    euicc = Euicc(IsdrSession(CardLink(world.card)))
    await euicc.configure_immediate_profile_enabling(immediate_enable_flag=True)
    await euicc.close()
    report = await world.triggered(DEFAULT_SMDP, relays=False)
    assert report.enabled
    assert world.enabled() == ICCID
    assert [str(iccid) for iccid in world.bearer.recovered] == [ICCID]
    assert Stage.ENABLING in [event.stage for event in world.events]
    assert world.eim.results == []
    assert world.order.state is not ProfileState.INSTALLED
    await world.run()
    assert len(world.eim.results) == 1
    assert world.eim.causes == [None, 5]
    assert world.ipa.journal.content.enabled == EnabledProfile(iccid=Iccid.parse(ICCID))
    assert world.order.state is ProfileState.INSTALLED


@pytest.mark.asyncio
async def test_immediate_enabling_is_not_asked_for_after_an_activation_code(world: DownloadBench) -> None:
    world.smdp.orders.add(make_order())
    euicc = Euicc(IsdrSession(CardLink(world.card)))
    await euicc.configure_immediate_profile_enabling(immediate_enable_flag=True)
    await euicc.close()
    report = await world.triggered(relays=False)
    assert report.installed
    assert not report.enabled
    assert world.enabled() != ICCID


@pytest.mark.asyncio
async def test_confirmation_code_of_the_eim_is_used(world: DownloadBench) -> None:
    world.smdp.orders.add(make_order(confirmation_hash=confirmation_hash("12345678")))
    world.eim.confirmation_hash = confirmation_hash("12345678")
    assert (await world.triggered(relays=True)).installed


@pytest.mark.asyncio
async def test_local_download_with_a_confirmation_code_tells_the_sm_dp_alone(world: DownloadBench) -> None:
    world.smdp.orders.add(make_order(confirmation_hash=confirmation_hash("12345678")))
    await world.associate()
    ipa = await world.start()
    target = target_of_code(ActivationCode.parse(f"LPA:{CODE}$$1"))
    (report,) = await download_locally(ipa, target, "12345678")
    assert report.installed
    assert world.eim.messages == []
    assert world.order.state is ProfileState.INSTALLED
    assert await world.pending_results() == 0


@pytest.mark.asyncio
async def test_progress_never_goes_back_and_ends_at_the_end(world: DownloadBench) -> None:
    world.smdp.orders.add(make_order(size=20_000))
    await world.triggered(relays=False)
    percents = [event.percent for event in world.events]
    assert percents == sorted(percents)
    assert percents[-1] == 100
    assert [event.stage for event in world.events if event.detail or event.stage is not Stage.INSTALLING] == [
        Stage.CONTACTING,
        Stage.AUTHENTICATING,
        Stage.CHECKING,
        Stage.PREPARING,
        Stage.FETCHING,
        Stage.INSTALLING,
        Stage.REPORTING,
        Stage.DONE,
    ]


@pytest.mark.asyncio
async def test_metadata_that_the_eim_keeps_are_judged_from_the_package(world: DownloadBench) -> None:
    world.smdp.orders.add(make_order(iccid=world.card.profiles[1].iccid))
    world.eim.with_metadata = False
    report = await world.triggered(relays=True)
    assert "is on the eUICC already" in str(report.error)
    assert world.eim.cancelled == [127]


@pytest.mark.asyncio
async def test_third_download_does_not_queue() -> None:
    turn = DownloadTurn()
    order: list[str] = []

    async def take(name: str) -> None:
        async with turn.taken():
            order.append(name)
            await asyncio.sleep(0)
            await asyncio.sleep(0)

    first, second = asyncio.ensure_future(take("first")), asyncio.ensure_future(take("second"))
    await asyncio.sleep(0)
    with pytest.raises(RefusedError):
        await take("third")
    await asyncio.gather(first, second)
    assert order == ["first", "second"]


@pytest.mark.asyncio
async def test_trigger_that_finds_no_place_in_the_queue_is_answered(world: DownloadBench) -> None:
    world.smdp.orders.add(make_order())
    await world.associate(relays=False)
    world.eim.offer(code_data())
    ipa = await world.start()
    released = asyncio.Event()

    async def occupy() -> None:
        async with ipa.session.downloads.taken():
            await released.wait()

    occupants = [asyncio.ensure_future(occupy()) for _ in range(2)]
    await asyncio.sleep(0)
    await world.run()
    assert world.told_error() is None
    assert world.network.calls == []
    released.set()
    await asyncio.gather(*occupants)


@pytest.mark.asyncio
@pytest.mark.parametrize("function", ["authenticateClient", "getBoundProfilePackage"])
async def test_end_of_the_process_lets_the_session_on_the_card_go(world: DownloadBench, function: str) -> None:
    world.smdp.orders.add(make_order())
    await world.associate(relays=False)
    world.eim.offer(code_data())
    await world.start()
    world.network.lose[function] = [asyncio.CancelledError()]  # type: ignore[list-item]
    with pytest.raises(asyncio.CancelledError):
        await world.run()
    assert "cancelSession" not in world.network.calls
    transaction_id = next(iter(world.smdp.sessions))
    again = await world.ipa.euicc.cancel_session(transaction_id, CancelSessionReason.TIMEOUT)
    assert again.cancel_session_response_error is not None
    await world.run()
    assert world.told_error() is None
