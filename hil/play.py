"""Plays a scenario on a network and a modem, by timers of a clock, and keeps a timeline of what it did."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Final, Protocol

from hil.clock import Clock, Timer
from hil.modem.knobs import Knobs
from hil.modem.loading import change
from hil.network import Access, Network, Operator, Service
from hil.scenario import TECHNOLOGIES, Place, Power, Scenario, Step, best_signal, change_service

_RAMP_STEPS: Final = 20
"""Levels in which a signal fades."""

Undo = Callable[[], None]


class Restartable(Protocol):
    """What can be reset."""

    def restart(self) -> None: ...


class ModemInPlay(Protocol):
    """What a scenario does to a modem; `hil.modem.VirtualModem` does it."""

    @property
    def knobs(self) -> Knobs: ...

    def set_knobs(self, knobs: Knobs) -> None: ...

    def power_on(self) -> None: ...

    def power_off(self) -> None: ...

    @property
    def device(self) -> Restartable: ...


class Play:
    """One run of a scenario. The operators are there at once, the steps from `start` on.

    `timeline` has an entry (seconds since the start, text) for each thing that happened.
    """

    def __init__(self, scenario: Scenario, network: Network, clock: Clock, modem: ModemInPlay | None = None) -> None:
        self.scenario = scenario
        self.timeline: list[tuple[float, str]] = []
        self._network = network
        self._clock = clock
        self._modem = modem
        self._timers: list[Timer] = []
        self._began = clock.monotonic()
        self._levels: dict[str, dict[Access, float]] = {}
        network.open_world = scenario.open_world
        for plmn, place in scenario.operators.items():
            self._place(plmn, place)

    def start(self) -> None:
        """Let the steps happen."""
        self._began = self._clock.monotonic()
        for step in self.scenario.steps:
            for moment in step.moments:
                self._later(moment, partial(self._happen, step))

    def stop(self) -> None:
        """Nothing more happens; what happened stays."""
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()

    def text(self) -> str:
        """The timeline for people."""
        return "\n".join(f"{moment:10.1f} s  {text}" for moment, text in self.timeline)

    # The beginning

    def _place(self, plmn: str, place: Place) -> None:
        self._levels[plmn] = {TECHNOLOGIES[name]: rsrp for name, rsrp in place.technologies.items()}
        operator = Operator(
            plmn,
            place.long_name or f"Virtual {plmn}",
            partners=None if place.partners is None else frozenset(place.partners),
            barred=place.barred,
        )
        self._network.set_operator(self._received(operator))

    def _received(self, operator: Operator) -> Operator:
        """The operator as the modem hears it."""
        best = best_signal(self._levels.get(operator.plmn, {}), self.scenario.supported)
        if best is None:
            return replace(operator, signal=None)
        return replace(operator, access=best[0], signal=best[1])

    # Steps

    def _later(self, delay: float, action: Callable[[], None]) -> None:
        self._timers.append(self._clock.call_later(delay, action))

    def _happen(self, step: Step) -> None:
        undo = [*self._radio(step), *self._services(step), *self._device(step)]
        self._note(describe(step))
        if step.lasts is not None:
            self._later(step.lasts, lambda: self._undo(step, undo))

    def _undo(self, step: Step, undo: list[Undo]) -> None:
        for action in reversed(undo):
            action()
        self._note(f"over: {describe(step)}")

    def _note(self, text: str) -> None:
        self.timeline.append((self._clock.monotonic() - self._began, text))

    def _radio(self, step: Step) -> list[Undo]:
        if not step.operator:
            return []
        plmn = step.operator
        before, levels = self._network.operator(plmn), dict(self._levels.get(plmn, {}))
        changed = before
        if step.barred is not None:
            changed = replace(changed, barred=step.barred)
        if step.partners is not None:
            changed = replace(changed, partners=frozenset(step.partners))
        self._change_levels(step)
        self._network.set_operator(self._received(changed))
        return [lambda: self._restore(plmn, before, levels)]

    def _restore(self, plmn: str, operator: Operator, levels: dict[Access, float]) -> None:
        self._levels[plmn] = dict(levels)
        self._network.set_operator(self._received(operator))

    def _change_levels(self, step: Step) -> None:
        levels = self._levels.setdefault(step.operator, {})
        chosen = [TECHNOLOGIES[step.technology]] if step.technology else (list(levels) or [Access.E_UTRAN])
        for access in chosen:
            if step.coverage is False:
                levels.pop(access, None)
            elif step.signal is not None and step.over and access in levels:
                self._fade(step.operator, access, levels[access], step.signal, step.over)
            elif step.signal is not None:
                levels[access] = step.signal

    def _fade(self, plmn: str, access: Access, begin: float, end: float, over: float) -> None:
        """A level that changes evenly; a later step that takes the coverage away ends it."""
        for number in range(1, _RAMP_STEPS + 1):
            level = begin + (end - begin) * number / _RAMP_STEPS
            self._later(over * number / _RAMP_STEPS, partial(self._set_level, plmn, access, level))

    def _set_level(self, plmn: str, access: Access, level: float) -> None:
        levels = self._levels[plmn]
        if access in levels:
            levels[access] = level
            self._network.set_operator(self._received(self._network.operator(plmn)))

    def _services(self, step: Step) -> list[Undo]:
        if step.service is None:
            return []
        imsi, plmn = step.imsi, step.plmn
        before = self._network.entry(imsi=imsi, plmn=plmn)
        base = before or self._network.default_service
        self._network.set_service(change_service(base, step.service, "service"), imsi=imsi, plmn=plmn)
        return [lambda: self._restore_service(before, imsi, plmn)]

    def _restore_service(self, before: Service | None, imsi: str, plmn: str) -> None:
        if before is None:
            self._network.drop_service(imsi=imsi, plmn=plmn)
        else:
            self._network.set_service(before, imsi=imsi, plmn=plmn)

    def _device(self, step: Step) -> list[Undo]:
        undo: list[Undo] = []
        if step.antenna is not None:
            antenna = self._network.antenna
            self._network.set_antenna(connected=step.antenna)
            undo.append(lambda: self._network.set_antenna(connected=antenna))
        modem = self._modem
        if modem is None:
            return undo
        if step.modem is not None:
            former = {name: getattr(modem.knobs, name) for name in step.modem}
            modem.set_knobs(change(modem.knobs, step.modem, "modem"))
            undo.append(lambda: modem.set_knobs(replace(modem.knobs, **former)))
        match step.power:
            case Power.ON:
                modem.power_on()
            case Power.OFF:
                modem.power_off()
                undo.append(modem.power_on)
            case Power.RESTART:
                modem.device.restart()
            case None:
                pass
        return undo


def describe(step: Step) -> str:
    """What a step does, in a few words, unless it says so itself."""
    if step.note:
        return step.note
    parts = _radio_words(step)
    if step.service is not None:
        who = f"IMSI {step.imsi or 'any'} on {step.plmn or 'any network'}"
        parts.append(f"{who}: {_members(step.service)}")
    if step.antenna is not None:
        parts.append(f"antenna {'connected' if step.antenna else 'off'}")
    if step.modem is not None:
        parts.append(f"modem: {_members(step.modem)}")
    if step.power is not None:
        parts.append(f"modem {step.power}")
    return " ".join(parts) or "nothing"


def _radio_words(step: Step) -> list[str]:
    if not step.operator:
        return []
    parts = [f"{step.operator}{f' {step.technology}' if step.technology else ''}"]
    if step.coverage is False:
        parts.append("without coverage")
    if step.signal is not None:
        parts.append(f"at {step.signal:g} dBm{f' within {step.over:g} s' if step.over else ''}")
    if step.barred is not None:
        parts.append("barred" if step.barred else "open")
    if step.partners is not None:
        parts.append(f"partners {', '.join(step.partners) or 'none'}")
    return parts


def _members(table: Mapping[str, object]) -> str:
    return ", ".join(f"{key}={value}" for key, value in table.items())
