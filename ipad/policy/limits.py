"""Timers and limits of the procedures. SGP.32 leaves all of them to the implementation."""

from __future__ import annotations

from ipad.records import dataclass

MINUTE = 60.0
HOUR = 60 * MINUTE
DAY = 24 * HOUR


@dataclass(frozen=True, kw_only=True)
class Timers:
    """Durations in seconds."""

    delivery_retries: tuple[float, ...] = (10.0, 30.0, 90.0)
    """Pauses before the repeated attempts to deliver a result."""
    new_session: float = 5 * MINUTE
    """How long a new data session may take after a profile switch."""
    first_session: float = MINUTE
    """How long a run waits for a data session when it begins without one."""
    busy_retries: tuple[float, ...] = (5.0, 15.0, 30.0)
    """Pauses before asking again an eUICC that answered catBusy to ProfileRollback."""
    poll_interval: float = 12 * HOUR
    poll_minimum: float = MINUTE
    """The least time between two runs for one eIM; also the pause after a run that hit the package cap."""
    unknown_eid_interval: float = DAY
    """The pause after an eIM said that it does not manage this eUICC."""
    failure_first: float = MINUTE
    failure_limit: float = 64 * MINUTE
    """Back-off of an unreachable eIM: doubled from the first to the limit."""
    retry_after_limit: float = DAY
    """The longest pause that a server may ask for."""
    notification_backoff: tuple[float, ...] = (HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR, 16 * HOUR, DAY)
    """Pauses after each refusal of a notification; the last one repeats."""
    rsp_retries: tuple[float, ...] = (3.0, 10.0)
    """Pauses before a request to an RSP server is repeated whose answer got lost."""
    download_retries: tuple[float, ...] = (30.0,)
    """Pauses before a whole profile download is begun again that lost its connection."""
    save_time: float = DAY
    """How often the time is saved as a lower bound for the next start."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds that keep a misbehaving peer from occupying the device."""

    packages_per_run: int = 16
    """eIM Packages taken from one eIM before another one has its turn."""
    undelivered_results: int = 32
    undelivered_bytes: int = 512 * 1024
    """Results kept for eIMs that cannot be reached."""
    acknowledgements: int = 256
    """Sequence numbers obeyed from one answer."""
    smds_levels: int = 2
    """SM-DSs asked one after the other on the way to one profile."""
    events: int = 8
    """Events of SM-DSs followed for one trigger."""
