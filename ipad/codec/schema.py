"""One mechanism for all data objects: a frozen class whose annotations carry the tags.

::

    @data_object
    class EuiccPackageErrorUnsigned(DataObject):
        TAG = 0x30
        eim_id: Annotated[str, f(0x80, Utf8(1, 128))]
        eim_transaction_id: Annotated[bytes | None, f(0x82, Octets(1, 16))] = None

A field is declared once; the annotation's type picks the kind where it is plain (`str`, `int`, `bool`, `bytes`,
enumerations, flags, other data objects, `tuple[X, ...]`). A field with a default is OPTIONAL or DEFAULT and is not
written while it has that value.

Tagging follows X.680: a field's tag replaces the tag of its type, except around a CHOICE without a tag of its
own or where `explicit` is given; there it wraps. `f()` without a tag is a component that keeps its type's own tag(s).
`f(ALL)` takes the whole content as a list (a type that is a SEQUENCE OF).

`data_object` makes what `dataclass(frozen=True, kw_only=True)` makes, and `dataclasses.replace` works on it. It does so
without generating code: there are some two hundred classes, and generated methods would cost a small device a second
at each start.

A decoded object remembers the exact bytes it came from: `raw` is that TLV and `encode()` returns it unchanged.
`dataclasses.replace` gives an object without that memory. Unknown elements of a SEQUENCE are skipped
(EXTENSIBILITY IMPLIED); siblings are accepted in any order; a repeated one is refused.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from enum import IntEnum, IntFlag
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    ClassVar,
    Final,
    Self,
    TypeVar,
    Union,
    dataclass_transform,
    get_args,
    get_origin,
)

from ipad.codec import tlv, values
from ipad.codec.tlv import Buffer, Element
from ipad.errors import CodecError
from ipad.records import MISSING, dataclass, defaults, hints, refuse_change

ALL: Final = -1
"""Pseudo tag of the one field of a type that is a SEQUENCE OF."""


@dataclass(frozen=True, slots=True)
class ListOf:
    """SEQUENCE OF a primitive kind whose elements carry `tag`."""

    tag: int
    kind: values.AnyKind


@dataclass(frozen=True, slots=True)
class Opaque:
    """A TLV that is carried as received, `tag` first (certificates, public keys, foreign messages).

    Under an implicit tag the wire shows only its content; decoding restores the outer header so that the value is
    always a complete TLV. Peers send a nested whole TLV instead: it is accepted as well (leniency
    `nested-certificate`), unless `nested` is false because a single TLV of that tag is a content that the type may
    really have. `view`: what is large is not copied out of the message.
    """

    tag: int = 0x30
    nested: bool = True
    view: bool = False


@dataclass(frozen=True, slots=True)
class FieldTag:
    """What an annotation says of a field; see `f`."""

    tag: int | None
    kind: Any
    explicit: bool
    also: tuple[int, ...]


def f(tag: int | None = None, kind: Any = None, *, explicit: bool = False, also: Iterable[int] = ()) -> FieldTag:
    """Describe a field: its tag, its kind where the type does not say it, other tags accepted when read."""
    return FieldTag(tag, kind, explicit, tuple(also))


C = TypeVar("C", bound=type)


@dataclass_transform(frozen_default=True, kw_only_default=True)
def data_object(cls: C) -> C:
    """Class decorator of every data object: keyword-only, immutable, equal and hashable by its fields."""
    made: type[Message] = dataclass(init=False, repr=False, eq=False)(cls)
    made._defaults, made._names = _DEFAULTS, _NAMES  # noqa: SLF001
    return cls


class _AtFirstUse:
    """What is known of the fields of a type, made when the first object is: most types never have one in a day."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, _message: object, cls: Any) -> Any:
        found = defaults(cls)
        cls._defaults = {name: value for name, value in found.items() if value is not MISSING}
        cls._names = found.keys()
        return getattr(cls, self._name)


_DEFAULTS: Final[Any] = _AtFirstUse("_defaults")
_NAMES: Final[Any] = _AtFirstUse("_names")


