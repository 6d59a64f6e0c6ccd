"""The table [bearer] of the configuration file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ipad.bearer.settings import ApnConfig, BearerConfig
from ipad.cli.main import run
from ipad.config import Config, flatten, load
from ipad.errors import ConfigError


def parse(tmp_path: Path, text: str) -> Config:
    path = tmp_path / "ipad.toml"
    path.write_text(text, encoding="utf-8")
    return load(path)[0]


WHOLE = """
[bearer]
backend = "exec"
hook = "/usr/lib/ipad/link"
hook_timeout = 30
cid = 3
[[bearer.apn]]
apn = "all.example"
[[bearer.apn]]
iccid = "8949"
imsi = "26201"
apn = "iot.example.com"
user = "dev"
password = "hush"
auth = "pap"
ip_type = "ipv4"
[bearer.modemmanager]
device = "/sys/devices/usb1/1-1"
inhibit = true
"""


def test_without_a_table_nobody_is_asked_for_a_link(tmp_path: Path) -> None:
    assert parse(tmp_path, "").bearer == BearerConfig()
    assert BearerConfig().backend == "none"


def test_whole_table(tmp_path: Path) -> None:
    bearer = parse(tmp_path, WHOLE).bearer
    assert (bearer.backend, bearer.hook, bearer.hook_timeout, bearer.cid) == ("exec", "/usr/lib/ipad/link", 30.0, 3)
    assert bearer.apn == (
        ApnConfig(apn="all.example"),
        ApnConfig("8949", "26201", "iot.example.com", "dev", "hush", "pap", "ipv4"),
    )
    assert bearer.modemmanager.inhibit


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ('[bearer]\nbackend = "ppp"', "ipad.toml:2: bearer.backend: 'ppp': expected one of"),
        ('[bearer]\nbackend = "exec"', 'ipad.toml:2: bearer.backend: "exec" needs bearer.hook'),
        ('[bearer]\nhook = "link"', "ipad.toml:2: bearer.hook: 'link': expected an absolute path"),
        ('[[bearer.apn]]\napn = "a"\n[[bearer.apn]]\niccid = "89x"', "ipad.toml:4: bearer.apn.iccid: '89x': expected"),
        ('[[bearer.apn]]\napn = "a b"', "ipad.toml:2: bearer.apn.apn: 'a b': expected an access point name"),
        ('[[bearer.apn]]\napn = "a"\n[[bearer.apn]]\nauth = "pap"', 'ipad.toml:4: bearer.apn.auth: "pap" needs a user'),
        ('[[bearer.apn]]\nuser = "u"\nauth = "none"', 'ipad.toml:3: bearer.apn.auth: "none" contradicts'),
        ('[[bearer.apn]]\npassword = "p"', "ipad.toml:2: bearer.apn.password: a password needs a user name"),
        ('[bearer.modemmanager]\nbus = "tcp:host=x"', "ipad.toml:2: bearer.modemmanager.bus: 'tcp:host=x': expected"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_line(tmp_path: Path, text: str, refusal: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(tmp_path, text)
    assert refusal in str(caught.value)


@pytest.mark.parametrize("password", ["hüsh", "hu\\nsh", "hush" * 40])
def test_a_refused_password_is_not_shown(tmp_path: Path, password: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(tmp_path, f'[[bearer.apn]]\nuser = "u"\npassword = "{password}"')
    assert "ipad.toml:3: bearer.apn.password" in str(caught.value)
    assert "sh" not in str(caught.value).partition("bearer.apn.password:")[2].replace("shown", "")


def test_every_entry_is_shown_with_its_line_and_without_its_password(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = dict(flatten(parse(tmp_path, WHOLE)))
    assert settings["bearer", "apn", "1", "password"] == "***"
    assert settings["bearer", "apn", "0", "password"] == ""
    assert run(["config", "show", "--json", "--config", str(tmp_path / "ipad.toml")]) == 0
    shown = capsys.readouterr().out
    assert "hush" not in shown
    rows = {row["key"]: row for row in json.loads(shown)["settings"]}
    assert rows["bearer.apn.1.password"]["value"] == "***"
    assert [rows[f"bearer.apn.{number}.apn"]["origin"].rpartition(":")[2] for number in (0, 1)] == ["8", "12"]
    assert rows["bearer.apn.0.iccid"]["origin"] == "default"


def test_an_empty_list_is_shown_as_such(tmp_path: Path) -> None:
    assert ("bearer", "apn") in dict(flatten(parse(tmp_path, "")))
