"""`ipad eim` and `ipad notification`, as far as no eIM is needed."""

import json
from pathlib import Path

import pytest

from hil import codec, crypto
from hil.euicc import VirtualEuicc
from ipad.cli.main import run
from tests.ipad.cli.conftest import CARD


@pytest.fixture
def eim_file(tmp_path: Path) -> Path:
    """AddInitialEimRequest in DER, as a provisioning station writes it."""
    configuration = {
        "eimId": "eim.example.com",
        "eimFqdn": "eim.example.com",
        "eimIdType": 2,
        "counterValue": 0,
        "associationToken": -1,
        "eimPublicKeyData": ("eimPublicKey", crypto.spki(crypto.generate_key(crypto.P256))),
        "eimSupportedProtocol": codec.bits(0),
    }
    path = tmp_path / "eim.der"
    path.write_bytes(codec.encode("AddInitialEimRequest", {"eimConfigurationDataList": [configuration]}))
    return path


@pytest.mark.usefixtures("iot_card")
def test_first_eim_is_added_from_a_file(eim_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["eim", "add", str(eim_file), *CARD, "--json"]) == 0
    (added,) = json.loads(capsys.readouterr().out)["added"]
    assert added["eim_id"] == "eim.example.com"
    assert run(["eim", "list", *CARD, "--json"]) == 0
    (eim,) = json.loads(capsys.readouterr().out)["eims"]
    assert (eim["fqdn"], eim["token"], eim["tls_trust"]) == ("eim.example.com", added["token"], "public_pki")
    assert eim["protocols"] == ["retrieve_https"]
    assert run(["eim", "add", str(eim_file), *CARD]) == 4
    assert "has an eIM already" in capsys.readouterr().err


@pytest.mark.usefixtures("iot_card")
def test_file_that_is_no_provisioning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "junk"
    assert run(["eim", "add", str(path), *CARD]) == 2
    for content in (b"", b"junk", b"\x30\x80", b"\xbf\x57\x00"):
        path.write_bytes(content)
        assert run(["eim", "add", str(path), *CARD]) == 2
        assert f"ipad: {path}: no AddInitialEimRequest in DER" in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize("command", [["eim", "list"], ["eim", "poll"], ["run", "--once"], ["notification", "send"]])
@pytest.mark.usefixtures("consumer_card")
def test_consumer_euicc_knows_no_eims(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*command, *CARD, "-q"]) == 4
    assert "consumer eUICC" in capsys.readouterr().err


def test_notifications_are_listed_and_removed(consumer_card: VirtualEuicc, capsys: pytest.CaptureFixture[str]) -> None:
    target = next(profile.iccid for profile in consumer_card.profiles if not profile.enabled)
    assert run(["profile", "enable", target, *CARD]) == 0
    capsys.readouterr()
    assert run(["notification", "list", *CARD, "--json"]) == 0
    entries = json.loads(capsys.readouterr().out)["notifications"]
    assert {entry["type"] for entry in entries} == {"notification"}
    assert ["enable"] in [entry["event"] for entry in entries if entry["iccid"] == target]
    number = str(entries[0]["seq"])
    assert run(["notification", "remove", number, *CARD]) == 0
    assert run(["notification", "remove", number, *CARD]) == 10


@pytest.mark.usefixtures("iot_card")
def test_run_once_without_an_eim_has_nothing_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.toml").write_text("[state]\ndirectory = 'state'\n[modem]\ncard = 'pcsc:'\n")
    assert run(["run", "--once", "--config", str(tmp_path / "a.toml"), "--json", "-q"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["outcome"], answer["message"]) == ("nothingToDo", "no eIM can be polled")
