"""Listeners between the parts of the rig that write its timeline."""

from typing import Final

from hil.eim.exchange import Exchange
from hil.euicc import VirtualEuicc
from hil.modem import Direction
from hil.rig.timeline import Interface, Timeline
from hil.rsp.json_server import Exchange as RspExchange

_INSTRUCTIONS: Final = {
    0x70: "MANAGE CHANNEL",
    0xA4: "SELECT",
    0xB0: "READ BINARY",
    0xB2: "READ RECORD",
    0xC0: "GET RESPONSE",
    0xCA: "GET DATA",
    0xE2: "STORE DATA",
    0xF2: "STATUS",
    0xAA: "TERMINAL CAPABILITY",
    0x10: "TERMINAL PROFILE",
    0x12: "FETCH",
    0x14: "TERMINAL RESPONSE",
    0x20: "VERIFY PIN",
    0xD6: "UPDATE BINARY",
    0x88: "AUTHENTICATE",
}


def command_text(apdu: bytes) -> str:
    """Name of a command APDU."""
    if len(apdu) < 4:
        return f"{len(apdu)} bytes"
    return _INSTRUCTIONS.get(apdu[1], f"INS {apdu[1]:02X}")


class CardTap:
    """A card between holder and eUICC that notes APDUs and what they changed on the card."""

    def __init__(self, card: VirtualEuicc, timeline: Timeline) -> None:
        self._card = card
        self._timeline = timeline
        self._facts = self._read_facts()

    @property
    def atr(self) -> bytes:
        """Answer to reset."""
        return self._card.atr

    @property
    def powered(self) -> bool:
        """Whether it answers."""
        return self._card.powered

    def reset(self) -> bytes:
        """Power up or reset."""
        self._timeline.note(Interface.APDU, "", "reset")
        answer = self._card.reset()
        self._note_changes()
        return answer

    def power_off(self) -> None:
        """Take the supply away."""
        self._timeline.note(Interface.APDU, "", "power off")
        self._card.power_off()

    def transmit(self, apdu: bytes) -> bytes:
        """One APDU."""
        self._timeline.note(Interface.APDU, ">", command_text(apdu), apdu)
        answer = self._card.transmit(apdu)
        self._timeline.note(Interface.APDU, "<", f"SW {answer[-2:].hex().upper()}", answer)
        self._note_changes()
        return answer

    def _read_facts(self) -> dict[str, str]:
        """Profiles and eIMs of the card in words."""
        profiles = {
            f"profile {profile.iccid}": "enabled" if profile.enabled else "disabled" for profile in self._card.profiles
        }
        state = self._card.engine.state
        eims = {f"eIM {eim.eim_id}": f"associated, counter {eim.counter_value}" for eim in state.eims}
        rollback = {} if state.rollback is None else {"rollback": "possible"}
        return {**profiles, **eims, **rollback}

    def _note_changes(self) -> None:
        facts = self._read_facts()
        if facts == self._facts:
            return
        for name, value in facts.items():
            if self._facts.get(name) != value:
                self._timeline.note(Interface.CARD, "", f"{name}: {value}")
        for name in self._facts.keys() - facts.keys():
            self._timeline.note(Interface.CARD, "", f"{name}: gone")
        self._facts = facts


class LineTap:
    """Notes the lines of the modem."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline

    def __call__(self, _seconds: float, direction: Direction, text: str) -> None:
        """A `hil.modem` trace."""
        self._timeline.note(Interface.AT, direction.value, text, size=len(text) + 2)


class RspTap:
    """Notes the calls of a SM-DP+ or SM-DS."""

    def __init__(self, name: str, interface: Interface, timeline: Timeline) -> None:
        self._name = name
        self._interface = interface
        self._timeline = timeline

    def __call__(self, exchange: RspExchange) -> None:
        """An observer of `hil.rsp.json_server`."""
        _, _, caller = exchange.user_agent.partition(";")
        note = self._timeline.note
        who = f" from {caller}" if caller else ""
        note(self._interface, ">", f"{self._name} {exchange.function}{who}", exchange.request)
        took = f" in {exchange.seconds * 1000:.0f} ms"
        outcome = f", {exchange.outcome}" if exchange.outcome else ""
        fault = "" if exchange.fault is None else f", fault {exchange.fault}"
        note(self._interface, "<", f"{self._name} HTTP {exchange.status}{took}{outcome}{fault}", exchange.response)


class ExchangeTap:
    """Notes the exchanges of one eIM."""

    def __init__(self, name: str, timeline: Timeline) -> None:
        self._name = name
        self._timeline = timeline

    def __call__(self, exchange: Exchange) -> None:
        """An observer of `hil.eim.server` and `hil.eim.coaps`."""
        note = self._timeline.note
        note(Interface.ESIPA, ">", f"{self._name} {exchange.function}", exchange.request)
        extra = "" if exchange.fault is None else f", fault {exchange.fault}"
        remarks = "".join(f", {remark}" for remark in exchange.remarks)
        note(Interface.ESIPA, "<", f"{self._name} {exchange.outcome}{extra}{remarks}", exchange.response)
