"""What policy knows of the device, as the status shows it."""

from __future__ import annotations

from typing import Final

from ipad.errors import CodecError
from ipad.ids import Iccid
from ipad.observe.status import BearerStatus, DecisionStatus, PolicyStatus, Provisioning, RadioStatus, WindowStatus
from ipad.policy.causes import describe_cause
from ipad.policy.fallback import return_time
from ipad.policy.settings import Settings
from ipad.policy.situation import Situation
from ipad.policy.state import State
from ipad.policy.stopwatch import age

_SHOWN: Final = 8
"""Decisions that are shown, the last ones."""


def radio_status(s: Situation, now: float) -> RadioStatus:
    """Modem and registration; nothing for a card in a reader."""
    if not s.radio:
        return RadioStatus()
    return RadioStatus(
        modem=s.modem.value,
        registration=None if s.state is None else s.state.value,
        plmn=s.plmn,
        country=s.country,
        access=None if s.access is None else s.access.value,
        signal_dbm=None if s.signal is None else s.signal.dbm,
        reject_cause=s.cause,
        reject_meaning=None if s.cause is None else describe_cause(s.cause),
        registered_seconds=age(s.registered_at, now),
    )


def bearer_status(s: Situation, now: float) -> BearerStatus:
    """The data path; nothing for a card in a reader."""
    if not s.radio:
        return BearerStatus()
    return BearerStatus(
        connected=s.connected,
        session=s.bearer,
        verdict=s.verdict.value,
        failure=s.failure or None,
        proven_seconds=age(s.proven_at, now),
        kbps=s.traffic.kbps,
        loss_percent=s.traffic.loss,
    )


def policy_status(state: State, settings: Settings, now: float) -> PolicyStatus:
    """The window, the loss, the fallback, what is under way, and the last decisions."""
    s, fallback = state.situation, state.fallback
    failing = s.failing(settings.fallback.dead_probes)
    back = return_time(fallback, s, settings.fallback, now) if fallback.active else None
    return PolicyStatus(
        window=_window(state, now),
        loss_layer=None if failing is None else failing.value,
        loss_seconds=None if failing is None else fallback.loss.value(now),
        in_fallback=fallback.active,
        former=_iccid(fallback.former) if fallback.active else None,
        next_return_seconds=None if back is None else max(0.0, back - now),
        emergency=s.emergency,
        pending=None if state.pending is None else state.pending.action.value,
        fault=None if state.recovery.fault is None else state.recovery.fault.value,
        decisions=tuple(
            DecisionStatus(what=entry.what, why=entry.why, taken_at=entry.wall, age_seconds=max(0.0, now - entry.at))
            for entry in state.history[-_SHOWN:]
        ),
    )


def provisioning(  # noqa: PLR0911 - one return for each case
    state: State | None, *, read: bool, eims: bool, enabled: bool
) -> Provisioning:
    """How far the device has come. `read`: the eUICC was read; `eims`: it has one; `enabled`: a profile is."""
    if not read:
        return Provisioning.UNKNOWN
    if state is not None and state.situation.emergency:
        return Provisioning.EMERGENCY
    if not eims:
        return Provisioning.NO_EIM
    if not enabled:
        return Provisioning.NO_PROFILE
    if state is not None and state.fallback.active:
        return Provisioning.FALLBACK
    if state is not None and state.window is not None:
        return Provisioning.ON_TRIAL
    return Provisioning.OPERATIONAL


def _window(state: State, now: float) -> WindowStatus | None:
    window = state.window
    if window is None:
        return None
    return WindowStatus(
        origin=window.origin.value,
        iccid=_iccid(window.iccid),
        previous=_iccid(window.previous),
        elapsed_seconds=window.watch.value(now),
        offline_seconds=window.bad.value(now),
        remedies=tuple(remedy.value for remedy in window.remedies),
        boots=window.boots,
    )


def _iccid(text: str | None) -> Iccid | None:
    """Policy keeps digits as it was told them; what is no ICCID is not shown."""
    if text is None:
        return None
    try:
        return Iccid.parse(text)
    except CodecError:
        return None
