"""Control API: radio scenarios on the network and the modem of the rig, in real time."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from hil import scenario as scenarios
from hil.control import Call, CallError, Route
from hil.modem.loading import DataError
from hil.play import Play
from hil.rig.rig import Rig
from hil.rig.timeline import Interface
from hil.scenario import Scenario


class PlayRoutes:
    """Handlers of everything below /play. One scenario is played at a time."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self._play: Play | None = None

    def routes(self) -> list[Route]:
        """All of them."""
        return [
            Route("GET", "/play", self.show),
            Route("POST", "/play", self.begin),
            Route("DELETE", "/play", self.stop),
        ]

    async def show(self, _call: Call) -> Any:
        """What is there to play, what is played, and what happened so far."""
        play = self._play
        return {
            "scenarios": [path.stem for path in scenarios.shipped()],
            "name": None if play is None else play.scenario.name,
            "about": None if play is None else play.scenario.about,
            "timeline": [] if play is None else [{"at": at, "text": text} for at, text in play.timeline],
        }

    async def begin(self, call: Call) -> Any:
        """{"scenario": name of a shipped one} or {"script": a scenario as JSON}; what was played before ends."""
        scenario = _chosen(dict(call.body))
        self._end()
        self._play = Play(scenario, self._rig.network, self._rig.clock, self._rig.modem)
        self._play.start()
        self._rig.timeline.note(Interface.RADIO, "", f"scenario {scenario.name} begins")
        return await self.show(call)

    async def stop(self, call: Call) -> Any:
        """Nothing more happens; what happened stays."""
        self._end()
        answer = await self.show(call)
        self._play = None
        return answer

    def _end(self) -> None:
        if self._play is not None:
            self._play.stop()


def _chosen(body: dict[str, Any]) -> Scenario:
    """Raises CallError."""
    if len(body) != 1 or not body.keys() <= {"scenario", "script"}:
        raise CallError("expected either scenario or script")
    try:
        if "script" in body:
            return scenarios.parse({"name": "script", **dict(body["script"])}, "script")
        path = next((path for path in scenarios.shipped() if path.stem == body["scenario"]), None)
        if path is None:
            raise CallError(f"there is no scenario {body['scenario']!r}", HTTPStatus.NOT_FOUND)
        return scenarios.read(path)
    except (DataError, TypeError, ValueError) as error:
        raise CallError(str(error)) from error
