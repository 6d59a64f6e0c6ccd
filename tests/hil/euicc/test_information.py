"""What the card tells of itself (SGP.22 5.7.3 to 5.7.8, 5.7.20, 5.7.22, SGP.32 5.9)."""

from __future__ import annotations

from dataclasses import replace

from hil import codec, tlv
from hil.euicc.config import AuthorisationRule, NotificationEvent, OperatorId, PolicyRule
from tests.hil.euicc.bench import CI_PKID, ENABLE, ICCID1, SMDP, Bench, psmo


def test_euicc_info1_lists_the_issuer(bench: Bench) -> None:
    info = codec.decode("EUICCInfo1", bench.es10("BF2000"))
    assert info["euiccCiPKIdListForVerification"] == info["euiccCiPKIdListForSigning"] == [CI_PKID]


def test_euicc_info2_is_that_of_an_iot_euicc_in_the_order_of_its_tags(bench: Bench) -> None:
    answer = bench.es10("BF2200")
    tags = [part.tag for part in tlv.children(tlv.single(answer, 0xBF22).value)]
    order = [0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0xA9, 0xAA, 0x99, 0x04, 0x0C, 0x90, 0xB4]
    assert tags == order
    info = codec.decode("EUICCInfo2", answer)
    assert info["iotSpecificInfo"] == {
        "iotVersion": [bytes((1, 2, 0))],
        "ecallSupported": None,
        "fallbackSupported": None,
    }
    assert info["ipaMode"] == 0


def test_free_memory_grows_when_a_profile_is_deleted(bench: Bench) -> None:
    def free() -> tuple[int, int]:
        parts = {
            part.tag: part.value
            for part in tlv.children(codec.decode("EUICCInfo2", bench.es10("BF2200"))["extCardResource"])
        }
        return parts[0x81][0], int.from_bytes(parts[0x82], "big")

    before = free()
    bench.run(psmo(0xA5, ICCID1))
    assert free() == (before[0] - 1, before[1] + bench.state.config.capabilities.isdp_bytes)


def test_each_challenge_is_new_and_ends_the_session_before(bench: Bench) -> None:
    challenges = {bench.es10("BF2E00") for _ in range(3)}
    assert len(challenges) == 3
    assert all(len(answer) == 21 for answer in challenges)
    assert bench.card.engine.session.challenge is not None
    bench.power_up()
    assert bench.card.engine.session.challenge is None


def test_addresses_are_told_and_changed(bench: Bench) -> None:
    bench.es10("BF65068004612E6263")
    addresses = codec.decode("EuiccConfiguredAddressesResponse", bench.es10("BF3C00"))
    assert addresses == {"defaultDpAddress": "a.bc", "rootDsAddress": "testrootsmds.example.com"}
    bench.es10("BF3F028000")
    assert "defaultDpAddress" not in codec.decode("EuiccConfiguredAddressesResponse", bench.es10("BF3C00"))


def test_rules_authorisation_table(bench: Bench) -> None:
    assert bench.es10("BF4300") == bytes.fromhex("BF4302A000")
    rule = AuthorisationRule(
        PolicyRule.PPR1 | PolicyRule.PPR2, (OperatorId(b"\xee\xee\xee", gid1=b"", gid2=b""),), consent_required=False
    )
    bench.change(config=replace(bench.state.config, rules_authorisation_table=(rule,)))
    assert bench.es10("BF4300").hex().upper() == "BF4318A016301480020560A10B30098003EEEEEE81008200820100"
    rat = codec.decode("GetRatResponse", bench.es10("BF4300"))["rat"]
    assert rat[0]["allowedOperators"] == [{"mccMnc": b"\xee\xee\xee", "gid1": b"", "gid2": b""}]


def test_notifications_by_event_by_number_and_all(bench: Bench) -> None:
    bench.run(psmo(ENABLE, ICCID1))
    assert len(tlv.children(tlv.find(bench.es10("BF2800"), 0xBF28, 0xA0).value)) == 2
    only_enable = tlv.find(bench.es10("BF280481020640"), 0xBF28, 0xA0).value
    assert codec.decode("NotificationMetadata", only_enable)["notificationAddress"] == SMDP
    assert bench.es10("BF280481020780") == bytes.fromhex("BF2802A000")
    assert len(tlv.children(tlv.find(bench.es10("BF28048102" + "04F0"), 0xBF28, 0xA0).value)) == 2
    stored = [item.pending for item in bench.state.notifications]
    assert tlv.find(bench.es10("BF2B00"), 0xBF2B, 0xA0).value == b"".join(stored)
    assert tlv.find(bench.es10("BF2B05A003800102"), 0xBF2B, 0xA0).value == stored[0]
    assert tlv.find(bench.es10("BF2B06A00481020640"), 0xBF2B, 0xA0).value == stored[1]
    assert bench.state.notifications[1].event is NotificationEvent.ENABLE


def test_notifications_survive_the_process_and_removal_is_final(bench: Bench) -> None:
    bench.run(psmo(ENABLE, ICCID1))
    bench.reopen()
    assert bench.es10("BF3003800102") == bytes.fromhex("BF3003800100")
    bench.reopen()
    assert [item.sequence_number for item in bench.state.notifications] == [3]
