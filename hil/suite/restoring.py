"""A case leaves nothing behind: the device is compared with what it was, and brought back by packages of the eIM.

Nothing is deleted that was there before the suite, whatever a case did (see `hil.suite.protection`).
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from hil.eim import content
from hil.eim.association import Outcome
from hil.eim.content import Content
from hil.suite.abilities import Card, Gateway, Profile
from hil.suite.errors import SettleError
from hil.suite.target import Target
from hil.waiting import looks

_LOOK: Final = 0.05
_PACKAGE_RESULTS: Final = 0xA2
"""euiccPackageResultList in IpaEuiccDataRequest (SGP.32 2.11.1.2)."""
_LASTING: Final = ("eim_id", "fqdn", "protocols", "tls_trust", "signature_key", "indirect_profile_download")
"""What makes an association the same, in `ipad eim list`: neither counter nor token, which grow."""


@dataclass(frozen=True)
class Baseline:
    """How a device is when nothing has been done to it. `fingerprint` None: the target cannot tell cheaply."""

    fingerprint: Hashable | None
    profiles: tuple[Profile, ...]
    eims: Mapping[str, Mapping[str, Any]]
    default_smdp: str | None

    @property
    def enabled(self) -> str | None:
        """ICCID of the enabled profile."""
        return _enabled(self.profiles)

    @property
    def fallback(self) -> str | None:
        """ICCID of the profile with the Fallback Attribute."""
        return _fallback(self.profiles)


def _enabled(profiles: tuple[Profile, ...]) -> str | None:
    return next((profile.iccid for profile in profiles if profile.enabled), None)


def _fallback(profiles: tuple[Profile, ...]) -> str | None:
    return next((profile.iccid for profile in profiles if profile.fallback), None)


def look(target: Target) -> Baseline:
    """The device as it is now. Raises AssertionError when the agent cannot tell."""
    return Baseline(
        target.fingerprint(),
        tuple(target.card.profiles()),
        _eims(target.card),
        _default_smdp(target.gateway),
    )


def _eims(card: Card) -> dict[str, Mapping[str, Any]]:
    return {str(eim["eim_id"]): {name: eim.get(name) for name in _LASTING} for eim in card.eims()}


def _default_smdp(gateway: Gateway) -> str | None:
    return gateway.ipad("euicc", "info").value.get("default_smdp_address") or None


class Restorer:
    """Brings one device back to a baseline."""

    def __init__(self, target: Target, baseline: Baseline) -> None:
        self._target = target
        self._baseline = baseline

    def unchanged(self) -> bool:
        """Whether nothing needs to be done, as far as the target can tell cheaply."""
        mark = self._baseline.fingerprint
        return mark is not None and mark == self._target.fingerprint()

    def restore(self) -> list[str]:
        """Bring everything back; what could not be, in words. Surroundings must be calm."""
        if not self._target.gateway.running:
            self._target.gateway.start()
        if self.unchanged():
            return []
        try:
            self._deliver()
            self._leave_emergency()
            self._eims()
            self._profiles()
            self._settings()
            self._deliver()
            return self.differences()
        except (AssertionError, SettleError) as error:
            return [str(error)]

    def differences(self) -> list[str]:
        """What is not as it was."""
        if self._baseline.fingerprint is not None:
            same = self._baseline.fingerprint == self._target.fingerprint()
            return [] if same else ["the eUICC is not as it was"]
        now, before = look(self._target), self._baseline
        found = [
            f"{what} is {value}, was {former}"
            for what, value, former in (
                ("the enabled profile", now.enabled, before.enabled),
                ("the fallback profile", now.fallback, before.fallback),
                ("the default SM-DP+", now.default_smdp, before.default_smdp),
            )
            if value != former
        ]
        left = {profile.iccid for profile in now.profiles} ^ {profile.iccid for profile in before.profiles}
        found += [f"profile {iccid} is {'left' if iccid in _iccids(now) else 'missing'}" for iccid in sorted(left)]
        found += [f"eIM {eim_id} differs" for eim_id in sorted(_different(now.eims, before.eims))]
        return found

    def _deliver(self) -> None:
        """Until the agent reaches the eIM and nothing is owed."""
        answer = None
        for _ in looks(self._target.limits.poll, _LOOK):
            answer = self._target.gateway.poll(self._target.eim.eim_id)
            owed = self._target.card.notifications() if answer.code == 0 else []
            if answer.code == 0 and not owed:
                return
            if any(item.get("type") == "package_result" for item in owed):
                # The eIM answered it with an error: it stays until the eIM asks for it (SGP.32 5.9.11).
                self._target.eim.run(content.data_request((_PACKAGE_RESULTS,)))
            # What was refused while the case ran waits for a back-off of hours.
            self._target.gateway.ipad("notification", "send", code=None)
        raise AssertionError(f"the eIM is not reached, or something is owed: {dict(answer.value) if answer else {}}")

    def _leave_emergency(self) -> None:
        if self._target.gateway.status().get("provisioning") == "emergency":
            self._target.gateway.ipad("emergency", "disable")

    def _eims(self) -> None:
        now, before, eim = _eims(self._target.card), self._baseline.eims, self._target.eim
        commands = [content.delete_eim(eim_id) for eim_id in now if eim_id not in before]
        if eim.eim_id in now and now[eim.eim_id] != before.get(eim.eim_id):
            commands.append(content.update_eim(eim.configuration()))
        if commands:
            self._run(content.eco_package(*commands))

    def _profiles(self) -> None:
        before = self._baseline
        now = tuple(self._target.card.profiles())
        if (enabled := _enabled(now)) != before.enabled:
            command = content.enable(before.enabled) if before.enabled else content.disable(enabled or "")
            self._run(content.psmo_package(command))
        if _fallback(now) != before.fallback:
            give = content.set_fallback(before.fallback) if before.fallback else content.unset_fallback()
            self._run(content.psmo_package(give))
        extra = [profile.iccid for profile in now if profile.iccid not in _iccids(before)]
        if extra:
            self._run(content.psmo_package(*(content.delete(iccid) for iccid in extra)))

    def _settings(self) -> None:
        before = self._baseline.default_smdp
        if _default_smdp(self._target.gateway) != before:
            self._run(content.psmo_package(content.set_default_dp(before or "")))
        if self._target.eim.asked("configureImmediateEnable"):
            self._run(content.psmo_package(content.configure_immediate_enable(enabled=False)))

    def _run(self, package: Content) -> None:
        done = self._target.eim.run(package)
        if done.outcome is not Outcome.OK:
            raise AssertionError(f"{done.label}: {done.outcome} {done.detail} {done.codes}")


def _iccids(baseline: Baseline) -> set[str]:
    return {profile.iccid for profile in baseline.profiles}


def _different(now: Mapping[str, Any], before: Mapping[str, Any]) -> set[str]:
    return {eim_id for eim_id in {*now, *before} if now.get(eim_id) != before.get(eim_id)}
