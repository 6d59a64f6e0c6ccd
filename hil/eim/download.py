"""What a download trigger is about, as the eIM knows it (SGP.32 2.11.1.3, 3.2.3)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from hil import codec
from hil.eim.content import Content
from hil.smdp.orders import confirmation_hash


class Source(StrEnum):
    """Where the profile comes from."""

    SMDP = "smdp"
    DEFAULT_SMDP = "default-smdp"
    SMDS = "smds"


@dataclass(frozen=True)
class DownloadData:
    """`address` None: only the IPA knows it. `held`: the IPA was not told, the eIM handles the download data."""

    source: Source
    address: str | None = None
    matching_id: str | None = None
    oid: str | None = None
    held: bool = False
    code_hash: bytes | None = field(default=None, repr=False)
    """SHA-256 of the confirmation code."""


def download_data(content: Content) -> DownloadData | None:
    """The data of a trigger; None when the eIM holds none either. ValueError for a malformed activation code."""
    code_hash = None if content.confirmation_code is None else confirmation_hash(content.confirmation_code)
    if content.held is not None:
        return from_activation_code(content.held, held=True, code_hash=code_hash)
    trigger = codec.decode("ProfileDownloadTriggerRequest", content.body)
    match trigger.get("profileDownloadData"):
        case ("activationCode", text):
            return from_activation_code(text, code_hash=code_hash)
        case ("contactDefaultSmdp", _):
            return DownloadData(Source.DEFAULT_SMDP, code_hash=code_hash)
        case ("contactSmds", value):
            return DownloadData(Source.SMDS, value.get("smdsAddress"), code_hash=code_hash)
        case _:
            return None


def from_activation_code(text: str, *, held: bool = False, code_hash: bytes | None = None) -> DownloadData:
    """`[LPA:]1$address$matchingId[$OID[$flag]]` (SGP.22 4.1). ValueError for anything else."""
    code = text[4:] if text[:4].upper() == "LPA:" else text
    parts = code.split("$")
    if len(parts) < 3 or parts[0] != "1" or not parts[1]:
        raise ValueError(f"{text!r} is no activation code")
    oid = parts[3] if len(parts) > 3 and parts[3] else None
    return DownloadData(Source.SMDP, parts[1], parts[2], oid, held, code_hash)


def same_server(one: str, other: str) -> bool:
    """Whether two addresses mean the same server: one of them may lack the port, letter case does not count."""
    first, second = one.lower(), other.lower()
    return first == second or (
        first.partition(":")[0] == second.partition(":")[0] and (":" not in first or ":" not in second)
    )
