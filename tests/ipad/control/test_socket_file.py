"""The file of the socket: taken from the dead, never from the living."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from ipad.config import Config, ControlConfig, ModemConfig
from ipad.control.client import ControlClient
from ipad.control.peer import Peer, Permission, peer_of
from ipad.control.services import Process
from ipad.control.serving import serving
from ipad.control.socket_file import listen
from ipad.daemon.places import candidates, socket_file
from ipad.errors import BusyError, ConfigError


def test_socket_is_made_with_its_folder_and_its_mode_and_removed(tmp_path: Path) -> None:
    path = tmp_path / "run" / "ipad.sock"
    file = listen(path, mode=0o660, group=os.getgid())
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    file.close()
    assert not path.exists()


def test_socket_of_a_process_that_has_gone_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "ipad.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    file = listen(path, mode=0o666, group=None)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
    file.close()


def test_second_instance_is_told_which_process_is_the_first(tmp_path: Path) -> None:
    path = tmp_path / "ipad.sock"
    file = listen(path, mode=0o666, group=None)
    with pytest.raises(BusyError, match=f"a second instance: process {os.getpid()} serves"):
        listen(path, mode=0o666, group=None)
    assert path.exists()
    file.close()


def test_file_of_another_kind_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "ipad.sock"
    path.write_text("precious")
    with pytest.raises(ConfigError, match="no socket"):
        listen(path, mode=0o666, group=None)
    assert path.read_text() == "precious"


def test_socket_that_another_has_made_meanwhile_stays(tmp_path: Path) -> None:
    path = tmp_path / "ipad.sock"
    first = listen(path, mode=0o666, group=None)
    path.unlink()
    second = listen(path, mode=0o666, group=None)
    first.close()
    assert path.exists()
    second.close()


def test_path_that_is_too_long_for_a_socket_is_a_wrong_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="107 bytes at most"):
        listen(tmp_path / ("x" * 200), mode=0o666, group=None)


def test_folder_that_is_a_file_is_a_wrong_configuration(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be made"):
        listen(tmp_path / "file" / "ipad.sock", mode=0o666, group=None)


def test_kernel_tells_who_connects() -> None:
    one, other = socket.socketpair(socket.AF_UNIX)
    with one, other:
        peer = peer_of(one)
    assert (peer.pid, peer.uid) == (os.getpid(), os.getuid())
    assert os.getgid() in peer.groups


def test_root_the_own_user_and_the_group_may_operate() -> None:
    permission = Permission(group=5, own=100)
    nobody = frozenset({6})
    assert permission.operates(Peer(1, 0, nobody))
    assert permission.operates(Peer(1, 100, nobody))
    assert permission.operates(Peer(1, 200, frozenset({5, 6})))
    assert not permission.operates(Peer(1, 200, nobody))
    assert not Permission(group=None, own=100).operates(Peer(1, 200, nobody))


def test_place_of_the_socket_follows_configuration_and_service() -> None:
    named = Config(modems={"uplink": ModemConfig()})
    service = {"RUNTIME_DIRECTORY": "/run/x:/run/y"}
    assert socket_file(Config(), {}) == Path("/run/ipad/ipad.sock")
    assert socket_file(Config(), service) == Path("/run/x/ipad.sock")
    assert socket_file(named, service) == Path("/run/x/ipad-uplink.sock")
    assert socket_file(Config(control=ControlConfig(socket="")), service) is None
    assert candidates(named, service) == (Path("/run/x/ipad-uplink.sock"), Path("/run/x/ipad.sock"))
    assert candidates(Config(control=ControlConfig(socket="/a/b")), service) == (Path("/a/b"),)


@pytest.mark.asyncio
async def test_socket_that_is_asked_for_must_be_possible_another_need_not(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    first = listen(folder / "ipad.sock", mode=0o666, group=None)
    nothing, environment = Process(modems=()), {"RUNTIME_DIRECTORY": str(folder)}
    asked = Config(control=ControlConfig(socket=str(first.path)))
    for config, place in ((asked, {}), (Config(), environment)):
        with pytest.raises(BusyError, match="second instance"):
            async with serving(config, nothing, place):
                pass
    first.close()
    async with serving(Config(control=ControlConfig(socket="")), nothing, environment):
        assert not (folder / "ipad.sock").exists()
    async with serving(Config(), nothing, environment):
        assert (folder / "ipad.sock").exists()
    assert not (folder / "ipad.sock").exists()


@pytest.mark.asyncio
async def test_first_who_comes_is_answered_like_those_after_him(tmp_path: Path) -> None:
    config = Config(control=ControlConfig(socket=str(tmp_path / "ipad.sock")))
    async with serving(config, Process(modems=()), {}):
        client = ControlClient(tmp_path / "ipad.sock")
        assert [await client.modems() for _ in range(2)] == [(), ()]
    assert not (tmp_path / "ipad.sock").exists()
