"""What the eIM knows of one eUICC: keys, counters, token, packages and their states.

Source: SGP.32 2.11.2 (results), 5.14.5 and 5.14.6 (retrieval, delivery). All of it survives a restart
of the eIM: `to_json` and `from_json` give and take plain JSON values, binary as upper-case hex.
"""

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from hil.eim.content import Content, ContentKind


class PackageState(StrEnum):
    """Life of a package. Results that come again or late do not move it back."""

    QUEUED = "queued"
    HANDED_OUT = "handed-out"
    RECEIVED = "received"
    """Injected, and the IPA said that it has it; the result comes later."""
    RESULT_RECEIVED = "result-received"
    """A result is there, but was not accepted or not acknowledged."""
    CLOSED = "closed"


class Outcome(StrEnum):
    """How a package ended."""

    OK = "ok"
    FAILED = "failed"
    """Signed result with at least one code other than ok."""
    ROLLED_BACK = "rolled-back"
    REFUSED = "refused"
    """Signed error."""
    UNSIGNED = "unsigned-error"
    IPA_ERROR = "ipa-error"
    """IpaEuiccDataResponseError, profileDownloadError or eimPackageResultResponseError."""
    NOT_VERIFIED = "not-verified"
    """A result that fails the eIM's checks."""
    LOST = "lost"
    """Handed out, and nothing will be heard of it."""
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class SigningFaults:
    """Deliberate mistakes of one eUICC Package. The default has none."""

    bad_signature: bool = False
    eid: bytes | None = None
    eim_id: str | None = None
    counter: int | None = None
    """This counterValue instead of the next one; the eIM's own counter does not move."""
    token: int | None = None
    """Signed with this associationToken."""
    no_transaction_id: bool = False

    @property
    def any(self) -> bool:
        """Whether there is at least one mistake."""
        return self != SigningFaults()


@dataclass
class Package:
    """One queued content with everything that happened to it."""

    number: int
    content: Content
    faults: SigningFaults = SigningFaults()
    state: PackageState = PackageState.QUEUED
    outcome: Outcome | None = None
    detail: str = ""
    transaction_id: bytes | None = None
    counter: int | None = None
    request: bytes | None = None
    """The alternative as handed out (BF51, BF52, BF54 or raw)."""
    handed_out: list[float] = field(default_factory=list)
    records: list[int] = field(default_factory=list)
    """Numbers of the history records that belong to it."""
    attempts: int = 0
    """How often it was signed anew after a replayError or a token repair."""
    recovers: int | None = None
    """Number of the package whose stored result this data request looks for."""

    @property
    def open(self) -> bool:
        """Whether it still waits to be handed out or answered."""
        return self.state in (PackageState.QUEUED, PackageState.HANDED_OUT, PackageState.RECEIVED)


@dataclass
class Association:
    """One eUICC. `public_key` (SubjectPublicKeyInfo) None: results are taken unverified."""

    eid: bytes
    public_key: bytes | None = None
    certificate: bytes | None = None
    eum_certificate: bytes | None = None
    token: int | None = None
    counter: int = 0
    """The last counterValue used."""
    last_seq: int | None = None
    capabilities: bytes | None = None
    euicc_info1: bytes | None = None
    euicc_info2: bytes | None = None
    device_info: bytes | None = None
    version1: bool = False
    """The IPA speaks SGP.32 v1.0."""
    state_change_cause: int | None = None
    registered_plmn: bytes | None = None
    polls: int = 0
    seen: set[str] = field(default_factory=set)
    """Digests of the signed objects that were received."""
    packages: list[Package] = field(default_factory=list)

    def package(self, number: int) -> Package | None:
        """The package with this number."""
        return next((package for package in self.packages if package.number == number), None)

    def waiting(self) -> Package | None:
        """What the next GetEimPackage gets: the unanswered one again, else the next in the queue."""
        handed = next((package for package in self.packages if package.state is PackageState.HANDED_OUT), None)
        return handed or next((package for package in self.packages if package.state is PackageState.QUEUED), None)


def _hex(value: bytes | None) -> str | None:
    return None if value is None else value.hex().upper()


def _bytes(value: str | None) -> bytes | None:
    return None if value is None else bytes.fromhex(value)


def _package_to_json(package: Package) -> dict[str, Any]:
    faults = asdict(package.faults)
    return {
        "number": package.number,
        "kind": package.content.kind.value,
        "body": package.content.body.hex().upper(),
        "label": package.content.label,
        "held": package.content.held,
        "confirmation_code": package.content.confirmation_code,
        "faults": {**faults, "eid": _hex(package.faults.eid)},
        "state": package.state.value,
        "outcome": package.outcome.value if package.outcome else None,
        "detail": package.detail,
        "transaction_id": _hex(package.transaction_id),
        "counter": package.counter,
        "request": _hex(package.request),
        "handed_out": package.handed_out,
        "records": package.records,
        "attempts": package.attempts,
        "recovers": package.recovers,
    }


def _package_from_json(value: dict[str, Any]) -> Package:
    faults = value["faults"]
    return Package(
        number=value["number"],
        content=Content(
            ContentKind(value["kind"]),
            bytes.fromhex(value["body"]),
            value["label"],
            value.get("held"),
            value.get("confirmation_code"),
        ),
        faults=SigningFaults(**{**faults, "eid": _bytes(faults["eid"])}),
        state=PackageState(value["state"]),
        outcome=Outcome(value["outcome"]) if value["outcome"] else None,
        detail=value["detail"],
        transaction_id=_bytes(value["transaction_id"]),
        counter=value["counter"],
        request=_bytes(value["request"]),
        handed_out=list(value["handed_out"]),
        records=list(value["records"]),
        attempts=value["attempts"],
        recovers=value["recovers"],
    )


_BINARY = (
    "public_key",
    "certificate",
    "eum_certificate",
    "capabilities",
    "euicc_info1",
    "euicc_info2",
    "device_info",
    "registered_plmn",
)
_PLAIN = ("token", "counter", "last_seq", "version1", "state_change_cause", "polls")


def to_json(association: Association) -> dict[str, Any]:
    """Plain JSON values of an association."""
    return {
        "eid": association.eid.hex().upper(),
        **{name: _hex(getattr(association, name)) for name in _BINARY},
        **{name: getattr(association, name) for name in _PLAIN},
        "seen": sorted(association.seen),
        "packages": [_package_to_json(package) for package in association.packages],
    }


def from_json(value: dict[str, Any]) -> Association:
    """The association that `to_json` wrote. Raises KeyError, TypeError or ValueError for anything else."""
    association = Association(bytes.fromhex(value["eid"]))
    for name in _BINARY:
        setattr(association, name, _bytes(value[name]))
    for name in _PLAIN:
        setattr(association, name, value[name])
    association.seen = set(value["seen"])
    association.packages = [_package_from_json(package) for package in value["packages"]]
    return association
