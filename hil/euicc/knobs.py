"""Faults and limits that a test turns while the card runs. They are not part of the card's state."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class PowerLossPoint(StrEnum):
    """Where the power goes away, once, during a profile switch or an eUICC Package."""

    BEFORE_COUNTER_STORED = "beforeCounterStored"
    AFTER_RESULT_STORED = "afterResultStored"
    """The result is stored and the switch is still to be done."""
    AFTER_SWITCH = "afterSwitch"
    """The switch is done, REFRESH was not announced."""


@dataclass(slots=True)
class Knobs:
    """Mutable by design: the bench turns it from outside."""

    cat_busy: bool = False
    """A proactive session is running: whatever would switch profiles answers catBusy."""
    power_loss: PowerLossPoint | None = None
    next_status: int | None = None
    """The next ES10 function ends with this status word instead of being executed."""
    malformed_answer: bool = False
    """The next ES10 answer loses its last byte (the length no longer fits)."""
    require_terminal_capability: bool = False
    """The ISD-R cannot be selected before TERMINAL CAPABILITY announced LUId, LPDd or LDSd."""
    forced_codes: dict[str, int] = field(default_factory=dict)
    """Result member (name of the ASN.1 component) -> code that it reports instead of executing. For faults such as
    undefinedError(127) that a healthy card never has."""

    maximum_counter: int = 0x7FFFFF
    maximum_package_bytes: int = 32_768
    maximum_package_commands: int = 64
    maximum_result_bytes: int = 32_768
    maximum_eims: int = 8
    result_capacity: int = 8
    """EuiccPackageResults kept; the oldest is dropped when one more comes."""
    configuration_memory: bool = True
    """False: no memory is left for the settings of immediate enabling."""
    package_failure: bool = False
    """An internal fault meets the next package: signed undefinedError(127)."""
    interrupt_after_commands: int | None = None
    """The package is interrupted after so many commands: processingTerminated interruption(3)."""
    failing_command: int | None = None
    """Index of the command that fails without a result of its own: processingTerminated undefinedError(127)."""

    unsigned_error_code: bool = False
    """Put euiccPackageUnsignedErrorCode (v1.3) into unsigned errors."""
    terminate_after_second_switch: bool = False
    """Some cards add processingTerminated(2) after a refused second enable."""
    list_error_continues: bool = False
    """Some cards go on with the next command after a ProfileInfoListError."""
