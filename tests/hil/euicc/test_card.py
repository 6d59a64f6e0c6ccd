"""The card at APDU level: status words, channels, chaining, GET RESPONSE and the two ways of asking for an answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from hil import tlv
from hil.euicc import CardConfig, EuiccError, EuiccKind, Keyring, VirtualEuicc, default_card
from hil.euicc.config import EuiccCapabilities
from tests.hil.euicc.bench import EID, ICCID1, Bench, two_profiles

MakeBench = Callable[[CardConfig], Bench]
ISDR = "A0000005591010FFFFFFFF8900000100"
ECASD = "A0000005591010FFFFFFFF8900000200"
IOT_FCI = f"6F258410{ISDR}A5049F6501FFE0058203020500E10480020640"
GET_EID = "BF3E035C015A"
EID_ANSWER = f"BF3E125A10{EID}"


def test_dialogue_of_a_modem_with_its_own_logical_channel(bench: Bench) -> None:
    bench.card.reset()
    assert bench.send("80AA000005A903830107") == "9000"
    assert bench.send("0070000001") == "019000"
    assert bench.send(f"01A4040010{ISDR}") == "6127"
    assert bench.send("01C0000027") == IOT_FCI + "9000"
    assert bench.send(f"81E2910006{GET_EID}") == "6115"
    assert bench.send("01C0000015") == EID_ANSWER + "9000"
    assert bench.send(f"81E2910006{GET_EID}") == "6115"
    assert bench.send("81C0000015") == EID_ANSWER + "9000"
    assert bench.send("0070800100") == "9000"
    assert bench.send(f"81E2910006{GET_EID}") == "6881"


def test_commands_with_le_get_their_answer_at_once(bench: Bench) -> None:
    assert bench.send(f"00A4040010{ISDR}00") == IOT_FCI + "9000"
    assert bench.send(f"80E2910006{GET_EID}00") == EID_ANSWER + "9000"
    assert bench.send(f"80E2910006{GET_EID}05") == EID_ANSWER[:10] + "6110"
    assert bench.send("00C0000010") == EID_ANSWER[10:] + "9000"


def test_consumer_fci_has_no_iot_template(make_bench: MakeBench) -> None:
    bench = make_bench(replace(two_profiles(), kind=EuiccKind.CONSUMER))
    assert bench.send(f"00A4040010{ISDR}") == "6121"
    assert bench.send("00C0000021") == f"6F1F8410{ISDR}A5049F6501FFE00582030205009000"


@pytest.mark.parametrize(("enabled", "template"), [(1, "E10480020640"), (None, "E103800100")])
def test_fci_tells_whether_a_profile_is_enabled(make_bench: MakeBench, enabled: int | None, template: str) -> None:
    bench = make_bench(two_profiles(enabled))
    assert bench.send(f"00A4040010{ISDR}00").endswith(template + "9000")


def test_select_returns_nothing_when_asked_for_nothing(bench: Bench) -> None:
    assert bench.send(f"00A4040C10{ISDR}") == "9000"
    assert bench.send(f"00A4040410{ISDR}00") == IOT_FCI + "9000"
    assert bench.send(f"00A4040810{ISDR}") == "6A86"


def test_unknown_application_is_not_found_and_keeps_the_selection(bench: Bench) -> None:
    assert bench.send("00A4040010A0000005591010FFFFFFFF8900009900") == "6A82"
    assert bench.send(f"80E2910006{GET_EID}00") == EID_ANSWER + "9000"


@pytest.mark.parametrize(
    ("apdu", "status"),
    [
        ("00", "6700"),
        ("00A404", "6700"),
        ("80E291000000", "6700"),
        ("80E29100000003BF3E00", "6700"),
        ("80E2910006BF3E03", "6700"),
        ("A0A40000023F00", "6E00"),
        ("FFCA000000", "6E00"),
        ("04A40000023F00", "6882"),
        ("84E2910003BF2000", "6882"),
        ("60A40000023F00", "6882"),
        ("00E2910003BF2000", "6E00"),
        ("80A40000023F00", "6E00"),
        ("00FF000000", "6D00"),
        ("80E2910003BF9F00", "6A80"),
        ("80E2910003BF7000", "6A88"),
        ("80E2910003BF3E00", "6A80"),
        ("80E2910006BF3E035C015B", "6A80"),
        ("80E2910004BF200000", "6A80"),
        ("80E2A10003BF2000", "6A86"),
        ("80E2910103BF2000", "6A86"),
        ("80E2910000", "6700"),
        ("00C0000000", "6985"),
        ("00C0010000", "6A86"),
        ("02A4040010A0000005591010FFFFFFFF8900000100", "6881"),
        ("C0E2910003BF2000", "6881"),
    ],
)
def test_wrong_commands_have_their_status_word(bench: Bench, apdu: str, status: str) -> None:
    assert bench.send(apdu) == status


@pytest.mark.parametrize("tag", ["BF31", "BF32", "BF33", "BF29", "BF34", "BF35"])
def test_an_iot_euicc_does_not_offer_local_profile_management(bench: Bench, tag: str) -> None:
    assert bench.send(f"80E2910003{tag}00") == "6A88"


@pytest.mark.parametrize(
    "tag",
    [f"BF{tag}" for tag in ["42", "51", "55", "56", "57", "58", "59", "5A", "5B", "5C", "5D", "5E", "5F", "64", "65"]],
)
def test_a_consumer_euicc_does_not_know_the_sgp32_functions(make_bench: MakeBench, tag: str) -> None:
    bench = make_bench(replace(two_profiles(), kind=EuiccKind.CONSUMER))
    assert bench.send(f"80E2910003{tag}00") == "6A88"


def test_channels_up_to_nineteen_are_assigned_in_order_and_run_out(bench: Bench) -> None:
    for number in range(1, 20):
        assert bench.send("0070000001") == f"{number:02X}9000"
    assert bench.send("0070000001") == "6A81"
    assert bench.send("0070800700") == "9000"
    assert bench.send("0070000000") == "079000"


def test_channel_numbers_four_and_more_use_the_further_class(bench: Bench) -> None:
    for _ in range(5):
        bench.send("0070000001")
    assert bench.send(f"41A4040010{ISDR}00") == IOT_FCI + "9000"
    assert bench.send(f"C1E2910006{GET_EID}") == "6115"
    assert bench.send("41C0000015") == EID_ANSWER + "9000"
    assert bench.send(f"C1E2910006{GET_EID}") == "6115"
    assert bench.send("C1C0000015") == EID_ANSWER + "9000"


def test_requested_channel_number_is_opened_once(bench: Bench) -> None:
    assert bench.send("0070000900") == "9000"
    assert bench.send("00700009") == "6A81"
    assert bench.send("00700014") == "6A86"
    assert bench.send("0070400000") == "6A86"
    assert bench.send("00700000") == "6C01"


def test_closing_channels(bench: Bench) -> None:
    assert bench.send("0070800100") == "6200"
    assert bench.send("0070800000") == "6A86"
    bench.send("0070000001")
    assert bench.send("01708000") == "9000"
    assert bench.send("01A40000023F00") == "6881"


def test_a_request_in_blocks_of_any_size_gives_the_same_answer(bench: Bench) -> None:
    request = bench.package("A600", counter=None)
    request_blocks = [
        bench.es10(bytes.fromhex("BF2D17A00C5A0A") + ICCID1 + bytes.fromhex("5C075A9F709F269F67"), size)
        for size in (1, 3, 8, 26)
    ]
    assert len(set(request_blocks)) == 1
    assert bench.es10(request, 7).startswith(b"\xbf\x51")


def test_chains_on_different_channels_do_not_mix(bench: Bench) -> None:
    bench.send("0070000001")
    bench.send(f"01A4040010{ISDR}00")
    assert bench.send("80E2110003BF3E03") == "9000"
    assert bench.send("81E2110004BF3E035C") == "9000"
    assert bench.send("80E29101035C015A00") == EID_ANSWER + "9000"
    assert bench.send("81E2910102015A00") == EID_ANSWER + "9000"


def test_block_zero_starts_a_new_chain(bench: Bench) -> None:
    assert bench.send("80E2110003BF5103") == "9000"
    assert bench.send(f"80E2910006{GET_EID}00") == EID_ANSWER + "9000"


def test_a_wrong_block_number_drops_the_chain(bench: Bench) -> None:
    assert bench.send("80E2110003BF3E03") == "9000"
    assert bench.send("80E29102035C015A") == "6A86"
    assert bench.send("80E29101035C015A") == "6A86"


def test_another_command_drops_the_chain(bench: Bench) -> None:
    assert bench.send("80E2110003BF3E03") == "9000"
    assert bench.send("80F2000C00") == "9000"
    assert bench.send("80E29101035C015A") == "6A86"


def test_another_command_drops_the_answer_that_waits(bench: Bench) -> None:
    assert bench.send(f"80E2910006{GET_EID}") == "6115"
    assert bench.send("80F2000C00") == "9000"
    assert bench.send("00C0000015") == "6985"


@pytest.mark.parametrize("size", [255, 256, 257, 511, 512, 513, 768, 1024])
def test_answers_of_every_size_are_fetched_in_pieces(bench: Bench, size: int) -> None:
    """The default SM-DP+ address pads the answer to exactly `size` bytes."""
    root = bench.state.root_smds_address
    fixed = len(tlv.build(0xBF3C, tlv.build(0x80, bytes(200)), tlv.build(0x81, root.encode()))) - 200
    for length in range(size - fixed - 6, size - fixed + 1):
        answer = tlv.build(0xBF3C, tlv.build(0x80, b"a" * length), tlv.build(0x81, root.encode()))
        if len(answer) == size:
            break
    else:
        pytest.fail("no address gives an answer of this size")
    bench.change(default_smdp_address="a" * length)
    status = bench.send("80E2910003BF3C00")
    assert status == f"61{size if size < 256 else 0:02X}"
    collected = b""
    while status.startswith("61"):
        response = bench.card.transmit(bytes.fromhex(f"00C00000{status[2:]}"))
        collected += response[:-2]
        status = response[-2:].hex().upper()
    assert status == "9000"
    assert collected == answer
    assert bench.es10("BF3C00") == answer


def test_with_le_a_long_answer_begins_at_once_and_goes_on(bench: Bench) -> None:
    bench.change(default_smdp_address="a" * 250)
    response = bench.card.transmit(bytes.fromhex("80E2910003BF3C0000"))
    assert len(response) == 258
    assert response[-2] == 0x61
    rest = bench.card.transmit(bytes((0x00, 0xC0, 0x00, 0x00, response[-1])))
    assert rest[-2:] == b"\x90\x00"
    assert response[:-2] + rest[:-2] == bench.es10("BF3C00")


def test_ecasd_gives_the_eid(bench: Bench) -> None:
    assert bench.send(f"00A4040010{ECASD}00") == f"6F188410{ECASD}A5049F6501FF9000"
    assert bench.send("00CA005A00") == f"5A10{EID}9000"
    assert bench.send("80CA005A") == "6112"
    assert bench.send("00CA005B00") == "6A88"
    assert bench.send("80E2910003BF3E00") == "6982"


def test_store_data_needs_the_isdr(bench: Bench) -> None:
    bench.card.reset()
    assert bench.send("80E2910003BF2000") == "6D00"


def test_gated_isdr_opens_after_terminal_capability(bench: Bench) -> None:
    bench.card.knobs.require_terminal_capability = True
    bench.card.reset()
    assert bench.send(f"00A4040010{ISDR}00") == "6A82"
    assert bench.send("80AA00000DA90B8100820101830100840101") == "9000"
    assert bench.send(f"00A4040010{ISDR}00") == "6A82"
    assert bench.send("80AA000005A903830107") == "9000"
    assert bench.send(f"00A4040010{ISDR}00") == IOT_FCI + "9000"
    assert bench.send("80AA000003830107") == "6A80"


def test_active_ipae_refuses_the_ipad_until_terminal_capability_after_reset(make_bench: MakeBench) -> None:
    bench = make_bench(replace(two_profiles(), capabilities=EuiccCapabilities(ipae_supported=True)))
    assert bench.es10("BF420480020780") == bytes.fromhex("BF4203800100")
    assert bench.send("80E2910003BF2000") == "6982"
    bench.power_up()
    assert bench.send("80E2910003BF2000") == "6982"
    bench.send("80AA000005A903830107")
    assert bench.es10("BF2000").startswith(b"\xbf\x20")


def test_faults_on_demand_hit_one_function(bench: Bench) -> None:
    bench.card.knobs.next_status = 0x6F00
    assert bench.send("80E2910003BF2000") == "6F00"
    bench.card.knobs.malformed_answer = True
    assert bench.send(f"80E2910006{GET_EID}00") == EID_ANSWER[:-2] + "9000"
    assert bench.send(f"80E2910006{GET_EID}00") == EID_ANSWER + "9000"


def test_without_power_nothing_is_answered(bench: Bench) -> None:
    bench.card.power_off()
    with pytest.raises(EuiccError, match="no power"):
        bench.card.transmit(bytes.fromhex("0070000001"))
    assert bench.card.reset() == bench.card.atr


def test_reset_closes_channels(bench: Bench) -> None:
    bench.send("0070000001")
    bench.card.reset()
    assert bench.send("01A40000023F00") == "6881"


def test_card_of_another_pki_is_refused(bench: Bench, keyring: Keyring) -> None:
    with pytest.raises(EuiccError, match="EID"):
        VirtualEuicc.open(bench.folder, replace(keyring, eid="89049032123451234512345678901235"))


def test_default_card_has_profiles_of_three_networks(make_bench: MakeBench) -> None:
    bench = make_bench(default_card())
    assert [profile.enabled for profile in bench.card.profiles] == [True, False, False, False]
    assert sum(len(profile.iccid) == 19 for profile in bench.card.profiles) == 1
    assert {profile.plmn for profile in bench.card.profiles} == {"001-01", "001-02", "999-70"}
