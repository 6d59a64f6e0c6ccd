"""The journal: what the IPA must still know after a power cut, bound to one eUICC.

Only the IPA knows these things; the eUICC keeps the signed results of accepted packages, the notifications and the eIM
configuration, which are therefore read from it and never stored here. The content is an immutable value; `commit`
makes a new one durable and writes nothing when it is equal to the old one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from enum import Enum, StrEnum
from typing import Protocol

from ipad.codec.compact import CompactKnowledge
from ipad.codec.eim import EimConfigurationData
from ipad.codec.esipa import EimPackageResult, StateChangeCause
from ipad.errors import CodecError, StateError
from ipad.ids import Eid, Iccid
from ipad.records import dataclass, field, replace
from ipad.state.record import Record
from ipad.state.store import Loaded

log = logging.getLogger(__name__)


class Step(StrEnum):
    """How far the processing of an eUICC Package had come (SGP.32 3.3.1)."""

    LOADING = "loading"  # about to be given to the eUICC, or given and not answered
    RESULT = "result"  # its result is known and owed to the eIM
    ROLLBACK = "rollback"  # ProfileRollback is about to be called, or called and not answered
    ACKNOWLEDGED = "acknowledged"  # the eIM has the result; what it acknowledged is to be removed from the eUICC


@dataclass(frozen=True, kw_only=True)
class Marker:
    """The eUICC Package in progress.

    `eim_configuration` is the EimConfigurationData TLV of the eIM as it was before the package: the result goes there
    even if the package deleted or changed that entry. `result` is the EimPackageResult TLV that is delivered.
    """

    eim_id: str
    eim_configuration: bytes
    eim_transaction_id: bytes | None
    counter_value: int
    iccid_before: Iccid | None
    rollback_flag: bool
    step: Step
    result: bytes | None = None
    profile_changed: bool = False
    acknowledged: tuple[int, ...] = ()

    @property
    def eim(self) -> EimConfigurationData:
        """The eIM that gave the package; `eim_id` is the one that the package names."""
        return EimConfigurationData.decode(self.eim_configuration)


@dataclass(frozen=True, kw_only=True)
class UndeliveredResult:
    """An EimPackageResult TLV that its eIM does not have yet, and how that eIM was reached when it arose."""

    eim_id: str
    eim_configuration: bytes
    result: bytes
    as_notification: bool = False
    """Of a direct download: it goes by HandleNotification (SGP.32 3.2.3)."""


@dataclass(frozen=True, kw_only=True)
class DownloadMarker:
    """The profile download in progress (SGP.32 3.2.3).

    `eim_id` and `eim_configuration` are those of the eIM that is owed the result, None for a download that nobody but
    a local user asked for. `number_before` is the highest sequence number among the notifications before the download.
    `transaction_id` of the RSP session is durable before the first segment goes to the eUICC, None until then.
    `as_notification`: the eIM injected the order and is told the result by HandleNotification (SGP.32 5.14.4).
    """

    eim_id: str | None
    eim_configuration: bytes | None
    eim_transaction_id: bytes | None
    direct: bool
    number_before: int | None
    transaction_id: bytes | None = None
    as_notification: bool = False


@dataclass(frozen=True, kw_only=True)
class Postponed:
    """A notification that its receiver refused: how often, and not before which wall clock second to try again."""

    refusals: int
    not_before: int


@dataclass(frozen=True, kw_only=True)
class EnabledProfile:
    """Which profile was enabled; `iccid` is None when none was."""

    iccid: Iccid | None


@dataclass(frozen=True, kw_only=True)
class JournalContent:
    """Everything that is kept for one eUICC.

    `notify` holds, for each eIM that is to be told of a state change, the cause; an eIM without an entry has nothing to
    be told, which is not the same as cause 0. `enabled` is None while never read. `time_floor` is a wall clock second
    that has certainly passed. `direct_results` are sequence numbers of ProfileInstallationResults that the IPA itself
    owes to an SM-DP+. `switching` is the cause that eIMs are told if the profile turns out to have been changed: it is
    set while the IPA itself changes it. `compact` is what eIMs have stored of the eUICC, for compact messages.
    `counters` are of no consequence: contents that differ in them alone are the same. `extra` are entries of a newer
    version, kept as they are.
    """

    eid: Eid
    marker: Marker | None = None
    download: DownloadMarker | None = None
    direct_results: tuple[int, ...] = ()
    notify: Mapping[str, StateChangeCause] = field(default_factory=dict)
    undelivered: tuple[UndeliveredResult, ...] = ()
    postponed: Mapping[bytes, Postponed] = field(default_factory=dict)
    enabled: EnabledProfile | None = None
    eim_fingerprint: bytes | None = None
    time_floor: int = 0
    switching: StateChangeCause | None = None
    compact: Mapping[str, CompactKnowledge] = field(default_factory=dict)
    counters: Mapping[str, int] = field(default_factory=dict, compare=False)
    extra: Mapping[str, object] = field(default_factory=dict)


class Origin(Enum):
    """Where the content of a journal came from when it was opened."""

    KEPT = "kept"
    NEW = "new"
    OTHER_EUICC = "otherEuicc"
    DAMAGED = "damaged"


class JournalStore(Protocol):
    """Where the journal is kept; `StateStore` on the device."""

    def load(self) -> Loaded:
        """Read what was saved last."""
        ...

    def set_aside(self, reason: str) -> str:
        """Keep an unreadable file for a person to look at, out of the way; return a sentence about it."""
        ...

    async def save(self, content: Mapping[str, object]) -> bool:
        """Make the content durable; False when it already was."""
        ...


class Journal:
    """The journal of one eUICC. `notice` says what happened to an older or damaged file."""

    def __init__(self, store: JournalStore, content: JournalContent, origin: Origin, notice: str | None = None) -> None:
        self._store = store
        self._content = content
        self._unwritten = False
        self.origin = origin
        self.notice = notice
        self.counters: Callable[[], Mapping[str, int]] = lambda: content.counters
        """Asked at each write, for counters ride on writes that have another reason."""

    @classmethod
    def open(cls, store: JournalStore, eid: Eid) -> Journal:
        """Read the journal of this eUICC.

        Content of another eUICC is dropped (`Origin.OTHER_EUICC`), unreadable content is set aside (`Origin.DAMAGED`).
        Raises StateError when the file cannot be read or is of a newer version.
        """
        loaded = store.load()
        fresh = JournalContent(eid=eid)
        if loaded.content is None:
            return cls(store, fresh, Origin.DAMAGED if loaded.notice else Origin.NEW, loaded.notice)
        try:
            content = decode_content(loaded.content)
        except (StateError, CodecError) as error:
            return cls(store, fresh, Origin.DAMAGED, store.set_aside(str(error)))
        if content.eid != eid:
            notice = f"the journal belongs to eUICC {content.eid.masked()}, not to {eid.masked()}: dropped"
            return cls(store, fresh, Origin.OTHER_EUICC, notice)
        return cls(store, content, Origin.KEPT)

    @property
    def content(self) -> JournalContent:
        """What is durable now (or, in a journal never committed or that cannot be written, what would be)."""
        return self._content

    async def commit(self, content: JournalContent) -> None:
        """Make `content` durable. Writes nothing when it equals the present one.

        Raises StateError when it cannot be written; the present content is unchanged then.
        """
        if content == self._content and not self._unwritten:
            return
        content = replace(content, counters=self.counters())
        await self._store.save(encode_content(content))
        self._content, self._unwritten = content, False

    async def keep_counters(self) -> None:
        """Write the counters if they have changed; for a clean stop. What cannot be written is lost."""
        if dict(self.counters()) != dict(self._content.counters):
            self._unwritten = True
            await self.hold(self._content)

    async def hold(self, content: JournalContent) -> None:
        """As `commit`, but go on with `content` even if it cannot be written; the next commit writes it.

        For what must not wait for a full disk: the eUICC keeps the signed result of what it did, and the start after
        a power cut finds it there.
        """
        try:
            await self.commit(content)
        except StateError as error:
            # It is tried again at each reading of the eUICC; the log needs it once.
            level = logging.DEBUG if self._unwritten else logging.ERROR
            log.log(level, "going on without a written journal: %s", error)
            self._content, self._unwritten = content, True

    async def set_marker(self, marker: Marker | None) -> None:
        """Commit with another marker."""
        await self.commit(replace(self._content, marker=marker))


def encode_content(content: JournalContent) -> dict[str, object]:
    """The plain values of a content; entries that say nothing are left out."""
    entries: dict[str, object] = {**content.extra, "eid": content.eid.octets}
    optional: dict[str, object] = {
        "marker": _encode_marker(content.marker) if content.marker else None,
        "download": _encode_download(content.download) if content.download else None,
        "direct_results": list(content.direct_results),
        "notify": {eim_id: int(cause) for eim_id, cause in content.notify.items()},
        "undelivered": [_encode_undelivered(item) for item in content.undelivered],
        "postponed": {key: [item.refusals, item.not_before] for key, item in content.postponed.items()},
        "enabled": None if content.enabled is None else [_octets(content.enabled.iccid)],
        "eim_fingerprint": content.eim_fingerprint,
        "time_floor": content.time_floor,
        "switching": None if content.switching is None else [int(content.switching)],
        "compact": {eim_id: _encode_compact(knowledge) for eim_id, knowledge in content.compact.items()},
        "counters": dict(content.counters),
    }
    entries.update((name, value) for name, value in optional.items() if value)
    return entries


def decode_content(values: Mapping[str, object]) -> JournalContent:
    """The content of plain values. Raises StateError or CodecError for values of a wrong shape."""
    record = Record(values, "journal")
    marker = record.record("marker")
    download = record.record("download")
    enabled = record.items("enabled")
    switching = record.numbers("switching")
    content = JournalContent(
        eid=Eid(record.need_octets("eid")),
        marker=None if marker is None else _decode_marker(marker),
        download=None if download is None else _decode_download(download),
        direct_results=record.numbers("direct_results"),
        notify={eim_id: StateChangeCause(cause) for eim_id, cause in record.numbers_by_text("notify").items()},
        undelivered=tuple(_decode_undelivered(item) for item in record.records("undelivered")),
        postponed={key: _decode_postponed(pair) for key, pair in record.pairs_by_octets("postponed").items()},
        enabled=EnabledProfile(iccid=_iccid(enabled[0])) if enabled else None,
        eim_fingerprint=record.octets("eim_fingerprint"),
        time_floor=record.number("time_floor") or 0,
        compact=_decode_all_compact(record.record("compact")),
        switching=StateChangeCause(switching[0]) if switching else None,
        counters=record.numbers_by_text("counters"),
    )
    return replace(content, extra=record.rest())


def _encode_marker(marker: Marker) -> dict[str, object]:
    return {
        "eim_id": marker.eim_id,
        "eim_configuration": marker.eim_configuration,
        "eim_transaction_id": marker.eim_transaction_id,
        "counter_value": marker.counter_value,
        "iccid_before": _octets(marker.iccid_before),
        "rollback_flag": marker.rollback_flag,
        "step": str(marker.step),
        "result": marker.result,
        "profile_changed": marker.profile_changed,
        "acknowledged": list(marker.acknowledged),
    }


def _decode_marker(record: Record) -> Marker:
    step = record.need_text("step")
    if step not in set(Step):
        raise StateError(f"{record.place}.step is {step!r}, which is no known step")
    result = record.octets("result")
    if step != Step.LOADING and result is None:
        raise StateError(f"{record.place}.result is missing at step {step}")
    return Marker(
        eim_id=record.need_text("eim_id"),
        eim_configuration=_configuration(record),
        eim_transaction_id=record.octets("eim_transaction_id"),
        counter_value=record.need_number("counter_value"),
        iccid_before=_iccid(record.octets("iccid_before")),
        rollback_flag=record.flag("rollback_flag"),
        step=Step(step),
        result=None if result is None else _package_result(result),
        profile_changed=record.flag("profile_changed"),
        acknowledged=record.numbers("acknowledged"),
    )


def _encode_undelivered(item: UndeliveredResult) -> dict[str, object]:
    entry: dict[str, object] = {
        "eim_id": item.eim_id,
        "eim_configuration": item.eim_configuration,
        "result": item.result,
    }
    return {**entry, "as_notification": True} if item.as_notification else entry


def _decode_undelivered(record: Record) -> UndeliveredResult:
    return UndeliveredResult(
        eim_id=record.need_text("eim_id"),
        eim_configuration=_configuration(record),
        result=_package_result(record.need_octets("result")),
        as_notification=record.flag("as_notification"),
    )


def _encode_download(marker: DownloadMarker) -> dict[str, object]:
    entry: dict[str, object] = {
        "eim_id": marker.eim_id,
        "eim_configuration": marker.eim_configuration,
        "eim_transaction_id": marker.eim_transaction_id,
        "direct": marker.direct,
        "number_before": marker.number_before,
        "transaction_id": marker.transaction_id,
    }
    return {**entry, "as_notification": True} if marker.as_notification else entry


def _decode_download(record: Record) -> DownloadMarker:
    eim_id = record.text("eim_id")
    return DownloadMarker(
        eim_id=eim_id,
        eim_configuration=None if eim_id is None else _configuration(record),
        eim_transaction_id=record.octets("eim_transaction_id"),
        direct=record.flag("direct"),
        number_before=record.number("number_before"),
        transaction_id=record.octets("transaction_id"),
        as_notification=record.flag("as_notification"),
    )


def _encode_compact(knowledge: CompactKnowledge) -> dict[str, object]:
    values: dict[str, object] = {
        "refused": knowledge.refused,
        "info1": knowledge.info1,
        "info2": knowledge.info2,
        "certificates": knowledge.certificates,
    }
    return {name: value for name, value in values.items() if value}


def _decode_all_compact(record: Record | None) -> dict[str, CompactKnowledge]:
    if record is None:
        return {}
    found = {}
    for eim_id in record.names:
        entry = record.record(eim_id)
        if entry is not None:
            found[eim_id] = CompactKnowledge(
                refused=entry.flag("refused"),
                info1=entry.octets("info1"),
                info2=entry.octets("info2"),
                certificates=entry.octets("certificates"),
            )
    return found


def _configuration(record: Record) -> bytes:
    """The octets of an EimConfigurationData that can be decoded, as everything that uses them relies on."""
    octets = record.need_octets("eim_configuration")
    EimConfigurationData.decode(octets)
    return octets


def _package_result(octets: bytes) -> bytes:
    EimPackageResult.decode(octets)
    return octets


def _decode_postponed(pair: tuple[int, int]) -> Postponed:
    return Postponed(refusals=pair[0], not_before=pair[1])


def _octets(iccid: Iccid | None) -> bytes | None:
    return None if iccid is None else iccid.octets


def _iccid(octets: object) -> Iccid | None:
    if octets is None:
        return None
    if not isinstance(octets, bytes):
        raise StateError("an ICCID of the journal is no byte string")
    return Iccid(octets)
