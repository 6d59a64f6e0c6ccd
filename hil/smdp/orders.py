"""Download orders and the life of a profile at the SM-DP+ (SGP.22 3.1.6)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from hil import codec
from hil.rsp import status
from hil.rsp.status import RspStatus

_NOTIFICATIONS = ("install", "enable", "disable", "delete")


class ProfileState(StrEnum):
    """States that an eUICC can meet."""

    CONFIRMED = "Confirmed"
    RELEASED = "Released"
    DOWNLOADED = "Downloaded"
    INSTALLED = "Installed"
    ERROR = "Error"


@dataclass(frozen=True)
class Metadata:
    """What StoreMetadata tells the eUICC. `iccid` is digits; rules and events are bit numbers."""

    iccid: str
    service_provider_name: str = "Test"
    profile_name: str = "Test profile"
    profile_class: int = 2
    policy_rules: tuple[int, ...] = ()
    owner_mcc_mnc: bytes | None = None
    owner_gid1: bytes | None = None
    notification_events: tuple[int, ...] = (0, 1, 2, 3)
    fallback_allowed: bool | None = None
    ecall_indication: bool | None = None

    @property
    def iccid_octets(self) -> bytes:
        """As on the wire: swapped digits, padded with F."""
        digits = self.iccid.ljust(20, "F")
        return bytes.fromhex("".join(digits[i + 1] + digits[i] for i in range(0, 20, 2)))

    def encode(self, notification_address: str) -> bytes:
        """The StoreMetadataRequest TLV (BF25)."""
        value: dict[str, Any] = {
            "iccid": self.iccid_octets,
            "serviceProviderName": self.service_provider_name,
            "profileName": self.profile_name,
            "profileClass": self.profile_class,
        }
        if self.notification_events:
            entry = {
                "profileManagementOperation": codec.bits(*self.notification_events),
                "notificationAddress": notification_address,
            }
            value["notificationConfigurationInfo"] = [entry]
        if self.owner_mcc_mnc is not None:
            value["profileOwner"] = {"mccMnc": self.owner_mcc_mnc}
            if self.owner_gid1 is not None:
                value["profileOwner"]["gid1"] = self.owner_gid1
        if self.policy_rules:
            value["profilePolicyRules"] = codec.bits(*self.policy_rules)
        if self.fallback_allowed is not None:
            value["fallbackAllowed"] = self.fallback_allowed
        if self.ecall_indication is not None:
            value["ecallIndication"] = self.ecall_indication
        return codec.encode("StoreMetadataRequest", value)


@dataclass
class Order:
    """One profile for one eUICC. `confirmation_hash` is SHA-256 of the confirmation code."""

    matching_id: str
    metadata: Metadata
    package: bytes = field(repr=False)
    eid: str | None = None
    confirmation_hash: bytes | None = field(default=None, repr=False)
    use_protection_keys: bool = False
    rebinding_allowed: bool = True
    expires: datetime | None = None
    download_limit: int = 10
    code_limit: int = 3
    event: bool = False
    """Whether a SM-DS is told of it (SGP.22 3.6): needs an EID and a matching id, which is the event id."""
    state: ProfileState = ProfileState.RELEASED
    downloads: int = 0
    wrong_codes: int = 0
    history: list[str] = field(default_factory=list)
    number: int = 0
    """Its place in the book, from 1."""

    @property
    def waiting(self) -> bool:
        """Whether an eUICC can still download it."""
        return self.state in (ProfileState.RELEASED, ProfileState.DOWNLOADED)

    def enter(self, state: ProfileState, reason: str) -> None:
        """Change the state and remember why."""
        self.state = state
        self.history.append(f"{state.value}: {reason}")

    def release(self) -> None:
        """ES2+.ReleaseProfile in its effect: a new start for an order that was confirmed, failed or cancelled."""
        self.downloads = self.wrong_codes = 0
        self.enter(ProfileState.RELEASED, "released")

    def check_open(self, eid: str, at: datetime | None) -> None:
        """Whether this eUICC may download now. Raises RspStatus."""
        if self.eid is not None and self.eid != eid:
            raise RspStatus(status.EID_MISMATCH)
        if self.state is ProfileState.CONFIRMED:
            raise RspStatus(status.NOT_RELEASED, self.state.value)
        if not self.waiting:
            raise RspStatus(status.MATCHING_ID_REFUSED, self.state.value)
        self.check_expiry(at)
        if self.downloads >= self.download_limit:
            self.enter(ProfileState.ERROR, "too many downloads")
            raise RspStatus(status.TOO_MANY_DOWNLOADS)

    def begin(self, eid: str) -> None:
        """An attempt of this eUICC, to which the order belongs from now on."""
        self.eid = eid
        self.downloads += 1

    def check_expiry(self, at: datetime | None) -> None:
        """Whether there is still time. Raises RspStatus and ends the order if not."""
        if self.expires is not None and at is not None and at > self.expires:
            self.enter(ProfileState.ERROR, "expired")
            raise RspStatus(status.ORDER_EXPIRED)

    def check_confirmation_code(self, hash_cc: bytes | None, transaction_id: bytes) -> None:
        """Compare hashCc (SGP.22 4.7). Raises RspStatus; the last wrong code that is allowed ends the order."""
        if self.confirmation_hash is None:
            return
        if hash_cc is None:
            raise RspStatus(status.CODE_MISSING)
        if hash_cc != hash_of_code(self.confirmation_hash, transaction_id):
            self.wrong_codes += 1
            if self.wrong_codes >= self.code_limit:
                self.enter(ProfileState.ERROR, "too many wrong confirmation codes")
                raise RspStatus(status.CODE_RETRIES_EXCEEDED)
            raise RspStatus(status.CODE_REFUSED)


class OrderBook:
    """All orders of a SM-DP+."""

    def __init__(self, orders: Iterable[Order] = ()) -> None:
        self._orders: list[Order] = []
        for order in orders:
            self.add(order)

    def __iter__(self) -> Iterator[Order]:
        return iter(self._orders)

    def add(self, order: Order) -> Order:
        """Register an order; a matching id is used once."""
        if order.matching_id and any(known.matching_id == order.matching_id for known in self._orders):
            raise ValueError(f"matching id {order.matching_id} is in use")
        order.number = order.number or 1 + max((known.number for known in self._orders), default=0)
        self._orders.append(order)
        return order

    def remove(self, order: Order) -> None:
        """Forget an order."""
        self._orders.remove(order)

    def numbered(self, number: int) -> Order | None:
        """The order with this number."""
        return next((order for order in self._orders if order.number == number), None)

    def find(self, matching_id: str, eid: str) -> Order:
        """The order for a matching id, or without one the first that waits for this EID. Raises RspStatus."""
        if matching_id:
            found = next((order for order in self._orders if order.matching_id == matching_id), None)
            if found is None:
                raise RspStatus(status.MATCHING_ID_REFUSED)
            return found
        linked = [order for order in self._orders if order.eid == eid and not order.matching_id]
        if not linked:
            raise RspStatus(status.EID_MISMATCH)
        return next((order for order in linked if order.waiting), linked[0])


def confirmation_hash(code: str) -> bytes:
    """What an operator gives the SM-DP+ instead of the code."""
    return hashlib.sha256(code.encode()).digest()


def hash_of_code(hashed: bytes, transaction_id: bytes) -> bytes:
    """hashCc of a session, from the hash of the confirmation code (SGP.22 4.7)."""
    return hashlib.sha256(hashed + transaction_id).digest()
