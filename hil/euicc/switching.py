"""Carrying out profile changes: states, notifications, rollback record and REFRESH.

SGP.22 5.7.16 and SGP.32 3.3.1.
"""

from __future__ import annotations

from dataclasses import replace

from hil.euicc.config import NotificationEvent, PolicyRule
from hil.euicc.engine import Engine
from hil.euicc.keyring import SigningKey
from hil.euicc.knobs import PowerLossPoint
from hil.euicc.notifications import notify
from hil.euicc.state import CardState, Profile, SwitchPlan


def blocked_by_policy(profile: Profile | None) -> bool:
    """Whether PPR1 keeps this (enabled) profile from being disabled."""
    return profile is not None and bool(profile.policy_rules & PolicyRule.PPR1)


def may_not_be_deleted(profile: Profile) -> bool:
    """Whether PPR2 keeps this profile from being deleted."""
    return bool(profile.policy_rules & PolicyRule.PPR2)


def delete_profile(state: CardState, key: SigningKey, iccid: bytes, *, events: bool = True) -> CardState:
    """Remove a profile and tell its receivers."""
    profile = state.profile(iccid)
    if profile is None:
        return state
    state = state.without_profiles((iccid,))
    return notify(state, key, NotificationEvent.DELETE, profile) if events else state


def carry_out(state: CardState, key: SigningKey, plan: SwitchPlan) -> CardState:
    """The state after the plan: disable before enable before delete, and their notifications in this order."""
    leaving = state.profile(plan.disable)
    entering = state.profile(plan.enable)
    granted = state.pending_switch is not None
    state = replace(state.enabled_only(plan.enable), pending_switch=None)
    first_number = state.next_sequence_number
    if plan.notify and leaving is not None:
        state = notify(state, key, NotificationEvent.DISABLE, leaving)
    if plan.notify and entering is not None:
        state = notify(state, key, NotificationEvent.ENABLE, entering)
    if granted and state.rollback is not None:
        numbers = tuple(range(first_number, state.next_sequence_number))
        state = replace(state, rollback=replace(state.rollback, notification_numbers=numbers))
    for iccid in plan.delete:
        state = delete_profile(state, key, iccid)
    return state


def switch_now(engine: Engine, state: CardState, plan: SwitchPlan) -> None:
    """Store the state after the plan and announce REFRESH. For functions whose whole effect is the switch."""
    engine.commit(carry_out(state, engine.signing_key(), plan))
    engine.lose_power_at(PowerLossPoint.AFTER_SWITCH)
    if plan.refresh:
        engine.proactive.queue_refresh()


def finish_pending_switch(engine: Engine) -> None:
    """Do what an accepted package still has to do; also after a power loss."""
    plan = engine.state.pending_switch
    if plan is not None:
        switch_now(engine, engine.state, plan)


def plan_to_enable(state: CardState, target: bytes | None, *, refresh: bool, notify_servers: bool = True) -> SwitchPlan:
    """The plan that makes `target` (None: nothing) the enabled profile."""
    leaving = state.enabled_profile
    return SwitchPlan(disable=leaving.iccid if leaving else None, enable=target, notify=notify_servers, refresh=refresh)
