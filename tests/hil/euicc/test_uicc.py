"""Files, STATUS and VERIFY as a modem or a card reader uses them (TS 102 221 11.1, TS 31.102 4)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from hil import tlv
from hil.euicc import CardConfig, default_card
from hil.euicc.config import OperatorId
from tests.hil.euicc.bench import ENABLE, ICCID2, Bench, psmo, two_profiles

MakeBench = Callable[[CardConfig], Bench]
USIM = "A0000000871002FFFFFFFF8900000100"


@pytest.fixture
def card(make_bench: MakeBench) -> Bench:
    bench = make_bench(default_card())
    bench.card.reset()
    return bench


def test_modem_start_up_reads_iccid_and_imsi(card: Bench) -> None:
    assert card.send("00A40004023F0000").startswith("62")
    assert card.send("00A40004022FE200").startswith("62")
    assert card.send("00B000000A") == card.state.profiles[0].iccid.hex().upper() + "9000"
    assert card.send("00A40004022F0000").startswith("62")
    record = card.send("00B2010426")
    assert record.startswith(f"61184F10{USIM}50045553494D")
    assert record.endswith("9000")
    assert card.send("00B2020426") == "6A83"
    assert card.send(f"00A4040410{USIM}00").startswith("62")
    assert card.send("00A40004026F0700").startswith("62")
    assert card.send("00B0000009") == "0809101000000000109000"
    assert card.send("00A40004026FAD00").startswith("62")
    assert card.send("00B0000004") == "000000029000"


def test_nineteen_digit_iccid_is_padded(card: Bench) -> None:
    card.associate()
    card.power_up()
    plant = card.state.profiles[2]
    assert len(plant.digits) == 19
    card.run(psmo(ENABLE, plant.iccid))
    card.card.reset()
    card.send("00A40004022FE2")
    answer = card.send("00B000000A")
    assert answer[18] == "F"


def test_select_without_le_waits_for_get_response(card: Bench) -> None:
    assert card.send("00A40004023F00").startswith("61")
    assert card.send("00A4000C023F00") == "9000"
    assert card.send("00A4000C022FE2") == "9000"


def test_select_by_path_and_by_truncated_aid(card: Bench) -> None:
    assert card.send("00A4080C047FFF6F07") == "9000"
    assert card.send("00B0000009").endswith("9000")
    assert card.send("00A4080C022FE2") == "9000"
    assert card.send("00A4080C063F007FFF6FAD") == "9000"
    assert card.send("00A4040C07A0000000871002") == "9000"
    assert card.send("00A4090C026F07") == "9000"
    assert card.send("00A4080C047FFF9999") == "6A82"
    assert card.send("00A4080C032FE200") == "6700"
    assert card.send("00A4030C022FE2") == "6A86"
    assert card.send("00A4040C04A0000000") == "6A82"


def test_read_with_a_wrong_length_tells_the_right_one(card: Bench) -> None:
    card.send("00A4000C022FE2")
    assert card.send("00B0000000") == "6C0A"
    assert card.send("00B000000B") == "6C0A"
    assert card.send("00B0000802").endswith("9000")
    assert card.send("00B0000B01") == "6B00"
    assert card.send("00B2010426") == "6981"
    card.send("00A4000C022F00")
    assert card.send("00B0000026") == "6981"
    assert card.send("00B2010410") == "6C26"


def test_records_by_next_and_previous(card: Bench) -> None:
    card.send("00A4000C022F00")
    first = card.send("00B2000226")
    assert first.startswith("6118")
    assert card.send("00B2000226") == "6A83"
    assert card.send("00B2000326") == "6A83"
    assert card.send("00B2000426") == first
    assert card.send("00B2000126") == "6A86"


def test_read_by_short_file_identifier(card: Bench) -> None:
    card.send(f"00A4040C10{USIM}")
    assert card.send("00B0870009") == "0809101000000000109000"
    assert card.send("00B0800009") == "6A82"


def test_without_a_current_file_there_is_nothing_to_read(card: Bench) -> None:
    assert card.send("00B000000A") == "6986"


def test_forbidden_networks_can_be_cleared_and_stay_so(card: Bench) -> None:
    card.send("00A4080C047FFF6F7B")
    assert card.send("00D600000301F110") == "9000"
    assert card.send("00B0000004") == "01F110FF9000"
    assert card.send("00D6000B020000") == "6700"
    card.reopen()
    card.send("00A4080C047FFF6F7B")
    assert card.send("00B0000003") == "01F1109000"


def test_identity_cannot_be_written(card: Bench) -> None:
    card.send("00A4000C022FE2")
    assert card.send("00D600000100") == "6982"
    card.send("00A4000C022F00")
    assert card.send("00DC010426" + "FF" * 38) == "6982"
    assert card.send("00DC010401FF") == "6700"
    assert card.send("00DC050426" + "FF" * 38) == "6A83"


def test_group_identifiers_and_home_network_come_from_the_profile(make_bench: MakeBench) -> None:
    config = two_profiles()
    owner = OperatorId(bytes.fromhex("00F110"), gid1=b"\x12", gid2=b"\x34")
    config = replace(config, profiles=tuple(replace(spec, owner=owner) for spec in config.profiles))
    bench = make_bench(config)
    for file_id, content in (("6F3E", "12"), ("6F3F", "34"), ("6FD9", "00F110")):
        bench.send(f"00A4080C047FFF{file_id}")
        assert bench.send(f"00B00000{len(content) // 2:02X}") == content + "9000"


def test_status_tells_the_current_application(card: Bench) -> None:
    assert card.send("80F2000000").startswith("62")
    assert card.send("80F2000C00") == "9000"
    assert card.send("80F2000100") == "9000"
    card.send(f"00A4040C10{USIM}")
    assert card.send("80F2000100") == USIM + "9000"
    assert card.send("80F2030000") == "6A86"


def test_pin_is_disabled_and_has_three_tries(card: Bench) -> None:
    assert card.send("00200001") == "63C3"
    assert card.send("0020000108" + "31323334FFFFFFFF") == "6985"
    assert card.send("00200009") == "6A86"


def test_control_parameters_are_well_formed(card: Bench) -> None:
    for path in ("3F00", "2FE2", "2F00"):
        response = card.card.transmit(bytes.fromhex(f"00A4000402{path}00"))
        members = {part.tag: part.value for part in tlv.children(tlv.single(response[:-2], 0x62).value)}
        assert members[0x83] == bytes.fromhex(path)
        assert members[0x8A] == b"\x05"
    assert members[0x82] == bytes.fromhex("4221002601")


def test_card_without_enabled_profile_has_only_its_mf(make_bench: MakeBench) -> None:
    bench = make_bench(two_profiles(enabled=None))
    bench.card.reset()
    assert bench.send("00A4000C023F00") == "9000"
    assert bench.send("00A4000C022FE2") == "6A82"
    assert bench.send(f"00A4040C10{USIM}") == "6A82"
    assert bench.send("00A4080C027FFF") == "6A82"
    assert bench.card.visible_iccid is None


def test_files_of_a_deleted_profile_are_gone_at_once(card: Bench) -> None:
    card.send(f"00A4040C10{USIM}")
    card.change(profiles=card.state.profiles[1:])
    assert card.send("00A4000C026F07") == "6A82"


def test_files_follow_the_switch_after_reset(bench: Bench) -> None:
    bench.run(psmo(ENABLE, bench.state.profiles[0].iccid))
    bench.send("00A4000C022FE2")
    assert bench.send("00B000000A") == ICCID2.hex().upper() + "910B"
    bench.card.reset()
    bench.send("00A4000C022FE2")
    assert bench.send("00B000000A") == bench.state.profiles[0].iccid.hex().upper() + "9000"
