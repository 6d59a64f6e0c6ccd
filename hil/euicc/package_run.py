"""The eUICC Package while it is being processed: what its commands have done so far, before anything is stored."""

from __future__ import annotations

from dataclasses import dataclass, field

from hil import codec
from hil.euicc.engine import Engine
from hil.euicc.state import CardState, EimRecord, Profile, RollbackRecord, SwitchPlan


class ProcessingTerminated(Exception):  # noqa: N818  (the name of the ASN.1 member)
    """Processing ends here; `code` is that of processingTerminated, `result` the refused command's own result."""

    def __init__(self, code: int, result: bytes = b"") -> None:
        super().__init__(f"processingTerminated {code}")
        self.code = code
        self.result = result


@dataclass(frozen=True, slots=True)
class Outcome:
    """The EuiccResultData of a command, and whether the next command may follow."""

    result: bytes
    go_on: bool

    @classmethod
    def of(cls, member: str, code: int, *, success: tuple[int, ...] = (0,)) -> Outcome:
        """A result code; anything but `success` ends the processing."""
        return cls(codec.encode("EuiccResultData", (member, code)), code in success)


@dataclass(slots=True)
class PackageRun:
    """Working copy of the state with marks. Nothing of it is stored until all commands are done."""

    engine: Engine
    state: CardState
    eim: EimRecord
    """The signing eIM as it was before the package."""
    counter_value: int
    transaction_id: bytes | None
    disable: bytes | None = None
    enable: bytes | None = None
    disable_marked: bool = False
    enable_marked: bool = False
    deleted: list[Profile] = field(default_factory=list)
    """Deleted at once; their notifications come after the result."""
    delete_after_switch: list[bytes] = field(default_factory=list)
    rollback_to: bytes | None = None

    @property
    def enabled(self) -> Profile | None:
        """The enabled profile with the marks of earlier commands applied."""
        if self.enable_marked:
            return self.state.profile(self.enable)
        return None if self.disable_marked else self.state.enabled_profile

    def profile(self, iccid: bytes) -> Profile | None:
        """A profile that earlier commands did not delete."""
        return None if iccid in self.delete_after_switch else self.state.profile(iccid)

    @property
    def profiles_changed(self) -> bool:
        """Whether an earlier command changed what listProfileInfo would tell."""
        return self.enable_marked or self.disable_marked or bool(self.deleted)

    def mark_disable(self, profile: Profile) -> None:
        """To be disabled once the result is stored."""
        self.disable = profile.iccid
        self.disable_marked = True

    def mark_enable(self, profile: Profile) -> None:
        """To be enabled once the result is stored; what is enabled by then is disabled."""
        leaving = self.enabled
        if leaving is not None:
            self.disable = leaving.iccid
        self.enable = profile.iccid
        self.enable_marked = True

    def delete(self, profile: Profile) -> None:
        """Delete now, or right after the switch if the profile is still to be disabled."""
        present = self.state.enabled_profile
        if present is not None and present.iccid == profile.iccid:
            self.delete_after_switch.append(profile.iccid)
            return
        self.deleted.append(profile)
        self.state = self.state.without_profiles((profile.iccid,))

    @property
    def plan(self) -> SwitchPlan | None:
        """What is to be switched once the result is stored."""
        plan = SwitchPlan(self.disable, self.enable, tuple(self.delete_after_switch))
        return None if plan.empty else plan

    def rollback_record(self, result_number: int) -> RollbackRecord | None:
        """The permission that an enable with rollbackFlag leaves."""
        if self.rollback_to is None:
            return None
        return RollbackRecord(self.eim.eim_id, self.counter_value, self.transaction_id, self.rollback_to, result_number)
