"""Names of what a target may be able to do; light, because the plugin of pytest imports it."""

from __future__ import annotations

from enum import StrEnum


class Ability(StrEnum):
    """What a target may be able to do. gateway, card, eim and modem are there on every one."""

    CARD_BENCH = "card-bench"
    """Knobs and truth of a virtual eUICC."""
    MODEM_BENCH = "modem-bench"
    """Knobs, faults and cable of a virtual modem."""
    POWER = "power"
    """The supply of modem and eUICC can be switched."""
    NETWORK = "network"
    """What the radio networks grant can be changed."""
    RF_BLOCK = "rf-block"
    """Coverage can be taken away, be it by a network that obeys or by a switch in the antenna's line."""
    SECOND_EIM = "second-eim"
    """A second eIM of the bench."""
    SECOND_PROFILE = "second-profile"
    """A profile that tests may switch to."""
    FALLBACK = "fallback"
    """A profile has, or may be given, the Fallback Attribute (SGP.32 3.4.6)."""
    EMERGENCY = "emergency"
    """A profile for emergency calls is installed (SGP.32 3.6)."""
    TEST_PROFILE = "test-profile"
    """Profiles of the bench's SM-DP+ can be downloaded and deleted again."""
    SMDS = "smds"
    """The bench's SM-DS is the eUICC's root SM-DS."""
    CONFIGURE = "configure"
    """The agent's configuration can be changed for one case."""
    KILL = "kill"
    """The agent can be killed and started."""
    FRESH = "fresh"
    """A new device for one case."""
