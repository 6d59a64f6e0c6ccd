"""Names of what a target may be able to do; light, because the plugin of pytest imports it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final


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
    EXTERNAL_PROFILE = "external-profile"
    """The owner of the card named activation codes of an SM-DP+ that it trusts, which is not the bench's."""
    SMDS = "smds"
    """The bench's SM-DS is the eUICC's root SM-DS."""
    CONFIGURE = "configure"
    """The agent's configuration can be changed for one case."""
    KILL = "kill"
    """The agent can be killed and started."""
    FRESH = "fresh"
    """A new device for one case."""


LACKING: Final[Mapping[str, str]] = {
    Ability.CARD_BENCH: "the eUICC is no virtual one, so it has no knobs",
    Ability.MODEM_BENCH: "the modem is no virtual one, so it has no knobs",
    Ability.POWER: "nothing switches the supply of modem and eUICC",
    Ability.NETWORK: "what the networks grant cannot be changed",
    Ability.RF_BLOCK: "nothing takes coverage away",
    Ability.SECOND_EIM: "the bench has one eIM only",
    Ability.SECOND_PROFILE: "no profile is named that cases may switch to",
    Ability.FALLBACK: "no profile is known to have, or to be allowed, the Fallback Attribute",
    Ability.EMERGENCY: "no profile for emergency calls is known",
    Ability.TEST_PROFILE: "the eUICC is not known to load profiles of the bench's SM-DP+",
    Ability.EXTERNAL_PROFILE: "no activation code of an SM-DP+ that the eUICC trusts is named",
    Ability.SMDS: "the root SM-DS of the eUICC is not known to be the bench's",
    Ability.CONFIGURE: "the agent's configuration cannot be changed",
    Ability.KILL: "the agent cannot be killed",
    Ability.FRESH: "the device cannot be replaced by a new one for a case",
}
"""Why a case that needs an ability is skipped, for people who read a report."""


def reason(lacking: Iterable[str]) -> str:
    """Names of abilities that a target has not, each with what that means."""
    return "; ".join(f"the target has no {name}: {LACKING[name]}" for name in lacking)
