"""What is known of the device now: events folded into one value, without any decision.

Evidence belongs to one profile: a change of profile forgets it, and what still comes over the bearer of before is
ignored, because right after a switch the old connection looks alive for a moment.
"""

from __future__ import annotations

from typing import Final

from ipad.policy.causes import RejectKind, reject_kind
from ipad.policy.countries import country_of
from ipad.policy.events import (
    Antenna,
    Bearer,
    Boot,
    CardRead,
    Emergency,
    EuiccKind,
    Event,
    Hints,
    Layer,
    ModemChanged,
    ModemState,
    PackageRun,
    PollDone,
    ProbeResult,
    ProfileChanged,
    Registration,
    SignalSample,
    SimShown,
    Sleep,
    TimeSet,
    Traffic,
)
from ipad.policy.evidence import Verdict, judge
from ipad.policy.radio import REGISTERED, WEAK_BELOW, Access, RegistrationState, searches_slowly
from ipad.policy.stopwatch import Instant
from ipad.records import dataclass, replace

UNMEASURED: Final = Traffic()
NO_HINTS: Final = Hints()
PACKAGE_LIMIT: Final = 1800.0
"""Seconds after which a package that was never reported as ended blinds policy no longer."""
NEW_REGISTRATION: Final = 60.0
"""Seconds that a new registration has to bring a bearer, and an answer over it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Situation:
    """`state`, `bearer_told` and `shown_told` are unset until the modem said something about this profile.

    `stale` is the bearer of the profile before. `registered_at` and `rejected_at` begin the present registration and
    the present unbroken permanent rejection. `offset` is wall clock minus monotonic clock, None while it is unset.
    """

    booted_at: Instant | None = None
    chance: float = 0.5
    radio: bool = True
    bearers: bool = True
    technologies: tuple[Access, ...] = ()
    rungs: tuple[str, ...] = ()
    heard: bool = False
    kind: EuiccKind = EuiccKind.IOT
    card_read: bool = False
    enabled: str | None = None
    enabled_told: bool = False
    installed: tuple[str, ...] = ()
    fallback: str | None = None
    state: RegistrationState | None = None
    access: Access | None = None
    cause: int | None = None
    plmn: str | None = None
    country: str | None = None
    registered_at: Instant | None = None
    rejected_at: Instant | None = None
    signal: SignalSample | None = None
    bearer: str | None = None
    bearer_told: bool = False
    stale: str | None = None
    verdict: Verdict = Verdict.NONE
    dead_probes: int = 0
    failure: str = ""
    others_known: bool = False
    probed_at: Instant | None = None
    proven_at: Instant | None = None
    shown: str | None = None
    shown_told: bool = False
    modem: ModemState = ModemState.ON
    antenna: Antenna = Antenna.UNKNOWN
    absent_at: Instant | None = None
    package_at: Instant | None = None
    emergency: bool = False
    awake_at: Instant | None = None
    traffic: Traffic = UNMEASURED
    hints: Hints = NO_HINTS
    offset: float | None = None
    east: float = 0.0

    @property
    def registered(self) -> bool:
        """Whether packet data could flow."""
        return self.state in REGISTERED

    @property
    def connected(self) -> bool:
        """Whether there is a bearer of this profile, as far as one can tell."""
        return self.registered and (self.bearer is not None or not self.bearers)

    @property
    def settled_at(self) -> float | None:
        """Until when a new registration is given time; None while there is no registration."""
        return None if not self.registered or self.registered_at is None else self.registered_at + NEW_REGISTRATION

    @property
    def slow(self) -> bool:
        """Whether searches take long here."""
        return searches_slowly(self.technologies, self.access)

    @property
    def weak(self) -> bool:
        """Whether the last sample shows a signal that is there, yet about to break."""
        sample = self.signal
        return sample is not None and sample.dbm is not None and sample.dbm < WEAK_BELOW[sample.access]

    @property
    def out_of_sight(self) -> bool:
        """Whether no network was found that has or refuses this subscription."""
        return self.state is not None and not self.registered and self.state is not RegistrationState.DENIED

    @property
    def rejected(self) -> bool:
        """Whether the network refuses this subscription for good."""
        return self.rejected_at is not None

    def failing(self, dead_probes: int) -> Layer | None:
        """The layer at which the device is offline now; None when it is not, or when nothing is known."""
        if self.state is None:
            return None
        if not self.registered:
            return Layer.REGISTERED
        if self.bearer is None:
            return Layer.BEARER if self.bearer_told else None
        return Layer.DNS if self.dead_probes >= dead_probes else None

    def blind(self, now: float) -> str | None:
        """Why being offline says nothing about the network now; None when it does."""
        reasons = (
            (not self.radio, "there is no modem"),
            (self.emergency, "an emergency call is active"),
            (self.package_at is not None and now - self.package_at < PACKAGE_LIMIT, "a package is being executed"),
            (self.modem is ModemState.OFF, "the modem is switched off"),
            (self.modem is ModemState.FLIGHT, "the modem is in flight mode"),
            (self.modem is ModemState.ABSENT, "the modem is gone"),
            (self.antenna is Antenna.MISSING, "the antenna is missing"),
            (self.awake_at is not None and now < self.awake_at, "the modem sleeps"),
            (self.enabled_told and self.enabled is None, "no profile is enabled"),
        )
        return next((reason for applies, reason in reasons if applies), None)

    def wall(self, now: float) -> float | None:
        """Wall clock seconds (UTC); None while the clock is not set."""
        return None if self.offset is None else now + self.offset


def observe(s: Situation, event: Event, now: float) -> Situation:  # noqa: PLR0911 - one return for each case
    """The situation after an event."""
    match event:
        case Boot():
            return _boot(s, event, now)
        case CardRead():
            return _card(s, event)
        case ProfileChanged():
            return _new_profile(s, event)
        case Registration():
            return _registration(s, event, now)
        case Bearer():
            return _bearer(s, event)
        case ProbeResult():
            return _probe(s, event, now)
        case PollDone():
            return _probe(s, ProbeResult(reached=Layer.EIM, session=event.session), now)
        case ModemChanged():
            return _modem(s, event, now)
        case _:
            return _facts(s, event, now)


def _facts(s: Situation, event: Event, now: float) -> Situation:  # noqa: PLR0911 - one return for each case
    match event:
        case SignalSample():
            return replace(s, signal=event, heard=s.heard or event.dbm is not None)
        case SimShown():
            return replace(s, shown=event.iccid, shown_told=True)
        case PackageRun():
            return replace(s, package_at=Instant(now) if event.running else None)
        case Emergency():
            return replace(s, emergency=event.active)
        case TimeSet():
            return replace(s, offset=event.wall - now if event.trusted else None, east=event.east)
        case Hints():
            return replace(s, hints=event)
        case Sleep():
            return replace(s, awake_at=Instant(now + event.seconds) if event.seconds > 0 else None)
        case Traffic():
            return replace(s, traffic=event)
        case _:
            return s


def _boot(s: Situation, event: Boot, now: float) -> Situation:
    """Everything is to be told anew, except what the card and the operator said before in this process, and whether
    anything was received since the device booted."""
    return Situation(
        booted_at=Instant(now),
        chance=min(1.0, max(0.0, event.chance)),
        radio=event.radio,
        bearers=event.bearers,
        technologies=event.technologies,
        rungs=event.rungs,
        kind=s.kind,
        enabled=s.enabled,
        enabled_told=s.enabled_told,
        hints=s.hints,
        emergency=s.emergency,
        others_known=s.others_known,
        heard=s.heard and not event.reboot,
    )


def _card(s: Situation, event: CardRead) -> Situation:
    known = replace(
        s,
        kind=event.kind,
        card_read=True,
        installed=event.installed,
        fallback=event.fallback,
        enabled=event.enabled,
        enabled_told=True,
    )
    # The first reading of all says which profile it is that was observed until now, not that it is another one.
    observed = event.enabled == s.enabled or not s.enabled_told or _followed(s, event.enabled)
    return known if observed else _forgotten(known)


def _new_profile(s: Situation, event: ProfileChanged) -> Situation:
    """The eUICC has ended what it did when it tells the new profile."""
    known = replace(s, enabled=event.iccid, enabled_told=True, package_at=None)
    # A package of an earlier process is resumed after the eUICC was read, and the modem may use the profile long since.
    shown = s.card_read and event.iccid is not None and s.enabled == s.shown == event.iccid
    return known if shown or _followed(s, event.iccid) else _forgotten(known)


def _followed(s: Situation, enabled: str | None) -> bool:
    """Whether a switch that is told now happened before this process began, and the modem showed the new profile from
    the start: then everything that was observed until now is of that profile."""
    return enabled is not None and not s.card_read and s.shown == enabled


def _forgotten(s: Situation) -> Situation:
    """No evidence yet about the profile that is enabled now."""
    return replace(
        s,
        state=None,
        cause=None,
        plmn=None,
        registered_at=None,
        rejected_at=None,
        bearer=None,
        bearer_told=False,
        stale=s.bearer or s.stale,
        verdict=Verdict.NONE,
        dead_probes=0,
        failure="",
        others_known=False,
        probed_at=None,
        proven_at=None,
        shown=None,
        shown_told=False,
        traffic=UNMEASURED,
    )


def _registration(s: Situation, event: Registration, now: float) -> Situation:
    registered = event.state in REGISTERED
    denied = event.state is RegistrationState.DENIED
    permanent = denied and reject_kind(event.cause) is RejectKind.PERMANENT
    # A search between two rejections of the same kind is no break: the modem tries again and is refused again.
    broken = registered or (denied and not permanent)
    began = s.rejected_at or (Instant(now) if permanent else None)
    plmn = event.plmn or (s.plmn if registered else None)
    seen = replace(
        s,
        state=event.state,
        access=event.access or s.access,
        cause=event.cause if denied else (None if registered else s.cause),
        plmn=plmn or s.plmn,
        country=event.country or (country_of(plmn) if plmn else None) or s.country,
        registered_at=(s.registered_at or Instant(now)) if registered else None,
        rejected_at=None if broken else began,
        heard=s.heard or registered or denied,
    )
    return seen if registered else replace(seen, verdict=Verdict.NONE, dead_probes=0, failure="")


def _bearer(s: Situation, event: Bearer) -> Situation:
    if event.session is not None and event.session == s.stale:
        return s
    if event.session == s.bearer:
        return replace(s, bearer_told=True)
    return replace(s, bearer=event.session, bearer_told=True, verdict=Verdict.NONE, dead_probes=0, failure="")


def _probe(s: Situation, event: ProbeResult, now: float) -> Situation:
    """Only what went over the present bearer counts; another way out of the device proves nothing about this one."""
    if event.session != s.bearer or not s.connected:
        return s
    verdict = judge(event, others_known=s.others_known)
    if verdict is Verdict.NONE:
        return s
    return replace(
        s,
        verdict=verdict,
        dead_probes=s.dead_probes + 1 if verdict is Verdict.DEAD else 0,
        failure="" if verdict is Verdict.PROVEN else event.failure,
        others_known=s.others_known or bool(event.others),
        probed_at=Instant(now),
        proven_at=Instant(now) if verdict is Verdict.PROVEN else s.proven_at,
    )


def _modem(s: Situation, event: ModemChanged, now: float) -> Situation:
    """A modem that went away or was switched off has no registration and no bearer."""
    antenna = event.antenna if event.antenna is not Antenna.UNKNOWN else s.antenna
    changed = replace(
        s,
        modem=event.state,
        antenna=antenna,
        absent_at=(s.absent_at or Instant(now)) if event.state is ModemState.ABSENT else None,
    )
    if event.state is ModemState.ON:
        return changed
    return replace(
        changed,
        state=RegistrationState.IDLE if s.state is not None else None,
        bearer=None,
        bearer_told=s.bearer_told,
        registered_at=None,
        verdict=Verdict.NONE,
        dead_probes=0,
        shown_told=False,
    )
