"""What the eIM verifies: signatures of results and notifications, and that a result fits its package.

Source: SGP.32 2.11.2.1 (signature over the data object and the associationToken), 3.3.1 and 5.14.6;
SGP.22 2.6.7.2 and 4.1 (notifications). Signatures are checked over the bytes as received.
"""

from dataclasses import dataclass
from typing import Any, Final

from hil import codec, crypto, tlv
from hil.eim.association import Association, Package
from hil.eim.content import ContentKind
from hil.eim.history import Check
from hil.eim.signing import token_tlv

_RESULT_OF: Final = {
    "enable": "enableResult",
    "disable": "disableResult",
    "delete": "deleteResult",
    "listProfileInfo": "listProfileInfoResult",
    "getRAT": "getRATResult",
    "configureImmediateEnable": "configureImmediateEnableResult",
    "setFallbackAttribute": "setFallbackAttributeResult",
    "unsetFallbackAttribute": "unsetFallbackAttributeResult",
    "setDefaultDpAddress": "setDefaultDpAddressResult",
    "addEim": "addEimResult",
    "deleteEim": "deleteEimResult",
    "updateEim": "updateEimResult",
    "listEim": "listEimResult",
}
_LAST_EIM_DELETED: Final = 2

SIGNED_RESULT: Final = "euiccPackageResultSigned"
SIGNED_ERROR: Final = "euiccPackageErrorSigned"
UNSIGNED_ERROR: Final = "euiccPackageErrorUnsigned"


@dataclass(frozen=True)
class PackageResult:
    """EuiccPackageResult, decoded; `signed` and `signature` are raw."""

    raw: bytes
    arm: str
    fields: dict[str, Any]
    signed: bytes = b""
    signature: bytes = b""

    @property
    def transaction_id(self) -> bytes | None:
        """eimTransactionId."""
        return self.fields.get("eimTransactionId")

    @property
    def counter(self) -> int | None:
        """counterValue."""
        return self.fields.get("counterValue")

    @property
    def seq_number(self) -> int | None:
        """seqNumber; only a signed result has one."""
        return self.fields.get("seqNumber")

    @property
    def results(self) -> list[tuple[str, Any]]:
        """The EuiccResultData elements of a signed result."""
        return list(self.fields.get("euiccResult", ()))

    @property
    def rolled_back(self) -> bool:
        """A rollbackResult is among the results."""
        return any(name == "rollbackResult" for name, _ in self.results)


def read_package_result(raw: bytes) -> PackageResult:
    """EuiccPackageResult (BF51). Raises CodecError or TlvError."""
    arm, value = codec.decode("EuiccPackageResult", raw)
    if arm == UNSIGNED_ERROR:
        return PackageResult(raw, arm, value)
    if arm not in (SIGNED_RESULT, SIGNED_ERROR):
        raise codec.CodecError("EuiccPackageResult: unknown alternative")
    signed, signature = tlv.children(tlv.children(tlv.single(raw, 0xBF51).value)[0].value)[:2]
    data = value["euiccPackageResultDataSigned" if arm == SIGNED_RESULT else "euiccPackageErrorDataSigned"]
    return PackageResult(raw, arm, data, signed.raw, signature.value)


def verify_result(
    association: Association, result: PackageResult, package: Package | None, eim_id: str, *, legacy: bool
) -> tuple[Check, ...]:
    """All checks of a package result; an unsigned error has neither counter nor signature to check."""
    named = package.faults.eim_id if package is not None and package.faults.eim_id is not None else eim_id
    checks = [Check("eimId", result.fields["eimId"] == named, str(result.fields["eimId"]))]
    if result.arm != UNSIGNED_ERROR:
        checks.append(_signature(association, result, package, legacy))
    if package is None:
        checks.append(Check("package", None, "no package with this transaction id or counter"))
        return tuple(checks)
    if result.transaction_id is not None or package.transaction_id is not None:
        same = result.transaction_id == package.transaction_id or package.faults.no_transaction_id
        checks.append(Check("eimTransactionId", same, _hex(result.transaction_id)))
    if result.counter is not None:
        expected = package.faults.counter if package.faults.counter is not None else package.counter
        checks.append(Check("counterValue", result.counter == expected, str(result.counter)))
    if result.arm == SIGNED_RESULT:
        checks.append(_sequence(association, result))
        checks.append(_fits(result, package))
    return tuple(checks)


