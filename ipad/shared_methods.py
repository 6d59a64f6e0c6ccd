"""What `records.dataclass` does: a class gets methods that all such classes share.

A class of which many objects are made gets the `__init__` of the standard library after all, when that pays.
Everything else of `dataclasses` works on these classes: `field`, `fields`, `replace`, `asdict`, `is_dataclass`. What is
missing is what nobody here uses: `order`, `unsafe_hash`, `InitVar`, `KW_ONLY`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import MISSING, Field, FrozenInstanceError
from functools import cache
from operator import attrgetter
from reprlib import recursive_repr
from typing import Any, Final

_SHARED_UNTIL: Final = 64
"""So many objects of a class are made by the shared `__init__`; then it gets its own, which is some times faster."""

_CLASS_VARIABLE: Final = ("ClassVar", "typing.ClassVar")
"""How annotations begin that are no fields."""


class _Member:
    """A field: its annotation, its default or what makes it (MISSING for none), what `field` was told, if anything."""

    __slots__ = ("annotation", "default", "factory", "kw_only", "told")

    def __init__(self, annotation: Any, default: Any, *, kw_only: bool) -> None:
        told: Any = default if isinstance(default, Field) else None
        self.annotation = annotation
        self.told = told
        self.default = default if told is None else told.default
        self.factory = MISSING if told is None else told.default_factory
        self.kw_only = kw_only

    def description(self) -> Any:
        """The same for the standard library."""
        if self.told is None:
            return dataclasses.field(default=self.default, kw_only=self.kw_only)
        self.told.kw_only = self.kw_only
        return self.told


class _Layout:
    """What is known of a class. `bases`: layouts of what it inherits from, the most general one first. `own`:
    annotation and default of its own fields. `checks`: it has a `__post_init__`.

    The rest is made when it is needed first: `members` by name, inherited ones first; `positional`, their names;
    `values`, which gives what two objects are compared by.
    """

    __slots__ = ("_bases", "_kw_only", "_own", "checks", "frozen", "init", "made", "members", "positional", "values")

    members: dict[str, _Member]
    positional: tuple[str, ...]
    values: Callable[[Any], Any]

    def __init__(
        self, bases: Sequence[_Layout], own: Mapping[str, tuple[Any, Any]], options: Mapping[str, bool]
    ) -> None:
        self._bases = bases
        self._own = own
        self._kw_only = options["kw_only"]
        self.init = options["init"]
        self.frozen = options["frozen"]
        self.checks = options["checks"]
        self.made = 0

    def __getattr__(self, name: str) -> Any:
        if name not in ("members", "positional", "values"):
            raise AttributeError(name)
        self.members = {name: member for base in self._bases for name, member in base.members.items()}
        for own, (annotation, default) in self._own.items():
            self.members[own] = _Member(annotation, default, kw_only=self._kw_only)
        self.positional = tuple(name for name, member in self.members.items() if not member.kw_only)
        compared = [name for name, member in self.members.items() if member.told is None or member.told.compare]
        self.values = attrgetter(*compared) if compared else lambda _record: ()
        return getattr(self, name)

    @property
    def names(self) -> set[str]:
        """All fields."""
        return {*self._own, *(name for base in self._bases for name in base.names)}

    def standard(self, name: str) -> Any:
        """The same class as the standard library makes it."""
        members = [(name, member.annotation, member.description()) for name, member in self.members.items()]
        checks = {"__post_init__": None} if self.checks else {}
        return dataclasses.make_dataclass(
            name, members, namespace=checks, init=self.init, repr=False, eq=False, frozen=self.frozen
        )


class _Fields:
    """`__dataclass_fields__`, made when somebody asks."""

    def __get__(self, _record: object, cls: Any) -> Any:
        owner = next(each for each in cls.__mro__ if each.__dict__.get("__dataclass_fields__") is self)
        owner.__dataclass_fields__ = {name: _field(name, of) for name, of in owner.__record__.members.items()}
        return owner.__dataclass_fields__


class _Positional:
    """`__match_args__`, likewise."""

    def __get__(self, _record: object, cls: Any) -> tuple[str, ...]:
        layout: _Layout = cls.__record__
        return layout.positional


@cache
def _kind() -> Any:
    """How the standard library marks a field."""
    return dataclasses.fields(dataclasses.make_dataclass("Sample", ["field"]))[0]._field_type  # type: ignore[attr-defined]  # noqa: SLF001


def _field(name: str, member: _Member) -> Any:
    """As the standard library has it once it has seen the class; `kind` tells it from an InitVar."""
    made = member.description()
    made.name, made.type = name, member.annotation
    made._field_type = _kind()  # noqa: SLF001
    return made


def _init(self: Any, *args: Any, **options: Any) -> None:
    owner: Any = next(each for each in type(self).__mro__ if each.__dict__.get("__init__") is _init)
    layout: _Layout = owner.__record__
    layout.made += 1
    given = dict(zip(layout.positional, args, strict=False)) if args else {}
    given.update(options)
    values = {}
    for name, member in layout.members.items():
        if name in given:
            values[name] = given.pop(name)
        elif member.default is not MISSING:
            values[name] = member.default
        elif callable(member.factory):
            values[name] = member.factory()
    # The standard library knows what to say of mistakes.
    complete = not given and len(values) == len(layout.members)
    ambiguous = args and (
        len(args) > len(layout.positional) or not options.keys().isdisjoint(layout.positional[: len(args)])
    )
    if layout.made > _SHARED_UNTIL or not complete or ambiguous:
        owner.__init__ = layout.standard(owner.__name__).__init__
        owner.__init__(self, *args, **options)
        return
    put = object.__setattr__
    for name, value in values.items():
        put(self, name, value)
    if layout.checks:
        self.__post_init__()


@recursive_repr()
def _repr(self: Any) -> str:
    members = self.__record__.members.items()
    shown = (name for name, member in members if member.told is None or member.told.repr)
    return f"{type(self).__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in shown)})"


def _eq(self: Any, other: Any) -> Any:
    if other.__class__ is not self.__class__:
        return NotImplemented
    layout: _Layout = self.__record__
    return layout.values(self) == layout.values(other)


def _hash(self: Any) -> int:
    return hash(self.__record__.values(self))


def _setattr(self: Any, name: str, value: object) -> None:
    if name in self.__record__.members or "__record__" in type(self).__dict__:
        raise FrozenInstanceError(f"cannot assign to field {name!r}")
    object.__setattr__(self, name, value)


def _delattr(self: Any, name: str) -> None:
    if name in self.__record__.members or "__record__" in type(self).__dict__:
        raise FrozenInstanceError(f"cannot delete field {name!r}")
    object.__delattr__(self, name)


def _getstate(self: Any) -> list[Any]:
    return [getattr(self, name) for name in self.__record__.members]


def _setstate(self: Any, state: list[Any]) -> None:
    for name, value in zip(self.__record__.members, state, strict=True):
        object.__setattr__(self, name, value)


def defaults(cls: Any) -> dict[str, Any]:
    """Names of the fields of a class and their defaults, MISSING for none; `dataclasses.fields` would cost more."""
    layout: _Layout = cls.__record__
    return {name: member.default for name, member in layout.members.items()}


def dataclass(cls: Any = None, /, **options: bool) -> Any:
    """As `dataclasses.dataclass`, with its options `init`, `repr`, `eq`, `frozen`, `slots`, `kw_only`."""
    return _made(cls, **options) if cls is not None else lambda cls: _made(cls, **options)


def _made(
    cls: Any,
    *,
    init: bool = True,
    repr: bool = True,  # noqa: A002 - as the standard library calls it
    eq: bool = True,
    frozen: bool = False,
    slots: bool = False,
    kw_only: bool = False,
) -> Any:
    own = cls.__dict__
    bases = [base.__dict__["__record__"] for base in cls.__mro__[-1:0:-1] if "__record__" in base.__dict__]
    mine = _own_fields(own)
    options = {"init": init, "frozen": frozen, "kw_only": kw_only, "checks": hasattr(cls, "__post_init__")}
    layout = _Layout(bases, mine, options)
    added = _methods(own, init=init, repr=repr, eq=eq, frozen=frozen)
    added |= {"__record__": layout, "__dataclass_fields__": _Fields(), "__match_args__": _Positional()}
    if slots:
        return _with_slots(cls, layout.names, added | (_STATE if frozen and "__getstate__" not in own else {}))
    for name, (_, default) in mine.items():
        if not isinstance(default, Field):
            continue
        if default.default is MISSING:
            delattr(cls, name)
        else:
            setattr(cls, name, default.default)
    for name, value in added.items():
        setattr(cls, name, value)
    return cls


def _methods(
    own: Mapping[str, Any],
    *,
    init: bool,
    repr: bool,  # noqa: A002 - as the standard library calls it
    eq: bool,
    frozen: bool,
) -> dict[str, Any]:
    """What is added to a class, unless it has a method of its own."""
    methods: dict[str, Any] = {}
    if init:
        methods["__init__"] = _init
    if repr:
        methods["__repr__"] = _repr
    if eq:
        # A class that says how it is equal has __hash__ None in its dictionary unless it says that, too.
        methods |= {"__eq__": _eq, "__hash__": _hash if frozen else None}
    if frozen:
        methods |= {"__setattr__": _setattr, "__delattr__": _delattr}
    return {name: value for name, value in methods.items() if own.get(name) is None}


_STATE: Final[dict[str, Any]] = {"__getstate__": _getstate, "__setstate__": _setstate}
"""What copying needs where there is no dictionary to copy and attributes cannot be set."""


def _own_fields(own: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {
        name: (annotation, own.get(name, MISSING))
        for name, annotation in own.get("__annotations__", {}).items()
        if not str(annotation).startswith(_CLASS_VARIABLE)
    }


def _with_slots(cls: Any, names: AbstractSet[str], added: Mapping[str, Any]) -> Any:
    """A class must have its slots from the beginning: this makes it anew."""
    content = {name: value for name, value in cls.__dict__.items() if name not in names}
    for name in ("__dict__", "__weakref__"):
        content.pop(name, None)
    content |= added
    inherited = {name for base in cls.__mro__[1:-1] for name in base.__dict__.get("__slots__", ())}
    content["__slots__"] = tuple(sorted(names - inherited))
    made = type(cls)(cls.__name__, cls.__bases__, content)
    made.__qualname__ = cls.__qualname__
    return made
