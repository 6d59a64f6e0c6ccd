"""`ipad profile` on both kinds of eUICC."""

import json

import pytest

from hil.euicc import VirtualEuicc
from ipad.cli.main import run
from tests.ipad.cli.conftest import CARD
from tests.ipad.daemon.fakes import SwiftClock

ONE = "89490000000000000015"
TWO = "89490000000000000023"
ABSENT = "89490000000000000999"


def states(card: VirtualEuicc) -> dict[str, str]:
    return {profile.iccid: ("enabled" if profile.enabled else "disabled") for profile in card.profiles}


def test_list_as_table(iot_card: VirtualEuicc, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["profile", "list", *CARD]) == 0
    header, first, *rest = capsys.readouterr().out.splitlines()
    assert header.split() == ["ICCID", "STATE", "CLASS", "PROVIDER", "NAME", "NICKNAME"]
    assert first.split("  ")[:2] == [ONE, "enabled"]
    assert len(rest) == len(iot_card.profiles) - 1


def test_list_as_json(iot_card: VirtualEuicc, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["profile", "list", "--json", *CARD]) == 0
    profiles = json.loads(capsys.readouterr().out)["profiles"]
    assert {profile["iccid"] for profile in profiles} == set(states(iot_card))
    first = profiles[0]
    assert (first["state"], first["class"], first["provider"]) == ("enabled", "operational", "Testnet One")
    assert first["fallback"] is True


@pytest.mark.usefixtures("iot_card")
def test_info_of_one_profile(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["profile", "info", TWO, "--json", *CARD]) == 0
    assert json.loads(capsys.readouterr().out)["profile"]["name"] == "Two IoT"
    assert run(["profile", "info", ABSENT, *CARD]) == 10
    assert run(["profile", "info", "12", *CARD]) == 2


@pytest.mark.parametrize(
    "verb", [["enable", TWO], ["disable", ONE], ["delete", TWO, "--yes"], ["nickname", TWO, "office"]]
)
def test_iot_euicc_is_managed_by_its_eim_only(
    verb: list[str], iot_card: VirtualEuicc, capsys: pytest.CaptureFixture[str]
) -> None:
    before = states(iot_card)
    assert run(["profile", *verb, *CARD]) == 4
    message, hint = capsys.readouterr().err.splitlines()
    assert message.startswith(f"ipad: profile {verb[0]}: this is an IoT eUICC")
    assert "eim poll" in hint
    assert states(iot_card) == before


def test_enable_and_disable_on_a_consumer_euicc(
    consumer_card: VirtualEuicc, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["profile", "enable", TWO, *CARD, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"ok": True, "schema": 1, "iccid": TWO, "changed": True}
    assert (states(consumer_card)[ONE], states(consumer_card)[TWO]) == ("disabled", "enabled")
    assert run(["profile", "enable", TWO, *CARD, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["changed"] is False
    assert run(["profile", "disable", TWO, *CARD]) == 0
    assert states(consumer_card)[TWO] == "disabled"
    assert run(["profile", "disable", TWO, *CARD]) == 0


def test_nickname(consumer_card: VirtualEuicc, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["profile", "nickname", TWO, "Büro", *CARD]) == 0
    assert run(["profile", "info", TWO, *CARD, "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["profile"]["nickname"] == "Büro"
    assert run(["profile", "nickname", TWO, "é" * 33, *CARD]) == 2
    assert run(["profile", "nickname", TWO, "a\nb", *CARD]) == 2


def test_delete_needs_a_yes(consumer_card: VirtualEuicc, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["profile", "delete", TWO, *CARD]) == 2
    assert capsys.readouterr().err.splitlines()[1] == "hint: add --yes"
    assert TWO in states(consumer_card)
    assert run(["profile", "delete", TWO, "--yes", *CARD]) == 0
    assert TWO not in states(consumer_card)


@pytest.mark.parametrize("verb", [["enable"], ["disable"], ["delete", "--yes"]])
@pytest.mark.usefixtures("consumer_card")
def test_profile_that_is_not_there(verb: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["profile", verb[0], ABSENT, *verb[1:], *CARD]) == 10
    assert f"there is no profile {ABSENT}" in capsys.readouterr().err


def test_delete_of_the_enabled_profile_is_refused_by_the_euicc(
    consumer_card: VirtualEuicc, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["profile", "delete", ONE, "--yes", "--json", *CARD]) == 4
    error = json.loads(capsys.readouterr().out)["error"]
    assert (error["class"], error["name"]) == ("euicc-result", "profileNotInDisabledState")
    assert ONE in states(consumer_card)


def test_busy_euicc_is_asked_again_three_times(
    consumer_card: VirtualEuicc, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SwiftClock()
    monkeypatch.setattr("ipad.cli.reach.SystemClock", lambda: clock)
    consumer_card.knobs.cat_busy = True
    assert run(["profile", "enable", TWO, "--json", *CARD]) == 4
    assert json.loads(capsys.readouterr().out)["error"]["name"] == "catBusy"
    assert clock.waits == [2.0, 3.0, 5.0]


def test_busy_euicc_that_becomes_free(consumer_card: VirtualEuicc, monkeypatch: pytest.MonkeyPatch) -> None:
    class FreeingClock(SwiftClock):
        async def sleep(self, seconds: float) -> None:
            consumer_card.knobs.cat_busy = False
            await super().sleep(seconds)

    monkeypatch.setattr("ipad.cli.reach.SystemClock", FreeingClock)
    consumer_card.knobs.cat_busy = True
    assert run(["profile", "enable", TWO, *CARD]) == 0
    assert states(consumer_card)[TWO] == "enabled"
