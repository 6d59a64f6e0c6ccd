"""What `records.dataclass` does: a class gets methods that all such classes share.

A class of which many objects are made gets an `__init__` of its own after all, when that pays.
The functions here do to these classes what those of the same names in `dataclasses` do, which work on them, too: that
module is not loaded before it is asked. What is missing is what nobody here uses: `order`, `unsafe_hash`, `InitVar`,
`KW_ONLY`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from operator import attrgetter
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any, Final, NoReturn

if TYPE_CHECKING:
    import dataclasses

_SHARED_UNTIL: Final = 64
"""So many objects of a class are made by the shared `__init__`; then it gets its own, which is some times faster."""

_CLASS_VARIABLE: Final = ("ClassVar", "typing.ClassVar")
"""How annotations begin that are no fields."""


MISSING: Final[Any] = object()
"""There is no default. Not that of `dataclasses`."""


class _Told:
    """What `field` was told of a member of a class."""

    __slots__ = ("compare", "default", "factory", "metadata", "repr")

    def __init__(self, default: Any, factory: Any, metadata: Mapping[Any, Any], **shown: bool) -> None:
        self.default = default
        self.factory = factory
        self.metadata = metadata
        self.repr = shown["repr"]
        self.compare = shown["compare"]


def field(
    *,
    default: Any = MISSING,
    default_factory: Any = MISSING,
    repr: bool = True,  # noqa: A002 - as the standard library calls it
    compare: bool = True,
    metadata: Mapping[Any, Any] | None = None,
) -> Any:
    """As `dataclasses.field`, with these options of it."""
    return _Told(default, default_factory, metadata or {}, repr=repr, compare=compare)


class _Member:
    """A field: its annotation, its default or what makes it (MISSING for none), and what `field` was told."""

    __slots__ = ("compare", "default", "default_factory", "kw_only", "metadata", "name", "repr", "type")

    def __init__(self, name: str, annotation: Any, default: Any, *, kw_only: bool) -> None:
        self.name = name
        self.type = annotation
        self.kw_only = kw_only
        told = default if isinstance(default, _Told) else _PLAIN
        self.default = told.default if told is default else default
        self.default_factory = told.factory
        self.metadata, self.repr, self.compare = told.metadata, told.repr, told.compare

    def description(self) -> Any:
        """The same for the standard library."""
        import dataclasses  # noqa: PLC0415 - seldom asked for

        return dataclasses.field(
            default=dataclasses.MISSING if self.default is MISSING else self.default,
            default_factory=dataclasses.MISSING if self.default_factory is MISSING else self.default_factory,
            repr=self.repr,
            compare=self.compare,
            metadata=self.metadata,
            kw_only=self.kw_only,
        )


_PLAIN: Final = _Told(MISSING, MISSING, {}, repr=True, compare=True)


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
            self.members[own] = _Member(own, annotation, default, kw_only=self._kw_only)
        self.positional = tuple(name for name, member in self.members.items() if not member.kw_only)
        compared = [name for name, member in self.members.items() if member.compare]
        self.values = attrgetter(*compared) if compared else lambda _record: ()
        return getattr(self, name)

    @property
    def names(self) -> set[str]:
        """All fields."""
        return {*self._own, *(name for base in self._bases for name in base.names)}

    def own_init(self, owner: str) -> Any:
        """An `__init__` for this class alone, which is some times faster than the shared one."""
        known: dict[str, Any] = {"_put": object.__setattr__, "_missing": MISSING}
        ordered = [member for member in self.members.values() if not member.kw_only]
        named = [member for member in self.members.values() if member.kw_only]
        heads = [_parameter(member, known) for member in ordered]
        heads += ["*"] * bool(named) + [_parameter(member, known) for member in named]
        lines = [f"def __init__({', '.join(['self', *heads])}):"]
        for member in self.members.values():
            name, value = member.name, member.name
            if member.default_factory is not MISSING:
                value = f"_make_{name}() if {name} is _missing else {name}"
            lines.append(f" _put(self, {name!r}, {value})" if self.frozen else f" self.{name} = {value}")
        lines.append(" self.__post_init__()" if self.checks else " return None")
        exec("\n".join(lines), known)  # noqa: S102 - names of members, nothing from outside
        made = known["__init__"]
        made.__qualname__ = f"{owner}.__init__"
        return made

    def standard(self, name: str) -> Any:
        """The same class as the standard library makes it."""
        import dataclasses  # noqa: PLC0415 - seldom asked for

        members = [(name, member.type, member.description()) for name, member in self.members.items()]
        checks = {"__post_init__": None} if self.checks else {}
        return dataclasses.make_dataclass(
            name, members, namespace=checks, init=self.init, repr=False, eq=False, frozen=self.frozen
        )


def _parameter(member: _Member, known: dict[str, Any]) -> str:
    """A member as parameter of a function; what the text refers to is added to `known`."""
    name = member.name
    if member.default_factory is not MISSING:
        known[f"_make_{name}"] = member.default_factory
        return f"{name}=_missing"
    if member.default is MISSING:
        return name
    known[f"_default_{name}"] = member.default
    return f"{name}=_default_{name}"


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


def _field(name: str, member: _Member) -> dataclasses.Field[Any]:
    """As the standard library has it once it has seen the class; `kind` tells it from an InitVar."""
    import dataclasses  # noqa: PLC0415 - seldom asked for

    sample: Any = dataclasses.fields(dataclasses.make_dataclass("Sample", [name]))[0]
    made: Any = member.description()
    made.name, made.type = name, member.type
    made._field_type = sample._field_type  # noqa: SLF001
    return made  # type: ignore[no-any-return]


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
        elif member.default_factory is not MISSING:
            values[name] = member.default_factory()
    # A function of its own knows what to say of mistakes.
    complete = not given and len(values) == len(layout.members)
    ambiguous = args and (
        len(args) > len(layout.positional) or not options.keys().isdisjoint(layout.positional[: len(args)])
    )
    if layout.made > _SHARED_UNTIL or not complete or ambiguous:
        owner.__init__ = layout.own_init(owner.__qualname__)
        owner.__init__(self, *args, **options)
        return
    put = object.__setattr__
    for name, value in values.items():
        put(self, name, value)
    if layout.checks:
        self.__post_init__()


@recursive_repr()
def _repr(self: Any) -> str:
    shown = (member.name for member in self.__record__.members.values() if member.repr)
    return f"{type(self).__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in shown)})"


def _eq(self: Any, other: Any) -> Any:
    if other.__class__ is not self.__class__:
        return NotImplemented
    layout: _Layout = self.__record__
    return layout.values(self) == layout.values(other)


def _hash(self: Any) -> int:
    return hash(self.__record__.values(self))


def refuse_change(what: str, name: str) -> NoReturn:
    """Raise FrozenInstanceError."""
    from dataclasses import FrozenInstanceError  # noqa: PLC0415 - a mistake in the program

    raise FrozenInstanceError(f"cannot {what} field {name!r}")


def _setattr(self: Any, name: str, value: object) -> None:
    if name in self.__record__.members or "__record__" in type(self).__dict__:
        refuse_change("assign to", name)
    object.__setattr__(self, name, value)


def _delattr(self: Any, name: str) -> None:
    if name in self.__record__.members or "__record__" in type(self).__dict__:
        refuse_change("delete", name)
    object.__delattr__(self, name)


def _getstate(self: Any) -> list[Any]:
    return [getattr(self, name) for name in self.__record__.members]


def _setstate(self: Any, state: list[Any]) -> None:
    for name, value in zip(self.__record__.members, state, strict=True):
        object.__setattr__(self, name, value)


def defaults(cls: Any) -> dict[str, Any]:
    """Names of the fields of a class and their defaults, MISSING for none."""
    layout: _Layout = cls.__record__
    return {name: member.default for name, member in layout.members.items()}


def fields(record: Any) -> tuple[_Member, ...]:
    """The fields of a class or of an object of it, with `name`, `type`, `default`, `default_factory`, `metadata`."""
    layout: _Layout = record.__record__
    return tuple(layout.members.values())


def hints(cls: Any) -> dict[str, Any]:
    """The types of the fields, whose annotations are texts; `typing.get_type_hints` takes several times as long."""
    layout: _Layout = cls.__record__
    found: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        names = vars(sys.modules[base.__module__])
        for name, text in base.__dict__.get("__annotations__", {}).items():  # noqa: RUF063 - loads inspect
            if name in layout.members:
                found[name] = eval(text, names) if isinstance(text, str) else text  # noqa: S307 - our own source
    return found


def is_dataclass(item: Any) -> bool:
    """Whether this is such a class or an object of one."""
    return hasattr(item, "__record__")


def replace(record: Any, /, **changes: Any) -> Any:
    """A new object with some values of another kind, made by `__init__` and checked like every other."""
    layout: _Layout = record.__record__
    kept = {name: getattr(record, name) for name in layout.members if name not in changes}
    return type(record)(**kept, **changes)


def asdict(record: Any) -> dict[str, Any]:
    """The values by name, those of records within as well."""
    return {member.name: _plain(getattr(record, member.name)) for member in fields(record)}


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, list | tuple):
        return type(value)(map(_plain, value))
    if isinstance(value, dict):
        return {_plain(key): _plain(item) for key, item in value.items()}
    return value


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
        if not isinstance(default, _Told):
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
