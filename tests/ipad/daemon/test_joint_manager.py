"""Several services, one voice towards the service manager."""

from __future__ import annotations

from ipad.daemon.joint_manager import JointManager
from ipad.daemon.sdnotify import ServiceManager


class RecordingManager(ServiceManager):
    """Keeps what it would send."""

    def __init__(self) -> None:
        super().__init__({})
        self.sent: list[str] = []

    def _send(self, message: str) -> None:
        self.sent.append(message.partition("\n")[0])


def test_process_is_ready_when_the_last_of_its_services_is() -> None:
    manager = RecordingManager()
    joint = JointManager(manager, ("wan", "spare"))
    joint.voice("wan").ready()
    joint.voice("wan").ready()
    assert manager.sent == []
    joint.voice("spare").ready()
    joint.voice("wan").ready()
    assert manager.sent == ["READY=1"]


def test_status_is_that_of_the_only_one_or_that_of_each_with_its_name() -> None:
    manager = RecordingManager()
    JointManager(manager, ("modem",)).voice("modem").status("idle")
    joint = JointManager(manager, ("wan", "spare"))
    joint.voice("spare").status("failed: gone")
    joint.voice("spare").status("failed: gone")
    assert manager.sent == ["STATUS=idle", "STATUS=wan: starting; spare: failed: gone"]


def test_notice_stands_in_front_until_it_is_taken_back() -> None:
    manager = RecordingManager()
    joint = JointManager(manager, ("modem",))
    voice = joint.voice("modem")
    voice.status("idle")
    joint.notice("not reloaded: a.toml:3")
    voice.status("polling")
    joint.notice("")
    assert manager.sent[1:] == [
        "STATUS=not reloaded: a.toml:3; idle",
        "STATUS=not reloaded: a.toml:3; polling",
        "STATUS=polling",
    ]


def test_reload_is_told_from_begin_to_end_and_ends_no_start() -> None:
    manager = RecordingManager()
    joint = JointManager(manager, ("modem",))
    joint.reloading()
    joint.reloaded()
    assert manager.sent == ["STATUS=starting"]
    joint.voice("modem").ready()
    joint.reloading()
    joint.reloaded()
    assert manager.sent[1:] == ["READY=1", "RELOADING=1", "READY=1", "STATUS=starting"]


def test_single_service_neither_feeds_the_watchdog_nor_stops_the_process() -> None:
    manager = RecordingManager()
    voice = JointManager(manager, ("wan", "spare")).voice("wan")
    voice.alive()
    voice.stopping()
    assert manager.sent == []
    assert voice.watchdog_interval is None
