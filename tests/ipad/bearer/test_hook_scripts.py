"""The example scripts do what they say, with tools that only write down how they were called."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from ipad.bearer.backend import Apn, Auth, BearerReason, BearerRequest, IpType
from ipad.bearer.exec import environment

HOOKS = Path(__file__).parents[3] / "docs" / "hooks"
ACCESS = Apn("iot.example", IpType.IPV4, "dev", "hu'sh", Auth.PAP)


class Host:
    """A device with tools of its own: each appends its name, its arguments and, where asked, its input to `calls`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.calls_file = folder / "calls"

    def tool(self, name: str, text: str = "") -> None:
        path = self.folder / name
        path.write_text(f'#!/bin/sh\necho "{name} $*" >> "{self.calls_file}"\n{text}\n')
        path.chmod(0o755)

    def run(self, hook: str, action: str, reason: BearerReason, apn: Apn | None = ACCESS, **settings: str) -> int:
        """The exit code of a script that is called as the agent calls it."""
        request = BearerRequest(None, None, apn, reason)
        told = environment(request, "wwan0") | {"IPAD_ACTION": action, "IPAD_REASON": str(reason)}
        done = subprocess.run(
            [HOOKS / hook, action, reason],
            input=f"{request.access.password}\n",
            text=True,
            env={"PATH": f"{self.folder}:{os.environ['PATH']}", **told, **settings},
            timeout=20,
            check=False,
        )
        return done.returncode

    @property
    def calls(self) -> list[str]:
        """What was called since the last look."""
        lines = self.calls_file.read_text().splitlines() if self.calls_file.exists() else []
        self.calls_file.unlink(missing_ok=True)
        return lines


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


@pytest.mark.parametrize("hook", sorted(path.name for path in HOOKS.iterdir()))
def test_every_script_is_executable_and_refuses_other_actions(hook: str, host: Host) -> None:
    assert os.access(HOOKS / hook, os.X_OK)
    assert host.run(hook, "sideways", BearerReason.BOOT) == 64


def openwrt(host: Host, *, up: bool = False) -> None:
    store = host.folder / "store"
    store.mkdir()
    host.tool(
        "uci",
        f'case "$*" in "-q get "*) cat "{store}/${{3##*.}}" 2>/dev/null || exit 1 ;;\n'
        f'batch) cat >> "{host.folder}/batch" ;; esac',
    )
    host.tool("ubus", f"""[ "$3" = status ] && echo '"up": {str(up).lower()},'; exit 0""")
    host.tool("ifup")
    host.tool("ifdown")


def test_netifd_is_told_what_differs_and_started(host: Host) -> None:
    openwrt(host)
    (host.folder / "store" / "apn").write_text("iot.example\n")
    assert host.run("netifd", "up", BearerReason.PROFILE_CHANGED, NETWORK="lte") == 0
    assert (host.folder / "batch").read_text().splitlines() == [
        "set network.lte.pdptype='ipv4'",
        "set network.lte.auth='pap'",
        "set network.lte.username='dev'",
        r"set network.lte.password='hu'\''sh'",
        "commit network",
    ]
    calls = host.calls
    assert calls[-3:] == ["uci batch", "ubus call network reload", "ifup lte"]
    assert not any("hu'sh" in call for call in calls)


def test_netifd_writes_no_flash_where_nothing_differs(host: Host) -> None:
    openwrt(host, up=True)
    for name, value in (
        ("apn", "iot.example"),
        ("pdptype", "ipv4"),
        ("auth", "none"),
        ("username", ""),
        ("password", ""),
    ):
        (host.folder / "store" / name).write_text(value)
    plain = Apn("iot.example", IpType.IPV4)
    assert host.run("netifd", "up", BearerReason.BOOT, plain) == 0
    assert not {"uci batch", "ifup wan"} & set(host.calls)
    assert host.run("netifd", "up", BearerReason.LOST, plain) == 0
    assert host.calls[-1] == "ifup wan"
    assert host.run("netifd", "down", BearerReason.STOP) == 0
    assert host.calls == ["ifdown wan"]


def networkmanager(host: Host, shown: str, *, up: int = 0) -> None:
    host.tool(
        "nmcli",
        f"case \"$*\" in *' show '*) printf '{shown}' ;;\n"
        f'*" up "*) cat > "{host.folder}/secrets"; exit {up} ;; *" down "*) exit 10 ;; esac',
    )


def test_networkmanager_gets_the_password_by_its_input_only(host: Host) -> None:
    networkmanager(host, r"old\n\n4 (not required)\nauto\nauto\n")
    assert host.run("networkmanager", "up", BearerReason.PROFILE_CHANGED) == 0
    _, modify, up = host.calls
    assert modify.startswith(
        "nmcli connection modify cellular gsm.apn iot.example gsm.username dev gsm.password-flags 2"
    )
    assert modify.endswith("ipv4.method auto ipv6.method disabled")
    assert up == "nmcli --wait 45 connection up cellular passwd-file /dev/stdin"
    assert (host.folder / "secrets").read_text() == "gsm.password:hu'sh\n"
    assert "hu'sh" not in modify + up


def test_networkmanager_is_changed_only_where_something_differs(host: Host) -> None:
    networkmanager(host, r"\n\n4 (not required)\nauto\nauto\n", up=4)
    assert host.run("networkmanager", "up", BearerReason.LOST, None) == 75
    assert [call.split()[2] for call in host.calls] == [
        "gsm.apn,gsm.username,gsm.password-flags,ipv4.method,ipv6.method",
        "45",
    ]
    assert host.run("networkmanager", "down", BearerReason.STOP) == 0


def test_wvdial_is_started_once_for_each_profile(host: Host) -> None:
    host.tool("wvdial", "exec sleep 60")
    run = host.folder / "run"
    settings = {"RUN": str(run), "PPP_PORT": "/dev/null"}
    try:
        assert host.run("wvdial", "up", BearerReason.BOOT, **settings) == 0
        first = (run / "pid").read_text()
        assert 'Init2 = AT+CGDCONT=1,"IP","iot.example"\n' in (run / "conf").read_text()
        assert "Password = hu'sh\n" in (run / "conf").read_text()
        assert (run / "conf").stat().st_mode & 0o77 == 0
        assert host.run("wvdial", "up", BearerReason.LOST, **settings) == 0
        assert (run / "pid").read_text() == first
        assert host.run("wvdial", "up", BearerReason.PROFILE_CHANGED, **settings) == 0
        assert (run / "pid").read_text() != first
    finally:
        assert host.run("wvdial", "down", BearerReason.STOP, **settings) == 0
    assert not (run / "pid").exists()
    assert host.run("wvdial", "up", BearerReason.BOOT, RUN=str(run), PPP_PORT=f"{run}/no-port") == 75
