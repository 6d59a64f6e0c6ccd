"""What a reject cause says about the future (3GPP TS 24.008 Annex G, TS 24.301 Annex A, TS 24.501 Annex A)."""

from __future__ import annotations

from enum import StrEnum


class RejectKind(StrEnum):
    """How policy treats a cause."""

    PERMANENT = "permanent"  # this subscription, or this device with it, is not taken anywhere
    UNPROVISIONED = "unprovisioned"  # not known yet, maybe soon: slow retries, no longer window
    DEVICE = "device"  # this network does not take the IMEI: nothing that a profile of it can change
    PLMN = "plmn"  # another network may take it
    PLACE = "place"  # another place or network may take it
    CONGESTION = "congestion"  # the network is in trouble: back off
    SESSION = "session"  # attached refused for the sake of the packet session: look at the APN
    TECHNOLOGY = "technology"  # another access technology of the same network may take it
    TRANSIENT = "transient"  # the modem tries again by itself


_KINDS = {
    RejectKind.PERMANENT: (3, 6, 7, 8),
    RejectKind.UNPROVISIONED: (2,),
    RejectKind.DEVICE: (5,),
    RejectKind.PLMN: (11, 14, 35, 73, 78),
    RejectKind.PLACE: (12, 13, 15),
    RejectKind.CONGESTION: (16, 17, 22, 42),
    RejectKind.SESSION: (19,),
    RejectKind.TECHNOLOGY: (27,),
    RejectKind.TRANSIENT: (9, 10, 25, 40),
}
_KIND_OF_CAUSE = {cause: kind for kind, causes in _KINDS.items() for cause in causes}

ROAMING_REFUSALS = frozenset({11, 12, 13, 14, 15, 35, 73, 78})
"""Causes with which a foreign network, or one at this place, refuses the subscriber of another."""

_MEANINGS = {
    2: "IMSI unknown in the home register",
    3: "illegal UE",
    5: "IMEI not accepted",
    6: "illegal ME",
    7: "EPS services not allowed",
    8: "EPS and other services not allowed",
    9: "identity cannot be derived",
    10: "implicitly detached",
    11: "PLMN not allowed",
    12: "tracking area not allowed",
    13: "roaming not allowed in this tracking area",
    14: "EPS services not allowed in this PLMN",
    15: "no suitable cells in this tracking area",
    16: "MSC temporarily not reachable",
    17: "network failure",
    19: "ESM failure",
    22: "congestion",
    25: "not authorised for this CSG",
    27: "N1 mode not allowed",
    35: "requested service option not authorised in this PLMN",
    40: "no EPS bearer context activated",
    42: "severe network failure",
    73: "serving network not authorised",
    78: "PLMN not allowed to operate at this location",
}


def reject_kind(cause: int | None) -> RejectKind:
    """The kind of a cause; an unknown one passes by itself, for it must never decide anything."""
    return _KIND_OF_CAUSE.get(cause if cause is not None else -1, RejectKind.TRANSIENT)


def describe_cause(cause: int) -> str:
    """Number and meaning."""
    return f"cause {cause} ({_MEANINGS.get(cause, 'unknown')})"
