"""The main scenarios: what the eIM asks for and what the world does meanwhile, and what has to be in the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.eim import content
from hil.eim.association import Outcome
from hil.network import Service
from tests.e2e.scenarios.smdp import NEW
from tests.e2e.scenarios.stage import IMSI_TWO, ONE, TWO

if TYPE_CHECKING:
    from tests.e2e.sweep.world import World

_WELL = 30.0
"""Seconds after which the network goes away."""

QUICK = """
[supervision]
registration = 20
reject_hold = 5
deadline = 40
[fallback]
loss_time = 40
spread = 0
ladder_time = 20
return_first = 120
return_minimum = 60
[recovery]
first = 20
step = 20
[poll]
boot_spread = 0
"""
"""A policy that decides within seconds: where nothing happens there is nothing to try."""


@dataclass(frozen=True)
class Story:
    """One scenario. `begin` queues what the eIM wants; `ends` are the profiles that may be enabled in the end.

    `attend` is called now and then; `unfinished` says what the scenario still waits for, "" when there is
    nothing. After a download that failed its operator orders it again.
    """

    name: str
    begin: Callable[[World], None]
    enabled: str = ONE
    fallback: str | None = ONE
    direct: bool = False
    relay: bool = False
    downloads: bool = False
    policy: str = ""
    ends: Callable[[World], set[str]] = lambda _world: {ONE}
    attend: Callable[[World], None] = lambda _world: None
    unfinished: Callable[[World], str] = lambda _world: ""


def _switched(world: World) -> set[str]:
    """The profile is what the eIM was told last of it."""
    outcomes = [package.outcome for package in world.packages]
    return {TWO} if Outcome.OK in outcomes else {ONE}


def _switch(world: World) -> None:
    world.switch(TWO)


def _rollback(world: World) -> None:
    world.network.set_service(Service(coverage=False), imsi=IMSI_TWO)
    world.switch(TWO)


def _download(world: World) -> None:
    world.queue(content.download_trigger(activation_code=world.servers.code))


def _installed(world: World) -> str:
    return "" if NEW in world.device.states else "the profile is not there"


def _eco(world: World) -> None:
    world.queue(content.eco_package(content.add_eim(world.device.eim2.identity.configuration())))
    world.second.append(world.device.eim2.queue(world.device.eid, content.psmo_package(content.list_profile_info())))


def _fallback(world: World) -> None:
    world.clock.call_later(_WELL, lambda: world.network.set_service(Service(coverage=False), imsi=IMSI_TWO))


def _heal(world: World) -> None:
    """The network comes back when the device has left it."""
    if ONE in world.visited and not world.healed:
        world.healed = True
        world.network.clear_services()


def _returned(world: World) -> str:
    return "" if world.healed and world.enabled == TWO else "the device is not back on its profile"


def _notify(world: World) -> None:
    world.owe_notifications()
    world.queue(content.psmo_package(content.list_profile_info()))


STORIES = {
    story.name: story
    for story in (
        Story("switch", _switch, ends=_switched),
        Story("rollback", _rollback, policy=QUICK),
        Story("direct download", _download, downloads=True, direct=True, unfinished=_installed),
        Story("indirect download", _download, downloads=True, relay=True, unfinished=_installed),
        Story("eCO", _eco),
        Story(
            "fallback and return",
            _fallback,
            enabled=TWO,
            policy=QUICK,
            ends=lambda _world: {TWO},
            attend=_heal,
            unfinished=_returned,
        ),
        Story("notifications", _notify),
    )
}
