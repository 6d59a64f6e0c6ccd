from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipad.codec import tlv
from ipad.errors import CodecError, EuiccResultError, StatusWordError
from ipad.es10.euicc import Euicc
from ipad.es10.leniency import CardLeniency, plain_tag_list, split_tags
from tests.ipad.es10.scripted import Answer, ScriptedSession, refused

CI = "F54172BDF98A95D65CBEB88A38A1C11D800A85C3"
CERTS = "BF561AA018A50A30030201053000030100A60A30030201053000030100"
ROLLED_BACK = "BF5803020101"


def euicc(*answers: Answer) -> tuple[Euicc, ScriptedSession, CardLeniency]:
    session, leniency = ScriptedSession(list(answers)), CardLeniency()
    return Euicc(session, leniency), session, leniency


@pytest.mark.asyncio
async def test_untagged_refresh_flag_is_tried_once_and_remembered_for_all_functions() -> None:
    card, session, leniency = euicc(refused(), ROLLED_BACK, "BF5D03800100")
    await card.profile_rollback(True)
    await card.execute_fallback_mechanism(refresh_flag=False)
    assert session.requests == ["BF58038001FF", "BF58030101FF", "BF5D03010100"]
    assert leniency.learned == {"untagged-refresh-flag"}


@pytest.mark.asyncio
async def test_other_status_words_are_no_reason_for_another_form() -> None:
    card, session, leniency = euicc(refused(0x6A88))
    with pytest.raises(StatusWordError):
        await card.profile_rollback(True)
    assert len(session.requests) == 1
    assert not leniency.learned


@pytest.mark.asyncio
async def test_two_refusals_leave_the_first_error_and_nothing_learned() -> None:
    card, session, leniency = euicc(refused(), refused(0x6F00), ROLLED_BACK)
    with pytest.raises(StatusWordError) as caught:
        await card.profile_rollback(True)
    assert caught.value.sw == 0x6A80
    assert not leniency.learned
    await card.profile_rollback(True)
    assert session.requests == ["BF58038001FF", "BF58030101FF", "BF58038001FF"]


@pytest.mark.asyncio
async def test_result_code_is_no_reason_for_another_form() -> None:
    card, session, _ = euicc("BF5A03800101")
    with pytest.raises(EuiccResultError):
        await card.immediate_enable()
    assert len(session.requests) == 1


@pytest.mark.asyncio
async def test_untagged_ci_key_id() -> None:
    card, session, leniency = euicc(refused(), CERTS, CERTS)
    await card.get_certs(bytes.fromhex(CI))
    await card.get_certs(bytes.fromhex(CI))
    assert session.requests == [f"BF56168014{CI}", f"BF56160414{CI}", f"BF56160414{CI}"]
    assert leniency.learned == {"untagged-ci-key-id"}


@pytest.mark.asyncio
async def test_get_certs_without_a_ci_has_no_other_form() -> None:
    card, session, _ = euicc(refused())
    with pytest.raises(StatusWordError):
        await card.get_certs()
    assert session.requests == ["BF5600"]


@pytest.mark.parametrize("refusal", [refused(), "BF2D03810101", "BF2D0381017F"])
@pytest.mark.asyncio
async def test_list_without_late_tags_follows_a_refusal_each_time(refusal: Answer) -> None:
    card, session, _ = euicc(refusal, "BF2D02A000", refusal, "BF2D02A000")
    for _ in range(2):
        await card.get_profiles_info(tag_list=bytes.fromhex("5A9F709F7B9F269F67"))
    assert session.requests == ["BF2D0B5C095A9F709F7B9F269F67", "BF2D055C035A9F70"] * 2


@pytest.mark.parametrize(
    ("tag_list", "refusal"),
    [("5A9F70", "BF2D03810101"), ("5A9F709F7B", "BF2D0381010B"), ("5A9F7B", refused(0x6985)), ("9F7B", refused())],
    ids=["nothing to leave out", "other code", "other status word", "nothing left"],
)
@pytest.mark.asyncio
async def test_other_refusals_of_a_list_are_final(tag_list: str, refusal: Answer) -> None:
    card, session, _ = euicc(refusal)
    with pytest.raises((StatusWordError, EuiccResultError)):
        await card.get_profiles_info(tag_list=bytes.fromhex(tag_list))
    assert len(session.requests) == 1


def test_tag_list_is_split_by_tags_and_not_by_bytes() -> None:
    assert list(split_tags(bytes.fromhex("5A9F70BF2290DF8101"))) == [0x5A, 0x9F70, 0xBF22, 0x90, 0xDF8101]
    assert plain_tag_list(bytes.fromhex("5A9F269F70")) == bytes.fromhex("5A9F70")
    assert plain_tag_list(bytes.fromhex("267B67")) is None
    assert plain_tag_list(None) is None


@pytest.mark.parametrize("tag_list", ["5A9F", "BF", "9F81"])
def test_tag_that_is_cut_off(tag_list: str) -> None:
    with pytest.raises(CodecError):
        list(split_tags(bytes.fromhex(tag_list)))


@given(st.lists(st.sampled_from([0x5A, 0x4F, 0x9F70, 0x9F7B, 0xBF22, 0xDF8101])))
def test_split_tags_finds_what_was_joined(tags: list[int]) -> None:
    assert list(split_tags(b"".join(map(tlv.encode_tag, tags)))) == tags
