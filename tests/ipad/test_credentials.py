"""Secrets outside of the configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from ipad.config import Config, load
from ipad.credentials import credential_file, read_credential
from ipad.errors import ConfigError


def loaded(tmp_path: Path, text: str) -> Config:
    path = tmp_path / "ipad.toml"
    path.write_text(text)
    return load(path)[0]


def test_a_credential_comes_from_the_service_manager_or_from_beside_the_configuration(tmp_path: Path) -> None:
    given, configuration = tmp_path / "given", tmp_path / "ipad.toml"
    given.mkdir()
    environment = {"CREDENTIALS_DIRECTORY": str(given)}
    assert credential_file("credential:key", configuration, environment) == tmp_path / "credentials/key"
    assert credential_file("credential:key", None, {}) == Path("/etc/ipad/credentials/key")
    (given / "ipad_key").touch()
    assert credential_file("credential:key", configuration, environment) == given / "ipad_key"
    (given / "key").touch()
    assert credential_file("credential:key", configuration, environment) == given / "key"
    assert credential_file("credential:../key", configuration, environment) is None


def test_files_of_the_configuration_may_be_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "given"))
    (tmp_path / "given").mkdir()
    (tmp_path / "given/ipad_injection.key").touch()
    config = loaded(tmp_path, '[injection]\nkey = "credential:injection.key"\ncertificate = "own.pem"')
    assert config.injection.key == tmp_path / "given/ipad_injection.key"
    assert config.injection.certificate == tmp_path / "own.pem"


def test_a_password_is_read_from_its_credential_and_never_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    folder = tmp_path / "credentials"
    folder.mkdir()
    (folder / "apn").write_text("hunter2\n")
    text = '[[bearer.apn]]\nuser = "u"\npassword = "credential:apn"\n'
    assert loaded(tmp_path, text).bearer.apn[0].password == "hunter2"
    (folder / "apn").write_text("hunter2\x07")
    with pytest.raises(ConfigError, match=r"bearer\.apn\.password") as caught:
        loaded(tmp_path, text)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[[bearer.apn]]\nuser = "u"\npassword = "credential:none"', r"ipad\.toml:3: .*credentials/none: No such file"),
        ('[injection]\nkey = "credential:"', "'credential:': expected credential: and a name"),
        ('[net]\nca_file = "credential:a/b"', "expected credential: and a name"),
    ],
)
def test_a_credential_that_is_missing_or_misnamed_is_an_error_with_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, problem: str
) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    with pytest.raises(ConfigError, match=problem):
        loaded(tmp_path, text)


def test_a_credential_that_is_too_long_is_none(tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(b"x" * 5000)
    with pytest.raises(ValueError, match="more than 4096 bytes"):
        read_credential(tmp_path / "big")
