"""The virtual modem: AT interface, SIM interface, registration and packet contexts, with personalities and faults."""

from __future__ import annotations

from hil.modem.core import VirtualModem
from hil.modem.counters import Counters, Direction
from hil.modem.knobs import CommandFault, Knobs, Nitz
from hil.modem.personality import Personality, load_personality, personality_names

__all__ = [
    "CommandFault",
    "Counters",
    "Direction",
    "Knobs",
    "Nitz",
    "Personality",
    "VirtualModem",
    "load_personality",
    "personality_names",
]
