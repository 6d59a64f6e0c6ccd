"""Dates of server certificates: the eUICC has no clock, so the IPA looks at them (SGP.22 4.5.2.2, SGP.32 3.2.3).

A gateway may not know the time either. What then is decided by configuration, and logged.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from ipad.clock import EARLIEST_WALL
from ipad.codec.x509 import Certificate
from ipad.errors import DownloadCheckError
from ipad.records import dataclass

if TYPE_CHECKING:
    from ipad.codec.rsp import CancelSessionReason

log = logging.getLogger(__name__)


class ClockPolicy(StrEnum):
    """When dates of certificates are checked."""

    WHEN_SET = "when-set"  # skipped, with a line in the log, while the clock is not set
    ALWAYS = "always"  # no download while the clock is not set
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class DateCheck:
    """A policy and the time now, in seconds since 1970."""

    policy: ClockPolicy
    now: float

    def check(self, certificate: Certificate, name: str, reason: CancelSessionReason | None = None) -> None:
        """Raise DownloadCheckError with `reason` for a certificate that is not valid now."""
        if self.policy is ClockPolicy.NEVER:
            return
        if self.now < EARLIEST_WALL:
            if self.policy is ClockPolicy.ALWAYS:
                raise DownloadCheckError(
                    f"the clock is not set ({_text(self.now)}), so the dates of {name} cannot be checked", reason=reason
                )
            log.warning("the clock is not set (%s): the dates of %s are not checked", _text(self.now), name)
            return
        if self.now < certificate.not_before:
            what = f"is not valid before {_text(certificate.not_before)}"
        elif self.now > certificate.not_after:
            what = f"expired on {_text(certificate.not_after)}"
        else:
            return
        raise DownloadCheckError(
            f"{name} {what} (now it is {_text(self.now)})", reason=reason, hint="is the clock of this device right?"
        )


def _text(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
