"""The operator behind several eIMs: what one of them learns that another one has to know."""

from collections.abc import Callable
from typing import Any, Final

from hil import codec
from hil.eim import VirtualEim
from hil.eim.content import ContentKind
from hil.eim.history import Record, RecordKind

_TOKEN: Final = "associationToken"  # noqa: S105
_OK: Final = 0


class AssociationKeeper:
    """Hands the associationToken of an addEim result, or that there is none, to the eIM that was added
    (SGP.32 2.11.1.1.2, 3.5)."""

    def __init__(self, eims: dict[str, VirtualEim]) -> None:
        """`eims` by eimId."""
        self._eims = eims

    def listener(self, eim: VirtualEim) -> Callable[[Record], None]:
        """What to give to `eim.subscribe`."""
        return lambda record: self._result_received(eim, record)

    def _result_received(self, eim: VirtualEim, record: Record) -> None:
        """Only verified news counts."""
        if record.kind is not RecordKind.RESULT or not record.news or not record.verified or record.package is None:
            return
        eid = bytes.fromhex(record.eid)
        results = _signed_results(record.decoded)
        for eim_id, result in zip(_added(eim, eid, record.package), results, strict=False):
            added = result.get("addEimResult", {})
            if eim_id in self._eims and (_TOKEN in added or added.get("addEimResultCode") == _OK):
                self._eims[eim_id].set_token(eid, added.get(_TOKEN))


def _signed_results(decoded: Any) -> list[dict[str, Any]]:
    data = decoded.get("euiccPackageResultSigned", {}).get("euiccPackageResultDataSigned", {})
    return list(data.get("euiccResult", ()))


def _added(eim: VirtualEim, eid: bytes, number: int) -> list[str | None]:
    """eimId of each addEim in a package, None for other commands."""
    package = eim.association(eid).package(number)
    if package is None or package.content.kind is not ContentKind.EUICC_PACKAGE:
        return []
    kind, commands = codec.decode("EuiccPackage", package.content.body)
    if kind != "ecoList":
        return []
    return [value["eimId"] if name == "addEim" else None for name, value in commands]
