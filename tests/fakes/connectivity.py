"""The bearer of a device whose card is a `CardState`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ipad.ids import Iccid, Plmn
from tests.fakes.card_state import CardState


@dataclass
class FakeConnectivity:
    """A bearer that is new after each recovery of the SIM, where the enabled profile has service."""

    card: CardState
    service: Callable[[Iccid | None], bool] = lambda iccid: iccid is not None
    plmn: Plmn | None = None
    sessions: int = 1
    recovered: list[Iccid | None] = field(default_factory=list)
    waits: list[str | None] = field(default_factory=list)

    async def data_session(self) -> str | None:
        return f"session-{self.sessions}" if self.service(self.card.enabled) else None

    async def wait_new_session(self, before: str | None, timeout: float) -> bool:  # noqa: ASYNC109
        self.waits.append(before)
        now = await self.data_session()
        return now is not None and now != before

    async def registered_plmn(self) -> Plmn | None:
        return self.plmn

    async def recover_sim(self, expected: Iccid | None) -> None:
        self.recovered.append(expected)
        self.card.complete_switch()
        self.sessions += 1
