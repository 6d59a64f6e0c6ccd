"""ES10 functions put together from APDUs."""

from __future__ import annotations

from hil import tlv
from hil.suite.es10 import calls, removed
from hil.suite.record import EventRecord


def exchanges(*pairs: tuple[str, str]) -> list[EventRecord]:
    """APDU events of commands and their answers in hexadecimal, with other interfaces between them."""
    events: list[EventRecord] = []
    for command, answer in pairs:
        events.append(EventRecord(float(len(events)), "APDU", ">", "", data=command))
        events.append(EventRecord(float(len(events)), "AT", "<", "OK"))
        events.append(EventRecord(float(len(events)), "APDU", "<", "", data=answer))
    return events


def test_single_block_with_its_answer_is_one_call() -> None:
    (call,) = calls(exchanges(("81E2910003BF2E00", "BF2E0380010A9000")))
    assert (call.tag, call.request.hex(), call.answer.hex()) == (0xBF2E, "bf2e00", "bf2e0380010a")
    assert (call.status, call.blocks, call.complete) == (0x9000, ((0x91, 0),), True)


def test_blocks_are_joined_and_the_answer_is_fetched() -> None:
    request = tlv.build(0xBF51, bytes(6)).hex()
    (call,) = calls(
        exchanges(
            (f"81E2110004{request[:8]}", "9000"),
            (f"81E2910105{request[8:]}", "6104"),
            ("81C0000004", "BF516102"),
            ("81C0000002", "01009000"),
        )
    )
    assert call.request.hex() == request
    assert call.answer.hex() == "bf510100"
    assert call.blocks == ((0x11, 0), (0x91, 1))


def test_answer_in_two_parts_is_joined_in_order() -> None:
    (call,) = calls(exchanges(("81E2910003BF2D00", "6100"), ("01C0000000", "AAAA6101"), ("01C0000001", "BB9000")))
    assert call.answer.hex() == "aaaabb"


def test_block_zero_drops_a_chain_that_was_left_off() -> None:
    (call,) = calls(exchanges(("81E2110002BF51", "9000"), ("81E2910003BF2000", "9000")))
    assert call.tag == 0xBF20


def test_channels_are_apart() -> None:
    events = exchanges(("81E2110001BF", "9000"), ("82E2910003BF2000", "9000"), ("81E29101022E00", "9000"))
    assert [call.tag for call in calls(events)] == [0xBF20, 0xBF2E]


def test_other_commands_are_no_calls() -> None:
    assert calls(exchanges(("0070000001", "019000"), ("00A4040010A000", "6A82"), ("00", "6700"))) == []


def test_refused_call_has_its_status() -> None:
    (call,) = calls(exchanges(("81E2910003BF5500", "6A88")))
    assert (call.status, call.answer) == (0x6A88, b"")


def test_one_tag_can_be_chosen() -> None:
    events = exchanges(("81E2910003BF2000", "9000"), ("81E2910003BF2200", "9000"))
    assert [call.tag for call in calls(events, 0xBF22)] == [0xBF22]


def test_segment_that_is_no_whole_object_is_incomplete() -> None:
    (call,) = calls(exchanges(("81E2910003BF3610", "9000")))
    assert not call.complete


def test_removed_numbers_are_read_as_integers() -> None:
    assert removed(exchanges(("81E2910006BF3003800107", "9000"), ("81E2910007BF300480020080", "9000"))) == [7, 128]
