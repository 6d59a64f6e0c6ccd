"""What the owner of a test network would write: `network_program.py CONTROL_URL ACTION ARGUMENTS...`, the network being
that of a rig."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from hil.cli.client import ControlClient, ControlError

_SWITCH: Final = {"on": True, "off": False}
_ANTENNA: Final = {"script": {"step": [{"at": 0.0, "antenna": True}]}}
"""A scenario leaves everything as it is when it is stopped."""


class RigProgram:
    """Acts on the rig by its control API."""

    def __init__(self, rig: ControlClient) -> None:
        self._rig = rig
        self._actions: Mapping[str, Callable[..., None]] = {
            "coverage": lambda on, *whom: self._grant(*whom, coverage=_SWITCH[on]),
            "data": lambda on, *whom: self._grant(*whom, data=_SWITCH[on]),
            "reject": lambda cause, *whom: self._grant(*whom, reject_cause=None if cause == "none" else int(cause)),
            "service": lambda members, *whom: self._grant(*whom, **json.loads(members)),
            "signal": self._signal,
            "cut": self._cut,
            "play": self._play,
            "reset": self._reset,
        }

    def do(self, action: str, *arguments: str) -> None:
        """Raises ControlError, KeyError, TypeError, ValueError."""
        self._actions[action](*arguments)

    def _profiles(self) -> list[dict[str, Any]]:
        return list(self._rig.get("/card")["profiles"])

    def _grant(self, iccid: str | None = None, **members: Any) -> None:
        imsi = "" if iccid is None else next(card["imsi"] for card in self._profiles() if card["iccid"] == iccid)
        granted = self._rig.get("/network/service", imsi=imsi)["service"]
        self._rig.post("/network/service", {**granted, **members, "imsi": imsi})

    def _signal(self, rsrp: str, rsrq: str, sinr: str) -> None:
        plmn = self._rig.get("/modem")["plmn"]
        signal = {"rsrp": float(rsrp), "rsrq": float(rsrq), "sinr": float(sinr)}
        self._rig.post("/network/signal", {"plmn": plmn, "signal": signal})

    def _cut(self, on: str) -> None:
        if _SWITCH[on]:
            self._rig.post("/link/cut")
        else:
            self._rig.delete("/link/cut")

    def _play(self, scenario: str) -> None:
        self._rig.post("/play", {"scenario": scenario})

    def _reset(self) -> None:
        if self._rig.get("/play")["name"] is not None:
            self._rig.post("/play", _ANTENNA)
            self._rig.delete("/play")
        self._rig.delete("/network/service")
        self._rig.delete("/link/cut")
        for plmn in {card["plmn"].replace("-", "") for card in self._profiles()}:
            self._rig.post("/network/signal", {"plmn": plmn, "signal": {}})


def main(words: Sequence[str]) -> int:
    url, *told = words
    try:
        RigProgram(ControlClient(url)).do(*told)
    except (ControlError, KeyError, StopIteration, TypeError, ValueError) as error:
        sys.stderr.write(f"{error!r}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
