"""Classes with shared methods are what the standard library would have made."""

from __future__ import annotations

import copy
import dataclasses
import importlib
import pkgutil
import re
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any, ClassVar

import pytest

import ipad
from ipad import shared_methods
from ipad.records import MISSING, asdict, dataclass, field, fields, is_dataclass, replace

LOADED_ALONE = {"ipad.__main__"}
EXTRAS = {"aiocoap", "OpenSSL", "jeepney", "smartcard"}


@dataclass(frozen=True, slots=True)
class Point:
    LIMIT: ClassVar[int] = 9
    x: int
    y: int = 2
    names: list[str] = field(default_factory=list, compare=False)
    secret: str = field(default="s", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Named(Point):
    name: str


@dataclass
class Counter:
    count: int = 0
    doubled: int = field(default=0)

    def __post_init__(self) -> None:
        self.doubled = 2 * self.count


def test_fields_defaults_and_factories_are_filled_in() -> None:
    point = Point(1)
    assert (point.x, point.y, point.names, point.secret, Point.LIMIT) == (1, 2, [], "s", 9)
    assert point.names is not Point(1).names
    assert Counter(3).doubled == 6
    assert Counter.count == 0
    named = Named(1, name="n")
    assert (named.x, named.y, named.name) == (1, 2, "n")


@pytest.mark.parametrize(
    ("args", "options"),
    [((), {}), ((1, 2, [], "s", 5), {}), ((1,), {"x": 1}), ((1,), {"other": 1})],
    ids=["missing", "too many", "twice", "unknown"],
)
def test_wrong_arguments_are_refused(args: tuple[Any, ...], options: dict[str, Any]) -> None:
    fresh: Any = dataclass(frozen=True)(type("Fresh", (), {"__annotations__": {"x": "int", "y": "int"}, "y": 2}))
    for _ in range(2):
        with pytest.raises(TypeError, match="argument"):
            fresh(*args, **options)
    assert fresh(1).y == 2


def test_equality_hash_and_representation_are_those_of_the_fields() -> None:
    assert Point(1, names=["a"]) == Point(1, names=["b"])
    assert Point(1) != Point(2)
    other: object = (1, 2, [], "s")
    assert Point(1) != other
    assert hash(Point(1, names=["a"])) == hash(Point(1))
    assert repr(Point(1)).endswith("Point(x=1, y=2, names=[])")
    with pytest.raises(TypeError, match="unhashable"):
        hash(Counter())


def test_frozen_objects_cannot_be_changed_and_can_be_copied() -> None:
    point = Point(1)
    with pytest.raises(FrozenInstanceError):
        point.x = 2  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        del point.x
    assert not hasattr(point, "__dict__")
    assert copy.deepcopy(point) == copy.copy(point) == point
    assert replace(point, x=5) == dataclasses.replace(point, x=5) == Point(5)
    with pytest.raises(TypeError, match="other"):
        replace(point, other=5)  # type: ignore[call-arg]


def test_functions_of_the_standard_library_work() -> None:
    assert dataclasses.is_dataclass(Point)
    assert [item.name for item in dataclasses.fields(Named)] == ["x", "y", "names", "secret", "name"]
    assert [item.kw_only for item in dataclasses.fields(Named)] == [False, False, False, False, True]
    assert dataclasses.asdict(Point(1)) == {"x": 1, "y": 2, "names": [], "secret": "s"}
    match Point(7):
        case Point(x, y):
            assert (x, y) == (7, 2)


def test_functions_of_the_same_names_do_the_same() -> None:
    assert is_dataclass(Point)
    assert is_dataclass(Point(1))
    assert not is_dataclass(int)
    assert [(item.name, item.type, item.kw_only) for item in fields(Named)] == [
        (item.name, item.type, item.kw_only) for item in dataclasses.fields(Named)
    ]
    assert [item.default is MISSING for item in fields(Named)] == [True, False, True, False, True]
    nested = Counter(count=3)
    nested.doubled = {"a": [Point(1), (Point(2),)]}  # type: ignore[assignment]
    assert asdict(nested) == dataclasses.asdict(nested)


def test_class_that_is_used_often_gets_an_init_of_its_own_with_the_same_effect() -> None:
    made = [Named(number, 3, name="n") for number in range(200)]
    assert made == [Named(number, 3, name="n") for number in range(200)]
    assert vars(Named)["__init__"] is not shared_methods._init
    with pytest.raises(TypeError, match="name"):
        Named(1)  # type: ignore[call-arg]


def test_every_class_of_the_package_would_be_accepted_by_the_standard_library() -> None:
    found, missing = 0, set()
    for name in [module.name for module in pkgutil.walk_packages(ipad.__path__, "ipad.")]:
        if name in LOADED_ALONE:
            continue
        try:
            module = importlib.import_module(name)
        except ImportError as error:
            missing.add((error.name or "").partition(".")[0])
            continue
        for item in vars(module).values():
            if isinstance(item, type) and item.__module__ == name and "__record__" in vars(item):
                vars(item)["__record__"].standard(item.__name__)
                layout = vars(item)["__record__"]
                assert not layout.init or callable(layout.own_init(item.__name__))
                found += 1
    assert found > 400
    assert missing <= EXTRAS


def test_no_module_loads_what_generates_methods_when_it_is_imported() -> None:
    package = Path(ipad.__file__).parent
    wrong = re.compile(r"^(from dataclasses import|import dataclasses)\b", re.MULTILINE)
    assert not {path for path in package.rglob("*.py") if wrong.search(path.read_text(encoding="utf-8"))}