class Message:
    """What SEQUENCE and CHOICE types have in common: fields, exact bytes, decode and encode."""

    TAG: ClassVar[int | None] = None
    _specs: ClassVar[tuple[FieldSpec, ...]]
    _by_tag: ClassVar[Mapping[int, Sequence[int]]]
    _defaults: ClassVar[Mapping[str, Any]] = {}
    _names: ClassVar[AbstractSet[str]] = frozenset()

    def __init__(self, **values: Any) -> None:
        state = self.__dict__
        state.update(self._defaults)
        state.update(values)
        if state.keys() != self._names:
            missing = ", ".join(sorted(self._names - state.keys()))
            surplus = ", ".join(sorted(state.keys() - self._names))
            raise TypeError(f"{type(self).__name__}: missing {missing or 'nothing'}, unexpected {surplus or 'nothing'}")
        self.__post_init__()

    def __post_init__(self) -> None:
        """Check the fields of a new object."""

    def __setattr__(self, name: str, value: object) -> None:
        refuse_change("assign to", name)

    def __delattr__(self, name: str) -> None:
        refuse_change("delete", name)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(self.__dict__[name] == other.__dict__[name] for name in self._names)

    def __hash__(self) -> int:
        return hash(tuple(self.__dict__[name] for name in self._names))

    def __repr__(self) -> str:
        members = ", ".join(f"{name}={self.__dict__[name]!r}" for name in self._names)
        return f"{type(self).__name__}({members})"

    @property
    def raw(self) -> bytes:
        """The TLV as received, or as we would send it."""
        return self.encode()

    @classmethod
    def decode(cls, data: Buffer, *, tag: int | None = None) -> Self:
        """Decode exactly one TLV, whose tag is that of the type unless `tag` names another.

        Raises CodecError with the path of the offending element.
        """
        expected = tag if tag is not None else cls.TAG
        try:
            element = tlv.read_single(data)
            if expected is not None and element.tag != expected:
                raise CodecError(f"expected tag {expected:X}, got {element.tag:X}")
            return cls.from_element(element)
        except CodecError as error:
            if error.path:
                raise
            raise CodecError(error.reason, path=cls.__name__) from error

    @classmethod
    @abstractmethod
    def from_element(cls, element: Element) -> Self:
        """Decode a TLV that carries this type, under its own or an implicit tag."""

    @classmethod
    def conforming(cls, element: Element) -> Element:
        """The element in the form of the specification: types that peers write otherwise override this."""
        return element

    def encode(self) -> bytes:
        """Return the exact bytes received, or DER for an object made here."""
        return self.encode_as(self.TAG)

    def encode_as(self, tag: int | None) -> bytes:
        """Like `encode`, under an implicit tag."""
        raw: memoryview | None = self.__dict__.get("_raw")
        if raw is not None:
            element = tlv.read_element(raw)
            if tag is None or element.tag == tag:
                return bytes(raw)
            return tlv.tlv(tag, element.value)
        return self._build(tag)

    @abstractmethod
    def _build(self, tag: int | None) -> bytes: ...

    def _remember(self, element: Element) -> None:
        self.__dict__["_raw"] = element.raw


class DataObject(Message):
    """A SEQUENCE (or SEQUENCE OF)."""

    @classmethod
    def from_element(cls, element: Element) -> Self:
        if cls.TAG is not None and element.tag & 0x20 == 0 and element.tag < 0x100:
            raise CodecError(f"tag {element.tag:X} is primitive, expected a constructed one", path=cls.__name__)
        specs = field_specs(cls)
        found: dict[str, Any] = {}
        source = cls.conforming(element)
        if len(specs) == 1 and specs[0].tag == ALL:
            found[specs[0].name] = specs[0].read(source, cls.__name__)
        else:
            cls._scan(source, specs, found)
        for spec in specs:
            if spec.required and spec.name not in found:
                raise CodecError(f"{spec.name} ({spec.describe()}) is missing", path=cls.__name__)
        result = cls(**found)
        result._remember(element)
        return result

    @classmethod
    def _scan(cls, element: Element, specs: tuple[FieldSpec, ...], found: dict[str, Any]) -> None:
        next_index = 0
        by_tag = _positions(cls)
        for child in _children(element, cls.__name__):
            matching = by_tag.get(child.tag)
            if matching is None:
                continue
            free = [index for index in matching if specs[index].name not in found]
            if not free:
                raise CodecError(f"tag {child.tag:X} is repeated", path=cls.__name__)
            index = next((i for i in free if i >= next_index), free[0])
            spec = specs[index]
            found[spec.name] = spec.read(child, f"{cls.__name__}.{spec.name}")
            next_index = index + 1

    def _build(self, tag: int | None) -> bytes:
        if tag is None:
            raise TypeError(f"{type(self).__name__} has no tag of its own")
        parts = []
        for spec in field_specs(type(self)):
            value = getattr(self, spec.name)
            if spec.required or value != spec.default:
                parts.append(spec.write(value, type(self).__name__))
        return tlv.tlv(tag, *parts)


