"""`ipad euicc`, and the faults that a card can have."""

import json
import sys
from pathlib import Path

import pytest

from hil.euicc import VirtualEuicc
from ipad.cli.main import run
from ipad.codec.eim import AddInitialEimRequest
from ipad.codec.esipa import StateChangeCause
from ipad.ids import Eid
from ipad.state.journal import Journal
from ipad.state.store import StateStore
from tests.fakes.packages import eim_configuration
from tests.ipad.cli.conftest import CARD, VirtualReader


def test_info_of_an_iot_euicc(iot_card: VirtualEuicc, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["euicc", "info", *CARD, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["eid"], answer["kind"]) == (iot_card.eid, "iot")
    assert answer["sgp32_versions"] == ["1.2.0"]
    assert answer["free_nvm"] > 0
    assert answer["root_smds_address"]


def test_info_of_a_consumer_euicc(consumer_card: VirtualEuicc, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["euicc", "info", *CARD]) == 0
    lines = dict(line.split(":", 1) for line in capsys.readouterr().out.splitlines())
    assert lines["eid"].strip() == consumer_card.eid
    assert lines["kind"].strip() == "consumer"


@pytest.mark.parametrize("options", [[], ["--yes"], ["--operational"]])
def test_reset_needs_options_and_a_yes(options: list[str], iot_card: VirtualEuicc) -> None:
    assert run(["euicc", "reset", *options, *CARD]) == 2
    assert len(iot_card.profiles) == 4


@pytest.mark.usefixtures("state")
def test_reset_of_profiles(consumer_card: VirtualEuicc, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["euicc", "reset", "--operational", "--default-smdp", "--yes", "--json", *CARD]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["options"], answer["result"]) == (["operational", "default-smdp"], "ok")
    assert consumer_card.profiles == ()


@pytest.fixture(name="state")
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state directory of the commands."""
    config = tmp_path / "ipad.toml"
    config.write_text(f'[state]\ndirectory = "{tmp_path}/state"\n[control]\nsocket = ""\n', encoding="utf-8")
    monkeypatch.setattr("ipad.config.DEFAULT_PATH", config)
    return tmp_path / "state"


@pytest.mark.usefixtures("state")
def test_reset_of_the_eim_configuration(iot_card: VirtualEuicc, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["euicc", "reset", "--eim", "--yes", "--json", *CARD]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["eim_result"] is not None
    assert len(iot_card.profiles) == 4


def test_eims_that_remain_are_told_of_a_reset(iot_card: VirtualEuicc, state: Path, tmp_path: Path) -> None:
    file = tmp_path / "eim.der"
    data = eim_configuration("eim.example.com", counter=0, token=-1)
    file.write_bytes(AddInitialEimRequest(eim_configuration_data_list=(data,)).encode())
    assert run(["eim", "add", str(file), *CARD]) == 0
    assert run(["euicc", "reset", "--default-smdp", "--yes", *CARD]) == 0
    journal = Journal.open(StateStore(state / "journal.cbor"), Eid.parse(iot_card.eid))
    assert journal.content.notify == {"eim.example.com": StateChangeCause.RESET}


def test_nobody_is_told_of_a_reset_that_was_refused(iot_card: VirtualEuicc, state: Path) -> None:
    iot_card.knobs.forced_codes = {"resetResult": 104}
    assert run(["euicc", "reset", "--default-smdp", "--yes", *CARD]) == 4
    assert Journal.open(StateStore(state / "journal.cbor"), Eid.parse(iot_card.eid)).content.notify == {}


@pytest.mark.usefixtures("state")
def test_consumer_euicc_has_no_eims_to_reset(consumer_card: VirtualEuicc, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["euicc", "reset", "--operational", "--eim", "--yes", *CARD]) == 4
    assert "consumer eUICC" in capsys.readouterr().err
    assert len(consumer_card.profiles) == 4


def test_passing_6f00_is_asked_again(iot_card: VirtualEuicc, capsys: pytest.CaptureFixture[str]) -> None:
    iot_card.knobs.next_status = 0x6F00
    assert run(["euicc", "info", *CARD, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["eid"] == iot_card.eid


@pytest.mark.usefixtures("iot_card")
def test_card_that_answers_6f00_to_everything(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = VirtualReader.transmit

    def refusing(reader: VirtualReader, command: bytes) -> bytes:
        return b"\x6f\x00" if command[1] == 0xE2 else honest(reader, command)

    monkeypatch.setattr(VirtualReader, "transmit", refusing)
    assert run(["euicc", "info", *CARD, "--json"]) == 4
    error = json.loads(capsys.readouterr().out)["error"]
    assert (error["class"], error["name"]) == ("status-word", "6F00")


def test_card_that_answers_malformed_tlv(iot_card: VirtualEuicc, capsys: pytest.CaptureFixture[str]) -> None:
    iot_card.knobs.malformed_answer = True
    assert run(["euicc", "info", *CARD, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["error"]["class"] == "codec"


def test_card_that_is_no_euicc(
    iot_card: VirtualEuicc, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    iot_card.knobs.require_terminal_capability = True
    monkeypatch.setattr("ipad.card.pcsc.TERMINAL_CAPABILITY", b"")
    assert run(["euicc", "info", *CARD, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["error"]["class"] == "no-euicc"


def test_reader_without_its_library(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "smartcard.scard", None)
    assert run(["euicc", "info", *CARD]) == 1
    message, hint = capsys.readouterr().err.splitlines()
    assert "pyscard" in message
    assert "ipad[pcsc]" in hint
