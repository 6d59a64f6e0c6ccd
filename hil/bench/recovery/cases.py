"""What is measured: how a device gets offline, and what brings it back."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum, auto
from typing import Final

from hil.bench.recovery.split import Detection, Expected
from hil.network import Service

REGISTRATION: Final = 3.0
LOSS: Final = 3.0
REJECTED: Final = 2.0
RETURN: Final = 5.0
OBEY: Final = 5.0
"""Seconds that the board definition of the modem gives it to obey REFRESH, before the ladder is climbed."""
SIM_OFF: Final = 2.0
"""Seconds that the ladder leaves the SIM without power."""

POLICY: Final = f"""\
[supervision]
registration = {REGISTRATION}
deadline = {REGISTRATION}
reject_hold = 1
probe_first = 1
probe_limit = 2

[fallback]
loss_time = {LOSS}
reject_time = {REJECTED}
dead_probes = 1
spread = 0
ladder_time = 0
return_first = {RETURN}
return_minimum = {RETURN}

[recovery]
sim_step = 1

[poll]
boot_spread = 0
early_interval = 1
per_day = 1440
probe_interval = 2
probe_retry = 1
probe_retry_limit = 2
"""
"""Seconds in place of minutes and hours: what policy orders is no part of what is measured."""

PATIENT_POLICY: Final = POLICY.replace(f"= {REGISTRATION}\ndeadline = {REGISTRATION}", "= 20\ndeadline = 20")
"""For a modem that does not obey: its ladder has its time, as it has with the defaults."""

SURROUNDINGS: Final = """
[probe]
timeout = 1

[net]
dns = ["127.0.0.1:9"]

[net.addresses]
"https://{fqdn}" = "127.0.0.1:{port}"
"""
"""No name server is to be heard round the radio link: that of the bench's host answers whatever the link does."""


class Begin(Enum):
    """What the device does at the beginning of a recovery."""

    SWITCH = auto()
    """Its eIM has it switch from the first profile to the second, with the right to roll back."""
    AWAY = auto()
    """It uses the second profile, which is proven; the first is the one for fallback."""
    FALLEN = auto()
    """It has left the second profile, which was without coverage, for the first."""


class Case(StrEnum):
    """The rows of the table."""

    NO_SERVICE = "no-service"
    DEAD_HOME = "dead-home"
    REJECTED = "rejected"
    DEAD_DATA = "dead-data"
    IGNORED_REFRESH = "ignored-refresh"
    RETURN = "return"

    @property
    def plan(self) -> Plan:
        """What it takes."""
        return _PLANS[self]


@dataclass(frozen=True)
class Plan:
    """`service` is what the second profile meets from the moment of the loss on; None: it is served."""

    title: str
    begin: Begin
    service: Service | None
    expected: Expected
    ignores_refresh: bool = False
    policy: str = POLICY
    second: bool = False
    """Whether it is the second profile that comes online in the end."""
    calm: float = 1.0
    """Seconds between a commit and what happens next, so that the one does not disturb the other."""


_PLANS: Final = {
    Case.NO_SERVICE: Plan(
        "switch to a profile without service: rollback",
        Begin.SWITCH,
        Service(coverage=False),
        Expected("rollback", waits=REGISTRATION, from_loss=True),
    ),
    Case.DEAD_HOME: Plan(
        "home network without coverage: fallback",
        Begin.AWAY,
        Service(coverage=False),
        Expected("execute-fallback", waits=LOSS),
    ),
    Case.REJECTED: Plan(
        "subscription refused for good (cause 8): fallback",
        Begin.AWAY,
        Service(reject_cause=8),
        Expected("execute-fallback", waits=REJECTED, state="denied"),
    ),
    Case.DEAD_DATA: Plan(
        "registered, yet no packet comes through: fallback",
        Begin.AWAY,
        Service(data=False),
        Expected("execute-fallback", waits=LOSS, detection=Detection.LOOK),
        # A registration may be new for a minute, and what is lost within it is not judged before.
        calm=60.0,
    ),
    Case.IGNORED_REFRESH: Plan(
        "switch that the modem ignores: recovery ladder",
        Begin.SWITCH,
        None,
        Expected("", detection=Detection.SWITCH, card_wait=OBEY + SIM_OFF),
        ignores_refresh=True,
        policy=PATIENT_POLICY,
        second=True,
    ),
    Case.RETURN: Plan(
        "former network is back: return from fallback",
        Begin.FALLEN,
        None,
        Expected("return-from-fallback", detection=Detection.NONE),
        second=True,
    ),
}
