"""What the suite runs on: a device with its surroundings, opened once for a session."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from hil.suite.abilities import (
    ActivationCodes,
    Card,
    CardBench,
    Eim,
    Gateway,
    Modem,
    ModemBench,
    Network,
    Power,
    Smdp,
)
from hil.suite.limits import Limits
from hil.suite.record import EventRecord, SignalSample


@dataclass(frozen=True)
class Facts:
    """What the record says of a target. `named_eid`: the EID that its owner named. `protected` False: a device of the
    bench's own making, with which a case may do as it likes. Values of `versions` and `board` are text for people."""

    name: str
    named_eid: str | None
    protected: bool = True
    versions: Mapping[str, str] = field(default_factory=dict)
    board: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Observations:
    """What was seen during one case."""

    events: Sequence[EventRecord] = ()
    signals: Sequence[SignalSample] = ()


class Target(Protocol):
    """A device under test.

    Attributes that an ability of the target's `abilities` stands for are there; others raise TargetError. The suite
    calls `open`, for each case `begin`, then `calm` and `end`, and in the end `close`, also after Ctrl-C.
    """

    @property
    def facts(self) -> Facts:
        """Known once it is open."""
        ...

    @property
    def abilities(self) -> frozenset[str]:
        """Values of hil.suite.abilities.Ability; known before `open`."""
        ...

    @property
    def limits(self) -> Limits:
        """Time limits for its cases."""
        ...

    @property
    def gateway(self) -> Gateway: ...

    @property
    def card(self) -> Card: ...

    @property
    def modem(self) -> Modem: ...

    @property
    def eim(self) -> Eim: ...

    @property
    def eim2(self) -> Eim: ...

    @property
    def smdp(self) -> Smdp: ...

    @property
    def activation_codes(self) -> ActivationCodes: ...

    @property
    def network(self) -> Network: ...

    @property
    def card_bench(self) -> CardBench: ...

    @property
    def modem_bench(self) -> ModemBench: ...

    @property
    def power(self) -> Power: ...

    def open(self) -> None:
        """Get the device ready: the agent runs, the bench's first eIM is associated. Raises TargetError."""
        ...

    def begin(self, *, fresh: bool, options: Sequence[tuple[str, Any]] = ()) -> None:
        """A case begins: what is seen from now on is its. `fresh`: on a new device, which goes away with `end`;
        `options`: one that is set up otherwise. Both only with the ability `fresh`. Raises TargetError."""
        ...

    def calm(self) -> None:
        """Turn back what the case did to the surroundings: knobs, faults, certificates, networks, configuration.

        The queue of the eIM too; the device itself is restored by the suite. Must not need the device.
        """
        ...

    def seen(self) -> Sequence[EventRecord]:
        """What went over the interfaces since `begin`, with all data; at least those of the bench's servers."""
        ...

    def end(self) -> Observations:
        """A case is over."""
        ...

    def fingerprint(self) -> Hashable | None:
        """All of the device that a case may not change, if that can be had without its agent, else None."""
        ...

    def worn(self) -> bool:
        """Whether the case has taught the agent something that a restored eUICC does not make it forget."""
        ...

    def renew(self) -> bool:
        """Replace the device of the case that has ended, where that is possible; whether it was."""
        ...

    def close(self) -> None:
        """Let go of everything."""
        ...
