"""Control API: the link between device and servers."""

from __future__ import annotations

import dataclasses
from http import HTTPStatus
from typing import Any, Final

from hil.control import Call, CallError, Route
from hil.json_fields import FieldError, Fields
from hil.link import PRESETS, LinkProfile, Passage, TcpDoor, Traffic, UdpDoor, preset
from hil.modem.loading import DataError, change
from hil.rig.rig import Rig
from hil.rig.timeline import Interface
from hil.rig.turning import plain

_PORTS: Final = 65_536


class LinkRoutes:
    """Handlers of everything below /link."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self._added: set[str] = set()

    def routes(self) -> list[Route]:
        """All of them."""
        return [
            Route("GET", "/link", self.show),
            Route("POST", "/link", self.change),
            Route("POST", "/link/cut", self.cut),
            Route("DELETE", "/link/cut", self.restore),
            Route("POST", "/link/rebind", self.rebind),
            Route("POST", "/link/doors", self.add_door),
            Route("DELETE", "/link/doors/{name}", self.remove_door),
            Route("GET", "/link/counters", self.counters),
            Route("DELETE", "/link/counters", self.reset_counters),
        ]

    async def show(self, _call: Call) -> Any:
        """Profile, and whether anything passes."""
        link = self._rig.link
        return {
            "preset": next((name for name, profile in PRESETS.items() if profile == link.profile), None),
            "profile": plain(link.profile),
            "passage": _word(link.passage),
            "bearer": _word(link.bearer),
            "cut": _word(link.interruption),
        }

    async def change(self, call: Call) -> Any:
        """{"preset"?, "up"? and "down"?: members of a way, and members of the profile}; nothing when one is wrong."""
        try:
            self._rig.link.profile = _changed(self._rig.link.profile, dict(call.body))
        except ValueError as error:
            raise CallError(str(error)) from error
        self._note(f"link: {call.body}")
        return await self.show(call)

    async def cut(self, call: Call) -> Any:
        """{"silent"?: false, "seconds"?: null}: reset or swallow everything, until told when there are no seconds."""
        silent, seconds = call.body.get("silent", False), call.body.get("seconds")
        if not isinstance(silent, bool):
            raise CallError(f"silent: expected true or false, found {silent!r}")
        if seconds is not None and (isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds < 0):
            raise CallError(f"seconds: expected a number of at least 0 or null, found {seconds!r}")
        self._note(f"link {'silent' if silent else 'cut'}{'' if seconds is None else f' for {seconds:g} s'}")
        self._rig.link.cut(Passage.SILENT if silent else Passage.SHUT, seconds)
        return await self.show(call)

    async def restore(self, call: Call) -> Any:
        """The end of a cut."""
        self._rig.force_shut(shut=False)
        return await self.show(call)

    async def rebind(self, call: Call) -> Any:
        """The NAT forgets every flow."""
        self._note("NAT rebinds")
        self._rig.link.rebind()
        return await self.show(call)

    async def add_door(self, call: Call) -> Any:
        """{"name", "host", "port"}: the device reaches that TCP server, which is none of the rig, at the same port of
        the rig's own address. Answers where the door stands."""
        fields = Fields(call.body, "door")
        try:
            name, host = fields.take("name", str, required=True), fields.take("host", str, required=True)
            port = fields.take("port", int, required=True)
            fields.finish()
            if not 0 < port < _PORTS:
                raise FieldError(f"door.port: expected 1 to {_PORTS - 1}, found {port}")
            door = self._rig.link.tcp_door(name, host, port)
        except ValueError as error:
            raise CallError(str(error)) from error
        try:
            door.start(port)
        except OSError as error:
            await self._rig.link.remove(name)
            raise CallError(f"port {port}: {error.strerror or error}", HTTPStatus.CONFLICT) from error
        self._added.add(name)
        self._note(f"link: door {name} to {host}:{port}")
        return {"name": name, "address": list(door.address)}

    async def remove_door(self, call: Call) -> Any:
        """A door that was added is gone; those of the rig's own servers stay."""
        name = call.names["name"]
        if name not in self._added:
            raise CallError(f"no door {name!r} was added", HTTPStatus.NOT_FOUND)
        self._added.remove(name)
        await self._rig.link.remove(name)
        return {}

    async def counters(self, _call: Call) -> Any:
        """What went over the link since the start or the last reset, altogether and through each door."""
        link = self._rig.link
        return {
            "total": traffic_json(link.snapshot()),
            "doors": {name: traffic_json(traffic) for name, traffic in link.traffic().items()},
        }

    async def reset_counters(self, call: Call) -> Any:
        """The same, and count from zero."""
        counted = await self.counters(call)
        self._rig.link.reset()
        return counted

    def _note(self, text: str) -> None:
        self._rig.timeline.note(Interface.BENCH, "", text)


def traffic_json(traffic: Traffic) -> dict[str, Any]:
    """A measurement as JSON values."""
    return {
        "up": dataclasses.asdict(traffic.up),
        "down": dataclasses.asdict(traffic.down),
        "connections": traffic.connections,
        "resets": traffic.resets,
        "roundTrips": traffic.round_trips,
        "first": traffic.first,
        "last": traffic.last,
        "span": traffic.span,
    }


def door_json(door: TcpDoor | UdpDoor) -> dict[str, Any]:
    """A door with what went through it."""
    return {"open": door.is_open, **traffic_json(door.meter.snapshot())}


def _changed(profile: LinkProfile, body: dict[str, Any]) -> LinkProfile:
    """Raises ValueError."""
    name = body.pop("preset", None)
    if name is not None:
        if not isinstance(name, str):
            raise DataError(f"preset: expected a text, found {name!r}")
        profile = preset(name)
    ways = {part: body.pop(part) for part in ("up", "down") if part in body}
    for part, members in ways.items():
        way = change(getattr(profile, part), members, f"link.{part}")
        profile = dataclasses.replace(profile, **{part: way})
    return change(profile, body, "link")


def _word(passage: Passage) -> str:
    return passage.name.lower()
