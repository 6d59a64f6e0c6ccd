"""Virtual eUICC: an IoT eUICC of SGP.32 v1.2 or a consumer eUICC of SGP.22 v2 behind command and response APDUs.

VirtualEuicc       create or open, reset, transmit; knobs
CardConfig         identity, kind and pre-installed profiles; `default_card()` is that of the rig
PowerLoss          raised by `transmit` when a knob cuts the power in the middle of a command
"""

from hil.euicc.card import ProfileView, VirtualEuicc
from hil.euicc.config import CardConfig, EuiccKind, ProfileSpec, default_card
from hil.euicc.errors import EuiccError, PowerLoss
from hil.euicc.keyring import Keyring, SigningKey
from hil.euicc.knobs import Knobs, PowerLossPoint

__all__ = [
    "CardConfig",
    "EuiccError",
    "EuiccKind",
    "Keyring",
    "Knobs",
    "PowerLoss",
    "PowerLossPoint",
    "ProfileSpec",
    "ProfileView",
    "SigningKey",
    "VirtualEuicc",
    "default_card",
]
