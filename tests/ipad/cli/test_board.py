"""`ipad board`: list, show, check, detect."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ipad.cli.main import run
from tests.ipad.daemon.at_server import AtServer
from tests.ipad.fake_sysfs import FakeMachine


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeMachine:
    machine = FakeMachine(tmp_path / "machine")
    monkeypatch.setattr("ipad.cli.board.ROOT", machine.root)
    return machine


def answer(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> dict[str, object]:
    assert run(["board", *arguments, "--json"]) == code
    record = json.loads(capsys.readouterr().out)
    assert isinstance(record, dict)
    return record


def test_list_has_every_definition(capsys: pytest.CaptureFixture[str]) -> None:
    boards = answer(capsys, "list")["boards"]
    assert isinstance(boards, list)
    by_name = {row["name"]: row for row in boards}
    assert set(by_name["pinephone"]) == {"name", "kind", "title", "confidence", "module", "personality", "file"}
    assert (by_name["pinephone"]["kind"], by_name["pinephone"]["module"]) == ("gateway", "quectel-eg25")
    assert by_name["quectel-eg25"]["confidence"] == "field"
    assert run(["board", "list"]) == 0
    assert "Quectel EG25-G / EC25" in capsys.readouterr().out


def test_show_tells_where_each_value_comes_from(capsys: pytest.CaptureFixture[str]) -> None:
    record = answer(capsys, "show", "quectel-ec21")
    assert [Path(file).name for file in record["files"]] == [  # type: ignore[attr-defined]
        "quectel-ec21.toml",
        "quectel-eg25.toml",
        "generic-quectel.toml",
        "generic-3gpp.toml",
    ]
    settings = {row["key"]: row for row in record["settings"]}  # type: ignore[attr-defined]
    assert settings["refresh.ladder"]["value"] == ["wait", "cfun0", "reset"]
    assert "generic-quectel.toml:" in settings["refresh.ladder"]["origin"]
    assert settings["at.max_line"] == {"key": "at.max_line", "value": 2048, "origin": "default"}
    assert settings["apdu.isdr_aids"]["value"] == ["A0000005591010FFFFFFFF8900000100"]
    assert settings["repair.0.needs_reset"]["value"] is True
    assert "quectel-eg25.toml:" in settings["repair.0.needs_reset"]["origin"]
    assert run(["board", "show", "quectel-ec21"]) == 0
    assert "operator configuration" in capsys.readouterr().out


def test_show_of_an_unknown_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["board", "show", "nonsense"]) == 78
    assert capsys.readouterr().err.startswith(
        "ipad: there is no board definition 'nonsense'\nhint: known definitions: "
    )


def test_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('name = "mine"\nextends = "quectel-eg25"\n[apdu]\nmax_data = 200\n')
    assert answer(capsys, "check", str(file))["valid"] is True
    file.write_text('name = "mine"\nextends = "quectel-eg25"\n[apdu]\nmax_dta = 200\n')
    assert run(["board", "check", str(file)]) == 78
    message = capsys.readouterr().err.splitlines()[0]
    assert message == f"ipad: {file}:4: unknown key apdu.max_dta; did you mean apdu.max_data?"


def test_detect_says_what_it_found_and_why(machine: FakeMachine, capsys: pytest.CaptureFixture[str]) -> None:
    machine.usb("1-1.4", "2c7c:0125", (0, 1, 2, 3), networks={4: "wwan0"}, by_id="Quectel_EG25-G")
    machine.usb("1-2", "0403:6001", (0,))
    record = answer(capsys, "detect")
    assert record["board"] == "quectel-eg25"
    assert record["reasons"] == ["usb 2c7c:0125"]
    assert record["port"] == "/dev/serial/by-id/usb-Quectel_EG25-G-if02-port0"
    assert record["networks"] == ["wwan0"]
    assert record["device"]["path"] == "1-1.4"  # type: ignore[index]
    assert [device["id"] for device in record["unknown"]] == ["0403:6001"]  # type: ignore[attr-defined]
    assert (record["identity"], record["also"]) == (None, [])
    assert run(["board", "detect"]) == 0
    assert "reasons:    usb 2c7c:0125" in capsys.readouterr().out


def test_detect_keeps_its_keys(machine: FakeMachine, capsys: pytest.CaptureFixture[str]) -> None:
    machine.usb("1-1", "2c7c:0125", (0, 1, 2, 3))
    assert set(answer(capsys, "detect")) == {
        "ok",
        "schema",
        "board",
        "kind",
        "module",
        "title",
        "confidence",
        "score",
        "reasons",
        "port",
        "ports",
        "ppp_port",
        "networks",
        "device",
        "identity",
        "hints",
        "host",
        "gateways",
        "also",
        "unknown",
    }


def test_two_matching_modems_are_an_error_that_lists_both(
    machine: FakeMachine, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.usb("1-1", "2c7c:0125", (0, 1, 2, 3), by_id="Quectel_EG25-G")
    names = machine.usb("1-2", "1199:9091", (0, 2, 3), by_id="Sierra_EM7565")
    assert run(["board", "detect"]) == 78
    message, hint = capsys.readouterr().err.splitlines()
    assert message == (
        "ipad: this machine: 2 modems match: "
        "quectel-eg25 at usb 1-1 (2c7c:0125): /dev/serial/by-id/usb-Quectel_EG25-G-if02-port0; "
        "sierra-em7565 at usb 1-2 (1199:9091): /dev/serial/by-id/usb-Sierra_EM7565-if03-port0"
    )
    assert "--port" in hint
    assert answer(capsys, "detect", "--port", f"/dev/{names[3]}")["board"] == "sierra-em7565"


def test_no_modem_is_not_found(machine: FakeMachine, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["board", "detect"]) == 10
    assert capsys.readouterr().err.splitlines()[1] == "hint: there is no device with serial ports either"
    machine.usb("1-2", "0403:6001", (0,))
    assert run(["board", "detect"]) == 10
    assert capsys.readouterr().err.splitlines()[1].endswith("usb 1-2 (0403:6001) with ttyUSB0")


def test_broken_firmware_is_named(machine: FakeMachine, capsys: pytest.CaptureFixture[str]) -> None:
    machine.usb("1-1", "05c6:9008", (0,))
    assert run(["board", "detect"]) == 6
    assert "emergency download mode" in capsys.readouterr().err


def test_a_port_on_no_bus_is_asked(machine: FakeMachine, capsys: pytest.CaptureFixture[str]) -> None:
    with AtServer() as server:
        record = answer(capsys, "detect", "--port", server.port)
    assert record["board"] == "quectel-eg25"
    assert record["reasons"] == ["manufacturer Quectel", "model EG25"]
    assert [other["name"] for other in record["also"]] == ["generic-quectel"]  # type: ignore[attr-defined]
    assert record["identity"] == {"manufacturer": "Quectel", "model": "EG25", "revision": "EG25GGBR07A08M2G"}
    assert (record["port"], record["device"]) == (server.port, None)


def test_at_needs_a_port(machine: FakeMachine, capsys: pytest.CaptureFixture[str]) -> None:
    machine.usb("1-1", "2dee:4d57")
    assert run(["board", "detect", "--at"]) == 6
    assert "meig-slm770 at usb 1-1 (2dee:4d57): no AT port; nobody can be asked" in capsys.readouterr().err


def test_what_the_modem_answers_decides_between_definitions(
    machine: FakeMachine, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One USB id, several models: SIM7600 has a composition with the id of A7600."""
    machine.usb("1-1", "1e0e:9011", (2, 4, 5))
    with AtServer({"AT+CGMI": "SIMCOM INCORPORATED", "AT+CGMM": "A7670E-LASE"}) as server:
        monkeypatch.setattr("ipad.board.detection.device_ports", lambda *_args, **_options: (server.port,))
        record = answer(capsys, "detect", "--at")
    assert record["board"] == "simcom-a7600"
    assert record["score"] == 3
    assert record["identity"]["model"] == "A7670E-LASE"  # type: ignore[index]