@data_object
class Choice(Message):
    """A CHOICE: exactly one field is set. Without TAG its alternatives appear bare.

    An alternative that is not known is kept in `unknown` as its whole TLV. So is one that is known but damaged, where
    `KEEP_DAMAGED` is set: one odd entry must not make a signed object, or a whole list, unreadable to those who only
    carry it.
    """

    KEEP_DAMAGED: ClassVar[bool] = False
    unknown: bytes | None = None

    def __post_init__(self) -> None:
        names = [name for name in self._names if getattr(self, name) is not None]
        if len(names) != 1:
            raise CodecError(
                f"exactly one alternative expected, {', '.join(names) or 'none'} given", path=type(self).__name__
            )

    @property
    def chosen(self) -> str:
        """Name of the alternative that is set."""
        return next(name for name in self._names if getattr(self, name) is not None)

    @classmethod
    def tags(cls) -> tuple[int, ...]:
        """Tags of the alternatives."""
        return tuple(tag for spec in field_specs(cls) for tag in spec.accepted)

    @classmethod
    def from_element(cls, element: Element) -> Self:
        alternative = cls.conforming(element)
        if cls.TAG is not None:
            inside = list(_children(alternative, cls.__name__))
            if len(inside) == 1 and inside[0].tag == cls.TAG != element.tag:
                return cls.from_element(inside[0])  # leniency `explicit-choice`
            if len(inside) != 1:
                raise CodecError(f"{len(inside)} elements, expected one alternative", path=cls.__name__)
            alternative = inside[0]
        result = cls(**cls._read_alternative(alternative))
        result._remember(element)
        return result

    @classmethod
    def _read_alternative(cls, alternative: Element) -> dict[str, Any]:
        for spec in field_specs(cls):
            if spec.accepts(alternative.tag):
                try:
                    return {spec.name: spec.read(alternative, f"{cls.__name__}.{spec.name}")}
                except CodecError:
                    if not cls.KEEP_DAMAGED:
                        raise
        return {"unknown": bytes(alternative.raw)}

    def _build(self, tag: int | None) -> bytes:
        if self.unknown is not None:
            body = self.unknown
        else:
            name = self.chosen
            spec = next(spec for spec in field_specs(type(self)) if spec.name == name)
            body = spec.write(getattr(self, name), type(self).__name__)
        return body if tag is None else tlv.tlv(tag, body)


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """A field's compiled declaration."""

    name: str
    tag: int | None
    accepted: tuple[int, ...]
    kind: Any
    explicit: bool
    required: bool
    default: Any
    is_tuple: bool
    is_message: bool
    """Whether an element becomes a data object of its own."""

    def accepts(self, tag: int) -> bool:
        """Whether an element with this tag belongs to the field."""
        return tag in self.accepted

    def describe(self) -> str:
        """The tags of the field for a message."""
        return " or ".join(f"tag {tag:X}" for tag in self.accepted)

    def read(self, element: Element, path: str) -> Any:
        """Turn an element into the field's value."""
        try:
            if self.explicit:
                element = tlv.read_single(element.value)
            if self.is_tuple:
                return tuple(self._read_items(element))
            return self.kind.from_element(element) if self.is_message else _read_one(self.kind, element)
        except CodecError as error:
            raise CodecError(error.reason, path=_join(path, error.path)) from error

    def _read_items(self, element: Element) -> Iterator[Any]:
        for child in tlv.children(element.value):
            item = self.kind
            if isinstance(item, ListOf):
                if child.tag == item.tag:
                    yield item.kind.decode(child.value)
            elif isinstance(item, Opaque):
                yield bytes(child.raw)
            elif issubclass(item, Choice) or child.tag == item.TAG:
                yield item.from_element(child)

    def write(self, value: Any, path: str) -> bytes:
        """Turn the field's value into its TLV (its content, for `ALL`)."""
        try:
            if self.is_tuple:
                body = b"".join(self._write_item(item) for item in value)
                if self.tag == ALL:
                    return body
                return tlv.tlv(self.tag or 0x30, body)
            return self._write_one(value)
        except CodecError as error:
            raise CodecError(error.reason, path=_join(f"{path}.{self.name}", error.path)) from error

    def _write_item(self, item: Any) -> bytes:
        if isinstance(self.kind, ListOf):
            return tlv.tlv(self.kind.tag, self.kind.kind.encode(item))
        return bytes(item) if isinstance(self.kind, Opaque) else item.encode()

    def _write_one(self, value: Any) -> bytes:
        if isinstance(value, Message):
            if self.tag is None or not self.explicit:
                return value.encode_as(self.tag if self.tag is not None else value.TAG)
            return tlv.tlv(self.tag, value.encode())
        if isinstance(self.kind, Opaque):
            if self.tag is None or self.tag == self.kind.tag:
                return bytes(value)
            if self.explicit:
                return tlv.tlv(self.tag, value)
            return tlv.tlv(self.tag, tlv.read_single(value).value)
        assert self.tag is not None
        return tlv.tlv(self.tag, self.kind.encode(value))


