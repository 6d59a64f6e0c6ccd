"""The orders with which the SM-DP+ of a fresh rig begins: profiles of several operators and sizes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from hil.euicc.config import make_iccid
from hil.smdp.orders import Metadata, Order, confirmation_hash
from hil.upp.builder import UsimProfile, build

SMALL: Final = "SMALL-0001"
METER: Final = "METER-0060"
FLEET: Final = "FLEET-0150"
WITH_CODE: Final = "CODE-0001"
EVENT: Final = "EVENT-0001"
CONFIRMATION_CODE: Final = "12345678"
"""Of the order WITH_CODE."""


def default_orders(eid: str) -> Iterator[Order]:
    """Small; 60 kB; 150 kB with protection keys; with confirmation code; for the default SM-DP+; with an event.

    The last two are bound to the EID, and the one for the default SM-DP+ has no matching id.
    """
    yield _order(SMALL, _profile(1, "001010000000011", "Testnet One"))
    yield _order(METER, _profile(2, "999710000000012", "Metering Net", size=60_000))
    fleet = _order(FLEET, _profile(3, "999720000000013", "Fleet Net", size=150_000))
    fleet.use_protection_keys = True
    yield fleet
    secret = _order(WITH_CODE, _profile(4, "001020000000014", "Testnet Two"))
    secret.confirmation_hash = confirmation_hash(CONFIRMATION_CODE)
    yield secret
    default = _order("", _profile(5, "999730000000015", "Default Net"))
    default.eid = eid
    yield default
    event = _order(EVENT, _profile(6, "001010000000016", "Testnet One"))
    event.eid, event.event = eid, True
    yield event


def activation_codes(orders: Iterator[Order], address: str) -> list[str]:
    """An activation code (SGP.22 4.1) for each order that has a matching id and can be downloaded."""
    return [activation_code(order, address) for order in orders if order.matching_id and order.waiting]


def activation_code(order: Order, address: str) -> str:
    """The code of one order."""
    return f"1${address}${order.matching_id}" + ("$$1" if order.confirmation_hash is not None else "")


def _profile(number: int, imsi: str, provider: str, *, size: int = 0) -> UsimProfile:
    iccid = make_iccid(f"894900000000000010{number}")
    key = bytes.fromhex(f"{number:02x}") * 16
    return UsimProfile(iccid=iccid, imsi=imsi, service_provider_name=provider, size=size, key=key)


def _order(matching_id: str, profile: UsimProfile) -> Order:
    metadata = Metadata(
        iccid=profile.iccid,
        service_provider_name=profile.service_provider_name,
        profile_name=f"{profile.service_provider_name} {profile.imsi[-2:]}",
    )
    return Order(matching_id, metadata, build(profile))
