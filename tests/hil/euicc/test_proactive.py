"""REFRESH after a switch: announced, fetched, carried out (TS 102 223 6.4.7, SGP.22 5.7.16)."""

from __future__ import annotations

import pytest

from hil.euicc.errors import StatusError
from hil.euicc.proactive import ProactiveSession
from tests.hil.euicc.bench import ENABLE, ICCID1, Bench, psmo

UICC_RESET = "D009810301010482028182"
PROFILE_STATE_CHANGE = "D009810301010982028182"
KNOWS_PROFILE_STATE_CHANGE = "80100000" + "22" + "00" * 33 + "20"
RESPONSE_OK = "801400000C810301010982028281830100"
RESPONSE_UNABLE = "801400000C810301010982028281830120"


def switch(bench: Bench) -> None:
    answer, word = bench.store_data(bench.package(psmo(ENABLE, ICCID1)))
    assert answer.startswith(b"\xbf\x51")
    assert word == 0x910B


def test_refresh_as_uicc_reset(bench: Bench) -> None:
    before = bench.card.visible_iccid
    switch(bench)
    assert bench.send("80F2000C00") == "910B"
    assert bench.send("0070000001") == "01910B"
    assert bench.send("801200000A") == "6C0B"
    assert bench.send("801200000B") == UICC_RESET + "9000"
    assert bench.send("80F2000C00") == "9000"
    assert bench.es10("BF2D00") == bytes.fromhex("BF2D0381010B")
    assert bench.card.visible_iccid == before
    bench.power_up()
    assert bench.card.visible_iccid == "89490200000000000110"
    assert bench.es10("BF2D00")[:4] != bytes.fromhex("BF2D0381")


def test_refresh_as_profile_state_change_needs_no_reset(bench: Bench) -> None:
    assert bench.send(KNOWS_PROFILE_STATE_CHANGE) == "9000"
    bench.send("0070000001")
    switch(bench)
    assert bench.send("801200000B") == PROFILE_STATE_CHANGE + "9000"
    assert bench.send(RESPONSE_OK) == "9000"
    assert bench.card.visible_iccid == "89490200000000000110"
    assert bench.send("01A40000023F00") == "6881"


def test_terminal_that_is_unable_for_the_moment_is_asked_again(bench: Bench) -> None:
    bench.send(KNOWS_PROFILE_STATE_CHANGE)
    switch(bench)
    bench.send("801200000B")
    assert bench.send(RESPONSE_UNABLE) == "910B"
    assert bench.send("801200000B") == PROFILE_STATE_CHANGE + "9000"


def test_fetch_and_terminal_response_out_of_place(bench: Bench) -> None:
    assert bench.send("801200000B") == "6985"
    assert bench.send(RESPONSE_OK) == "6985"
    bench.send("0070000001")
    assert bench.send("811200000B") == "6881"


def test_other_functions_work_while_refresh_waits(bench: Bench) -> None:
    switch(bench)
    assert bench.es10("BF2B04A0028200").startswith(b"\xbf\x2b")
    assert bench.run(bytes.fromhex("BF2D00")) == [("listProfileInfoResult", ("profileInfoListError", 11))]


def test_switch_without_refresh_flag_shows_after_reset(bench: Bench) -> None:
    bench.change(profiles=bench.state.enabled_only(ICCID1).profiles)
    bench.power_up()
    answer, word = bench.store_data(bytes.fromhex("BF5D03800100"))
    assert (answer.hex(), word) == ("bf5d03800100", 0x9000)
    assert bench.card.visible_iccid == "89490200000000000110"
    bench.power_up()
    assert bench.card.visible_iccid == "89490200000000002227"


@pytest.mark.parametrize("data", ["", "81030101", "810301010902028281", "830100"])
def test_terminal_response_without_its_objects_is_6a80(data: str) -> None:
    session = ProactiveSession()
    session.queue_refresh()
    session.fetch(11)
    with pytest.raises(StatusError) as caught:
        session.terminal_response(bytes.fromhex(data))
    assert caught.value.status == 0x6A80
