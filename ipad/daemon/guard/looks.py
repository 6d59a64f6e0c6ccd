"""Looks through the layers towards the eIMs of the eUICC, as events of policy."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from ipad.codec.eim import EimConfigurationData
from ipad.daemon.guard.ward import Sight
from ipad.errors import IpadError
from ipad.policy.events import Layer, ProbeResult

if TYPE_CHECKING:
    from ipad.net.link_quality import LinkQuality
    from ipad.net.probe import PathProbe, ProbeTarget

logger = logging.getLogger(__name__)

Aim: TypeAlias = "Callable[[Iterable[EimConfigurationData]], Sequence[ProbeTarget]]"


class EimLooks:
    """`equip` makes the probe and what finds where eIMs are; the first look calls it and loads all that."""

    def __init__(self, equip: Callable[[], tuple[PathProbe, Aim]]) -> None:
        self._equip = equip
        self._equipment: tuple[PathProbe, Aim, LinkQuality] | None = None
        self._eims: Sequence[EimConfigurationData] = ()
        self._session: str | None = None

    def aim_at(self, eims: Iterable[EimConfigurationData]) -> None:
        """These are the eIMs from now on."""
        self._eims = tuple(eims)

    def _equipped(self) -> tuple[PathProbe, Aim, LinkQuality]:
        from ipad.net.link_quality import LinkQuality  # noqa: PLC0415

        if self._equipment is None:
            self._equipment = (*self._equip(), LinkQuality())
        return self._equipment

    async def look(self, session: str | None) -> Sight:
        """One look over the bearer `session`."""
        from ipad.daemon.probing import probe_result, traffic  # noqa: PLC0415

        try:
            probe, aim, quality = self._equipped()
            if session != self._session:
                self._session = session
                quality.forget()
            look = await probe.look(aim(self._eims), session=session)
        except IpadError as error:
            logger.warning("the look through the layers failed: %s", error)
            return Sight(result=ProbeResult(reached=Layer.NOTHING, session=session, failure=str(error)))
        logger.info(
            "path: %s reached%s%s",
            look.reached,
            "".join(f", {layer} {seconds:.2f} s" for layer, seconds in look.durations.items()),
            f"; {look.failure}" if look.failure else "",
        )
        return Sight(result=probe_result(look, session), traffic=traffic(quality, look))
