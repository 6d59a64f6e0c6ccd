"""IpaEuiccDataRequest: every tag, every refusal."""

from __future__ import annotations

import pytest

from ipad.codec.es10 import EuiccConfiguredAddressesResponse, GetCertsError
from ipad.codec.esipa import (
    IpaEuiccData,
    IpaEuiccDataErrorCode,
    IpaEuiccDataRequest,
    IpaEuiccDataResponse,
    SearchCriteriaEuiccPackageResult,
    SearchCriteriaNotification,
)
from ipad.codec.euicc_package import Psmo
from ipad.codec.notification import NotificationEvent
from ipad.codec.profile import ProfileInfoListRequest
from ipad.errors import CardError, CodecError, EuiccResultError, StatusWordError
from ipad.procedures.euicc_data import answer_data_request, checked_tags
from ipad.procedures.retrieval import run
from tests.fakes.card_state import card_state
from tests.fakes.euicc import euicc_info2
from tests.fakes.packages import eim_configuration, euicc_package
from tests.fakes.values import CERTIFICATE, CI, ICCID1, ICCID2
from tests.ipad.procedures.bench import DEVICE_INFO, Bench
from tests.vectors.sgp32 import MESSAGES

EIM = "eim.example.com"
ALL = bytes.fromhex("A081A2BF20BF228384A5A6A8A9")


async def ask(bench: Bench, request: IpaEuiccDataRequest) -> IpaEuiccDataResponse:
    if not hasattr(bench, "ipa"):
        await bench.start()
    answer = await answer_data_request(bench.ipa, EIM, request)
    return IpaEuiccDataResponse.decode(answer.encode())


async def data(bench: Bench, request: IpaEuiccDataRequest) -> IpaEuiccData:
    answer = (await ask(bench, request)).ipa_euicc_data
    assert answer is not None
    return answer


async def refusal(bench: Bench, request: IpaEuiccDataRequest) -> IpaEuiccDataErrorCode:
    error = (await ask(bench, request)).ipa_euicc_data_response_error
    assert error is not None
    assert error.eim_transaction_id == request.eim_transaction_id
    return error.ipa_euicc_data_error_code


def full_bench() -> Bench:
    card = card_state()
    card.eims[EIM].configuration = eim_configuration(token=3)
    card.add_notification(NotificationEvent.NOTIFICATION_ENABLE, ICCID1)
    card.add_notification(NotificationEvent.NOTIFICATION_DISABLE, ICCID2)
    return Bench(card=card)


@pytest.mark.asyncio
async def test_every_object_is_answered() -> None:
    bench = full_bench()
    await bench.start()
    bench.eim.acknowledge = False
    bench.eim.offer(euicc_package(Psmo(list_profile_info=ProfileInfoListRequest()), counter=5))
    await run(bench.ipa)
    bench.card.add_notification(NotificationEvent.NOTIFICATION_ENABLE, ICCID1)
    answer = await data(bench, IpaEuiccDataRequest(tag_list=ALL, eim_transaction_id=b"\xa1\xa2"))
    assert answer.eim_transaction_id == b"\xa1\xa2"
    assert answer.notifications_list is not None
    assert len(answer.notifications_list) == 1
    assert answer.euicc_package_result_list is not None
    assert [item.encode() for item in answer.euicc_package_result_list] == [
        item.encode() for item in bench.card.results.values()
    ]
    assert answer.default_smdp_address == "smdp.example.com"
    assert answer.root_smds_address == "lpa.ds.gsma.com"
    assert answer.euicc_info1 is not None
    assert answer.euicc_info2 is not None
    assert answer.association_token == 3
    assert (answer.eum_certificate, answer.euicc_certificate) == (CERTIFICATE, CERTIFICATE)
    assert answer.ipa_capabilities == bench.ipa.capabilities
    assert answer.device_info == DEVICE_INFO


@pytest.mark.asyncio
async def test_only_what_is_asked_is_answered() -> None:
    answer = await data(full_bench(), IpaEuiccDataRequest(tag_list=bytes.fromhex("A6")))
    assert answer.euicc_certificate == CERTIFICATE
    assert answer.eum_certificate is None
    assert answer.notifications_list is None


@pytest.mark.asyncio
async def test_criteria_of_the_vectors() -> None:
    bench = full_bench()
    numbered = IpaEuiccDataRequest.decode(MESSAGES["DQ2"])
    answer = await data(bench, numbered)
    assert answer.notifications_list == ()
    assert answer.euicc_package_result_list == ()
    by_event = await data(bench, IpaEuiccDataRequest.decode(MESSAGES["DQ3"]))
    assert by_event.notifications_list is not None
    assert len(by_event.notifications_list) == 1
    assert by_event.euicc_certificate == CERTIFICATE


