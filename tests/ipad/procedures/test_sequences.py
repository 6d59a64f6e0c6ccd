"""Complete sequences between IPA, eUICC and eIM, message by message, with the bytes of the vectors."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ipad.codec.esipa import GetEimPackageRequest, GetEimPackageResponse, ProvideEimPackageResult, StateChangeCause
from ipad.codec.euicc_info import IpaCapabilities, IpaFeatures, IpaSupportedProtocols
from ipad.codec.euicc_package import (
    CmdResult,
    DeleteEim,
    Eco,
    EuiccPackageErrorCode,
    EuiccPackageResult,
    EuiccPackageSigned,
    EuiccResultData,
    ProfileRollbackResponse,
)
from ipad.codec.notification import NotificationEvent
from ipad.errors import HttpStatusError
from ipad.ids import Iccid
from ipad.procedures.report import Handover, Outcome
from tests.fakes.card_state import CardEim, CardState, card_state, notification
from tests.fakes.eim import EimServer, epr_of
from tests.fakes.euicc import FakeEuicc, euicc_info2
from tests.fakes.packages import eim_configuration, euicc_package
from tests.fakes.power import PowerCut
from tests.fakes.values import EID, ICCID1, ICCID2
from tests.ipad.procedures.bench import Bench
from tests.vectors.sgp32 import MESSAGES

pytestmark = pytest.mark.asyncio


def result_in(message: bytes) -> EuiccPackageResult:
    """The eUICC Package Result inside a vector of ProvideEimPackageResult."""
    result = epr_of(message)
    assert result is not None
    return EuiccPackageResult.decode(result.encode())


class VectorEuicc(FakeEuicc):
    """A fake eUICC whose results and errors are the really signed ones of the vectors."""

    def __init__(self, state: CardState) -> None:
        super().__init__(state)
        self.signed: Iterator[EuiccPackageResult] = iter(())

    def _sign(
        self, signed: EuiccPackageSigned, number: int, results: tuple[EuiccResultData, ...]
    ) -> EuiccPackageResult:
        return next(self.signed)

    def _signed_error(self, signed: EuiccPackageSigned, code: EuiccPackageErrorCode) -> EuiccPackageResult:
        return next(self.signed)


def vector_bench(*results: EuiccPackageResult, card: CardState | None = None) -> Bench:
    """A bench whose eUICC answers with these results."""
    bench = Bench(card=card or card_state())
    euicc = VectorEuicc(bench.card)
    euicc.signed = iter(results)
    bench.euicc = euicc
    return bench


def story(server: EimServer) -> list[str]:
    """What the eIM received, in hex."""
    return [message.hex().upper() for message in server.story]


def hexes(*messages: bytes) -> list[str]:
    return [message.hex().upper() for message in messages]


def handle_notification(raw: bytes) -> bytes:
    """HandleNotification around a notification."""
    body = bytes((0xA0, len(raw))) + raw
    return bytes((0xBF, 0x3D, len(body))) + body


DISABLE_8 = notification(8, NotificationEvent.NOTIFICATION_DISABLE, ICCID2).encode()
ENABLE_9 = notification(9, NotificationEvent.NOTIFICATION_ENABLE, ICCID1).encode()


async def test_01_nothing_to_do() -> None:
    bench = vector_bench()
    report = await bench.run()
    assert story(bench.eim) == hexes(MESSAGES["GEP1"])
    assert report.outcome is Outcome.NOTHING_TO_DO


async def test_02_enable_with_notifications_over_the_new_session() -> None:
    bench = vector_bench(result_in(MESSAGES["PR1"]))
    bench.eim.queue.append(MESSAGES["GER6"])
    report = await bench.run()
    assert story(bench.eim) == hexes(MESSAGES["GEP1"], MESSAGES["PR2"], MESSAGES["GEP1"])
    assert bench.euicc.removed == [7, 8, 9]
    assert bench.card.enabled == ICCID1
    assert bench.connectivity.recovered == [ICCID1]
    assert bench.connectivity.waits == []
    assert report.outcome is Outcome.DONE
    assert bench.ipa.journal.content.marker is None


async def test_03_enable_without_acknowledgement_until_the_data_request() -> None:
    bench = vector_bench(result_in(MESSAGES["PR1"]))
    bench.eim.queue.append(MESSAGES["GER6"])
    bench.eim.answers.append(MESSAGES["PA2"])
    await bench.run()
    assert story(bench.eim) == hexes(
        MESSAGES["GEP1"],
        MESSAGES["PR2"],
        MESSAGES["GEP1"],
        handle_notification(DISABLE_8),
        handle_notification(ENABLE_9),
    )
    assert handle_notification(ENABLE_9) == MESSAGES["HN1"]
    assert bench.euicc.removed == [8, 9]
    assert list(bench.card.results) == [7]
    bench.eim.story.clear()
    bench.eim.queue.append(MESSAGES["GER7"])
    bench.eim.answers.append(bytes.fromhex("BF5006BF5303800107"))
    await bench.run()
    answer = ProvideEimPackageResult.decode(bench.eim.story[1]).eim_package_result.ipa_euicc_data_response
    assert answer is not None
    assert answer.ipa_euicc_data is not None
    listed = answer.ipa_euicc_data.euicc_package_result_list
    assert listed is not None
    assert [item.encode() for item in listed] == [result_in(MESSAGES["PR1"]).encode()]
    assert not bench.card.results
    assert len(bench.eim.story) == 3


def unreachable_over_the_first_profile(bench: Bench) -> None:
    bench.eim.reachable = lambda: bench.card.enabled != ICCID1


async def test_04_rollback_when_the_eim_is_not_reachable_after_enable() -> None:
    rolled_back = ProfileRollbackResponse.decode(MESSAGES["ER12"]).euicc_package_result
    assert rolled_back is not None
    bench = vector_bench(result_in(MESSAGES["PR1"]), rolled_back)
    bench.card.next_seq = 7
    unreachable_over_the_first_profile(bench)
    bench.eim.queue.append(MESSAGES["GER6"])
    bench.eim.answers.append(bytes.fromhex("BF5006BF5303800113"))
    report = await bench.run()
    expected = ProvideEimPackageResult.decode(MESSAGES["PR1"])
    payload = rolled_back.encode()
    message = bytes.fromhex("BF50") + bytes((len(payload) + 18,)) + bytes.fromhex("5A10") + EID.octets + payload
    assert expected.eid_value == EID.octets
    assert story(bench.eim) == hexes(MESSAGES["GEP1"], message, MESSAGES["GEP1"])
    assert bench.euicc.removed == [19]
    assert bench.card.enabled == ICCID2
    assert bench.connectivity.recovered == [ICCID1, ICCID2]
    assert bench.clock.slept == []
    package = report.packages[0]
    assert package.rolled_back
    assert package.handover is Handover.ACKNOWLEDGED


async def test_05_refused_rollback_keeps_the_result_for_the_next_polls() -> None:
    bench = vector_bench(result_in(MESSAGES["PR1"]))
    bench.euicc.rollback_answers = [CmdResult.ROLLBACK_NOT_ALLOWED]
    reachable = False
    bench.eim.reachable = lambda: reachable or bench.card.enabled != ICCID1
    bench.eim.queue.append(MESSAGES["GER6"])
    first = await bench.run()
    assert story(bench.eim) == hexes(MESSAGES["GEP1"])
    assert first.outcome is Outcome.RETRY_LATER
    assert bench.euicc.log.count("profile_rollback") == 1
    second = await bench.run()
    assert second.outcome is Outcome.RETRY_LATER
    reachable = True
    third = await bench.run()
    assert story(bench.eim) == hexes(MESSAGES["GEP1"], MESSAGES["PR2"], MESSAGES["GEP1"])
    assert bench.euicc.log.count("profile_rollback") == 1
    assert bench.card.enabled == ICCID1
    assert third.outcome is Outcome.DONE


async def test_06_replay_is_a_delivered_result() -> None:
    card = card_state()
    card.eims["eim.example.com"].counter = 5
    bench = vector_bench(result_in(MESSAGES["PR3"]), card=card)
    bench.eim.queue.append(MESSAGES["GER6"])
    bench.eim.answers.append(MESSAGES["PA2"])
    report = await bench.run()
    assert story(bench.eim) == hexes(MESSAGES["GEP1"], MESSAGES["PR3"], MESSAGES["GEP1"])
    assert report.outcome is Outcome.DONE
    assert not bench.euicc.removed


async def test_07_package_of_a_foreign_eim() -> None:
    card = card_state("other.example.com")
    bench = vector_bench(card=card)
    bench.eim.queue.append(MESSAGES["GER6"])
    bench.eim.answers.append(MESSAGES["PA2"])
    await bench.run()
    assert story(bench.eim) == hexes(MESSAGES["GEP1"], MESSAGES["PR4"], MESSAGES["GEP1"])


async def test_08_ipa_data() -> None:
    card = card_state()
    card.eims["eim.example.com"].configuration = eim_configuration(token=1)
    bench = vector_bench(card=card)
    bench.settings["capabilities"] = IpaCapabilities(
        ipa_features=IpaFeatures.DIRECT_RSP_SERVER_COMMUNICATION | IpaFeatures.INDIRECT_RSP_SERVER_COMMUNICATION,
        ipa_supported_protocols=IpaSupportedProtocols.IPA_RETRIEVE_HTTPS,
    )
    bench.eim.offer(bytes.fromhex("BF520F5C07A081A28384A8A98304A1A2A3A4"))
    bench.eim.answers.append(MESSAGES["PA2"])
    await bench.run()
    assert story(bench.eim) == hexes(MESSAGES["GEP1"], MESSAGES["PR5"], MESSAGES["GEP1"])


async def test_09_bad_tag_list() -> None:
    bench = vector_bench()
    bench.eim.offer(bytes.fromhex("BF520A5C025ABF8304A1A2A3A4"))
    await bench.run()
    assert story(bench.eim)[:2] == hexes(MESSAGES["GEP1"], MESSAGES["PR6"])


async def test_10_unknown_alternative() -> None:
    bench = vector_bench()
    bench.eim.offer(bytes.fromhex("BF6F00"))
    bench.eim.answers.append(MESSAGES["PA2"])
    report = await bench.run()
    assert story(bench.eim) == hexes(MESSAGES["GEP1"], MESSAGES["PR10"], MESSAGES["GEP1"])
    assert report.undelivered == 0


async def test_19_second_eim_is_polled_in_the_same_run() -> None:
    bench = Bench()
    bench.card.eims["eim.example.com"].counter = 14
    bench.servers["eim2.example.com"] = EimServer("eim2.example.com")
    bench.eim.offer(MESSAGES["EP10"])
    report = await bench.run()
    assert [eim.eim_id for eim in report.eims] == ["eim.example.com", "eim2.example.com"]
    assert len(bench.servers["eim2.example.com"].requests) == 1
    assert bench.card.eims["eim2.example.com"].configuration.association_token == 1
    assert not bench.card.results


async def test_20_result_of_deleting_the_last_eim_goes_over_the_old_data() -> None:
    eim_id = "eim2.example.com"
    card = card_state(eim_id)
    card.eims[eim_id].counter = 16
    bench = Bench(card=card)
    bench.eim.offer(euicc_package(Eco(delete_eim=DeleteEim(eim_id=eim_id)), counter=17, eim_id=eim_id))
    report = await bench.run()
    assert not bench.card.eims
    assert len(bench.eim.results) == 1
    assert len(bench.eim.requests) == 1
    assert not bench.card.results
    assert report.outcome is Outcome.DONE
    again = await bench.run()
    assert again.eims == ()
    assert again.outcome is Outcome.NOTHING_TO_DO


async def test_23_empty_answer_of_an_older_eim() -> None:
    card = card_state()
    card.notify = False
    bench = vector_bench(result_in(MESSAGES["PR1"]), card=card)
    bench.eim.queue.append(MESSAGES["GER6"])
    bench.eim.answers.append(MESSAGES["V5"])
    report = await bench.run()
    assert story(bench.eim) == hexes(MESSAGES["GEP1"], MESSAGES["PR1"], MESSAGES["GEP1"])
    assert not bench.euicc.removed
    assert report.packages[0].handover is Handover.ANSWERED


async def test_24_power_cut_after_the_switch() -> None:
    card = card_state()
    card.notify = False
    bench = vector_bench(result_in(MESSAGES["PR1"]), card=card)
    bench.eim.queue.append(MESSAGES["GER6"])
    bench.connectivity.recover_sim = _cut  # type: ignore[method-assign]
    with pytest.raises(PowerCut):
        await bench.run()
    del bench.connectivity.recover_sim
    bench.restart()
    bench.eim.answers.append(MESSAGES["PA1"])
    await bench.run()
    assert story(bench.eim) == hexes(MESSAGES["GEP1"], MESSAGES["PR1"], MESSAGES["GEP1"])
    assert bench.euicc.removed == [7, 8, 9]
    assert bench.card.enabled == ICCID1


async def _cut(expected: Iccid | None) -> None:
    raise PowerCut


async def test_25_refused_notification_does_not_hold_up_the_next_and_comes_again_after_an_hour() -> None:
    bench = Bench()
    bench.card.next_seq = 9
    bench.card.add_notification(NotificationEvent.NOTIFICATION_ENABLE, ICCID1)
    bench.card.add_notification(NotificationEvent.NOTIFICATION_DISABLE, ICCID2)
    bench.eim.notification_errors = [HttpStatusError("HTTP status 500", status=500, transient=True)]
    await bench.run()
    other = notification(10, NotificationEvent.NOTIFICATION_DISABLE, ICCID2).encode()
    assert story(bench.eim) == hexes(MESSAGES["GEP1"], MESSAGES["HN1"], handle_notification(other))
    assert list(bench.card.notifications) == [9]
    bench.clock.now += 3599
    await bench.run()
    assert story(bench.eim)[3:] == hexes(MESSAGES["GEP1"])
    bench.clock.now += 2
    await bench.run()
    assert story(bench.eim)[4:] == hexes(MESSAGES["GEP1"], MESSAGES["HN1"])
    assert not bench.card.notifications


async def test_26_the_other_eim_is_told_of_the_change() -> None:
    card = card_state()
    card.eims["eim2.example.com"] = CardEim(eim_configuration("eim2.example.com"), 0)
    bench = vector_bench(result_in(MESSAGES["PR1"]), card=card)
    bench.eim.queue.append(MESSAGES["GER6"])
    await bench.run()
    told = bytes.fromhex("BF4F175A1089049032001234567890000000100070") + bytes.fromhex("8000810100")
    other = bench.servers["eim2.example.com"]
    assert story(other) == hexes(told)
    assert other.requests[0].state_change_cause is StateChangeCause.OTHER_EIM
    assert story(bench.eim) == hexes(MESSAGES["GEP1"], MESSAGES["PR2"], MESSAGES["GEP1"])
    await bench.run()
    assert story(other) == hexes(told, MESSAGES["GEP1"])


async def test_27_emergency_call() -> None:
    card = card_state()
    bench = vector_bench(EuiccPackageResult.decode(MESSAGES["EE4"]), card=card)
    bench.euicc.info2 = euicc_info2(ecall=True)
    await bench.start()
    bench.eim.queue += [MESSAGES["GER6"], MESSAGES["GER7"], MESSAGES["GER8"]]
    get = bench.eim.get

    def call_begins(request: GetEimPackageRequest) -> GetEimPackageResponse:
        card.ecall.add(ICCID2)
        return get(request)

    bench.eim.get = call_begins  # type: ignore[method-assign]
    await bench.run()
    refused = EuiccPackageResult.decode(MESSAGES["EE4"]).encode()
    assert bench.eim.results[0].endswith(refused)
    assert bench.eim.results[1].endswith(bytes.fromhex("BF520BA1098004A1A2A3A4020168"))
    assert bench.eim.results[2].endswith(bytes.fromhex("BF540B8204A1A2A3A43003800168"))
    suspended = await bench.run()
    assert suspended.outcome is Outcome.RETRY_LATER
    assert suspended.suspended


async def test_28_error_answer_to_a_result_ends_the_poll_without_rollback() -> None:
    card = card_state()
    card.notify = False
    bench = vector_bench(result_in(MESSAGES["PR1"]), card=card)
    bench.eim.queue.append(MESSAGES["GER6"])
    bench.eim.answers.append(MESSAGES["PA3"])
    report = await bench.run()
    assert story(bench.eim) == hexes(MESSAGES["GEP1"], MESSAGES["PR1"])
    assert not bench.euicc.removed
    assert "profile_rollback" not in bench.euicc.log
    assert report.packages[0].handover is Handover.REFUSED
    assert list(bench.card.results) == [7]
