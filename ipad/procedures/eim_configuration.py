"""The association of eIMs: the first by ES10b.AddInitialEim from a file (SGP.32 3.5.2.1, 5.9.4), and changes of it.

The eUICC owns the configuration; it is read again whenever it may have changed, and never kept.
"""

from __future__ import annotations

import hashlib

from ipad.codec import tlv
from ipad.codec.eim import AddInitialEimError, AddInitialEimRequest, EimConfigurationData
from ipad.codec.esipa import StateChangeCause
from ipad.errors import CodecError, EuiccResultError
from ipad.procedures.ports import Euicc
from ipad.records import dataclass, replace
from ipad.state.journal import Journal, JournalContent

GENERATE_TOKEN = -1
"""associationToken value that asks the eUICC to make one (SGP.32 2.11.1.1.3)."""


@dataclass(frozen=True, kw_only=True)
class AddedEim:
    """An eIM that was associated, and the token that the eUICC made for it, if one was asked for."""

    eim_id: str
    association_token: int | None


@dataclass(frozen=True, kw_only=True)
class AddInitialEimReport:
    """What AddInitialEim did. `already_provisioned`: there is an eIM already, nothing was changed."""

    added: tuple[AddedEim, ...] = ()
    already_provisioned: bool = False


def read_initial_eims(data: bytes) -> tuple[EimConfigurationData, ...]:
    """The eIMs of a provisioning file in DER.

    Accepted are a complete AddInitialEimRequest (BF57), its list (A0, or a SEQUENCE OF), and one or more bare
    EimConfigurationData. Raises CodecError for anything else, for an entry without a mandatory element (eimId,
    counterValue, eimPublicKeyData), an associationToken other than -1, and an eimId that occurs twice.
    """
    if not data:
        raise CodecError("the file with eIM configuration data is empty")
    elements = list(tlv.children(data))
    if len(elements) == 1 and elements[0].tag == AddInitialEimRequest.TAG:
        eims = AddInitialEimRequest.decode(data).eim_configuration_data_list
    else:
        if len(elements) == 1 and (elements[0].tag == 0xA0 or _is_list(elements[0])):
            elements = list(tlv.children(elements[0].value))
        eims = tuple(EimConfigurationData.decode(element.raw) for element in elements)
    _check_initial(eims)
    return eims


def _is_list(element: tlv.Element) -> bool:
    return element.tag == 0x30 and next((child.tag for child in tlv.children(element.value)), 0) == 0x30


def _check_initial(eims: tuple[EimConfigurationData, ...]) -> None:
    if not eims:
        raise CodecError("the file holds no eIM configuration data")
    seen: set[str] = set()
    for eim in eims:
        where = f"eIM {eim.eim_id!r}"
        if not eim.eim_id or len(eim.eim_id.encode()) > 128:
            raise CodecError(f"{where}: eimId has {len(eim.eim_id.encode())} octets, expected 1 to 128")
        if eim.eim_id in seen:
            raise CodecError(f"{where} occurs twice")
        seen.add(eim.eim_id)
        if eim.counter_value is None:
            raise CodecError(f"{where}: counterValue is missing")
        if eim.eim_public_key_data is None or eim.eim_public_key_data.unknown is not None:
            raise CodecError(f"{where}: eimPublicKeyData is missing or unreadable")
        if eim.association_token not in (None, GENERATE_TOKEN):
            raise CodecError(f"{where}: associationToken is {eim.association_token}, expected -1 or none")


async def add_initial_eim(euicc: Euicc, eims: tuple[EimConfigurationData, ...]) -> AddInitialEimReport:
    """Associate the first eIMs, all or none.

    An eUICC that has an eIM already is left as it is. Raises EuiccResultError for any other refusal.
    """
    try:
        entries = await euicc.add_initial_eim(eims)
    except EuiccResultError as error:
        if error.code == AddInitialEimError.ASSOCIATED_EIM_ALREADY_EXISTS:
            return AddInitialEimReport(already_provisioned=True)
        raise
    tokens = [entry.association_token for entry in entries]
    tokens += [None] * (len(eims) - len(tokens))
    added = tuple(
        AddedEim(eim_id=eim.eim_id, association_token=token) for eim, token in zip(eims, tokens, strict=False)
    )
    return AddInitialEimReport(added=added)


def fingerprint(eims: tuple[EimConfigurationData, ...]) -> bytes:
    """A digest by which a change of the configuration is noticed."""
    return hashlib.sha256(b"".join(eim.encode() for eim in eims)).digest()[:8]


def in_line_with(content: JournalContent, eims: tuple[EimConfigurationData, ...]) -> JournalContent:
    """The journal's content after the eIMs were read.

    Flags of eIMs that are gone are forgotten; after any change refused notifications are due again (SGP.32 3.7).
    """
    present = {eim.eim_id for eim in eims}
    changed = content.eim_fingerprint != fingerprint(eims)
    return replace(
        content,
        notify={eim_id: cause for eim_id, cause in content.notify.items() if eim_id in present},
        eim_fingerprint=fingerprint(eims),
        postponed={} if changed else content.postponed,
    )


async def read_eims(euicc: Euicc, journal: Journal) -> tuple[EimConfigurationData, ...]:
    """Read the eIMs from the eUICC and bring the journal in line with them; the next reading leads to the same.

    A disk that takes nothing keeps no eIM from being asked: its answer is the proof that a profile works.
    """
    eims = await euicc.get_eim_configuration_data()
    await journal.hold(in_line_with(journal.content, eims))
    return eims


async def note_memory_reset(euicc: Euicc, journal: Journal) -> None:
    """What remains after an eUICCMemoryReset: each eIM that is left is to be told of it (SGP.32 5.9.5, 5.14.5)."""
    eims = await euicc.get_eim_configuration_data()
    content = in_line_with(journal.content, eims)
    notify = {**content.notify, **dict.fromkeys((eim.eim_id for eim in eims), StateChangeCause.RESET)}
    await journal.commit(replace(content, notify=notify))
