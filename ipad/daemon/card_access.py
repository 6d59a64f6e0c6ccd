"""One eUICC, opened: its functions, the bearer beside it, and the channel that has to be closed in the end."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from ipad.card.channel import CardChannel, TracedChannel
from ipad.card.isdr import IsdrSession, SessionRules
from ipad.card.probe import at_channel
from ipad.clock import Clock
from ipad.codec.profile import ProfileInfo
from ipad.config import Config, ModemConfig
from ipad.daemon.connectivity import HostBearer, ModemBearer
from ipad.daemon.link import board_library, open_modem
from ipad.daemon.taps import TappedSession
from ipad.daemon.uninterrupted import UninterruptedSession
from ipad.errors import CardError, PortError
from ipad.es10.euicc import Euicc
from ipad.es10.port import Es10Session
from ipad.es10.remembering import RememberingSession
from ipad.ids import Iccid
from ipad.modem.connectivity import ModemConnectivity
from ipad.modem.link import RateControl
from ipad.modem.modem import Modem
from ipad.modem.recovery import SimRecovery
from ipad.modem.sim import is_sim_change
from ipad.observe.tap import TrafficTap
from ipad.procedures.ports import Connectivity
from ipad.procedures.start import EuiccFacts, EuiccKind, identify
from ipad.records import dataclass, field

logger = logging.getLogger(__name__)

_PROFILE_TAGS: Final = bytes.fromhex("5A4F9F7090919295999F7B9F269F67")
"""What is shown of a profile: everything but the icon and the notification addresses (SGP.32 2.11.1.1.3)."""
_READER_MAX_DATA: Final = 255


@dataclass
class CardAccess:
    """An eUICC and what goes with it. `modem` is None for a card in a reader."""

    euicc: Euicc
    connectivity: Connectivity
    clock: Clock
    modem: Modem | None = None
    _facts: EuiccFacts | None = field(default=None, repr=False)

    async def facts(self) -> EuiccFacts:
        """EID, EUICCInfo2 and kind, read once."""
        if self._facts is None:
            self._facts = await identify(self.euicc)
        return self._facts

    async def is_iot(self) -> bool:
        """Whether signed packages of an eIM manage the profiles (SGP.32)."""
        return (await self.facts()).kind is EuiccKind.IOT

    async def profiles(self) -> tuple[ProfileInfo, ...]:
        """All profiles with what is shown of them."""
        return await self.euicc.get_profiles_info(tag_list=_PROFILE_TAGS)

    async def follow_switch(self, enabled: Iccid | None) -> None:
        """Let go of the card after a profile change and make the modem read it again."""
        await self.euicc.close()
        await self.connectivity.recover_sim(enabled)


@asynccontextmanager
async def open_card(
    config: Config,
    clock: Clock,
    tap: TrafficTap | None = None,
    pulse: Callable[[], None] = lambda: None,
    unreliable: set[int] | None = None,
) -> AsyncIterator[CardAccess]:
    """Open the configured way to the eUICC. Whatever happens, the channel and the port are closed in the end.

    The channel to the ISD-R itself opens with the first function. At `tap` a recording of traffic can be attached.
    `pulse` is called at the end of each exchange. `unreliable` remembers which rates of a UART are of no use.
    Raises UsageError, ConfigError, PortError, CardError.
    """
    modem_config = config.modem()
    if modem_config.reader is not None:
        isdr = IsdrSession(_reader_channel(modem_config, modem_config.reader), SessionRules(modem_config.isdr_aids))
        async with _closing(isdr):
            session = _remembering(_sensed(isdr, tap, modem_config.card, pulse), isdr, clock, shared=True)
            yield CardAccess(_euicc(session), HostBearer(isdr.reset), clock)
        return
    async with open_modem(modem_config, board_library(), clock, unreliable) as modem:
        isdr = IsdrSession(_modem_channel(modem, clock), _rules(modem))
        connectivity = ModemConnectivity(modem, poll=config.timers.session_check)
        unsubscribe = modem.port.subscribe(lambda line: isdr.invalidate() if is_sim_change(line) else None)
        try:
            way = _hastened(isdr, modem)
            async with _closing(way):
                session = _remembering(_sensed(way, tap, modem.port.name, pulse), isdr, clock)
                bearer = ModemBearer(connectivity, isdr.invalidate, session.forget)
                yield CardAccess(_euicc(session), bearer, clock, modem)
        finally:
            unsubscribe()
            connectivity.close()


def _hastened(isdr: IsdrSession, modem: Modem) -> Es10Session:
    """The session itself where the line has one rate only."""
    port = modem.port
    if not port.rates.usable or not isinstance(port.link, RateControl):
        return isdr
    from ipad.daemon.hastening import HastenedSession  # noqa: PLC0415 - few modems are on a UART
    from ipad.modem.fast_line import FastLine  # noqa: PLC0415

    return HastenedSession(isdr, FastLine(port, modem.clock))


def _sensed(isdr: Es10Session, tap: TrafficTap | None, line: str, pulse: Callable[[], None]) -> Es10Session:
    """Exchanges that are finished and felt; `line` is what a recording calls the way to the card."""
    if tap is None:
        return UninterruptedSession(isdr, pulse)
    tap.line = line
    return UninterruptedSession(TappedSession(isdr, tap), pulse)


def _remembering(session: Es10Session, isdr: IsdrSession, clock: Clock, *, shared: bool = False) -> RememberingSession:
    return RememberingSession(session, clock, lambda: isdr.generation, shared=shared)


def _euicc(session: RememberingSession) -> Euicc:
    return Euicc(session, forget=session.forget, proven=lambda: session.proven, signed=_signed)


def _signed(data: bytes, signature: bytes, certificate: bytes) -> bool | None:
    from ipad.net.signatures import is_signed  # noqa: PLC0415 - most visits see no notification

    return is_signed(data, signature, certificate)


def _reader_channel(config: ModemConfig, reader: str) -> CardChannel:
    from ipad.card.pcsc import TERMINAL_CAPABILITY, PcscChannel, PcscReader  # noqa: PLC0415 - most cards are in modems

    channel = PcscChannel(
        PcscReader(reader),
        max_data=config.max_data or _READER_MAX_DATA,
        terminal_capability=config.terminal_capability or TERMINAL_CAPABILITY,
    )
    return TracedChannel(channel, config.card)


def _modem_channel(modem: Modem, clock: Clock) -> CardChannel:
    recovery = SimRecovery(modem)
    channel = at_channel(modem.port, modem.board, clock, recovery.reinitialise, recovery.reset)
    return TracedChannel(channel, modem.port.name)


def _rules(modem: Modem) -> SessionRules:
    rules = modem.board.apdu
    return SessionRules(rules.isdr_aids, append_le=rules.append_le, get_response_cla=rules.get_response_cla)


@asynccontextmanager
async def _closing(session: Es10Session) -> AsyncIterator[None]:
    """Close the channel at the end; a way that is gone took the channel with it."""
    try:
        yield
    finally:
        try:
            await session.close()
        except (CardError, PortError) as error:
            logger.info("the channel to the ISD-R was not closed: %s", error)
