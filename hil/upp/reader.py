"""Reads an unprotected profile package the way an eUICC does: element by element, with a PEStatus for each failure.

Taken over: ICCID, IMSI, the files of MF and USIM, AKA parameters, sizes. Elements of other applications, applets and
security domains are stepped over by their length; an element that is mandated and unknown aborts the installation.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hil import tlv
from hil.aka import AkaKey
from hil.upp import elements, templates
from hil.upp.elements import ElementTag, PeStatusCode
from hil.upp.files import ProfileFile, UppError, create, write

_SERVICES_SUPPORTED = frozenset((0x81, 0x84, 0x85, 0x8B, 0x91, 0x92, 0x93, 0x94, 0x95))
"""eUICC-Mandatory-services: usim, milenage, tuak128, javacard, test algorithm, BER-TLV, DF link, CAT_TP, identity."""
_KNOWN = frozenset(int(tag) for tag in ElementTag)
_HEADER_TAG = 0xA0


@dataclass(frozen=True, slots=True)
class PeStatus:
    """Outcome of one profile element."""

    code: PeStatusCode
    identification: int | None = None


@dataclass(frozen=True, slots=True)
class ProfileContent:
    """What a package installs."""

    iccid: bytes
    """As in EF.ICCID."""
    files: tuple[ProfileFile, ...]
    usim_aid: bytes | None
    aka: AkaKey | None
    statuses: tuple[PeStatus, ...]
    size: int

    def file(self, folder: int, file_id: int) -> ProfileFile | None:
        """A file by its place."""
        return next((item for item in self.files if (item.folder, item.file_id) == (folder, file_id)), None)

    @property
    def imsi(self) -> str | None:
        """Digits of EF.IMSI."""
        entry = self.file(templates.ADF, 0x6F07)
        if entry is None:
            return None
        digits = "".join(f"{octet & 0x0F:x}{octet >> 4:x}" for octet in entry.content[1 : 1 + entry.content[0]])
        return digits[1:].rstrip("f")

    @property
    def mnc_length(self) -> int:
        """From EF.AD; 2 when it does not say."""
        entry = self.file(templates.ADF, 0x6FAD)
        return entry.content[3] & 0x0F if entry is not None and len(entry.content) > 3 else 2

    @property
    def gid1(self) -> bytes | None:
        """EF.GID1, if there."""
        entry = self.file(templates.ADF, 0x6F3E)
        return entry.content if entry is not None else None


@dataclass
class _Installation:
    files: dict[tuple[int, int], ProfileFile] = field(default_factory=dict)
    statuses: list[PeStatus] = field(default_factory=list)
    iccid: bytes = b""
    usim_aid: bytes | None = None
    aka: AkaKey | None = None
    identifications: set[int] = field(default_factory=set)


def read(package: bytes) -> ProfileContent:
    """Install a package into a fresh profile. Raises UppError with the PEStatus that aborts it."""
    try:
        parts = tlv.children(package)
    except tlv.TlvError as error:
        raise UppError(PeStatusCode.INVALID_REQUEST_FORMAT, None, str(error)) from error
    tags = [part.tag for part in parts]
    if tags[:2] != [ElementTag.HEADER, ElementTag.MF] or tags[-1:] != [ElementTag.END]:
        raise UppError(PeStatusCode.INVALID_REQUEST_FORMAT, None, "header, MF and end are not where they belong")
    if any(tags.count(tag) > 1 for tag in (ElementTag.HEADER, ElementTag.MF, ElementTag.END)):
        raise UppError(PeStatusCode.BAD_VALUES, None, "header, MF or end appear twice")
    state = _Installation()
    for part in parts:
        _element(state, part)
    entry = state.files.get((templates.MF, 0x2FE2))
    if entry is None or entry.content != state.iccid:
        raise UppError(PeStatusCode.BAD_VALUES, None, "EF.ICCID differs from the profile header")
    statuses = tuple(state.statuses) or (PeStatus(PeStatusCode.OK),)
    return ProfileContent(state.iccid, tuple(state.files.values()), state.usim_aid, state.aka, statuses, len(package))


def response(statuses: tuple[PeStatus, ...], *, aborted: bool = False) -> bytes:
    """EUICCResponse for the simaResponse of a ProfileInstallationResult (8.11)."""
    entries = (
        tlv.build(
            0x30,
            tlv.build(0x80, tlv.integer(status.code)),
            tlv.build(0x81, tlv.integer(status.identification)) if status.identification is not None else b"",
        )
        for status in statuses
    )
    return tlv.build(0x30, tlv.build(0xA0, *entries), tlv.build(0x81) if aborted else b"")


def _element(state: _Installation, part: tlv.Tlv) -> None:
    if part.tag == ElementTag.HEADER:
        _header(state, part)
        return
    identification, mandated = _pe_header(part)
    if identification in state.identifications:
        raise UppError(PeStatusCode.BAD_VALUES, identification, "identification used twice")
    state.identifications.add(identification)
    try:
        if part.tag in templates.MEMBERS:
            _files(state, part, identification)
        elif part.tag == ElementTag.AKA_PARAMETER:
            _aka(state, part)
        elif part.tag not in _KNOWN:
            _unknown(state, identification, mandated)
    except tlv.TlvError as error:
        raise UppError(PeStatusCode.INVALID_REQUEST_FORMAT, identification, str(error)) from error


def _unknown(state: _Installation, identification: int, mandated: bool) -> None:
    if mandated:
        raise UppError(PeStatusCode.PE_NOT_SUPPORTED, identification, "unknown profile element is mandated")
    state.statuses.append(PeStatus(PeStatusCode.PE_NOT_SUPPORTED, identification))


def _pe_header(part: tlv.Tlv) -> tuple[int, bool]:
    try:
        header = tlv.find(part.value, _HEADER_TAG)
        number = int.from_bytes(tlv.find(header.value, 0x81).value, "big")
        return number, any(child.tag == 0x80 for child in tlv.children(header.value))
    except tlv.TlvError as error:
        raise UppError(PeStatusCode.INVALID_REQUEST_FORMAT, None, f"element {part.tag:X}: {error}") from error


def _header(state: _Installation, part: tlv.Tlv) -> None:
    try:
        major = tlv.find(part.value, 0x80).value
        iccid = tlv.find(part.value, 0x83).value
        services = tlv.children(tlv.find(part.value, 0xA5).value)
        wanted = tlv.children(tlv.find(part.value, 0xA6).value)
    except tlv.TlvError as error:
        raise UppError(PeStatusCode.INVALID_REQUEST_FORMAT, None, f"profile header: {error}") from error
    if major not in (b"\x02", b"\x03"):
        raise UppError(PeStatusCode.UNSUPPORTED_PROFILE_VERSION, None, f"profile package version {major.hex()}")
    for service in services:
        if service.tag not in _SERVICES_SUPPORTED:
            raise UppError(PeStatusCode.FEATURE_NOT_SUPPORTED, None, f"mandatory service {service.tag:X}")
    for template in wanted:
        if not template.value.startswith(elements.TEMPLATE_ARC):
            raise UppError(PeStatusCode.TEMPLATE_NOT_SUPPORTED, None, f"template {template.value.hex()}")
    if len(iccid) != 10:
        raise UppError(PeStatusCode.BAD_VALUES, None, f"ICCID of {len(iccid)} octets")
    state.iccid = bytes(octet << 4 & 0xF0 | octet >> 4 for octet in iccid)


def _files(state: _Installation, part: tlv.Tlv, identification: int) -> None:
    members = templates.MEMBERS[part.tag]
    folder = templates.MF if part.tag == ElementTag.MF else templates.ADF
    given = {child.tag: child for child in tlv.children(part.value)}
    if part.tag == ElementTag.USIM:
        state.usim_aid = tlv.find(given[0xA2].value, 0xA1, 0x84).value if 0xA2 in given else None
        if state.usim_aid is None:
            raise UppError(PeStatusCode.BAD_VALUES, identification, "ADF.USIM without AID")
    for tag, template in members.items():
        if tag in given:
            content = write(folder, template, tlv.children(given[tag].value), identification)
        elif part.tag != ElementTag.OPT_USIM and template.by_default and not template.required:
            content = create(folder, template)
        elif template.required:
            raise UppError(PeStatusCode.BAD_VALUES, identification, f"file {template.file_id:04X} is missing")
        else:
            continue
        if content is not None:
            state.files[content.folder, content.file_id] = content


def _aka(state: _Installation, part: tlv.Tlv) -> None:
    configuration = tlv.children(tlv.find(part.value, 0xA1).value)
    if len(configuration) != 1 or configuration[0].tag != 0xA1:
        return  # a mapping to the keys of another application adds nothing for a single USIM
    values = configuration[0].value
    opc = next((child.value for child in tlv.children(values) if child.tag == 0x83), b"")
    state.aka = AkaKey(int.from_bytes(tlv.find(values, 0x80).value, "big"), tlv.find(values, 0x82).value, opc)
