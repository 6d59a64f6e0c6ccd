"""Injected packages: what is answered, what is done, and what becomes of answers that are lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from ipad.codec.esipa import (
    EimAcknowledgements,
    HandleNotificationEsipa,
    IpaEuiccDataRequest,
    ProfileDownloadData,
    ProfileDownloadTriggerRequest,
    TransferEimPackageResponse,
    TransferEimPackageResponseEimPackageError,
)
from ipad.codec.euicc_package import Disable, Enable, EuiccPackageRequest, EuiccPackageResult, Psmo
from ipad.codec.profile import ProfileInfoListRequest
from ipad.codec.tlv import tlv
from ipad.errors import CardError, NetworkError, StatusWordError
from ipad.procedures.injection import Injected, InjectionMemory, complete, take
from ipad.procedures.report import Handover, PackageKind, PackageReport
from ipad.state.journal import DownloadMarker, Step
from tests.fakes.card_state import CardEim, card_state
from tests.fakes.eim import epr_of
from tests.fakes.packages import eim_configuration, euicc_package
from tests.fakes.values import ICCID1, ICCID2
from tests.ipad.procedures.bench import Bench

pytestmark = pytest.mark.asyncio

EIM = "eim.example.com"
LIST = Psmo(list_profile_info=ProfileInfoListRequest())
CODE = ProfileDownloadData(activation_code="1$smdp.example.com$A")
Error = TransferEimPackageResponseEimPackageError


def enable(*, rollback: bool = False) -> Psmo:
    return Psmo(enable=Enable(iccid=ICCID1.octets, rollback_flag=rollback))


def request(package: Any) -> bytes:
    return tlv(0xBF4E, package if isinstance(package, bytes) else package.encode())


class Eim:
    """An eIM that injects; its server takes what is retrieved from it."""

    def __init__(self, bench: Bench | None = None, eim_id: str = EIM) -> None:
        self.bench = bench or Bench()
        self.eim_id = eim_id
        self.memory = InjectionMemory()
        self.reports: Sequence[PackageReport] = ()

    async def take(self, package: Any) -> Injected:
        if not hasattr(self.bench, "ipa"):
            await self.bench.start()
        return await take(self.bench.ipa, self.eim_id, request(package), self.memory)

    async def inject(self, package: Any, *, sent: bool = True) -> TransferEimPackageResponse | None:
        """The answer as the eIM decodes it; None where there is none."""
        injected = await self.take(package)
        self.reports = await complete(self.bench.ipa, injected, sent=sent and injected.answer is not None)
        return None if injected.answer is None else TransferEimPackageResponse.decode(injected.answer.encode())


async def receiving(eim: Eim) -> list[bytes]:
    """Start the IPA; the list of results that the eIM gets by HandleNotification."""
    results: list[bytes] = []
    await eim.bench.start()
    eim.bench.connector.wrap = lambda inner: _Receiver(inner, results)
    return results


def result_of(answer: TransferEimPackageResponse | None) -> EuiccPackageResult:
    assert answer is not None
    if answer.epr_and_notifications is not None:
        return answer.epr_and_notifications.euicc_package_result
    assert answer.euicc_package_result is not None
    return answer.euicc_package_result


def number_of(answer: TransferEimPackageResponse | None) -> int:
    signed = result_of(answer).euicc_package_result_signed
    assert signed is not None
    return signed.euicc_package_result_data_signed.seq_number


async def test_result_is_the_answer_and_is_removed_when_it_is_acknowledged() -> None:
    eim = Eim()
    answer = await eim.inject(euicc_package(LIST, counter=5))
    number = number_of(answer)
    assert list(eim.bench.card.results) == [number], "until the eIM says that it has it"
    assert [report.handover for report in eim.reports] == [Handover.ANSWERED]
    received = await eim.inject(EimAcknowledgements(sequence_numbers=(number,)))
    assert received is not None
    assert received.eim_package_received
    assert not eim.bench.card.results
    assert not eim.bench.eim.story, "nothing went the other way"
    assert eim.bench.ipa.journal.content.marker is None


async def test_result_is_durable_before_it_is_answered() -> None:
    eim = Eim()
    await eim.take(euicc_package(LIST, counter=5))
    eim.bench.restart()
    ipa = await eim.bench.start()
    assert ipa.journal.content.marker is not None
    assert ipa.journal.content.marker.step is Step.RESULT
    await eim.bench.run()
    assert len(eim.bench.eim.results) == 1
    assert len(eim.bench.card.executed) == 1


async def test_answer_that_did_not_go_out_is_delivered_as_if_it_had_been_retrieved() -> None:
    eim = Eim()
    answer = await eim.inject(euicc_package(LIST, counter=5), sent=False)
    assert epr_of(eim.bench.eim.results[0]) == result_of(answer)
    assert eim.reports[0].handover is Handover.ACKNOWLEDGED
    assert not eim.bench.card.results


async def test_result_that_reaches_nobody_is_owed() -> None:
    eim = Eim()
    eim.bench.eim.reachable = lambda: False
    await eim.inject(euicc_package(LIST, counter=5), sent=False)
    assert len(eim.bench.ipa.journal.content.undelivered) == 1
    eim.bench.eim.reachable = lambda: True
    await eim.bench.run()
    assert not eim.bench.ipa.journal.content.undelivered
    assert len(eim.bench.eim.results) == 1


async def test_package_that_comes_again_is_answered_without_a_second_execution() -> None:
    eim = Eim()
    package = euicc_package(LIST, counter=5)
    first = await eim.inject(package)
    second = await eim.inject(package)
    assert result_of(first) == result_of(second)
    assert len(eim.bench.card.executed) == 1


async def test_owed_result_is_the_answer_when_the_package_comes_again_and_is_owed_no_more() -> None:
    eim = Eim()
    eim.bench.eim.reachable = lambda: False
    package = euicc_package(LIST, counter=5)
    await eim.inject(package, sent=False)
    answer = await eim.inject(package)
    await eim.inject(EimAcknowledgements(sequence_numbers=(number_of(answer),)))
    assert not eim.bench.ipa.journal.content.undelivered
    assert len(eim.bench.card.executed) == 1


async def test_acknowledged_package_that_comes_again_is_a_replay_to_the_euicc() -> None:
    eim = Eim()
    package = euicc_package(LIST, counter=5)
    answer = await eim.inject(package)
    await eim.inject(EimAcknowledgements(sequence_numbers=(number_of(answer),)))
    replayed = await eim.inject(package)
    assert result_of(replayed).euicc_package_error_signed is not None
    assert len(eim.bench.card.executed) == 1


async def test_card_that_cannot_list_its_results_executes_new_packages() -> None:
    eim = Eim()
    await eim.bench.start()
    eim.bench.euicc.fail["retrieve_notifications_list"] = StatusWordError("refused", sw=0x6A88)
    number_of(await eim.inject(euicc_package(LIST, counter=5)))


async def test_refused_package_is_answered_with_the_error_of_the_euicc() -> None:
    eim = Eim()
    answer = await eim.inject(euicc_package(LIST, counter=5, good=False))
    assert result_of(answer).euicc_package_error_unsigned is not None
    assert not eim.bench.card.executed
    assert not eim.bench.ipa.journal.content.undelivered


async def test_package_whose_result_was_lost_is_an_undefined_error() -> None:
    eim = Eim()
    await eim.bench.start()
    eim.bench.euicc.fail["load_euicc_package"] = CardError("gone")
    answer = await eim.inject(euicc_package(LIST, counter=5))
    assert answer is not None
    assert answer.eim_package_error == Error.UNDEFINED_ERROR


async def test_card_that_is_gone_leaves_the_package_to_the_next_run() -> None:
    eim = Eim()
    await eim.bench.start()
    eim.bench.euicc.lose_answer["load_euicc_package"] = CardError("gone")
    eim.bench.euicc.fail["reset"] = CardError("still gone")
    with pytest.raises(CardError, match="still gone"):
        await eim.inject(euicc_package(LIST, counter=5))
    assert (await eim.take(euicc_package(LIST, counter=6))).busy
    await eim.bench.run()
    assert len(eim.bench.eim.results) == 1


@pytest.mark.parametrize("command", [enable(), Psmo(disable=Disable(iccid=ICCID2.octets))], ids=["enable", "disable"])
async def test_switch_that_takes_the_bearer_leaves_the_result_to_retrieval(command: Psmo) -> None:
    eim = Eim()
    assert await eim.inject(euicc_package(command, counter=5)) is None
    await eim.bench.run()
    assert len(eim.bench.eim.results) == 1
    assert len(eim.bench.card.executed) == 1


async def test_switch_beside_another_bearer_is_answered_with_its_notifications() -> None:
    eim = Eim()
    await eim.bench.start()
    host = _HostBearer(eim.bench)
    eim.bench.ipa = replace(eim.bench.ipa, connectivity=host)
    answer = await eim.inject(euicc_package(enable(), counter=5))
    assert answer is not None
    assert answer.epr_and_notifications is not None
    assert eim.bench.card.enabled == ICCID1
    assert eim.bench.ipa.journal.content.marker is None


async def test_nothing_is_taken_while_a_rollback_is_possible() -> None:
    eim = Eim()
    eim.bench.eim.reachable = lambda: False
    assert await eim.inject(euicc_package(enable(rollback=True), counter=5)) is None
    injected = await eim.take(euicc_package(LIST, counter=6))
    assert injected.busy
    assert len(eim.bench.card.executed) == 1


async def test_nothing_is_taken_while_a_download_is_unfinished() -> None:
    eim = Eim()
    ipa = await eim.bench.start()
    marker = DownloadMarker(
        eim_id=None, eim_configuration=None, eim_transaction_id=None, direct=True, number_before=None
    )
    await ipa.journal.commit(replace(ipa.journal.content, download=marker))
    assert (await eim.take(euicc_package(LIST, counter=5))).busy


async def test_data_request_is_answered() -> None:
    eim = Eim()
    answer = await eim.inject(IpaEuiccDataRequest(tag_list=b"\xbf\x22\xa8", eim_transaction_id=b"\x01"))
    assert answer is not None
    assert answer.ipa_euicc_data_response is not None
    data = answer.ipa_euicc_data_response.ipa_euicc_data
    assert data is not None
    assert data.eim_transaction_id == b"\x01"
    assert data.euicc_info2 is not None
    assert [report.kind for report in eim.reports] == [PackageKind.IPA_EUICC_DATA]


async def test_trigger_is_answered_first_and_its_result_goes_as_a_notification() -> None:
    eim = Eim()
    results = await receiving(eim)
    trigger = ProfileDownloadTriggerRequest(profile_download_data=CODE, eim_transaction_id=b"\x0a\x0b")
    injected = await eim.take(trigger)
    assert injected.answer is not None
    assert injected.answer.encode() == bytes.fromhex("BF4E020500")
    assert not eim.bench.eim.story
    eim.reports = await complete(eim.bench.ipa, injected, sent=True)
    assert [message[:2] for message in results] == [b"\xbf\x50"]
    assert not eim.bench.ipa.journal.content.undelivered
    assert eim.reports[0].kind is PackageKind.PROFILE_DOWNLOAD_TRIGGER


async def test_trigger_that_comes_again_is_not_followed_again() -> None:
    eim = Eim()
    results = await receiving(eim)
    trigger = ProfileDownloadTriggerRequest(profile_download_data=CODE, eim_transaction_id=b"\x0a\x0b")
    await eim.inject(trigger, sent=False)
    answer = await eim.inject(trigger)
    assert answer is not None
    assert answer.eim_package_received
    assert len(results) == 1


async def test_order_that_was_injected_is_known_as_such_after_a_power_cut() -> None:
    marker = DownloadMarker(
        eim_id=EIM,
        eim_configuration=eim_configuration().encode(),
        eim_transaction_id=b"\x01",
        direct=False,
        number_before=None,
        as_notification=True,
    )
    eim = Eim()
    ipa = await eim.bench.start()
    await ipa.journal.commit(replace(ipa.journal.content, download=marker))
    eim.bench.restart()
    results = await receiving(eim)
    await eim.bench.run()
    assert len(results) == 1, "by HandleNotification, as the eIM expects it"


async def test_memory_of_triggers_is_bounded_and_one_without_an_id_is_always_new() -> None:
    memory = InjectionMemory()
    assert all(memory.is_new(EIM, bytes([number])) for number in range(100))
    assert len(memory.triggers) == 16
    assert not memory.is_new(EIM, bytes([99]))
    assert memory.is_new("other", bytes([99]))
    assert memory.is_new(EIM, None)
    assert memory.is_new(EIM, None)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (b"", Error.INVALID_PACKAGE_FORMAT),
        (b"garbage", Error.INVALID_PACKAGE_FORMAT),
        (bytes.fromhex("BF4F00"), Error.INVALID_PACKAGE_FORMAT),
        (bytes.fromhex("BF4E00"), Error.INVALID_PACKAGE_FORMAT),
        (bytes.fromhex("BF4E05BF52025C05"), Error.INVALID_PACKAGE_FORMAT),
        (bytes.fromhex("BF4E03BF5100"), Error.INVALID_PACKAGE_FORMAT),
        (bytes.fromhex("BF4E03BF6F00"), Error.UNKNOWN_PACKAGE),
    ],
)
async def test_what_cannot_be_read_has_an_error_and_never_gets_to_the_card(message: bytes, code: Error) -> None:
    bench = Bench()
    await bench.start()
    bench.euicc.log.clear()
    injected = await take(bench.ipa, EIM, message, InjectionMemory())
    assert injected.answer is not None
    assert injected.answer.eim_package_error == code
    assert not bench.euicc.log
    assert await complete(bench.ipa, injected, sent=True) == ()


async def test_eim_that_is_not_associated_gets_nothing_executed() -> None:
    eim = Eim(eim_id="stranger.example.com")
    answer = await eim.inject(euicc_package(LIST, counter=5, eim_id="stranger.example.com"))
    assert answer is not None
    assert answer.eim_package_error == Error.UNDEFINED_ERROR
    assert not eim.bench.card.executed


async def test_package_of_another_eim_is_refused() -> None:
    eim = Eim(Bench(card=card_state(EIM, "other.example.com")))
    answer = await eim.inject(euicc_package(LIST, counter=5, eim_id="other.example.com"))
    assert answer is not None
    assert answer.eim_package_error == Error.UNDEFINED_ERROR
    assert not eim.bench.card.executed


async def test_package_for_another_euicc_is_judged_by_the_euicc() -> None:
    eim = Eim()
    package = euicc_package(LIST, counter=5)
    signed = replace(package.euicc_package_signed, eid_value=bytes(16))
    answer = await eim.inject(EuiccPackageRequest(euicc_package_signed=signed, eim_signature=package.eim_signature))
    assert result_of(answer).euicc_package_result_signed is None
    assert not eim.bench.card.executed


async def test_eim_that_only_injects_is_owed_nothing_and_asks_again() -> None:
    bench = Bench()
    bench.card.eims[EIM] = CardEim(replace(eim_configuration(), eim_fqdn=None), 4)
    eim = Eim(bench)
    package = euicc_package(LIST, counter=5)
    await eim.inject(package, sent=False)
    assert not bench.ipa.journal.content.undelivered
    number = number_of(await eim.inject(package))
    await eim.inject(EimAcknowledgements(sequence_numbers=(number,)))
    assert not bench.card.results
    assert len(bench.card.executed) == 1


async def test_interrupted_package_of_an_eim_that_only_injects_does_not_stop_the_next_run() -> None:
    bench = Bench()
    bench.card.eims[EIM] = CardEim(replace(eim_configuration(), eim_fqdn=None), 4)
    eim = Eim(bench)
    await eim.take(euicc_package(LIST, counter=5))
    bench.restart()
    report = await bench.run()
    assert isinstance(report.recovered[0].network_error, NetworkError)
    assert bench.ipa.journal.content.marker is None


class _Receiver:
    """An eIM that takes results inside HandleNotification."""

    def __init__(self, inner: Any, results: list[bytes]) -> None:
        self._inner = inner
        self._results = results

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def handle_notification(self, request: HandleNotificationEsipa) -> None:
        assert request.provide_eim_package_result is not None
        self._results.append(request.provide_eim_package_result.encode())


class _HostBearer:
    """A network that a change of the profile does not touch."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    async def data_session(self) -> str | None:
        return "host"

    async def wait_new_session(self, before: str | None, timeout: float) -> bool:  # noqa: ASYNC109
        return True

    async def registered_plmn(self) -> None:
        return None

    async def recover_sim(self, expected: object) -> None:
        self._bench.card.complete_switch()
