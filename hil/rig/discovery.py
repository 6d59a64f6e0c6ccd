"""Events of the SM-DS that follow from orders of the SM-DP+ (ES12 in its effect, SGP.22 3.6), kept over restarts."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from hil.rig.options import RigError
from hil.smdp.orders import Order
from hil.smds.core import Event, SmDs


class Discovery:
    """Registers and deletes the events of one SM-DP+."""

    def __init__(self, smds: SmDs, smdp_address: str, path: Path) -> None:
        self._smds = smds
        self._address = smdp_address
        self._path = path

    def load(self) -> None:
        """Take the stored events. Raises RigError."""
        if not self._path.exists():
            return
        try:
            self._smds.events = [Event(**item) for item in json.loads(self._path.read_text(encoding="utf-8"))]
        except (ValueError, TypeError) as error:
            raise RigError(f"{self._path}: {error}") from error

    def register(self, event: Event) -> None:
        """Add an event. ValueError when it is there."""
        self._smds.register(event)
        self._save()

    def delete(self, eid: str, event_id: str) -> None:
        """Take an event away, if it is there."""
        self._smds.delete(eid, event_id)
        self._save()

    def order_changed(self, order: Order) -> None:
        """An order with an event has one exactly as long as it waits."""
        if not order.event or order.eid is None:
            return
        event = Event(order.eid, order.matching_id, self._address)
        if order.waiting and event not in self._smds.events:
            self.register(event)
        elif not order.waiting:
            self.delete(event.eid, event.event_id)

    def _save(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._path.with_suffix(".tmp")
        temporary.write_text(json.dumps([asdict(event) for event in self._smds.events], indent=1), encoding="utf-8")
        temporary.replace(self._path)
