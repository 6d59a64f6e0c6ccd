"""The virtual modem: characters in, characters out, with the life of a modem behind them.

It does no I/O of its own. A port feeds `receive` and takes what `on_output` delivers; time comes from a clock. Every
personality runs the same code.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from hil.clock import Clock
from hil.euicc.errors import PowerLoss
from hil.modem.command import Command, parse_line
from hil.modem.commands import CommandTable
from hil.modem.counters import Counters, Direction, Trace
from hil.modem.device import Device, DeviceEvents
from hil.modem.knobs import CommandFault, FaultTable, Knobs
from hil.modem.line import Framing, LineEditor, command_body, final_result, information
from hil.modem.pacing import PacedPipe
from hil.modem.personality import Personality
from hil.modem.reply import ERROR, Final, Refused, Reply
from hil.modem.terminal import Card
from hil.network import Network

_PREFIX = re.compile(r"([+!#$%^*][A-Za-z0-9]+): ")
_NO_FAULT = CommandFault(times=0)


@dataclass
class _Execution:
    """A command line that is being worked on; `muted` when its answer must not be seen."""

    commands: list[Command]
    fault: CommandFault
    muted: bool = False


class VirtualModem:
    """One modem with one card.

    `card` None is an empty holder. The modem is off until `power_on`. All callbacks are called from the code that
    feeds it or from its clock, never concurrently.
    """

    def __init__(self, card: Card | None, network: Network, personality: Personality, clock: Clock) -> None:
        self.personality = personality
        self._clock = clock
        self._table = CommandTable(personality)
        self._framing = Framing(personality.line.leading_crlf, personality.line.blank_between)
        self._editor = LineEditor()
        self._faults = FaultTable()
        self._execution: _Execution | None = None
        self._dispatching = False
        self._pumping = False
        self._held: list[str] = []
        self._greeted = False
        self._port_present = True
        self._generation = 0
        self._output: Callable[[bytes], None] | None = None
        self._trace: Trace | None = None
        self._on_bearer: list[Callable[[bool], None]] = []
        self._on_stall: list[Callable[[bool], None]] = []
        self._on_port: list[Callable[[bool], None]] = []
        self._on_power_loss: list[Callable[[], None]] = []
        self._pipe = PacedPipe(clock, self._deliver, slice_bytes=1)
        self.device = Device(
            card,
            network,
            personality,
            clock,
            DeviceEvents(
                announce=self._announce,
                bearer=self._bearer,
                stall=self._stall,
                run=self._run,
                reenumerate=self.hang_up,
                restart=self._restart,
                switch_off=self.power_off,
            ),
        )

    # What surrounds the modem

    @property
    def counters(self) -> Counters:
        """What went over the line so far."""
        return self.device.counters

    @property
    def knobs(self) -> Knobs:
        """The faults that are set."""
        return self.device.knobs

    @property
    def port_present(self) -> bool:
        """Whether the port exists for a client now."""
        return self._port_present

    def set_knobs(self, knobs: Knobs) -> None:
        """Exchange all fault knobs; the counts of command faults begin anew when the faults changed."""
        if knobs.faults != self.knobs.faults:
            self._faults = FaultTable(knobs.faults)
        self._pipe.seconds_per_byte = knobs.dribble
        self.device.set_knobs(knobs)

    def on_output(self, callback: Callable[[bytes], None]) -> None:
        """Where the characters of the modem go; there is one port, a second call replaces it."""
        self._output = callback

    def on_trace(self, callback: Trace | None) -> None:
        """Tell about each line (monotonic seconds, direction, text)."""
        self._trace = callback

    def on_bearer(self, callback: Callable[[bool], None]) -> None:
        """Call with True when IP packets begin to get through, with False when they no longer do."""
        self._on_bearer.append(callback)

    def on_stall(self, callback: Callable[[bool], None]) -> None:
        """Call with True when a packet session is up through which no IP packet gets, with False when that is over."""
        self._on_stall.append(callback)

    def on_port(self, callback: Callable[[bool], None]) -> None:
        """Call with False when the port vanishes (hang-up, reset), with True when it is back."""
        self._on_port.append(callback)

    def on_power_loss(self, callback: Callable[[], None]) -> None:
        """Call when a fault of the card took the power from the whole device; `power_on` brings it back."""
        self._on_power_loss.append(callback)

    def power_on(self) -> None:
        """Supply the modem and show its port."""
        self._greeted = False
        self.device.power_on()
        self._show_port(present=True)

    def power_off(self) -> None:
        """Take the supply away in whatever state it is; the port vanishes."""
        self._generation += 1
        self._reset_line()
        self.device.power_off()
        self._show_port(present=False)

    def hang_up(self, seconds: float) -> None:
        """The port vanishes and comes back after `seconds`; the modem goes on meanwhile."""
        self.counters.hang_ups += 1
        self._reset_line()
        self._show_port(present=False)
        generation = self._generation
        self._clock.call_later(seconds, lambda: self._back(generation))

    def receive(self, data: bytes) -> None:
        """Characters that a client sent."""
        self.counters.bytes_in += len(data)
        deaf = self.knobs.silent or self.device.power_saving.asleep
        if not self.device.booted or deaf or not self._port_present:
            return
        self._editor.feed(data)
        self._pump()

    # Command lines

    def _pump(self) -> None:
        """Take line after line while no command is in work."""
        if self._pumping:
            return
        self._pumping = True
        try:
            while self._execution is None and self.device.booted and self._port_present:
                consumed, line = self._editor.next_line()
                if consumed and self.device.settings.echo:
                    self._write(consumed)
                if line is None:
                    break
                body = command_body(line)
                if body is not None:
                    self._start(body)
                self._flush_held()
        finally:
            self._pumping = False

    def _start(self, body: str) -> None:
        self.counters.commands += 1
        self._note(Direction.COMMAND, "AT" + body)
        if self.knobs.garbage and not self._greeted:
            self._write(bytes.fromhex(self.knobs.garbage))
        self._greeted = True
        fault = self._faults.strike(body) or _NO_FAULT
        muted = bool(fault.silent or fault.answer or fault.hang_up)
        self._execution = execution = _Execution([], fault, muted)
        try:
            if len(body) > self.personality.line.max_line:
                raise Refused(ERROR)
            execution.commands = parse_line(body) if fault.execute else []
        except Refused as refused:
            self._later(execution, Reply(final=refused.final))
            return
        self._step(execution)

    def _step(self, execution: _Execution) -> None:
        """Execute the next command of the line, or end it."""
        if not execution.commands:
            self._later(execution, Reply())
            return
        command = execution.commands.pop(0)
        self._dispatching = True
        try:
            reply = self._dispatch(command)
        except Refused as refused:
            reply = Reply(final=refused.final)
        except PowerLoss:
            self._power_lost()
            return
        finally:
            self._dispatching = False
        self._later(execution, reply)

    def _dispatch(self, command: Command) -> Reply:
        handler = self._table.find(command)
        if handler is None:
            return Reply(final=Final.parse(self.personality.line.unknown_command))
        return handler(self.device, command)

    def _later(self, execution: _Execution, reply: Reply) -> None:
        delay = reply.delay + (execution.fault.delay if not execution.commands or not reply.final.ok else 0.0)
        if not delay:
            self._finish(execution, reply)
            return
        generation = self._generation
        self._clock.call_later(
            delay, lambda: self._run(lambda: self._finish(execution, reply)) if generation == self._generation else None
        )

    def _finish(self, execution: _Execution, reply: Reply) -> None:
        """Give the answer, and go on with the line or with the next one."""
        if self._execution is not execution:
            return
        self._lines(execution, reply.lines)
        if reply.final.ok and execution.commands:
            if reply.after is not None:
                reply.after()
            self._step(execution)
            return
        self._final(execution, reply.final)
        self._execution = None
        if reply.after is not None:
            reply.after()
        if execution.fault.hang_up:
            self.hang_up(execution.fault.hang_up_time)
        self._flush_held()
        self.device.sim.attend()
        self._pump()

    def _lines(self, execution: _Execution, lines: tuple[str, ...]) -> None:
        if execution.muted:
            return
        styled = tuple(self._styled(line) for line in lines)
        for line in styled:
            self._note(Direction.ANSWER, line)
        if execution.fault.urc:
            self._information(styled[:1])
            self._information((execution.fault.urc,))
            self._note(Direction.ANSWER, execution.fault.urc)
            styled = styled[1:]
        self._information(styled)

    def _final(self, execution: _Execution, final: Final) -> None:
        fault = execution.fault
        if fault.silent or fault.hang_up or fault.drop_final:
            return
        text = (Final.parse(fault.answer) if fault.answer else final).text(self.device.settings.cmee)
        self._note(Direction.ANSWER, text)
        self._write(final_result(text, self.device.settings, self._framing))

    # Output

    def _announce(self, line: str) -> None:
        """An unsolicited line: at once, but never inside another line nor inside a group of lines."""
        if not self.device.booted or self.knobs.silent or self.device.power_saving.asleep:
            return
        if self._dispatching or self._held or (self._editor.in_line and self.device.settings.echo):
            self._held.append(line)
            return
        self.counters.urcs += 1
        self._note(Direction.ANSWER, line)
        self._information((self._styled(line),))

    def _flush_held(self) -> None:
        held, self._held = self._held, []
        for line in held:
            self._announce(line)

    def _styled(self, line: str) -> str:
        match = _PREFIX.match(line)
        if match and match[1] in self.personality.line.unspaced:
            return f"{match[1]}:{line[match.end() :]}"
        return line

    def _information(self, lines: tuple[str, ...]) -> None:
        self._write(information(lines, self.device.settings, self._framing))

    def _write(self, data: bytes) -> None:
        if data and self._port_present:
            self._pipe.write(data)

    def _deliver(self, data: bytes) -> None:
        self.counters.bytes_out += len(data)
        if self._output is not None:
            self._output(data)

    def _note(self, direction: Direction, text: str) -> None:
        if self._trace is not None:
            self._trace(self._clock.monotonic(), direction, text)

    # Life

    def _run(self, action: Callable[[], None]) -> None:
        try:
            action()
        except PowerLoss:
            self._power_lost()

    def _power_lost(self) -> None:
        self.power_off()
        for callback in tuple(self._on_power_loss):
            callback()

    def _restart(self, seconds: float) -> None:
        self._generation += 1
        self._reset_line()
        self.device.power_off()
        if self.personality.power.reset_hangs_up:
            self.counters.hang_ups += 1
            self._show_port(present=False)
        generation = self._generation
        self._clock.call_later(seconds, lambda: self._on_again(generation))

    def _on_again(self, generation: int) -> None:
        if generation == self._generation:
            self.power_on()

    def _back(self, generation: int) -> None:
        if generation == self._generation and self.device.powered:
            self._show_port(present=True)

    def _reset_line(self) -> None:
        self._execution = None
        self._held.clear()
        self._editor.clear()
        self._pipe.clear()

    def _show_port(self, *, present: bool) -> None:
        if present != self._port_present:
            self._port_present = present
            for callback in tuple(self._on_port):
                callback(present)

    def _bearer(self, up: bool) -> None:
        for callback in tuple(self._on_bearer):
            callback(up)

    def _stall(self, stalled: bool) -> None:
        for callback in tuple(self._on_stall):
            callback(stalled)