def _positions(cls: type[Message]) -> Mapping[int, Sequence[int]]:
    """Which fields, by their position, may have an element with a tag; made at its first use."""
    positions: Mapping[int, Sequence[int]] | None = cls.__dict__.get("_by_tag")
    if positions is None:
        made: dict[int, list[int]] = {}
        for index, spec in enumerate(field_specs(cls)):
            for tag in spec.accepted:
                if index not in made.setdefault(tag, []):
                    made[tag].append(index)
        positions = cls._by_tag = made
    return positions


def field_specs(cls: type[Message]) -> tuple[FieldSpec, ...]:
    """The compiled fields of a data object, in the order of its type; made at its first use."""
    specs: tuple[FieldSpec, ...] | None = cls.__dict__.get("_specs")
    if specs is None:
        types = hints(cls)
        specs = cls._specs = tuple(
            _compile(name, types[name], default)
            for name, default in defaults(cls).items()
            if get_origin(types[name]) is Annotated
        )
    return specs


def _compile(name: str, hint: Any, default: Any) -> FieldSpec:
    base, declared = get_args(hint)[:2]
    assert isinstance(declared, FieldTag)
    if get_origin(base) in (Union, UnionType):
        base = next(arg for arg in get_args(base) if arg is not NoneType)
    is_tuple = get_origin(base) is tuple
    if is_tuple:
        base = get_args(base)[0]
    kind = declared.kind if declared.kind is not None else _kind_of(base)
    untagged_choice = isinstance(kind, type) and issubclass(kind, Choice) and kind.TAG is None
    if declared.tag is not None:
        accepted: tuple[int, ...] = (declared.tag, *declared.also)
    elif untagged_choice:
        accepted = kind.tags()
    else:
        accepted = (kind.tag if isinstance(kind, Opaque) else kind.TAG, *declared.also)
    explicit = declared.explicit or (untagged_choice and declared.tag is not None and not is_tuple)
    required = default is MISSING
    is_message = isinstance(kind, type) and issubclass(kind, Message)
    default = None if required else default
    return FieldSpec(name, declared.tag, accepted, kind, explicit, required, default, is_tuple, is_message)


def _kind_of(base: Any) -> Any:
    if issubclass(base, Message):
        return base
    if issubclass(base, IntFlag):
        return values.NamedBits(base)
    if issubclass(base, IntEnum):
        return values.Enumeration(base)
    return {
        str: values.UTF8_STRING,
        bool: values.BOOLEAN,
        int: values.INTEGER,
        bytes: values.OCTET_STRING,
        values.BitString: values.BIT_STRING,
    }[base]


def _read_one(kind: Any, element: Element) -> Any:
    if isinstance(kind, Opaque):
        return _read_opaque(kind, element)
    return kind.decode(element.value)


def _read_opaque(kind: Opaque, element: Element) -> bytes | memoryview:
    if element.tag == kind.tag:
        return element.raw if kind.view else bytes(element.raw)
    inside = list(tlv.children(element.value))
    if kind.nested and len(inside) == 1 and inside[0].tag == kind.tag:
        return bytes(inside[0].raw)
    return tlv.tlv(kind.tag, element.value)


def _children(element: Element, path: str) -> Iterator[Element]:
    try:
        yield from tlv.children(element.value)
    except CodecError as error:
        raise CodecError(error.reason, path=_join(path, error.path)) from error


def _join(path: str, rest: str) -> str:
    return f"{path}.{rest}" if rest else path
