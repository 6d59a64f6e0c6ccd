"""Network time: +CCLK and +QLTS (3GPP TS 27.007 8.15; NITZ of TS 22.042). Coarse, and easily spoofed."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

_TIME = re.compile(
    r'"?(\d{2}|\d{4})/(\d{1,2})/(\d{1,2}),(\d{1,2}):(\d{1,2}):(\d{1,2})(?:([+-])(\d{1,2}))?(?:,\d)?"?', re.ASCII
)
_EARLIEST = datetime(2024, 1, 1, tzinfo=UTC)
"""Older times are defaults of a clock that was never set, such as 80/01/06 or 70/01/01."""
_LATEST = datetime(2070, 1, 1, tzinfo=UTC)


def parse_clock(value: str, *, utc: bool = False) -> datetime | None:
    """Read `"yy/MM/dd,hh:mm:ss±zz"`, zz in quarters of an hour; None when it is no time or not plausible.

    `utc`: the modem shows UTC and the zone beside it, instead of local time.
    """
    match = _TIME.fullmatch(value.strip())
    if not match:
        return None
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    quarters = int(match[8] or 0) * (-1 if match[7] == "-" else 1)
    if abs(quarters) > 96:
        return None
    zone = UTC if utc else timezone(timedelta(minutes=min(15 * abs(quarters), 1439) * (1 if quarters >= 0 else -1)))
    try:
        moment = datetime(year if year >= 100 else 2000 + year, month, day, hour, minute, second, tzinfo=zone)
    except ValueError:
        return None
    return moment.astimezone(UTC) if _EARLIEST <= moment < _LATEST else None
