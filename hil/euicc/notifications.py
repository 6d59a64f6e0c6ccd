"""Notifications: made on profile events, kept until they are acknowledged (SGP.22 3.5 and 5.7.9 to 5.7.11)."""

from __future__ import annotations

from dataclasses import replace

from hil import codec, tlv
from hil.euicc.config import NotificationEvent
from hil.euicc.keyring import SigningKey
from hil.euicc.state import CardState, Profile, StoredNotification


def event_bits(event: NotificationEvent) -> codec.BitString:
    """The BIT STRING NotificationEvent."""
    return bytes([event]), 4


def notify(state: CardState, key: SigningKey, event: NotificationEvent, profile: Profile) -> CardState:
    """Add one notification for each configured receiver of this event; each takes the next sequence number."""
    for target in profile.notifications:
        if target.events & event:
            made = _notification(state.next_sequence_number, key, event, target.address, profile.iccid)
            state = replace(
                state,
                notifications=(*state.notifications, made),
                next_sequence_number=state.next_sequence_number + 1,
            )
    return state


def _notification(
    number: int, key: SigningKey, event: NotificationEvent, address: str, iccid: bytes
) -> StoredNotification:
    metadata = codec.encode(
        "NotificationMetadata",
        {
            "seqNumber": number,
            "profileManagementOperation": event_bits(event),
            "notificationAddress": address,
            "iccid": iccid,
        },
    )
    signature = tlv.build(0x5F37, key.sign(metadata))
    pending = tlv.build(0x30, metadata, signature, key.certificate, key.eum_certificate)
    return StoredNotification(number, event, metadata, pending)
