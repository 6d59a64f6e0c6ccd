"""What eUICC Packages do to the card, beyond their result codes (SGP.32 3.3.1, 3.4, 3.5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from hil import codec, crypto, tlv
from hil.euicc import CardConfig, Keyring, SigningKey
from hil.euicc.config import ALL_EVENTS, NotificationEvent, NotificationTarget, PolicyRule
from hil.euicc.state import Emergency
from hil.pki import Pki
from hil.pki import certificates as shape
from tests.hil.euicc.bench import (
    CI_PKID,
    DELETE,
    DISABLE,
    EIM_ID,
    EIM_KEY,
    ENABLE,
    EUICC_KEY,
    ICCID1,
    ICCID2,
    LIST,
    OTHER_EID,
    OTHER_KEY,
    SET_FALLBACK,
    SMDP,
    TRANSACTION_ID,
    UNKNOWN_ICCID,
    UNSET_FALLBACK,
    Bench,
    eim_record,
    key_data,
    psmo,
    sign_package,
    two_profiles,
    verify_result,
)
from tests.vectors.sgp32 import MESSAGES

MakeBench = Callable[[CardConfig], Bench]
ROLLBACK = "BF58038001FF"
PACKAGE_RESULTS = "BF2B04A0028200"


def numbers(bench: Bench) -> list[int]:
    return [item.sequence_number for item in bench.state.results]


def states(bench: Bench) -> dict[bytes, bool]:
    return {profile.iccid: profile.enabled for profile in bench.state.profiles}


def test_accepted_package_is_a_replay_the_second_time(bench: Bench) -> None:
    bench.associate(eim_record(5))
    bench.es10(MESSAGES["EP1"])
    assert bench.refused(MESSAGES["EP1"]) == ("euiccPackageErrorSigned", 4)


@pytest.mark.parametrize("position", [8, 40, 70, 90, 100])
def test_a_flipped_bit_is_an_unsigned_error_with_the_token(bench: Bench, position: int) -> None:
    bench.associate(eim_record(5))
    damaged = bytearray(MESSAGES["EP1"])
    damaged[-position] ^= 0x01
    before = bench.state
    assert bench.refused(bytes(damaged)) == ("euiccPackageErrorUnsigned", 1)
    assert bench.state == before


def test_package_for_another_card_does_not_use_up_the_counter(bench: Bench) -> None:
    bench.associate(eim_record(5))
    assert bench.refused(bench.package(psmo(ENABLE, ICCID1), counter=6, eid=OTHER_EID))[1] == 3
    assert codec.decode("EuiccPackageResult", bench.es10(MESSAGES["EP1"]))[0] == "euiccPackageResultSigned"


def test_highest_counter_is_accepted_and_ends_the_association(bench: Bench) -> None:
    bench.es10(MESSAGES["EP15"])
    assert bench.refused(bench.package(LIST, counter=0x800000))[1] == 6
    assert bench.refused(bench.package(LIST, counter=-1))[1] == 4


def test_new_eim_signs_with_the_token_that_the_card_made(bench: Bench) -> None:
    bench.associate(eim_record(14))
    bench.es10(MESSAGES["EP10"])
    options = {"eim_id": "eim2.example.com", "counter": 2}
    assert bench.refused(bench.package(LIST, token=None, **options)) == ("euiccPackageErrorUnsigned", 2)
    bench.run(LIST, token=2, **options)


def test_unknown_eim_and_lost_token_are_told_apart(bench: Bench) -> None:
    assert bench.refused(bench.package(LIST, eim_id="unknown.example.com")) == ("euiccPackageErrorUnsigned", None)
    assert bench.refused(bench.package(LIST, token=None)) == ("euiccPackageErrorUnsigned", 1)


def test_last_eim_may_delete_itself_and_its_result_is_still_signed_for_it(bench: Bench) -> None:
    own = tlv.build(0xA9, tlv.build(0x80, EIM_ID.encode()))
    assert bench.run(own, eco=True) == [("deleteEimResult", 2)]
    assert bench.state.eims == ()
    assert bench.es10(MESSAGES["EA1"]) == bytes.fromhex("BF5705A003840102"), "the token generator goes on"


@pytest.mark.parametrize(
    "request_bytes", ["BF5100", "BF51023000", "BF5106300480006F00", "BF510430025F37", "BF51083006800181810101"]
)
def test_package_without_readable_parts_is_6a80(bench: Bench, request_bytes: str) -> None:
    assert bench.store_data(bytes.fromhex(request_bytes))[1] == 0x6A80


def test_well_signed_package_without_counter_is_an_unsigned_error(bench: Bench) -> None:
    signed = tlv.build(0x30, tlv.build(0x80, EIM_ID.encode()), tlv.build(0x5A, bytes(16)), tlv.build(0xA0))
    assert bench.refused(sign_package(signed)) == ("euiccPackageErrorUnsigned", 1)


def test_empty_list_is_accepted(bench: Bench) -> None:
    assert bench.run() == []


def test_package_of_neither_list_is_a_damaged_command(bench: Bench) -> None:
    signed = tlv.build(
        0x30,
        tlv.build(0x80, EIM_ID.encode()),
        tlv.build(0x5A, bytes.fromhex(bench.card.eid)),
        tlv.build(0x81, b"\x01"),
        tlv.build(0x82, TRANSACTION_ID),
    )
    _kind, value = codec.decode("EuiccPackageResult", bench.es10(sign_package(signed)))
    assert value["euiccPackageResultDataSigned"]["euiccResult"] == [("processingTerminated", 2)]


@pytest.mark.parametrize("curve", [crypto.P256, crypto.BRAINPOOL])
def test_key_of_the_eim_may_be_in_a_certificate_and_on_either_curve(bench: Bench, curve: crypto.Curve) -> None:
    key = crypto.generate_key(curve)
    subject = shape.name(EIM_ID)
    certificate = shape.issue(subject, key.public_key(), shape.Issuer(subject, key), shape.signing_extensions())
    data = tlv.build(0xA5, tlv.build(0xA1, tlv.single(certificate).value))
    bench.associate(replace(eim_record(), public_key_data=data))
    bench.run(LIST, key=key)


@pytest.mark.parametrize("wrap", [lambda spki: tlv.build(0xA0, spki), lambda spki: spki], ids=["explicit", "bare"])
def test_other_peoples_ways_to_write_the_key_are_read(bench: Bench, wrap: Callable[[bytes], bytes]) -> None:
    bench.associate(replace(eim_record(), public_key_data=tlv.build(0xA5, wrap(crypto.spki(EIM_KEY)))))
    bench.run(LIST)


def test_der_signature_is_read(bench: Bench) -> None:
    request = bench.package(LIST)
    signed = tlv.find(request, 0xBF51, 0x30).raw
    der = EIM_KEY.sign(signed + bytes.fromhex("840101"), ec.ECDSA(hashes.SHA256()))
    kind, _value = codec.decode("EuiccPackageResult", bench.es10(tlv.build(0xBF51, signed, tlv.build(0x5F37, der))))
    assert kind == "euiccPackageResultSigned"


def test_result_is_signed_with_the_key_of_the_issuer_that_the_eim_named(
    make_bench: MakeBench, keyring: Keyring, pki: Pki
) -> None:
    second = SigningKey(bytes(range(20)), OTHER_KEY, pki.euicc.certificate, pki.eum.certificate)
    bench = make_bench(two_profiles())
    bench.keyring = replace(keyring, keys=(*keyring.keys, second))
    bench.reopen()
    bench.associate(replace(eim_record(), ci_pkid=second.ci_pkid))
    answer = bench.es10(bench.package(LIST))
    data, signature = tlv.children(tlv.find(answer, 0xBF51, 0xA0).value)
    assert crypto.verify(OTHER_KEY.public_key(), signature.value, data.raw + bytes.fromhex("840101"))
    info = codec.decode("EUICCInfo1", bench.es10("BF2000"))
    assert info["euiccCiPKIdListForSigning"] == [CI_PKID, second.ci_pkid]


def test_first_failure_ends_the_list_and_earlier_commands_stay(bench: Bench) -> None:
    commands = (psmo(DELETE, ICCID1), psmo(DISABLE, UNKNOWN_ICCID), psmo(DISABLE, ICCID2))
    assert bench.run(*commands) == [("deleteResult", 0), ("disableResult", 1)]
    assert states(bench) == {ICCID2: True}


def test_unknown_command_ends_the_list(bench: Bench) -> None:
    assert bench.run(psmo(DELETE, ICCID1), "BF6F00", LIST) == [("deleteResult", 0), ("processingTerminated", 2)]


def test_list_error_ends_the_list_unless_the_card_is_told_otherwise(bench: Bench) -> None:
    bad = "BF2D04A0025A00"
    assert len(bench.run(bad, "A600")) == 1
    bench.card.knobs.list_error_continues = True
    assert len(bench.run(bad, "A600")) == 2


def test_list_without_tags_has_the_tags_of_sgp32(bench: Bench) -> None:
    bench.change_profile(ICCID1, nickname="mine", icon_type=1, icon=b"icon")
    [(_member, (_kind, profiles))] = bench.run(LIST)  # type: ignore[misc]
    assert "profileNickname" not in profiles[0]
    assert "icon" not in profiles[0]


def test_swap_back_in_one_package(bench: Bench) -> None:
    assert bench.run(psmo(DISABLE, ICCID2), psmo(ENABLE, ICCID1)) == [("disableResult", 0), ("enableResult", 0)]
    assert states(bench) == {ICCID1: True, ICCID2: False}
    assert [int(item.event) for item in bench.state.notifications] == [0x20, 0x40]


def test_swap_with_delete_happens_together(bench: Bench) -> None:
    results = bench.run(psmo(DISABLE, ICCID2), psmo(DELETE, ICCID2), psmo(ENABLE, ICCID1))
    assert [code for _member, code in results] == [0, 0, 0]
    assert states(bench) == {ICCID1: True}
    assert [int(item.event) for item in bench.state.notifications] == [0x20, 0x40, 0x10]
    assert bench.state.fallback_profile is None


@pytest.mark.parametrize(
    ("commands", "codes"),
    [
        ((psmo(ENABLE, ICCID1), psmo(DISABLE, ICCID2)), [0, 127]),
        ((psmo(DISABLE, ICCID2), psmo(DISABLE, ICCID1)), [0, 127]),
        ((psmo(DISABLE, ICCID2), psmo(ENABLE, ICCID2)), [0, 0]),
        ((psmo(DISABLE, ICCID2), psmo(DELETE, ICCID2), psmo(ENABLE, ICCID2)), [0, 0, 1]),
        ((psmo(DISABLE, ICCID2), psmo(ENABLE, ICCID1, rollback=True)), [0, 0]),
        ((psmo(DISABLE, ICCID2), psmo(DELETE, ICCID2), psmo(ENABLE, ICCID1, rollback=True)), [0, 0, 20]),
        ((psmo(DISABLE, ICCID2), psmo(UNSET_FALLBACK)), [0, 0]),
        ((psmo(ENABLE, ICCID1), psmo(SET_FALLBACK, ICCID1)), [0, 0]),
    ],
)
def test_later_commands_see_what_earlier_ones_marked(
    bench: Bench, commands: tuple[bytes, ...], codes: list[int]
) -> None:
    assert [code for _member, code in bench.run(*commands)] == codes


def test_notifications_follow_the_result_and_the_configuration(bench: Bench) -> None:
    only_enable = NotificationTarget(NotificationEvent.ENABLE, "a.example.com")
    bench.change_profile(ICCID1, notifications=(only_enable, NotificationTarget(ALL_EVENTS, SMDP)))
    bench.change_profile(ICCID2, notifications=())
    bench.run(psmo(ENABLE, ICCID1))
    assert numbers(bench) == [1]
    made = [codec.decode("NotificationMetadata", item.metadata) for item in bench.state.notifications]
    assert [(item["seqNumber"], item["notificationAddress"]) for item in made] == [(2, "a.example.com"), (3, SMDP)]
    pending = codec.decode("PendingNotification", bench.state.notifications[0].pending)[1]
    assert pending["euiccCertificate"] == bench.card.certificate
    assert crypto.verify(
        EUICC_KEY.public_key(), pending["euiccNotificationSignature"], bench.state.notifications[0].metadata
    )


def test_results_are_kept_until_removed_and_the_oldest_goes_first(bench: Bench) -> None:
    bench.card.knobs.result_capacity = 3
    for _ in range(5):
        bench.run(LIST)
    assert numbers(bench) == [3, 4, 5]
    stored = tlv.find(bench.es10(PACKAGE_RESULTS), 0xBF2B, 0xA2)
    assert [item.tag for item in tlv.children(stored.value)] == [0xBF51] * 3
    assert bench.es10("BF3003800104") == bytes.fromhex("BF3003800100")
    assert bench.es10("BF3003800104") == bytes.fromhex("BF3003800101")
    assert numbers(bench) == [3, 5]
    bench.run(LIST)
    assert numbers(bench) == [3, 5, 6]


def test_results_survive_reset_and_memory_reset(bench: Bench) -> None:
    bench.run(LIST)
    stored = bench.es10(PACKAGE_RESULTS)
    bench.es10("BF6404820201FE")
    bench.reopen()
    assert bench.es10(PACKAGE_RESULTS) == stored


def test_emergency_refuses_and_does_not_use_up_the_counter(bench: Bench) -> None:
    bench.associate(eim_record(5))
    bench.change(emergency=Emergency(ICCID1, ICCID2))
    bench.reopen()
    assert bench.refused(MESSAGES["EP1"])[1] == 104
    assert bench.es10("BF5C038001FF") == MESSAGES["EM4"]
    assert codec.decode("EuiccPackageResult", bench.es10(MESSAGES["EP1"]))[0] == "euiccPackageResultSigned"


def test_rollback_survives_reset_and_works_once(bench: Bench) -> None:
    bench.run(psmo(ENABLE, ICCID1, rollback=True))
    bench.reopen()
    answer = codec.decode("ProfileRollbackResponse", bench.es10(ROLLBACK))
    assert answer["cmdResult"] == 0
    assert states(bench) == {ICCID1: False, ICCID2: True}
    assert numbers(bench) == [4]
    verify_result(bench.state.results[0].result)
    assert bench.es10(ROLLBACK) == MESSAGES["ER13"]


@pytest.mark.parametrize(
    "withdraw",
    [
        lambda bench: bench.run(LIST),
        lambda bench: (bench.change(fallback_return=ICCID2), bench.es10("BF5D038001FF")),
    ],
    ids=["package", "fallback"],
)
def test_rollback_permission_is_withdrawn(bench: Bench, withdraw: Callable[[Bench], object]) -> None:
    bench.run(psmo(ENABLE, ICCID1, rollback=True))
    bench.power_up()
    withdraw(bench)
    bench.power_up()
    assert bench.es10(ROLLBACK) == MESSAGES["ER13"]


def test_delivered_notifications_of_the_switch_do_not_come_back_with_rollback(bench: Bench) -> None:
    bench.run(psmo(ENABLE, ICCID1, rollback=True))
    bench.es10("BF3003800102")
    bench.es10(ROLLBACK)
    assert bench.state.notifications == ()


def test_fallback_story(bench: Bench) -> None:
    """Set, execute, refuse what would break the way back, return."""
    bench.change_profile(ICCID2, fallback_attribute=False)
    bench.change_profile(ICCID1, fallback_allowed=None)
    assert bench.run(psmo(SET_FALLBACK, ICCID1)) == [("setFallbackAttributeResult", 2)]
    bench.change_profile(ICCID1, fallback_allowed=True)
    assert bench.run(psmo(SET_FALLBACK, ICCID1)) == [("setFallbackAttributeResult", 0)]
    assert bench.run(psmo(SET_FALLBACK, ICCID1)) == [("setFallbackAttributeResult", 0)]
    assert bench.es10("BF5D038001FF") == bytes.fromhex("BF5D03800100")
    bench.reopen()
    assert bench.es10("BF5D038001FF") == bytes.fromhex("BF5D03800102")
    assert bench.run(psmo(SET_FALLBACK, ICCID2)) == [("setFallbackAttributeResult", 3)]
    assert bench.run(psmo(UNSET_FALLBACK)) == [("unsetFallbackAttributeResult", 3)]
    assert bench.run(psmo(DELETE, ICCID2)) == [("deleteResult", 21)]
    assert bench.es10("BF5E038001FF") == bytes.fromhex("BF5E03800100")
    bench.power_up()
    assert bench.es10("BF5E038001FF") == bytes.fromhex("BF5E03800106")
    assert states(bench) == {ICCID1: False, ICCID2: True}
    assert [int(item.event) for item in bench.state.notifications] == [0x20, 0x40, 0x20, 0x40]


def test_enable_ends_fallback(bench: Bench) -> None:
    bench.change(profiles=bench.state.enabled_only(ICCID1).profiles)
    bench.es10("BF5D038001FF")
    bench.power_up()
    bench.run(psmo(ENABLE, ICCID1))
    bench.power_up()
    assert bench.es10("BF5E038001FF") == MESSAGES["EF2"].replace(b"\xbf\x5d", b"\xbf\x5e")


def test_update_of_the_own_counter_gives_way_to_that_of_the_package(bench: Bench) -> None:
    update = tlv.build(0xAA, tlv.build(0x80, EIM_ID.encode()), tlv.build(0x83, b"\x64"), key_data(OTHER_KEY))
    assert bench.run(update, eco=True, counter=7) == [("updateEimResult", 0)]
    record = bench.state.eim(EIM_ID)
    assert record is not None
    assert record.counter_value == 7
    assert record.association_token == 1
    bench.run(LIST, key=OTHER_KEY, counter=8)


def test_delete_of_a_protected_profile_and_disable_of_a_protected_one(bench: Bench) -> None:
    bench.change_profile(ICCID1, policy_rules=PolicyRule.PPR1 | PolicyRule.PPR2)
    assert bench.run(psmo(DELETE, ICCID1)) == [("deleteResult", 3)]
    bench.run(psmo(ENABLE, ICCID1))
    bench.power_up()
    assert bench.run(psmo(DISABLE, ICCID1)) == [("disableResult", 3)]


def test_list_on_a_card_without_profiles_gives_the_published_result(make_bench: MakeBench) -> None:
    bench = make_bench(replace(two_profiles(), profiles=(), first_sequence_number=0x14))
    bench.associate()
    request = tlv.find(MESSAGES["TQ1"], 0xBF4E, 0xBF51).raw
    assert bench.es10(request) == tlv.find(MESSAGES["TS1"], 0xBF4E, 0xBF51).raw


def test_sequence_numbers_above_127_stay_positive(bench: Bench) -> None:
    bench.change(next_sequence_number=128)
    bench.run(LIST)
    assert bench.es10("BF2B06A00480020080").startswith(bytes.fromhex("BF2B"))
    assert tlv.find(bench.es10("BF2B06A00480020080"), 0xBF2B, 0xA2, 0xBF51).raw == bench.state.results[0].result


def test_enable_with_rollback_and_nothing_to_roll_back_to_changes_no_profile(make_bench: MakeBench) -> None:
    bench = make_bench(two_profiles(enabled=None))
    bench.associate()
    assert bench.run(psmo(ENABLE, ICCID1, rollback=True)) == [("enableResult", 20)]
    assert states(bench) == {ICCID1: False, ICCID2: False}
    assert bench.state.rollback is None
    assert bench.state.pending_switch is None


def test_removing_an_unknown_number_changes_nothing(bench: Bench) -> None:
    bench.run(psmo(ENABLE, ICCID1))
    before = bench.state
    assert bench.es10("BF3003800163") == bytes.fromhex("BF3003800101")
    assert bench.state == before
