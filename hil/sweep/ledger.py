"""What became of everything that the card signed: results of packages, and notifications."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from hil import codec, tlv
from hil.eim.history import RecordKind
from hil.eim.notifications import read_notification
from hil.eim.verification import read_package_result
from hil.euicc.state import CardState
from hil.rig import Rig
from hil.rig.timeline import Event, Interface

_UNREADABLE: Final = (codec.CodecError, tlv.TlvError, ValueError, KeyError)
_SIGNED: Final = frozenset((RecordKind.RESULT, RecordKind.NOTIFICATION))


class Ledger:
    """Looks at the card after each APDU. `stored`: sequence numbers of all objects that it held, by their bytes."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self._before = rig.card.engine.state
        self._withdrawn: set[bytes] = set()
        self._lost: list[str] = []
        self.stored: dict[bytes, int] = dict(_held(self._before))
        self.results = len(self._before.results)
        """How many results the card has made, and so how many packages it has executed."""
        rig.timeline.subscribe(self._note)

    def _note(self, event: Event) -> None:
        state = self._rig.card.engine.state
        if event.interface is not Interface.APDU or state is self._before:
            return
        before, self._before = self._before, state
        held, held_before = dict(_held(state)), dict(_held(before))
        self.results += sum(item.sequence_number >= before.next_sequence_number for item in state.results)
        self.stored |= held
        # ProfileRollback takes its predecessor's result and notifications with it (SGP.32 5.9.16).
        rolled_back = set()
        if before.rollback is not None and state.rollback is None and state.results != before.results:
            rolled_back = {before.rollback.result_number, *before.rollback.notification_numbers}
        arrived = None
        for raw, number in held_before.items():
            if raw in held:
                continue
            if number in rolled_back:
                self._withdrawn.add(raw)
                continue
            arrived = set(self._arrived()) if arrived is None else arrived
            if raw not in arrived:
                self._lost.append(f"object {number} was removed from the card and nobody has it")

    def _arrived(self) -> Iterator[bytes]:
        """Signed objects that an eIM or the SM-DP+ has got, each time."""
        for endpoint in self._rig.eims.values():
            yield from (bytes.fromhex(record.raw) for record in endpoint.core.history.records if record.kind in _SIGNED)
        if self._rig.rsp is not None:
            yield from self._rig.rsp.core.notifications

    def missing(self) -> list[str]:
        """What has not arrived yet: every signed object at an eIM or SM-DP+, every notification at the SM-DP+."""
        arrived = set(self._arrived())
        there = set(self._rig.rsp.core.notifications) if self._rig.rsp is not None else arrived
        found = []
        for raw, number in self.stored.items():
            if raw in self._withdrawn:
                continue
            if raw not in arrived:
                found.append(f"object {number} of the card has not arrived")
            elif not raw.startswith(b"\xbf\x51") and raw not in there:
                found.append(f"notification {number} has not arrived at the SM-DP+")
        return found

    def failures(self) -> list[str]:
        """What was lost, and what could count twice: other bytes under the number of an earlier object."""
        numbered: dict[int, set[bytes]] = {}
        for raw in self._arrived():
            number = _number(raw)
            if number is not None:
                numbered.setdefault(number, set()).add(raw)
        twice = [
            f"{len(forms)} different objects with sequence number {number} arrived"
            for number, forms in numbered.items()
            if len(forms) > 1
        ]
        unknown = [
            f"an object with sequence number {_number(raw)} arrived that the card never held"
            for raw in dict.fromkeys(self._arrived())
            if _number(raw) is not None and raw not in self.stored
        ]
        return [*self._lost, *twice, *unknown]


def _held(state: CardState) -> Iterator[tuple[bytes, int]]:
    yield from ((item.result, item.sequence_number) for item in state.results)
    yield from ((item.pending, item.sequence_number) for item in state.notifications)


def _number(raw: bytes) -> int | None:
    """Sequence number of a signed object; None for an error of the card or of the agent, which has none."""
    try:
        if raw.startswith(b"\xbf\x51"):
            return read_package_result(raw).seq_number
        return read_notification(raw).seq_number
    except _UNREADABLE:
        return None