def _hex(value: bytes | None) -> str:
    return "" if value is None else value.hex().upper()


def _signature(association: Association, result: PackageResult, package: Package | None, legacy: bool) -> Check:
    if association.public_key is None:
        return Check("signature", None, "no key of this eUICC is known")
    key = crypto.public_key_from_spki(association.public_key)
    if crypto.verify_lenient(key, result.signature, result.signed + token_tlv(association.token)):
        token = "no associationToken" if association.token is None else f"associationToken {association.token}"
        return Check("signature", True, token)
    tails = {"associationToken zero": token_tlv(None)}
    if package is not None and package.request is not None:
        tails["eimSignature (v1.0)"] = tlv.build(0x5F37, tlv.find(package.request, 0xBF51, 0x5F37).value)
    tails["nothing (v1.0)"] = b""
    for label, tail in tails.items():
        if crypto.verify_lenient(key, result.signature, result.signed + tail):
            return Check("signature", legacy, f"is good over the data and {label}")
    return Check("signature", False, "does not match the eUICC's key and associationToken")


def _sequence(association: Association, result: PackageResult) -> Check:
    last, seq = association.last_seq, result.seq_number
    if last is None or seq is None or seq > last:
        return Check("seqNumber", True, str(seq))
    return Check("seqNumber", None, f"{seq} arrives after {last}")


def _fits(result: PackageResult, package: Package) -> Check:
    """One result per command in order; the list may end early after a failure or with processingTerminated."""
    names = [name for name, _ in result.results]
    if package.content.kind is not ContentKind.EUICC_PACKAGE:
        return Check("results", False, f"{len(names)} for {package.content.label}, which is no eUICC Package")
    if names == ["rollbackResult"]:
        return Check("results", True, "rollbackResult")
    kind, commands = codec.decode("EuiccPackage", package.content.body)
    expected = [_RESULT_OF.get(name, "processingTerminated") for name, _ in commands]
    told = [name for name in names if name != "processingTerminated"]
    complete = len(names) == len(expected) or (bool(names) and not all_ok(result))
    in_order = all(name == expected[index] for index, name in enumerate(told[: len(expected)]))
    fits = complete and in_order and len(told) <= len(expected)
    return Check("results", fits, f"{len(names)} for {len(expected)} commands of the {kind}")


def result_ok(name: str, value: Any) -> bool:
    """Whether one EuiccResultData tells success."""
    if name in ("processingTerminated", "unknown"):
        return False
    if name == "getRATResult":
        return True
    if name == "setDefaultDpAddressResult":
        return bool(value["setDefaultDpAddressResult"] == 0)
    if isinstance(value, tuple):
        arm, code = value
        return arm in ("associationToken", "profileInfoListOk", "eimIdList") or (
            arm == "addEimResultCode" and code == 0
        )
    return bool(value == 0) or (name == "deleteEimResult" and value == _LAST_EIM_DELETED)


def all_ok(result: PackageResult) -> bool:
    """Whether every result tells success."""
    return all(result_ok(name, value) for name, value in result.results)


def describe(result: PackageResult) -> str:
    """A line for people."""
    if result.arm == UNSIGNED_ERROR:
        token = result.fields.get("associationToken")
        return "unsigned error" + ("" if token is None else f", associationToken {token}")
    if result.arm == SIGNED_ERROR:
        return f"signed error {result.fields['euiccPackageErrorCode']}"
    return ", ".join(f"{name} {_short(value)}" for name, value in result.results) or "no results"


def _short(value: Any) -> str:
    match value:
        case int():
            return "ok" if value == 0 else str(value)
        case (str() as arm, list() as items):
            return f"{arm} ({len(items)})"
        case (str() as arm, code):
            return f"{arm} {code}"
        case dict() as fields:
            return " ".join(_short(item) for item in fields.values())
        case list() as items:
            return f"({len(items)})"
        case _:
            return str(value)
