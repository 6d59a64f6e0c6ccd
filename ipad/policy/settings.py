"""Every number of policy, with its limits: the schema of the tables of a policy file. Times are seconds.

"Slow" stands for NB-IoT and LTE-M, whose searches take minutes. The defaults suit a fleet; a laboratory uses seconds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated

from ipad.policy.allowance import Quota
from ipad.policy.events import EuiccKind
from ipad.policy.rules import Rule
from ipad.records import dataclass, field
from ipad.toml import Check, Within

Time = Annotated[float, Within(1, 30 * 86400, "s")]
Pause = Annotated[float, Within(0, 30 * 86400, "s")]
Factor = Annotated[float, Within(1, 100)]
Quiet = Annotated[
    str,
    Check(
        lambda text: not text or bool(re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d", text)),
        'local times such as "22:00-05:30"',
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisionSettings:
    """The window after a profile change.

    registration, deadline: time until registered, and until the eIM answered. weak_factor: how much longer a search may
    take with slow technologies or a weak signal. reject_hold: how long a permanent reject must last. path_unclear,
    path_alive: patience while packets come back, or another server answers, but no eIM does. probe_first, probe_limit:
    growing pause between probes. boot_cost: what each boot within the window counts at least; boot_settle: what the
    first `free_boots` of them get before judgement. busy_first, busy_limit: growing pause after catBusy and failures.
    action_limit: how long a decided action may go without an answer.
    """

    registration: Time = 300.0
    registration_slow: Time = 900.0
    deadline: Time = 600.0
    deadline_slow: Time = 1800.0
    weak_factor: Factor = 2.0
    reject_hold: Pause = 60.0
    path_unclear: Time = 3600.0
    path_alive: Time = 43200.0
    probe_first: Time = 5.0
    probe_limit: Time = 60.0
    boot_cost: Pause = 60.0
    boot_settle: Pause = 180.0
    free_boots: Annotated[int, Within(0, 10)] = 2
    busy_first: Time = 30.0
    busy_limit: Time = 600.0
    action_limit: Time = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FallbackSettings:
    """Permanent loss of connectivity, and the way back.

    loss_time: offline time that counts as permanent. reject_time: the same with a permanent reject cause. dead_probes:
    probes in a row without any answer that count as offline. spread: largest part added by chance. ladder_time: how
    much longer fallback waits for the recovery ladder. silent_time: as loss_time, when nothing at all was received
    since boot (0: then never). return_first, return_limit: growing time in the fallback profile before the former one
    is tried; return_minimum: the same when it is seen to be back. dwell_limit: longest stay in a profile without
    service while another one is left. stable_time: online time after which earlier failures are forgotten.
    switches_per_day: fallbacks and returns.
    """

    enabled: bool = True
    loss_time: Time = 1800.0
    loss_time_slow: Time = 3600.0
    reject_time: Time = 900.0
    dead_probes: Annotated[int, Within(1, 100)] = 3
    spread: Pause = 1800.0
    ladder_time: Pause = 900.0
    silent_time: Pause = 43200.0
    return_first: Time = 21600.0
    return_limit: Time = 172800.0
    return_minimum: Time = 3600.0
    dwell_limit: Time = 7200.0
    stable_time: Time = 7200.0
    switches_per_day: Annotated[int, Within(2, 48)] = 12

    @property
    def switches(self) -> Quota:
        return Quota.per_day(self.switches_per_day)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoverySettings:
    """The ladder of the board.

    first: offline time before the first rung; step: what each rung gets to help; both also for slow technologies.
    search: the least that either is while the modem searches with a profile on trial, which a rung would begin anew.
    sim_step: what a rung gets when the modem shows the wrong ICCID. reset_step: what a reset gets at least. limit:
    longest pause after the top of the ladder. absent: how long a modem may be gone. hard_interval, hard_per_day: least
    time between, and number of, resets and power cycles.
    """

    enabled: bool = True
    first: Time = 120.0
    first_slow: Time = 900.0
    step: Time = 180.0
    step_slow: Time = 900.0
    search: Time = 300.0
    sim_step: Time = 10.0
    reset_step: Time = 60.0
    limit: Time = 3600.0
    absent: Time = 120.0
    hard_interval: Pause = 300.0
    hard_per_day: Annotated[int, Within(1, 96)] = 8

    @property
    def hard(self) -> Quota:
        return Quota.per_day(self.hard_per_day)


@dataclass(frozen=True, slots=True, kw_only=True)
class PollSettings:
    """Polls beside the regular interval.

    per_day: budget of scheduled and early polls. early_interval: least time between early ones. quiet: local hours
    without scheduled polls. boot_spread: the first poll after a boot comes within this time by chance. on_boot,
    on_new_network, on_new_country: poll at such a moment. metered_factor, low_power_factor: how much longer intervals
    become. align: part of the interval by which a poll may come early because the modem is awake. weak_time: how long a
    weak signal lasts before the eIM is polled early (0: never). probe_interval: between looks at a healthy path (0:
    polls alone are the evidence); probe_retry, probe_retry_limit: growing pause after one without an answer.
    """

    per_day: Annotated[int, Within(1, 1440)] = 48
    early_interval: Time = 900.0
    quiet: Quiet = ""
    boot_spread: Pause = 300.0
    on_boot: bool = True
    on_new_network: bool = True
    on_new_country: bool = True
    metered_factor: Factor = 2.0
    low_power_factor: Factor = 4.0
    align: Annotated[float, Within(0, 1)] = 0.25
    weak_time: Pause = 900.0
    probe_interval: Pause = 3600.0
    probe_retry: Time = 30.0
    probe_retry_limit: Time = 300.0

    @property
    def budget(self) -> Quota:
        return Quota.per_day(self.per_day)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All of it. `rules` are in the order of the file."""

    euicc: EuiccKind = EuiccKind.IOT
    supervision: SupervisionSettings = field(default_factory=SupervisionSettings)
    fallback: FallbackSettings = field(default_factory=FallbackSettings)
    recovery: RecoverySettings = field(default_factory=RecoverySettings)
    poll: PollSettings = field(default_factory=PollSettings)
    rules: Mapping[str, Rule] = field(default_factory=dict)
