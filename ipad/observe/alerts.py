"""The events that operators alert on, each with an identifier for `journalctl MESSAGE_ID=…`.

A record of the log that announces one carries it in `extra`: `logger.warning("…", extra=alert(Alert.ROLLBACK, …))`.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, Final

ATTRIBUTE: Final = "ipad_alert"
"""Name of the attribute of a log record."""
FIELDS_ATTRIBUTE: Final = "ipad_fields"


class Alert(Enum):
    """Name and MESSAGE_ID."""

    PROFILE_SWITCHED = "profile-switched", "6f0c3b1f7f1a4e0c9c53b2f0a8f4d101"
    ROLLBACK = "rollback", "2a9b7c4d0d6e4b0f8e0a7d5c3f1b9202"
    FALLBACK = "fallback", "b5d81e6c2f4a47c99a3c0e7d6b2f8303"
    DOWNLOAD_FAILED = "download-failed", "91e4f7a0c3b84d5aa7f26c0d8e5b1404"
    PACKAGE_FAILED = "package-failed", "c47a2e9d5b1f43e8b60d9f3a7c8e2505"
    EIM_CHANGED = "eim-changed", "0d3f8b6a9e2c4175bd4a6c1e7f902606"
    CONNECTIVITY_LOST = "connectivity-lost", "7be2c5d0f8a1496d93e07a4b6d1c3707"
    CONNECTIVITY_BACK = "connectivity-back", "e8106d3c7a9b4f2e8c5d1b0f4a7e9808"
    MODEM_RECOVERY = "modem-recovery", "35c9a7f1e0d24b6b8f7e2c4d9a0b5909"
    DEVICE_FAILED = "device-failed", "d2f6b0e4a8c3417f9b1d5e7c0a4f8a10"

    def __init__(self, label: str, message_id: str) -> None:
        self.label = label
        self.message_id = message_id


def alert(which: Alert, **fields: str | None) -> dict[str, Any]:
    """The `extra` of a record. `fields` of the journal in lower case without prefix: eim, transaction, iccid, …"""
    return {ATTRIBUTE: which, FIELDS_ATTRIBUTE: {name: value for name, value in fields.items() if value}}
