"""The memory of a NAT for one flow."""

from __future__ import annotations


class Mapping:
    """Known from its first packet until it is forgotten, on purpose or after silence."""

    def __init__(self, now: float) -> None:
        self.used = now
        """When a packet last passed."""
        self._forgotten = False

    def forget(self) -> None:
        """The NAT lost its table."""
        self._forgotten = True

    def passes(self, now: float, timeout: float | None) -> bool:
        """Whether the flow is still known; a packet that passes keeps it so (RFC 4787 REQ-6 for both directions)."""
        if timeout is not None and now - self.used > timeout:
            self._forgotten = True
        if not self._forgotten:
            self.used = now
        return not self._forgotten
