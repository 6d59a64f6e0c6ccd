"""The card in the modem: answers to the agent's commands are spoilt, and its supply goes away."""

from __future__ import annotations

from collections.abc import Callable

from hil.euicc import PowerLoss, VirtualEuicc
from hil.modem import VirtualModem
from hil.modem.reply import Cme, refuse
from tests.e2e.sweep.catalogue import Fault, Interface
from tests.e2e.sweep.damage import damaged
from tests.e2e.sweep.fate import Fate

_REFUSED = b"\x6f\x00"


class SweptCard:
    """Stands before `card.transmit`. An APDU is the agent's where the modem works on a command line."""

    def __init__(self, card: VirtualEuicc, modem: Callable[[], VirtualModem], fate: Fate) -> None:
        self._card = card
        self._transmit = card.transmit
        self._modem = modem
        self._fate = fate
        self._before: bytes | None = None
        card.transmit = self.transmit  # type: ignore[method-assign]

    @property
    def _of_agent(self) -> bool:
        return self._modem()._dispatching

    def transmit(self, apdu: bytes) -> bytes:
        """One APDU."""
        if not self._card.powered:
            return self._mute()
        gates, label = self._fate.gates, apdu[:5].hex().upper()
        supply = gates.passes(Interface.SUPPLY, label)
        spoil = gates.passes(Interface.APDU, label) if self._of_agent else None
        if supply is not None:
            return self._without_power(supply, apdu)
        if spoil is not None:
            return self._spoilt(spoil, apdu)
        answer = self._transmit(apdu)
        if self._of_agent and len(answer) > 2:
            self._before = answer[:-2]
        return answer

    def _mute(self) -> bytes:
        """A card that says nothing: the modem tells its client so, and makes nothing of it itself."""
        if self._of_agent:
            raise refuse(Cme.SIM_FAILURE)
        return _REFUSED

    def _without_power(self, fault: Fault, apdu: bytes) -> bytes:
        if fault in (Fault.CARD_POWER_AFTER, Fault.MODEM_POWER_AFTER, Fault.POWER_AFTER):
            self._transmit(apdu)
        if fault in (Fault.CARD_POWER_BEFORE, Fault.CARD_POWER_AFTER):
            self._card.power_off()
            self._fate.power(fault)
            return self._mute()
        if fault in (Fault.POWER_BEFORE, Fault.POWER_AFTER):
            self._fate.die(reboot=True)
        raise PowerLoss

    def _spoilt(self, fault: Fault, apdu: bytes) -> bytes:
        if fault is Fault.SILENCE_BEFORE:
            return self._mute()
        if fault is Fault.ERROR_BEFORE:
            return _REFUSED
        answer = self._transmit(apdu)
        match fault:
            case Fault.SILENCE_AFTER:
                return self._mute()
            case Fault.ERROR_AFTER:
                return _REFUSED
            case Fault.MEMORY:
                self._fate.gates.unfit = len(answer) == 2
                self._fate.exhausted = len(answer) > 2
                return answer
            case Fault.DUPLICATE:
                changed = answer[:-2] * 2 if len(answer) > 2 else None
            case _:
                changed = damaged(answer[:-2], fault, self._before)
        self._fate.gates.unfit = changed is None
        # More than an answer can hold would be no answer of a card.
        return answer if changed is None else changed[:256] + answer[-2:]
