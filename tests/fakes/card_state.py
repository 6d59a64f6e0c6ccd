"""What a card keeps without power: counters, stored results, notifications, sequence numbers, the way back.

It outlives a power cut. Signatures are made up.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ipad.codec.eim import EimConfigurationData
from ipad.codec.euicc_package import EuiccPackageResult, EuiccPackageSigned
from ipad.codec.notification import NotificationMetadata, OtherSignedNotification, PendingNotification
from ipad.codec.profile import NotificationEvent
from ipad.ids import Iccid
from tests.fakes.packages import eim_configuration
from tests.fakes.values import CERTIFICATE, ICCID1, ICCID2, ICCID3, SIGNATURE


@dataclass
class CardEim:
    """One association on the card."""

    configuration: EimConfigurationData
    counter: int


@dataclass
class CardState:
    """What a card keeps without power."""

    profiles: dict[Iccid, bool] = field(default_factory=dict)  # ICCID -> enabled
    ecall: set[Iccid] = field(default_factory=set)
    eims: dict[str, CardEim] = field(default_factory=dict)
    next_seq: int = 7
    next_token: int = 1
    results: dict[int, EuiccPackageResult] = field(default_factory=dict)
    notifications: dict[int, PendingNotification] = field(default_factory=dict)
    rollback: tuple[EuiccPackageSigned, Iccid, int] | None = None
    pending: Iccid | bool | None = False  # False: nothing; else what will be enabled
    notify: bool = True
    executed: list[tuple[str, int, bytes | None]] = field(default_factory=list)

    @property
    def enabled(self) -> Iccid | None:
        """The enabled profile."""
        return next((iccid for iccid, enabled in self.profiles.items() if enabled), None)

    def complete_switch(self) -> None:
        """Carry out the pending enable or disable, as a REFRESH or a reset does."""
        if self.pending is False:
            return
        target = self.pending
        assert not isinstance(target, bool)
        self.profiles = {iccid: iccid == target for iccid in self.profiles}
        self.pending = False

    def take_number(self) -> int:
        """The next sequence number, shared by results and notifications."""
        self.next_seq += 1
        return self.next_seq - 1

    def add_notification(self, event: NotificationEvent, iccid: Iccid) -> None:
        """A notification for one operation."""
        number = self.take_number()
        self.notifications[number] = notification(number, event, iccid)


def notification(number: int, event: NotificationEvent, iccid: Iccid) -> PendingNotification:
    """A signed notification as an eUICC stores it, with a made-up signature and certificates."""
    metadata = NotificationMetadata(
        seq_number=number,
        profile_management_operation=event,
        notification_address="smdp.example.com",
        iccid=iccid.octets,
    )
    signed = OtherSignedNotification(
        tbs_other_notification=metadata,
        euicc_notification_signature=SIGNATURE,
        euicc_certificate=CERTIFICATE,
        eum_certificate=CERTIFICATE,
    )
    return PendingNotification.decode(PendingNotification(other_signed_notification=signed).encode())


def card_state(*eim_ids: str) -> CardState:
    """A card with three profiles, the second of them enabled, and eIMs with counter 4."""
    state = CardState(profiles={ICCID1: False, ICCID2: True, ICCID3: False})
    for eim_id in eim_ids or ("eim.example.com",):
        state.eims[eim_id] = CardEim(eim_configuration(eim_id), 4)
    return state
