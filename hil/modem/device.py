"""The virtual modem without its AT interface: power, SIM, radio, packet contexts, and how they hang together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hil.clock import Clock, Timer
from hil.modem.counters import Counters
from hil.modem.knobs import Knobs, Nitz
from hil.modem.line import LineSettings
from hil.modem.packet import PacketContexts, PacketEvents
from hil.modem.personality import Personality
from hil.modem.power_saving import Phase, PowerSaving, PowerSavingEvents
from hil.modem.radio import Radio
from hil.modem.rate import DteRate
from hil.modem.registration import RegistrationReports
from hil.modem.sessions import SessionTable
from hil.modem.sim import Sim, SimEvents, SimState
from hil.modem.terminal import Card
from hil.modem.wall_clock import WallClock
from hil.network import Network

_DROP_DELAY = 0.2
"""Seconds from +CFUN=0 to the loss of the port: what was written in one piece still arrives."""
_FOR_EVER = 1e6
_CPSMS = "+CPSMS"

MINIMUM_FUNCTIONALITY, FULL_FUNCTIONALITY, RADIO_OFF = 0, 1, 4


@dataclass(frozen=True)
class DeviceEvents:
    """announce: send an unsolicited line. bearer: IP packets get through, or no longer. stall: a packet session is up
    through which none gets, or that is over. run: execute a callback that may meet a card without power. reenumerate:
    the port goes away for so many seconds. restart: so does the modem. switch_off: the modem is off until somebody
    supplies it again."""

    announce: Callable[[str], None]
    bearer: Callable[[bool], None]
    stall: Callable[[bool], None]
    run: Callable[[Callable[[], None]], None]
    reenumerate: Callable[[float], None]
    restart: Callable[[float], None]
    switch_off: Callable[[], None]


class Device:
    """State that the command handlers read and change.

    The parts are public; each of them guards its own rules. `settings` are those of the line, `echo_values` what was
    set by commands without any effect here (`+CPSMS`, `+IFC`) and is only read back, `lasting` what outlives a reset.
    """

    def __init__(
        self, card: Card | None, network: Network, personality: Personality, clock: Clock, events: DeviceEvents
    ) -> None:
        self.personality = personality
        self.network = network
        self.clock = clock
        self.knobs = Knobs()
        self.counters = Counters()
        self._events = events
        self._boot_timer: Timer | None = None
        self._had_traffic = False
        self._stalled = False
        self.powered = False
        self.booted = False
        self.functionality = FULL_FUNCTIONALITY
        self.lpa_enabled = personality.apdu.isdr_held
        self.lasting = dict(personality.settings)
        self.slot = personality.slots.start
        self.settings = LineSettings(cmee=personality.line.cmee)
        self.rate = DteRate()
        self._starts = 0
        self.echo_values: dict[str, str] = {}
        self.packet_events = False
        self.operator_format = 0
        self.wall = WallClock(clock)
        self.sessions = SessionTable(personality.apdu)
        self.sim = Sim(
            card,
            personality.sim,
            clock,
            SimEvents(
                lost=self._card_lost,
                settled=self._card_settled,
                announce=events.announce,
                run=events.run,
                reenumerate=lambda: events.reenumerate(personality.power.reset_time),
            ),
        )
        self.sim.slot_in_use = self.slot == personality.slots.card
        self.power_saving = PowerSaving(
            clock,
            personality.power_saving.inactivity,
            lambda: self.echo_values.get(_CPSMS) or self.lasting.get(_CPSMS, ""),
            PowerSavingEvents(connected=self._connection_changed, asleep=self._fall_asleep, awake=self._wake_up),
        )
        self.reports = RegistrationReports(personality.registration, events.announce, lambda: self.power_saving.grant)
        self.radio = Radio(network, clock, self._registration_changed, self.sim.challenge, events.run)
        self.contexts = PacketContexts(
            network,
            clock,
            personality.registration.attach_cid,
            PacketEvents(event=self._packet_event, changed=self.update_bearer),
        )
        network.on_change(self._network_changed)

    # Power

    def power_on(self) -> None:
        """Supply the modem; after its boot time it answers."""
        if self.powered:
            return
        self.powered = True
        self._starts += 1
        self.rate.restart()
        self.functionality = FULL_FUNCTIONALITY
        self.settings = LineSettings(cmee=self.personality.line.cmee)
        self.sessions.clear()
        self.sessions.isdr_held = self.lpa_enabled
        self.reports.reset()
        self.packet_events = False
        self.operator_format = 0
        self.echo_values.clear()
        self._boot_timer = self.clock.call_later(self.personality.power.boot_time, lambda: self._events.run(self._boot))

    def power_off(self) -> None:
        """Take the supply away: nothing is said, the card loses its power too."""
        if self._boot_timer is not None:
            self._boot_timer.cancel()
            self._boot_timer = None
        self.powered = self.booted = False
        self.power_saving.stop()
        self.sim.forget()
        self.sessions.clear()
        self.radio.set_subscriber(None)
        self.radio.switch(on=False)
        self.contexts.detach()

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        """Do something after `seconds`, unless the modem is restarted before."""
        starts = self._starts
        self.clock.call_later(seconds, lambda: action() if self.powered and starts == self._starts else None)

    def restart(self) -> None:
        """Reset the modem as +CFUN=1,1 does."""
        self._events.restart(self.personality.power.reset_time)

    def switch_off(self) -> None:
        """Switch the modem off by its own command."""
        self._events.switch_off()

    def _boot(self) -> None:
        self._boot_timer = None
        self.booted = True
        self.wall.restart()
        for line in self.personality.power.boot:
            self._events.announce(line)
        self.sim.start()
        self.radio.switch(on=True)

    def set_functionality(self, value: int) -> None:
        """+CFUN: 0 minimum (the card too loses its power on most modems), 1 full, everything else transmitter off."""
        self.functionality = value
        if value == FULL_FUNCTIONALITY:
            if self.sim.state is SimState.OFF:
                self.sim.start()
            self.radio.switch(on=True)
            return
        self.radio.switch(on=False)
        if value == MINIMUM_FUNCTIONALITY and self.personality.power.cfun_off_sim:
            self.sim.stop()

        if value == MINIMUM_FUNCTIONALITY and self.personality.power.cfun_drops_port:
            self.clock.call_later(_DROP_DELAY, self._drop_port)

    def _drop_port(self) -> None:
        """The port goes; while the functionality is minimum, it does not come back."""
        stays = self.functionality == MINIMUM_FUNCTIONALITY
        self._events.reenumerate(_FOR_EVER if stays else self.personality.power.reset_time)

    def choose_slot(self, slot: int) -> None:
        """Connect another SIM slot, which may be empty."""
        if slot == self.slot:
            return
        self.slot = slot
        self.sim.slot_in_use = slot == self.personality.slots.card
        self._events.run(self.sim.presence_changed)
        if self.personality.slots.reenumerate:
            self._events.reenumerate(self.personality.power.reset_time)

    # Knobs

    def set_knobs(self, knobs: Knobs) -> None:
        """Exchange the fault knobs; what they change shows at once."""
        old, self.knobs = self.knobs, knobs
        self.sim.knobs = knobs
        self.power_saving.granting = knobs.power_saving
        self.radio.forced_cause = knobs.registration_cause
        self.contexts.forced_cause = knobs.session_cause
        if not self.booted:
            return
        if old.card_removed != knobs.card_removed:
            self._events.run(self.sim.presence_changed)
        if old.ignore_refresh != knobs.ignore_refresh:
            self._events.run(self.sim.attend)
        if old.registration_cause != knobs.registration_cause:
            self.radio.reconsider()
        if old.session_cause != knobs.session_cause:
            self.contexts.renew()
        if old.power_saving != knobs.power_saving:
            self.power_saving_changed()
        self.update_bearer()

    def kill_sessions(self) -> None:
        """The APDU sessions die, with the line that the knobs name."""
        had_any = len(self.sessions) > 0
        if not self.knobs.keep_dead_sessions:
            self.sessions.clear()
        if had_any and self.knobs.session_loss_urc:
            self._events.announce(self.knobs.session_loss_urc)

    # Consequences

    @property
    def stalled(self) -> bool:
        """A packet session is up, yet no IP packet gets through."""
        return self._stalled

    def update_bearer(self) -> None:
        """Tell about IP traffic when it begins or ends."""
        operator, subscriber = self.radio.view.operator, self.radio.subscriber
        session = bool(self.contexts.sessions)
        traffic = session and not self.knobs.no_traffic
        if traffic and operator is not None and subscriber is not None:
            traffic = self.network.service(subscriber, operator.plmn).data
        had_traffic, was_stalled = self._had_traffic, self._stalled
        # Whoever hears of the one may ask for the other.
        self._had_traffic, self._stalled = traffic, session and not traffic
        if traffic != had_traffic:
            self._events.bearer(traffic)
        if self._stalled != was_stalled:
            self._events.stall(self._stalled)

    def _network_changed(self) -> None:
        self.contexts.renew()
        self.update_bearer()

    def _card_lost(self) -> None:
        if self.sim.state is not SimState.OFF and self.knobs.echo_on_refresh:
            self.settings.echo = True
        self.kill_sessions()
        self.radio.set_subscriber(None)

    def _card_settled(self) -> None:
        self.radio.set_subscriber(self.sim.subscriber)

    def _registration_changed(self) -> None:
        view = self.radio.view
        self.reports.show(view)
        if not view.registered:
            self.power_saving.stop()
        elif self.power_saving.phase is Phase.OFF:
            self.power_saving.traffic()
        if view.registered and view.operator is not None and self.radio.subscriber is not None:
            if not self.contexts.attached:
                self._network_time()
            self.contexts.attach(self.radio.subscriber, view.operator.plmn)
        else:
            self.contexts.detach()

    def _network_time(self) -> None:
        if self.knobs.nitz is Nitz.MISSING:
            return
        for line in self.wall.network_time(wrong=self.knobs.nitz is Nitz.WRONG):
            self._events.announce(line)

    def power_saving_changed(self) -> None:
        """The timers may be other ones: the network is asked, and answers by a report."""
        if self.booted and self.radio.view.registered:
            self.power_saving.settle()
            self.reports.refresh()

    def _connection_changed(self, connected: bool) -> None:
        if self.echo_values.get("+CSCON") == "1":
            self._events.announce(f"+CSCON: {int(connected)}")

    def _fall_asleep(self, seconds: float) -> None:
        """The card loses its power; registration and addresses stay."""
        style = self.personality.power_saving
        for line in style.asleep:
            self._events.announce(line)
        self.sessions.clear()
        if style.hangs_up:
            self.clock.call_later(_DROP_DELAY, lambda: self._events.reenumerate(seconds - _DROP_DELAY))

    def _wake_up(self) -> None:
        style = self.personality.power_saving
        if style.forgets:
            self.settings = LineSettings(cmee=self.personality.line.cmee)
            self.reports.reset()
            self.packet_events = False
            self.echo_values = {name: value for name, value in self.echo_values.items() if name == _CPSMS}
        for line in style.awake:
            self._events.announce(line)

    def _packet_event(self, text: str) -> None:
        if self.packet_events:
            self._events.announce(f"+CGEV: {text}")
