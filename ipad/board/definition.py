"""A board definition with everything that it inherits. The dataclasses are the schema; `docs/board.md` explains it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal, get_args

from ipad.board.behaviour import (
    Apdu,
    At,
    BearerRules,
    PowerSaving,
    Refresh,
    RegistrationRules,
    Repair,
    SignalRules,
    TimeSource,
)
from ipad.board.hardware import Match, Multiplexer, Ports, Reset, SerialLine, Slots
from ipad.board.values import Name, OptionalName, QuirkName, Rung, Technology
from ipad.records import dataclass, field, replace
from ipad.toml import Within


@dataclass(frozen=True, slots=True)
class Board:
    """A modem, or a gateway with a modem in it. Durations are seconds, sizes bytes."""

    name: Name
    """The name of the file without `.toml`."""
    schema: Annotated[int, Within(1, 1)] = 1
    """Version of this schema."""
    kind: Literal["module", "gateway"] = "module"
    """A gateway takes from the definition of its modem what it does not say itself."""
    title: str = ""
    """For people."""
    extends: OptionalName = ""
    """The definition that this one inherits from."""
    module: OptionalName = ""
    """The modem of a gateway; empty: several are fitted, so it is found by USB id or by what it answers."""
    confidence: Literal["field", "manual", "low"] = "low"
    """`field`: seen to work; `manual`: documented; `low`: anything less."""
    source: str = ""
    """Where the facts come from."""
    personality: OptionalName = ""
    """The personality of the virtual modem (`ipad-hil`) that behaves like it."""
    rats: tuple[Technology, ...] = ()
    """Radio technologies."""
    releases: Mapping[str, Annotated[int, Within(4, 30)]] = field(default_factory=dict)
    """3GPP release of each radio technology, told to servers: `{ lte = 14 }`."""
    quirks: tuple[QuirkName, ...] = ()
    """Deviations that need code; see below."""
    match: Match = field(default_factory=Match)
    ports: Ports = field(default_factory=Ports)
    serial: SerialLine = field(default_factory=SerialLine)
    mux: Multiplexer | None = None
    at: At = field(default_factory=At)
    apdu: Apdu = field(default_factory=Apdu)
    refresh: Refresh = field(default_factory=Refresh)
    repair: tuple[Repair, ...] = ()
    reset: Reset = field(default_factory=Reset)
    slots: Slots = field(default_factory=Slots)
    registration: RegistrationRules = field(default_factory=RegistrationRules)
    bearer: BearerRules = field(default_factory=BearerRules)
    signal: SignalRules = field(default_factory=SignalRules)
    power_saving: PowerSaving = field(default_factory=PowerSaving)
    time: TimeSource = field(default_factory=TimeSource)


def with_hardware_reset(board: Board) -> Board:
    """The board with the rung `power` at the end of its ladder, where the helper can reset it and no rung says so.

    A gateway so gets the rung without repeating the ladder of its modem. With a hook the ladder is as it is written.
    """
    ladder = board.refresh.ladder
    if board.reset.hook or not board.reset.switched or not {"power", "hook"}.isdisjoint(ladder):
        return board
    return replace(board, refresh=replace(board.refresh, ladder=(*ladder, "power")))


def contradiction(board: Board) -> tuple[tuple[str, ...], str] | None:
    """What makes no sense together, as keys and problem; None when everything does."""
    return next(_contradictions(board), None)


def _contradictions(board: Board) -> Iterator[tuple[tuple[str, ...], str]]:
    slots, hook = board.slots, board.reset.hook
    if board.kind == "module" and board.module:
        yield ("module",), 'only a gateway (kind = "gateway") names its modem'
    if slots.euicc > slots.count:
        yield ("slots", "euicc"), f"slot {slots.euicc}, but slots.count is {slots.count}"
    if slots.select and "{slot}" not in slots.select:
        yield ("slots", "select"), "expected {slot} where the number belongs"
    if slots.gpio and not hook:
        yield ("slots", "gpio"), "needs reset.hook, which switches the line"
    yield from _of_hardware(board)
    if "simdet" in board.refresh.ladder and not board.refresh.commands.get("simdet"):
        yield ("refresh", "ladder"), "the rung simdet needs refresh.commands.simdet"
    unknown = set(board.refresh.commands) - set(get_args(Rung))
    if unknown:
        yield ("refresh", "commands", min(unknown)), f"expected one of {', '.join(get_args(Rung))}"


def _of_hardware(board: Board) -> Iterator[tuple[tuple[str, ...], str]]:
    reset, ladder = board.reset, board.refresh.ladder
    if board.mux is not None and board.mux.at == board.mux.data:
        yield ("mux", "data"), "must be another channel than mux.at"
    if board.mux is not None and (board.ports.at is None or not board.ports.at.path):
        yield ("mux",), "needs ports.at.path, the UART that is multiplexed"
    if "power" in ladder and not reset.hook and not reset.switched:
        yield ("refresh", "ladder"), "the rung power needs reset.power, .key, .gpio or .usb, or reset.hook"
    if "hook" in ladder and not reset.hook and reset.gpio is None:
        yield ("refresh", "ladder"), "the rung hook needs reset.gpio or reset.hook"
    lines = {"gpio": reset.gpio, "power": reset.power, "key": reset.key}
    for name, line in lines.items():
        if line is not None and not line.line:
            yield ("reset", name, "line"), "is missing"