@pytest.mark.asyncio
async def test_criteria_by_number() -> None:
    bench = full_bench()
    request = IpaEuiccDataRequest(
        tag_list=b"\xa0\xa2",
        search_criteria_notification=SearchCriteriaNotification(seq_number=8),
        search_criteria_euicc_package_result=SearchCriteriaEuiccPackageResult(seq_number=8),
    )
    answer = await data(bench, request)
    assert answer.notifications_list is not None
    assert len(answer.notifications_list) == 1
    assert answer.euicc_package_result_list == ()


@pytest.mark.asyncio
async def test_unknown_criterion_does_not_return_everything() -> None:
    request = IpaEuiccDataRequest(
        tag_list=b"\xa0\x83", search_criteria_notification=SearchCriteriaNotification(unknown=b"\x85\x00")
    )
    answer = await data(full_bench(), request)
    assert answer.notifications_list is None
    assert answer.root_smds_address == "lpa.ds.gsma.com"


@pytest.mark.parametrize(
    ("tags", "strict", "known"),
    [
        ("BF20", True, (0xBF20,)),
        ("BF20BF2281", True, (0xBF20, 0xBF22, 0x81)),
        ("A0A0", True, (0xA0,)),
        ("5AA0", False, (0xA0,)),
        ("BF2DA0", False, (0xA0,)),
        ("5AA0", True, None),
        ("5A", False, None),
        ("87", False, None),
        ("", False, None),
        ("A0BF", False, None),
        ("A0BF8F", False, None),
    ],
)
def test_tag_list(tags: str, strict: bool, known: tuple[int, ...] | None) -> None:
    if known is None:
        with pytest.raises(CodecError):
            checked_tags(bytes.fromhex(tags), strict=strict)
    else:
        assert checked_tags(bytes.fromhex(tags), strict=strict) == known


@pytest.mark.asyncio
async def test_refusals() -> None:
    bench = full_bench()
    empty = IpaEuiccDataRequest(tag_list=b"", eim_transaction_id=b"\x01")
    assert await refusal(bench, empty) == IpaEuiccDataErrorCode.INCORRECT_TAG_LIST
    foreign = IpaEuiccDataRequest(tag_list=b"\xa5\x83", euicc_ci_pk_identifier_to_be_used=b"\x01" * 20)
    assert await refusal(bench, foreign) == IpaEuiccDataErrorCode.EUICC_CI_PK_ID_NOT_FOUND
    known = IpaEuiccDataRequest(tag_list=b"\xa5", euicc_ci_pk_identifier_to_be_used=CI)
    assert (await data(bench, known)).eum_certificate == CERTIFICATE


@pytest.mark.asyncio
async def test_strict_switch_refuses_an_unknown_tag() -> None:
    bench = full_bench()
    bench.settings["strict_tag_list"] = True
    code = await refusal(bench, IpaEuiccDataRequest(tag_list=b"\x5a\xa8"))
    assert code == IpaEuiccDataErrorCode.INCORRECT_TAG_LIST


@pytest.mark.asyncio
async def test_emergency_call_refuses() -> None:
    bench = full_bench()
    bench.euicc.info2 = euicc_info2(ecall=True)
    bench.card.ecall.add(ICCID2)
    assert await refusal(bench, IpaEuiccDataRequest(tag_list=b"\xa8")) == IpaEuiccDataErrorCode.ECALL_ACTIVE


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "error",
    [
        StatusWordError("6D00", sw=0x6D00),
        CodecError("no TLV"),
        EuiccResultError("GetCerts", GetCertsError.UNDFINED_ERROR),
    ],
    ids=repr,
)
async def test_object_that_cannot_be_read_is_left_out_unless_it_is_the_only_one(error: Exception) -> None:
    bench = full_bench()
    bench.euicc.fail["get_certs"] = error  # type: ignore[assignment]
    answer = await data(bench, IpaEuiccDataRequest(tag_list=b"\xa6\xa8"))
    assert answer.euicc_certificate is None
    assert answer.ipa_capabilities is not None
    bench.euicc.fail["get_certs"] = error  # type: ignore[assignment]
    assert await refusal(bench, IpaEuiccDataRequest(tag_list=b"\xa6")) == IpaEuiccDataErrorCode.UNDEFINED_ERROR


@pytest.mark.asyncio
async def test_card_that_is_gone_is_no_answer() -> None:
    bench = full_bench()
    await bench.start()
    bench.euicc.fail["get_certs"] = CardError("gone")
    with pytest.raises(CardError):
        await ask(bench, IpaEuiccDataRequest(tag_list=b"\xa6\xa8"))


@pytest.mark.asyncio
async def test_addresses_are_read_fresh_and_empty_ones_left_out() -> None:
    bench = full_bench()
    request = IpaEuiccDataRequest(tag_list=b"\x81\x83")
    assert (await data(bench, request)).default_smdp_address == "smdp.example.com"
    bench.euicc.addresses = EuiccConfiguredAddressesResponse(root_ds_address="other.example.com")
    answer = await data(bench, request)
    assert answer.default_smdp_address is None
    assert answer.root_smds_address == "other.example.com"
