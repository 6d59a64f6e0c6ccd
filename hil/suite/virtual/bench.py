"""Virtual card, modem and supply from outside."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any, Final

from hil.euicc.knobs import Knobs as CardKnobs
from hil.modem.knobs import CommandFault
from hil.modem.knobs import Knobs as ModemKnobs
from hil.modem.loading import change, load
from hil.rig import Rig
from hil.rig.timeline import Event, Interface
from hil.suite.limits import Limits
from hil.suite.loop import LoopThread
from hil.suite.virtual.profiles import CardProfiles

_STORE_DATA: Final = 0xE2
_FIRST_BLOCK: Final = 0
_MORE_TAG: Final = 0x1F


class RigCardBench:
    """The ability card-bench."""

    def __init__(self, loop: LoopThread, rig: Rig) -> None:
        self._loop = loop
        self._rig = rig
        self._begun = 0
        self._profiles = CardProfiles(rig.card)

    def install(self, **members: Any) -> str:
        return self._loop.call(lambda: self._profiles.install(**members))

    def change(self, iccid: str, **members: Any) -> None:
        self._loop.call(lambda: self._profiles.change(iccid, **members))

    def knobs(self, **values: Any) -> None:
        def turn() -> None:
            changed = change(self._rig.card.knobs, values, "card")
            _overwrite(self._rig.card.knobs, changed)
            self._rig.timeline.note(Interface.BENCH, "", f"knobs of card: {values}")

        self._loop.call(turn)

    def reset(self) -> None:
        self._loop.call(self._rig.holder.reset)

    def truth(self) -> Mapping[str, Any]:
        return self._loop.call(self._truth)

    def _truth(self) -> Mapping[str, Any]:
        card, state = self._rig.card, self._rig.card.engine.state
        return {
            "eid": card.eid,
            "profiles": [asdict(profile) for profile in card.profiles],
            "enabled": next((profile.iccid for profile in card.profiles if profile.enabled), None),
            "eims": {eim.eim_id: eim.counter_value for eim in state.eims},
            "notifications": [item.sequence_number for item in state.notifications],
            "packageResults": [item.sequence_number for item in state.results],
            "rollbackPossible": state.rollback is not None,
            "defaultSmdpAddress": state.default_smdp_address,
            "nextSequenceNumber": state.next_sequence_number,
        }

    def executed(self) -> Mapping[str, int]:
        events = self._loop.call(lambda: self._rig.timeline.events(self._begun, Interface.APDU))
        return Counter(tag for event in events if (tag := _function(event)) is not None)

    def begin(self) -> None:
        """What is executed from now on belongs to the case."""
        self._begun = self._rig.timeline.last_number

    def calm(self) -> None:
        """A healthy card."""
        self._loop.call(lambda: _overwrite(self._rig.card.knobs, CardKnobs()))
        self._loop.call(self._profiles.calm)


def _function(event: Event) -> str | None:
    """Tag of the ES10 function that a command APDU begins, None for any other."""
    apdu = bytes.fromhex(event.data)
    if event.direction != ">" or len(apdu) < 8 or apdu[1] != _STORE_DATA or apdu[3] != _FIRST_BLOCK:
        return None
    size = 2 if apdu[5] & _MORE_TAG == _MORE_TAG else 1
    return apdu[5 : 5 + size].hex().upper()


class RigModemBench:
    """The ability modem-bench."""

    def __init__(self, loop: LoopThread, rig: Rig, limits: Limits) -> None:
        self._loop = loop
        self._rig = rig
        self._limits = limits
        self._begun = 0

    def knobs(self, **values: Any) -> None:
        def turn() -> None:
            self._rig.modem.set_knobs(change(self._rig.modem.knobs, values, "modem"))
            self._rig.timeline.note(Interface.BENCH, "", f"knobs of modem: {values}")

        self._loop.call(turn)

    def fault(self, **members: Any) -> None:
        rule = load(CommandFault, members, "fault")

        def add() -> None:
            knobs = self._rig.modem.knobs
            self._rig.modem.set_knobs(replace(knobs, faults=(*knobs.faults, rule)))
            self._rig.timeline.note(Interface.BENCH, "", f"fault of modem: {members}")

        self._loop.call(add)

    def unplug(self, seconds: float) -> None:
        self._loop.call(lambda: self._rig.modem.hang_up(seconds))

    def restart(self) -> None:
        self._loop.call(self._rig.modem.device.restart)

    def lines(self) -> list[str]:
        events = self._loop.call(lambda: self._rig.timeline.events(self._begun, Interface.AT))
        return [event.text for event in events if event.direction == ">"]

    def begin(self) -> None:
        """What is sent from now on belongs to the case."""
        self._begun = self._rig.timeline.last_number

    def calm(self) -> None:
        """A healthy modem that is on."""
        self._loop.call(self._calm)

    def _calm(self) -> None:
        if self._rig.modem.knobs != ModemKnobs():
            self._rig.modem.set_knobs(ModemKnobs())


class RigPower:
    """The ability power."""

    def __init__(self, loop: LoopThread, rig: Rig, limits: Limits) -> None:
        self._loop = loop
        self._rig = rig
        self._limits = limits

    def off(self) -> None:
        self._loop.call(self._rig.modem.power_off)

    def on(self) -> None:
        self._loop.call(self._rig.modem.power_on)
        if not self._loop.until(lambda: self._rig.modem.device.booted, self._limits.start):
            raise AssertionError("the modem did not boot")

    def cycle(self) -> None:
        self.off()
        self.on()

    def calm(self) -> None:
        """It is on."""
        if not self._loop.call(lambda: self._rig.modem.device.powered):
            self.on()


def _overwrite(target: Any, source: Any) -> None:
    for field in dataclasses.fields(source):
        setattr(target, field.name, getattr(source, field.name))
