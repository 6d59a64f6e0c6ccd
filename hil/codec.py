"""Codec of the bench: asn1tools over the modules in `hil/asn1`.

`decode("GetEimPackageRequest", data)` and `encode("GetEimPackageRequest", value)`. Type and member names are those of
the specifications. A name that SGP.32 defines means its definition of v1.2; `"SGP22.ProfileInfo"` is that of SGP.22 and
`"SGP32V10.GetEimPackageRequest"` that of SGP.32 v1.0.

====================  ==================================================================================================
ASN.1                 Python
====================  ==================================================================================================
SEQUENCE              dict; a DEFAULT value is filled in when decoding and left out when encoding
SEQUENCE OF           list
CHOICE                (name of the alternative, value)
INTEGER, BOOLEAN      int (also where numbers have names), bool
OCTET STRING          bytes
UTF8String            str
NULL                  None: the member is there, a key with the value None
OBJECT IDENTIFIER     dotted text
BIT STRING            (bytes, number of bits); see `bits` and `has_bit`. Named bits are written without trailing zeros
Certificate,          bytes: the complete DER object beginning with 30, also where the wire shows only its content
SubjectPublicKeyInfo  because an implicit tag replaced the 30
ANY                   bytes: the complete TLV
====================  ==================================================================================================

What is encoded is DER. The DER decoder of asn1tools reads any length form, any TRUE and members in any order, and
unlike its BER decoder it does not take a constructed A0 for a string with tag 80. Reading is lenient with sizes,
writing is not: a card has to read a wrong value to refuse it with the right code. Unknown elements of a SEQUENCE are
skipped; an unknown alternative of a CHOICE is ("unknown", None). Variants that peers are known to send are read too:
see `_VARIANTS`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from copy import deepcopy
from functools import cache
from typing import Any

import asn1tools
from asn1tools.codecs import ber, der

from hil import tlv
from hil.asn1.loader import LAYERS, SGP32, Modules, load_modules

UNKNOWN = "unknown"
"""Name of the alternative of a CHOICE that the modules do not know."""

BitString = tuple[bytes, int]

_FAILURES = (asn1tools.Error, tlv.TlvError, ValueError, TypeError, IndexError, KeyError, AttributeError, OverflowError)


class CodecError(Exception):
    """A value that does not fit its type, or bytes that do not. The message begins with the type and the place."""


def decode(type_name: str, data: bytes) -> Any:
    """Decode bytes that are exactly one object of the type. Raises CodecError."""
    module, name = _split(type_name)
    compiled = _compiled(module)[name]
    try:
        data = _VARIANTS.get(name, bytes)(bytes(data))
        value, length = compiled.decode_with_length(data)
        if length != len(data):
            raise CodecError(f"{len(data) - length} bytes follow the object")
        return _shape(module, name).from_wire(value)
    except (*_FAILURES, CodecError) as error:
        raise CodecError(f"{type_name}: {error}") from error


def encode(type_name: str, value: Any) -> bytes:
    """Encode a value in DER. Raises CodecError for a missing, unknown or misfit member and for a size out of bounds."""
    module, name = _split(type_name)
    compiled = _compiled(module)[name]
    try:
        prepared = _shape(module, name).to_wire(value)
        compiled.check_types(prepared)
        compiled.check_constraints(prepared)
        return bytes(compiled.encode(prepared))
    except (*_FAILURES, CodecError) as error:
        raise CodecError(f"{type_name}: {error}") from error


def type_names(module: str = SGP32) -> list[str]:
    """All types of a module, with those that it takes from the modules below."""
    return list(_modules()[module]["types"])


def type_descriptors(module: str = SGP32) -> dict[str, dict[str, Any]]:
    """The parsed definitions of a module, as asn1tools describes types; not to be changed."""
    types: dict[str, dict[str, Any]] = _modules()[module]["types"]
    return types


def bits(*positions: int) -> BitString:
    """The BIT STRING value with these bits set, as short as possible."""
    size = max(positions, default=-1) + 1
    octets = bytearray((size + 7) // 8)
    for position in positions:
        octets[position // 8] |= 0x80 >> position % 8
    return bytes(octets), size


def has_bit(value: BitString, position: int) -> bool:
    """Whether a bit is set; bits beyond the end are not."""
    return position < value[1] and bool(value[0][position // 8] & 0x80 >> position % 8)


def _split(type_name: str) -> tuple[str, str]:
    module, _, name = type_name.rpartition(".")
    module = module or SGP32
    if module not in LAYERS or name not in _modules()[module]["types"]:
        raise CodecError(f"{type_name}: there is no such type")
    return module, name


@cache
def _modules() -> Modules:
    return load_modules()


@cache
def _compiled(module: str) -> Any:
    # At an element of a list with another tag than that of its type the DER decoder of asn1tools 0.169 goes round for
    # ever, taking memory; its BER decoder, which does the same otherwise, raises an error.
    der.ArrayType.decode_content = ber.ArrayType.decode_content
    return asn1tools.compile_dict({module: deepcopy(_modules()[module])}, "der").types


class _Shape(ABC):
    """How the values of a type differ between asn1tools and this module."""

    @abstractmethod
    def from_wire(self, value: Any) -> Any: ...

    @abstractmethod
    def to_wire(self, value: Any) -> Any: ...


class _Plain(_Shape):
    """No difference, except that octets become `bytes`."""

    def from_wire(self, value: Any) -> Any:
        return bytes(value) if isinstance(value, bytearray) else value

    def to_wire(self, value: Any) -> Any:
        return value


class _Opaque(_Shape):
    """Members `opaque1`.. that together are the content of a SEQUENCE.

    Under an implicit tag some peers put the whole SEQUENCE as only content; it is then taken out of there.
    """

    def __init__(self, names: list[str]) -> None:
        self._names = names

    def from_wire(self, value: Any) -> bytes:
        parts = [bytes(value[name]) for name in self._names if name in value]
        if len(parts) == 1 and parts[0][0] == 0x30:
            return parts[0]
        if len(parts) != len(self._names):
            raise CodecError(f"expected {len(self._names)} elements, got {len(parts)}")
        return tlv.build(0x30, *parts)

    def to_wire(self, value: Any) -> dict[str, bytes]:
        parts = [part.raw for part in tlv.children(tlv.single(bytes(value), 0x30).value)]
        if len(parts) != len(self._names):
            raise CodecError(f"expected a SEQUENCE of {len(self._names)} elements, got {len(parts)}")
        return dict(zip(self._names, parts, strict=True))


class _Integer(_Plain):
    """asn1tools lets the name of a number pass its check of types and then fails without a place."""

    def to_wire(self, value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise CodecError(f"expected an int, got {value!r}")
        return int(value)


class _NamedBits(_Plain):
    def to_wire(self, value: BitString) -> BitString:
        octets, size = value
        return bits(*(position for position in range(size) if has_bit((octets, size), position)))


class _ObjectIdentifier(_Plain):
    """asn1tools splits the first subidentifier of 2.999 as if it were 26.39 (X.690 8.19.4)."""

    def from_wire(self, value: str) -> str:
        root, second, *rest = value.split(".")
        joined = 40 * int(root) + int(second)
        head = divmod(joined, 40) if joined < 80 else (2, joined - 80)
        return ".".join([*map(str, head), *rest])


class _List(_Shape):
    def __init__(self, element: _Shape) -> None:
        self._element = element

    def from_wire(self, value: Any) -> Any:
        return [self._element.from_wire(item) for item in value]

    def to_wire(self, value: Any) -> Any:
        return [_inside(str(index), self._element.to_wire, item) for index, item in enumerate(value)]


class _Members(_Shape):
    def __init__(self, members: dict[str, _Shape]) -> None:
        self._members = members

    def from_wire(self, value: Any) -> Any:
        return {name: _inside(name, self._members[name].from_wire, item) for name, item in value.items()}

    def to_wire(self, value: Any) -> Any:
        if stray := value.keys() - self._members.keys():
            raise CodecError(f"no such member: {', '.join(sorted(stray))}")
        return {name: _inside(name, self._members[name].to_wire, item) for name, item in value.items()}


class _Alternatives(_Shape):
    def __init__(self, members: dict[str, _Shape]) -> None:
        self._members = members

    def from_wire(self, value: Any) -> Any:
        name, item = value
        if name is None:
            return UNKNOWN, None
        return name, _inside(name, self._members[name].from_wire, item)

    def to_wire(self, value: Any) -> Any:
        name, item = value
        if name not in self._members:
            raise CodecError(f"no such alternative: {name}")
        return name, _inside(name, self._members[name].to_wire, item)


def _inside(place: str, convert: Callable[[Any], Any], value: Any) -> Any:
    try:
        return convert(value)
    except (*_FAILURES, CodecError) as error:
        raise CodecError(f"{place}: {error}") from error


@cache
def _shape(module: str, name: str) -> _Shape:
    return _shape_of(module, _modules()[module]["types"][name])


def _shape_of(module: str, descriptor: dict[str, Any]) -> _Shape:
    kind = descriptor["type"]
    if kind == "SEQUENCE OF":
        return _List(_shape_of(module, descriptor["element"]))
    if kind in ("SEQUENCE", "CHOICE"):
        members = [member for member in descriptor["members"] if member is not None]  # None is the extension marker
        if members and members[0]["name"] == "opaque1":
            return _Opaque([member["name"] for member in members])
        shapes = {member["name"]: _shape_of(module, member) for member in members}
        return _Members(shapes) if kind == "SEQUENCE" else _Alternatives(shapes)
    if kind in _modules()[module]["types"]:
        return _shape(module, kind)
    if "named-bits" in descriptor:
        return _NamedBits()
    return {"INTEGER": _Integer, "OBJECT IDENTIFIER": _ObjectIdentifier}.get(kind, _Plain)()


def _with_tagged_flag(data: bytes) -> bytes:
    """refreshFlag as a plain BOOLEAN, 01, instead of 80."""
    return _retag(data, 0x01, 0x80)


def _with_tagged_key_identifier(data: bytes) -> bytes:
    """euiccCiPKId of GetCerts as a plain OCTET STRING, 04, instead of 80."""
    return _retag(data, 0x04, 0x80)


def _with_implicit_cancel_session(data: bytes) -> bytes:
    """cancelSessionResponse as A1{BF41{..}} or BF41{..} instead of A1{..}."""
    outer = tlv.single(data)
    if outer.tag != 0xBF41:
        return data
    parts = []
    for child in tlv.children(outer.value):
        if child.tag not in (0xA1, 0xBF41):
            parts.append(child.raw)
            continue
        value = child.value
        if child.tag == 0xA1 and value[:2] == b"\xbf\x41":
            value = tlv.single(value).value
        parts.append(_with_implicit_smdp_oid(tlv.build(0xA1, value)))
    return tlv.build(outer.tag, *parts)


def _with_implicit_smdp_oid(response: bytes) -> bytes:
    """smdpOid and reason of EuiccCancelSessionSigned as 06 and 81 instead of 81 and 82."""
    try:
        signed = tlv.find(response, 0xA1, 0xA0, 0x30)
    except tlv.TlvError:
        return response
    parts = tlv.children(signed.value)
    if [part.tag for part in parts] != [0x80, 0x06, 0x81]:
        return response
    transaction, oid, reason = parts
    fixed = tlv.build(0x30, transaction.raw, tlv.build(0x81, oid.value), tlv.build(0x82, reason.value))
    return tlv.build(0xA1, tlv.build(0xA0, tlv.find(response, 0xA1, 0xA0).value.replace(signed.raw, fixed, 1)))


def _retag(data: bytes, old: int, new: int) -> bytes:
    outer = tlv.single(data)
    parts = [tlv.build(new, child.value) if child.tag == old else child.raw for child in tlv.children(outer.value)]
    return tlv.build(outer.tag, *parts)


_VARIANTS: dict[str, Callable[[bytes], bytes]] = {
    "ProfileRollbackRequest": _with_tagged_flag,
    "ImmediateEnableRequest": _with_tagged_flag,
    "EnableEmergencyProfileRequest": _with_tagged_flag,
    "DisableEmergencyProfileRequest": _with_tagged_flag,
    "ExecuteFallbackMechanismRequest": _with_tagged_flag,
    "ReturnFromFallbackRequest": _with_tagged_flag,
    "GetCertsRequest": _with_tagged_key_identifier,
    "CancelSessionRequestEsipa": _with_implicit_cancel_session,
    "EsipaMessageFromIpaToEim": _with_implicit_cancel_session,
}
"""Forms that peers send and a strict reader refuses, brought into the specified form before decoding."""
