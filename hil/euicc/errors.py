"""What goes wrong inside or around the virtual eUICC."""

from __future__ import annotations


class EuiccError(Exception):
    """The virtual eUICC cannot be used that way: not powered, state file missing, corrupt or of another PKI."""


class PowerLoss(Exception):  # noqa: N818  (an event that is injected, not a mistake)
    """The power went away in the middle of a command; nothing was answered. Power the card up again with `reset`."""


class StatusError(Exception):
    """A command ends with this status word and without data. Never leaves the card."""

    def __init__(self, status: int) -> None:
        super().__init__(f"status word {status:04X}")
        self.status = status
