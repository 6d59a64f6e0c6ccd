"""ES10c of a consumer eUICC (SGP.22 5.7.15 to 5.7.21)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from hil import codec, tlv
from hil.euicc import CardConfig, EuiccKind
from hil.euicc.config import PolicyRule, ProfileClass
from tests.hil.euicc.bench import ICCID1, ICCID2, UNKNOWN_ICCID, Bench, two_profiles

MakeBench = Callable[[CardConfig], Bench]


@pytest.fixture
def consumer(make_bench: MakeBench) -> Bench:
    """Three profiles: ICCID2 enabled, ICCID1 and a test profile disabled."""
    config = two_profiles()
    test = replace(
        config.profiles[0],
        iccid="89490200000000003333",
        profile_class=ProfileClass.TEST,
        isdp_aid=None,
        preloaded=False,
    )
    plain = tuple(replace(spec, fallback_allowed=None, fallback_attribute=False) for spec in (*config.profiles, test))
    return make_bench(replace(config, kind=EuiccKind.CONSUMER, profiles=plain))


def test_profile(bench: Bench) -> bytes:
    return bench.state.profiles[2].iccid


test_profile.__test__ = False  # type: ignore[attr-defined]


def switch(tag: int, iccid: bytes, *, refresh: bool = True) -> bytes:
    flag = b"\xff" if refresh else b"\x00"
    return tlv.build(tag, tlv.build(0xA0, tlv.build(0x5A, iccid)), tlv.build(0x81, flag))


def enabled(bench: Bench) -> bytes | None:
    profile = bench.state.enabled_profile
    return profile.iccid if profile else None


def busy(bench: Bench) -> None:
    bench.card.knobs.cat_busy = True


def protect(iccid: bytes, rules: PolicyRule) -> Callable[[Bench], None]:
    return lambda bench: bench.change_profile(iccid, policy_rules=rules)


def on_test_profile(bench: Bench) -> None:
    assert bench.es10(switch(0xBF31, test_profile(bench)))[-1] == 0
    bench.power_up()


@pytest.mark.parametrize(
    ("iccid", "setup", "code"),
    [
        (ICCID1, None, 0),
        (UNKNOWN_ICCID, None, 1),
        (ICCID2, None, 2),
        (ICCID1, protect(ICCID2, PolicyRule.PPR1), 3),
        (ICCID1, on_test_profile, 4),
        (ICCID2, on_test_profile, 0),
        (ICCID1, busy, 5),
        (ICCID1, lambda bench: bench.card.knobs.forced_codes.update(enableResult=127), 127),
    ],
)
def test_enable_profile(consumer: Bench, iccid: bytes, setup: Callable[[Bench], None] | None, code: int) -> None:
    if setup:
        setup(consumer)
    assert codec.decode("EnableProfileResponse", consumer.es10(switch(0xBF31, iccid))) == {"enableResult": code}


@pytest.mark.parametrize(
    ("iccid", "setup", "code"),
    [
        (ICCID2, None, 0),
        (UNKNOWN_ICCID, None, 1),
        (ICCID1, None, 2),
        (ICCID2, protect(ICCID2, PolicyRule.PPR1), 3),
        (ICCID2, busy, 5),
        (ICCID2, lambda bench: bench.card.knobs.forced_codes.update(disableResult=127), 127),
    ],
)
def test_disable_profile(consumer: Bench, iccid: bytes, setup: Callable[[Bench], None] | None, code: int) -> None:
    if setup:
        setup(consumer)
    assert codec.decode("DisableProfileResponse", consumer.es10(switch(0xBF32, iccid))) == {"disableResult": code}


@pytest.mark.parametrize(
    ("iccid", "setup", "code"),
    [
        (ICCID1, None, 0),
        (UNKNOWN_ICCID, None, 1),
        (ICCID2, None, 2),
        (ICCID1, protect(ICCID1, PolicyRule.PPR2), 3),
        (ICCID1, lambda bench: bench.card.knobs.forced_codes.update(deleteResult=127), 127),
    ],
)
def test_delete_profile(consumer: Bench, iccid: bytes, setup: Callable[[Bench], None] | None, code: int) -> None:
    if setup:
        setup(consumer)
    answer = consumer.es10(tlv.build(0xBF33, tlv.build(0x5A, iccid)))
    assert codec.decode("SGP22.DeleteProfileResponse", answer) == {"deleteResult": code}
    assert (consumer.state.profile(ICCID1) is None) == (code == 0)


def test_switch_makes_notifications_and_refresh(consumer: Bench) -> None:
    answer, word = consumer.store_data(switch(0xBF31, ICCID1))
    assert (answer.hex(), word) == ("bf3103800100", 0x910B)
    assert [int(item.event) for item in consumer.state.notifications] == [0x20, 0x40]
    assert enabled(consumer) == ICCID1
    assert consumer.es10("BF2D00")[:4] != bytes.fromhex("BF2D0381")


def test_switch_without_refresh_flag_makes_no_refresh(consumer: Bench) -> None:
    assert consumer.store_data(switch(0xBF31, ICCID1, refresh=False))[1] == 0x9000
    assert consumer.card.visible_iccid == "89490200000000002227"


def test_identifier_by_aid_and_without_its_wrapper(consumer: Bench) -> None:
    aid = consumer.state.profiles[0].aid
    by_aid = tlv.build(0xBF31, tlv.build(0xA0, tlv.build(0x4F, aid)), tlv.build(0x81, b"\xff"))
    assert consumer.es10(by_aid)[-1] == 0
    bare = tlv.build(0xBF32, tlv.build(0x5A, ICCID1), tlv.build(0x01, b"\xff"))
    assert consumer.es10(bare)[-1] == 0
    assert consumer.es10(tlv.build(0xBF33, tlv.build(0x4F, aid)))[-1] == 0


@pytest.mark.parametrize("request_bytes", ["BF3100", "BF31025A00", "BF3103A0015A", "BF3300", "BF2900"])
def test_malformed_requests_are_6a80(consumer: Bench, request_bytes: str) -> None:
    assert consumer.store_data(bytes.fromhex(request_bytes))[1] == 0x6A80


def test_test_profile_makes_room_for_what_it_displaced(consumer: Bench) -> None:
    protect(ICCID2, PolicyRule.PPR1)(consumer)
    on_test_profile(consumer)
    assert consumer.es10(switch(0xBF32, test_profile(consumer)))[-1] == 0
    assert enabled(consumer) == ICCID2


def test_nickname_is_set_and_cleared(consumer: Bench) -> None:
    named = tlv.build(0xBF29, tlv.build(0x5A, ICCID1), tlv.build(0x90, "Büro".encode()))
    assert consumer.es10(named) == bytes.fromhex("BF2903800100")
    consumer.reopen()
    assert consumer.state.profiles[0].nickname == "Büro"
    assert consumer.es10(tlv.build(0xBF29, tlv.build(0x5A, ICCID1), tlv.build(0x90)))[-1] == 0
    assert consumer.state.profiles[0].nickname is None
    unknown = tlv.build(0xBF29, tlv.build(0x5A, UNKNOWN_ICCID), tlv.build(0x90))
    assert consumer.es10(unknown)[-1] == 1
    long = tlv.build(0xBF29, tlv.build(0x5A, ICCID1), tlv.build(0x90, b"x" * 65))
    assert consumer.store_data(long)[1] == 0x6A80


def test_default_tags_are_those_of_sgp22(consumer: Bench) -> None:
    consumer.change_profile(ICCID1, nickname="mine", icon_type=1, icon=b"icon")
    listed = tlv.find(consumer.es10("BF2D00"), 0xBF2D, 0xA0)
    first = tlv.children(tlv.children(listed.value)[0].value)
    assert [part.tag for part in first] == [0x5A, 0x4F, 0x9F70, 0x90, 0x91, 0x92, 0x93, 0x94, 0x95]


@pytest.mark.parametrize(
    ("criterion", "count"),
    [
        (tlv.build(0x5A, ICCID1), 1),
        (tlv.build(0x4F, bytes.fromhex("A0000005591010FFFFFFFF8900001200")), 1),
        (tlv.build(0x95, b"\x02"), 2),
        (tlv.build(0x95, b"\x01"), 0),
    ],
)
def test_profiles_by_criterion(consumer: Bench, criterion: bytes, count: int) -> None:
    answer = consumer.es10(tlv.build(0xBF2D, tlv.build(0xA0, criterion)))
    assert len(tlv.children(tlv.find(answer, 0xBF2D, 0xA0).value)) == count


def test_tag_list_chooses_and_unknown_tags_are_left_out(consumer: Bench) -> None:
    protect(ICCID1, PolicyRule.PPR1)(consumer)
    answer = consumer.es10("BF2D0B5C095AB6B7B8999F679F7B")
    first = tlv.children(tlv.children(tlv.find(answer, 0xBF2D, 0xA0).value)[0].value)
    assert [part.tag for part in first] == [0x5A, 0xB6, 0x99]
    assert first[2].raw.hex() == "99020640"
    assert consumer.es10("BF2D035C019F") == bytes.fromhex("BF2D03810101")


@pytest.mark.parametrize(
    ("options", "code", "left"),
    [("05E0", 0, []), ("0780", 0, ["test"]), ("0640", 0, ["operational", "operational"]), ("0520", 1, None)],
)
def test_memory_reset(consumer: Bench, options: str, code: int, left: list[str] | None) -> None:
    answer = consumer.es10(f"BF34048202{options}")
    assert codec.decode("SGP22.EuiccMemoryResetResponse", answer) == {"resetResult": code}
    kinds = [profile.profile_class.name.lower() for profile in consumer.state.profiles]
    assert kinds == (left if left is not None else ["operational", "operational", "test"])


def test_memory_reset_of_the_enabled_profile_makes_refresh_and_delete_notifications(consumer: Bench) -> None:
    _answer, word = consumer.store_data(bytes.fromhex("BF340482020780"))
    assert word == 0x910B
    assert [int(item.event) for item in consumer.state.notifications] == [0x10, 0x10]


def test_memory_reset_ends_a_test_profile_and_brings_back_what_it_displaced(consumer: Bench) -> None:
    on_test_profile(consumer)
    consumer.es10("BF340482020640")
    assert enabled(consumer) == ICCID2
    consumer.card.knobs.cat_busy = True
    assert consumer.es10("BF340482020640")[-1] == 5


def test_memory_reset_clears_the_default_address(consumer: Bench) -> None:
    assert consumer.es10("BF3F0680046D792E61") == bytes.fromhex("BF3F03800100")
    assert consumer.es10("BF340482020520")[-1] == 0
    assert consumer.state.default_smdp_address == ""


def test_euicc_info2_has_no_iot_part(consumer: Bench) -> None:
    members = {part.tag for part in tlv.children(tlv.single(consumer.es10("BF2200"), 0xBF22).value)}
    assert not members & {0x90, 0xB4}
    codec.decode("SGP22.EUICCInfo2", consumer.es10("BF2200"))


def test_package_results_cannot_be_asked_for(consumer: Bench) -> None:
    assert consumer.store_data(bytes.fromhex("BF2B04A0028200"))[1] == 0x6A80
