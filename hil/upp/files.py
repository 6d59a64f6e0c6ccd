"""Files of a profile package: from template, file descriptor and filling instructions to content (8.3)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hil import tlv
from hil.upp.elements import PeStatusCode
from hil.upp.templates import Template

_MAX_FILE = 0xFFFF
_DO_NOT_CREATE, _DESCRIPTOR, _OFFSET, _CONTENT = 0x80, 0xA1, 0x82, 0x83


class UppError(Exception):
    """The package cannot be installed; `code` and `identification` go into the PEStatus."""

    def __init__(self, code: PeStatusCode, identification: int | None, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.identification = identification


@dataclass(frozen=True, slots=True)
class ProfileFile:
    """An elementary file. `folder` is the MF (3F00) or the current application (7FFF)."""

    folder: int
    file_id: int
    content: bytes
    record_length: int = 0
    short_id: int = 0
    access_rule: int = 0


def create(folder: int, template: Template) -> ProfileFile:
    """A file that the package does not mention: all defaults of its template."""
    content = _filled(template.fill, template.size or 0)
    return ProfileFile(
        folder, template.file_id, content, template.record_length, template.short_id, template.access_rule
    )


def write(folder: int, template: Template, steps: list[tlv.Tlv], identification: int) -> ProfileFile | None:
    """A file as the package describes it; None if it says doNotCreate. Raises UppError."""
    if any(step.tag == _DO_NOT_CREATE for step in steps):
        return None
    for step in steps:
        if step.tag == _DESCRIPTOR:
            template = _described(template, tlv.children(step.value))
    if template.size is None:
        template = replace(template, size=sum(len(step.value) for step in steps if step.tag == _CONTENT))
    size = template.size or 0
    if size > _MAX_FILE:
        raise UppError(PeStatusCode.NOT_ENOUGH_MEMORY, identification, f"file {template.file_id:04X} of {size} octets")
    content = bytearray(_filled(template.fill, size))
    end = _fill(content, steps)
    if end > size:
        raise UppError(PeStatusCode.BAD_VALUES, identification, f"file {template.file_id:04X} is too small")
    if template.required and not end:
        raise UppError(PeStatusCode.BAD_VALUES, identification, f"file {template.file_id:04X} has no content")
    return replace(create(folder, template), content=bytes(content))


def _fill(content: bytearray, steps: list[tlv.Tlv]) -> int:
    """Write the pieces at their relative offsets; return where the last one ends (beyond the file: nothing fits)."""
    position = 0
    for step in steps:
        if step.tag == _OFFSET:
            position += int.from_bytes(step.value, "big")
        elif step.tag == _CONTENT:
            end = position + len(step.value)
            if end > len(content):
                return end
            content[position:end] = step.value
            position = end
    return position


def _described(template: Template, items: list[tlv.Tlv]) -> Template:
    """Replace the template's defaults by those of a file descriptor."""
    for item in items:
        number = int.from_bytes(item.value, "big")
        if item.tag == 0x80:
            template = replace(template, size=number)
        elif item.tag == 0x82 and len(item.value) >= 4:
            template = replace(template, record_length=int.from_bytes(item.value[2:4], "big"))
        elif item.tag == 0x83 and len(item.value) == 2:
            template = replace(template, file_id=number)
        elif item.tag == 0x88:
            template = replace(template, short_id=number >> 3)
        elif item.tag == 0xA5:
            template = replace(template, fill=_pattern(tlv.children(item.value), template.fill))
    return template


def _filled(fill: bytes, size: int) -> bytes:
    return (fill + fill[-1:] * size)[:size]


def _pattern(items: list[tlv.Tlv], default: bytes) -> bytes:
    """fillPattern stands once and its last octet goes on; repeatPattern is repeated."""
    for item in items:
        if item.tag == 0xC1:
            return item.value
        if item.tag == 0xC2 and item.value:
            return item.value * (_MAX_FILE // len(item.value) + 1)
    return default
