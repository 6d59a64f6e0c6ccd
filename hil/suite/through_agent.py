"""Card and modem as the commands of the agent show them: the same on every target."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from hil.suite.abilities import Gateway, Profile
from hil.suite.errors import TargetError
from hil.suite.limits import Limits
from hil.waiting import looks

_LOOK: Final = 0.05


class AgentCard:
    """The eUICC. `spares` are ICCIDs of profiles that tests may switch to, the preferred one first."""

    def __init__(self, gateway: Gateway, eid: str, spares: tuple[str, ...]) -> None:
        self._gateway = gateway
        self._eid = eid
        self._spares = spares

    @property
    def eid(self) -> str:
        return self._eid

    def profiles(self) -> list[Profile]:
        rows = self._gateway.ipad("profile", "list").value["profiles"]
        return [
            Profile(row["iccid"], row["state"] == "enabled", bool(row["fallback"]), str(row["name"] or ""), row)
            for row in rows
        ]

    def enabled(self) -> str | None:
        return next((profile.iccid for profile in self.profiles() if profile.enabled), None)

    def spare(self) -> str:
        profiles = {profile.iccid: profile for profile in self.profiles()}
        for iccid in self._spares:
            if iccid in profiles and not profiles[iccid].enabled:
                return iccid
        raise TargetError(f"no profile to switch to: {', '.join(self._spares) or 'none was named'}")

    def eims(self) -> list[Mapping[str, Any]]:
        return list(self._gateway.ipad("eim", "list").value["eims"])

    def notifications(self) -> list[Mapping[str, Any]]:
        return list(self._gateway.ipad("notification", "list").value["notifications"])


class AgentModem:
    """The modem behind the agent's port. `reset_command` makes it restart."""

    def __init__(self, gateway: Gateway, limits: Limits, reset_command: str = "AT+CFUN=1,1") -> None:
        self._gateway = gateway
        self._limits = limits
        self._reset_command = reset_command

    def at(self, command: str) -> list[str]:
        return [str(line) for line in self._gateway.ipad("modem", "at", command).value["lines"]]

    def reset(self) -> None:
        self._gateway.ipad("modem", "at", self._reset_command, code=None)
        await_modem(self._gateway, self._limits.recovery)


def await_modem(gateway: Gateway, within: float) -> None:
    """Wait until the modem answers again after a reset. Raises TargetError."""
    for _ in looks(within, _LOOK):
        if not gateway.ipad("modem", "info", code=None).code:
            return
    raise TargetError(f"the modem did not come back within {within:g} s of its reset")
