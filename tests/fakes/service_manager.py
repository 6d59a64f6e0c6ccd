"""A service manager that only listens."""

from __future__ import annotations

from ipad.daemon.sdnotify import ServiceManager


class RecordingManager(ServiceManager):
    """Keeps what it is told."""

    def __init__(self, watchdog: float | None = None) -> None:
        super().__init__({})
        self.watchdog_interval = watchdog
        self.sent: list[str] = []

    def _send(self, message: str) -> None:
        self.sent.append(message)

    @property
    def statuses(self) -> list[str]:
        """Every status, in order."""
        return [text.removeprefix("STATUS=") for text in self.sent if text.startswith("STATUS=")]
