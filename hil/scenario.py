"""Scripted radio weather: what happens to the networks round the device, and to the device, at which second.

A scenario is a TOML or JSON file. The tables `[operator.PLMN]` say what is there in the beginning, `[[step]]` what
happens then; a step may change one operator, what is granted to subscribers, the antenna, or the fault knobs of the
modem. A step with `lasts` is undone after so many seconds, one with `every` and `times` comes again. Seconds count from
the start of the play, on whatever clock: days pass in no time on a manual one. docs/scenarios.md has the reference.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from hil.modem.knobs import Knobs
from hil.modem.loading import DataError, change, load
from hil.network import Access, Operator, Service, Signal

TECHNOLOGIES: Final = {
    "gsm": Access.GSM,
    "umts": Access.UTRAN,
    "lte": Access.E_UTRAN,
    "nb-iot": Access.NB_IOT,
    "nr5g": Access.NR,
}
"""Names of access technologies, the one that a modem prefers last."""

LONGEST: Final = 366 * 86400.0


class Power(StrEnum):
    """What happens to the modem as a whole."""

    ON = "on"
    OFF = "off"
    RESTART = "restart"


@dataclass(frozen=True)
class Place:
    """An operator in the beginning: RSRP (dBm) of each technology that covers the place, and roaming partners."""

    long_name: str = ""
    technologies: Mapping[str, float] = field(default_factory=dict)
    partners: tuple[str, ...] | None = None
    barred: bool = False

    def __post_init__(self) -> None:
        for name in self.technologies:
            _check_technology(name)


@dataclass(frozen=True)
class Step:
    """Something that happens at second `at`; what is absent stays as it is.

    operator: its PLMN. technology, signal, coverage: the level (dBm) of one technology of it, or of all, reached after
    `over` seconds; coverage false takes it away. barred, partners: of the operator. imsi, plmn, service: members of
    what is granted to subscribers with these first digits, on that network. antenna: whether it is connected. modem:
    fault knobs. power: of the modem. lasts, every, times: undone after, repeated after, how often. note: for people.
    """

    at: float
    note: str = ""
    operator: str = ""
    technology: str = ""
    signal: float | None = None
    coverage: bool | None = None
    over: float = 0.0
    barred: bool | None = None
    partners: tuple[str, ...] | None = None
    imsi: str = ""
    plmn: str = ""
    service: Mapping[str, object] | None = None
    antenna: bool | None = None
    modem: Mapping[str, object] | None = None
    power: Power | None = None
    lasts: float | None = None
    every: float | None = None
    times: int = 1

    def __post_init__(self) -> None:
        if self.technology:
            _check_technology(self.technology)
        for name in ("at", "over", "lasts", "every"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= LONGEST:
                raise ValueError(f"{name}: expected 0 to {LONGEST:.0f} seconds, found {value!r}")
        radio = self.signal is not None or self.coverage is not None or self.technology or self.over
        if not self.operator and (radio or self.barred is not None or self.partners is not None):
            raise ValueError("signal, coverage, technology, over, barred and partners belong to an operator")
        if self.operator:
            Operator(self.operator)
        if self.times != 1 and (self.every is None or self.times < 1):
            raise ValueError("times needs every, and is at least 1")
        if self.lasts is not None and self.every is not None and self.lasts >= self.every:
            raise ValueError("a step must be over before it comes again")

    @property
    def moments(self) -> tuple[float, ...]:
        """The seconds at which it happens."""
        return tuple(self.at + number * (self.every or 0.0) for number in range(self.times))


@dataclass(frozen=True)
class Scenario:
    """A whole script. `length` is how long it is worth watching, `technologies` what the modem can receive.

    In a closed world (`open_world` false) there are no operators but those of the scenario.
    """

    name: str
    about: str = ""
    length: float = 3600.0
    open_world: bool = False
    technologies: tuple[str, ...] = tuple(TECHNOLOGIES)
    operators: Mapping[str, Place] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()

    def __post_init__(self) -> None:
        for name in self.technologies:
            _check_technology(name)

    @property
    def supported(self) -> frozenset[Access]:
        return frozenset(TECHNOLOGIES[name] for name in self.technologies)


def parse(data: Mapping[str, Any], place: str) -> Scenario:
    """A scenario of a parsed file.

    Raises:
        DataError: an unknown key, a wrong type or value, with its place.
    """
    top = dict(data)
    operators, steps = top.pop("operator", {}), top.pop("step", [])
    if not isinstance(operators, Mapping):
        raise DataError(f"{place}.operator: expected a table")
    if not isinstance(steps, list):
        raise DataError(f"{place}.step: expected a list of tables")
    scenario = load(Scenario, top, place)
    places = {str(plmn): _operator(str(plmn), table, f"{place}.operator.{plmn}") for plmn, table in operators.items()}
    return replace(
        scenario, operators=places, steps=tuple(_step(step, f"{place}.step[{n}]") for n, step in enumerate(steps))
    )


def read(path: Path) -> Scenario:
    """Read a file whose name ends in .toml or .json.

    Raises:
        DataError: it cannot be read, is no TOML or JSON, or is no scenario.
    """
    try:
        text = path.read_text(encoding="utf-8")
        data = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: {error}") from error
    if not isinstance(data, dict):
        raise DataError(f"{path}: expected a table")
    return parse({"name": path.stem, **data}, str(path))


def shipped() -> Iterator[Path]:
    """The scenarios of the package, by name."""
    return iter(sorted((Path(__file__).parent / "scenarios").glob("*.toml")))


def _check_technology(name: str) -> None:
    if name not in TECHNOLOGIES:
        raise ValueError(f"unknown technology {name!r}, expected one of {', '.join(TECHNOLOGIES)}")


def _operator(plmn: str, table: object, place: str) -> Place:
    try:
        Operator(plmn)
    except ValueError as error:
        raise DataError(f"{place}: {error}") from error
    return load(Place, table, place)


def _step(data: object, place: str) -> Step:
    """One step. What goes to services and knobs is checked here, by trying it on a healthy one."""
    if not isinstance(data, Mapping):
        raise DataError(f"{place}: expected a table")
    rest = dict(data)
    service, modem = rest.pop("service", None), rest.pop("modem", None)
    step = load(Step, rest, place)
    if service is not None:
        change_service(Service(), service, f"{place}.service")
        step = replace(step, service=service)
    if modem is not None:
        change(Knobs(), modem, f"{place}.modem")
        step = replace(step, modem=modem)
    return step


def change_service(service: Service, members: object, place: str) -> Service:
    """The service with some members replaced; a cause of 0 means none, since TOML has no null.

    Raises:
        DataError: no table, unknown member, wrong type.
    """
    changed = change(service, members, place)
    return replace(changed, reject_cause=changed.reject_cause or None, session_cause=changed.session_cause or None)


def best_signal(levels: Mapping[Access, float], supported: frozenset[Access]) -> tuple[Access, Signal] | None:
    """What a modem makes of the technologies of an operator: the most modern one that it can receive."""
    order = tuple(TECHNOLOGIES.values())
    usable = [access for access in order if access in levels and access in supported]
    if not usable:
        return None
    rsrp = levels[usable[-1]]
    # Quality falls with the level: about what a cell at the edge shows.
    return usable[-1], Signal(
        rsrp=rsrp, rsrq=max(-19.5, min(-6.0, (rsrp + 50.0) / 4.0)), sinr=max(-10.0, rsrp / 2.0 + 57.0)
    )
