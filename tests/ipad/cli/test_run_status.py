"""What the service manager is told of a service that cannot start."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from ipad.cli.main import run


def test_wrong_configuration_is_shown_in_the_status_of_the_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "ipad.toml"
    config.write_text("[modem]\nprot = 'x'\n")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        assert run(["run", "--config", str(config)]) == 78
        told = listener.recv(1000).decode()
    assert told == f"STATUS=failed: {config}:2: unknown key modem.prot; did you mean modem.port?"
    assert "unknown key modem.prot" in capsys.readouterr().err


def test_command_of_a_person_tells_the_service_manager_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        assert run(["run", "--once", "--config", str(tmp_path / "missing.toml")]) == 78
        with pytest.raises(BlockingIOError):
            listener.recv(1000)
