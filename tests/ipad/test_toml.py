"""The strict loader: every refusal names the file, the line and the key."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest

from ipad.errors import ConfigError
from ipad.records import dataclass, field
from ipad.toml import Check, Document, Within, build, dotted, key_lines, read


@dataclass(frozen=True)
class Inner:
    size: Annotated[int, Within(1, 255, "bytes")] = 120
    aid: Annotated[bytes, Check(lambda aid: len(aid) >= 5, "5 bytes")] = b"\xa0\0\0\0\0"


@dataclass(frozen=True)
class Outer:
    name: str = ""
    ratio: float = 0.5
    on: bool = False
    mode: Literal["a", "b"] = "a"
    file: Path | None = None
    items: tuple[str, ...] = ()
    inner: Inner = field(default_factory=Inner)
    each: Mapping[str, Inner] = field(default_factory=dict)
    free: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Secretive:
    several: tuple[Inner, ...] = ()
    password: Annotated[str, Check(str.isascii, "ASCII")] = field(default="", metadata={"secret": True})


@dataclass(frozen=True)
class Needy:
    must: str


def load(tmp_path: Path, text: str, cls: type[Any] = Outer) -> Any:
    path = tmp_path / "a.toml"
    path.write_text(text, encoding="utf-8")
    document = read(path)
    return build(cls, document, document.table)


def refusal(tmp_path: Path, text: str, cls: type[Any] = Outer) -> str:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text, cls)
    return str(caught.value).removeprefix(f"{tmp_path}/")


def test_absent_keys_take_their_defaults(tmp_path: Path) -> None:
    assert load(tmp_path, "") == Outer()


def test_every_kind_of_value_is_converted(tmp_path: Path) -> None:
    loaded = load(
        tmp_path,
        """
        name = "x"
        ratio = 2
        on = true
        mode = "b"
        file = "ca.pem"
        items = ["p", "q"]
        inner = { size = 255, aid = "A0 00 00 05 59" }
        [each."eim.example"]
        size = 1
        [free.any]
        thing = 1
        """,
    )
    assert loaded == Outer(
        name="x",
        ratio=2.0,
        on=True,
        mode="b",
        file=tmp_path / "ca.pem",
        items=("p", "q"),
        inner=Inner(255, bytes.fromhex("A000000559")),
        each={"eim.example": Inner(1)},
        free={"any": {"thing": 1}},
    )
    assert isinstance(loaded.ratio, float)


def test_absolute_path_stays_absolute(tmp_path: Path) -> None:
    assert load(tmp_path, 'file = "/etc/ca.pem"').file == Path("/etc/ca.pem")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\nnmae = 'x'", "a.toml:2: unknown key nmae; did you mean name?"),
        ("[inner]\n\nsise = 1", "a.toml:3: unknown key inner.sise; did you mean inner.size?"),
        ("zzzz = 1", "a.toml:1: unknown key zzzz"),
        ("inner = { sise = 1 }", "a.toml:1: unknown key inner.sise; did you mean inner.size?"),
        ("name = 5", "a.toml:1: name: expected text, got an integer (5)"),
        ("on = 1", "a.toml:1: on: expected true or false, got an integer (1)"),
        ("ratio = true", "a.toml:1: ratio: expected a number, got a boolean (True)"),
        ("ratio = inf", "a.toml:1: ratio: expected a number, got a number (inf)"),
        ("[inner]\nsize = true", "a.toml:2: inner.size: expected an integer, got a boolean (True)"),
        ("inner.size = 256", "a.toml:1: inner.size: 256 is out of range, expected 1 to 255 bytes"),
        ("inner.aid = 'A0'", "a.toml:1: inner.aid: A0: expected 5 bytes"),
        ("inner.aid = 'A'", "a.toml:1: inner.aid: 'A': expected hexadecimal text"),
        ("mode = 'c'", "a.toml:1: mode: 'c': expected one of 'a', 'b'"),
        ("items = 'p'", "a.toml:1: items: expected a list, got text ('p')"),
        ("items = [\n1]", "a.toml:1: items: expected text, got an integer (1)"),
        ("inner = 3", "a.toml:1: inner: expected a table, got an integer (3)"),
        ("each = []", "a.toml:1: each: expected a table, got a list"),
        ("name = 'a\\u0000'", "a.toml:1: name: "),
        ("file = ''", "a.toml:1: file: expected a path, got empty text"),
        ("name = ", "a.toml:1: not valid TOML: Invalid value (at "),
        ("a = 1\na = 2", "a.toml:2: not valid TOML: Cannot overwrite a value (at "),
    ],
)
def test_refusal_names_place_and_reason(tmp_path: Path, text: str, message: str) -> None:
    text = text.replace("'a\\u0000'", '"a\\u0000"')
    assert refusal(tmp_path, text).startswith(message)


@pytest.mark.parametrize(
    "text",
    [
        "[[several]]\nsize = 1\n[[several]]\nsize = 0",
        "[[several]]\n[[several]]\naid = 'A000000000'\nsize = 0",
        "password = ''\n\n[[several]]\nsize = 0",
    ],
)
def test_a_table_of_a_list_is_refused_at_its_own_line(tmp_path: Path, text: str) -> None:
    assert refusal(tmp_path, text, Secretive).startswith("a.toml:4: several.size: 0 is out of range")


@pytest.mark.parametrize("value", ["'hüsh'", '"hu\\nsh"', "12345"])
def test_a_refused_secret_is_not_repeated(tmp_path: Path, value: str) -> None:
    said = refusal(tmp_path, f"\npassword = {value}", Secretive)
    assert said.startswith("a.toml:2: password: is no text that is allowed here")
    assert not any(part in said for part in ("hü", "hu", "123"))


def test_missing_key_is_named(tmp_path: Path) -> None:
    assert refusal(tmp_path, "", Needy).endswith("must is missing")


def test_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        read(tmp_path / "none.toml")


def test_file_that_is_not_utf8_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_bytes(b"a = 1\nb = '\xff'\n")
    with pytest.raises(ConfigError, match=r"a\.toml:2: not UTF-8"):
        read(path)


def test_lines_of_keys_survive_strings_arrays_and_comments() -> None:
    text = '''# [not.a.table]
top = """
[no] = "table"
"""  # comment with [ and "
list = [
  "a]",   # ]
  { b = 1 },
]
lit = \'\'\'x = 1
y = 2\'\'\'
["quoted.table" . 'b']
key.sub = "k = 1"   # z = 3
"with space" = 1
last = 2'''
    assert key_lines(text) == {
        ("top",): 2,
        ("list",): 5,
        ("lit",): 9,
        ("quoted.table",): 11,
        ("quoted.table", "b"): 11,
        ("quoted.table", "b", "key"): 12,
        ("quoted.table", "b", "key", "sub"): 12,
        ("quoted.table", "b", "with space"): 13,
        ("quoted.table", "b", "last"): 14,
    }


def test_tables_of_a_list_have_lines_of_their_own() -> None:
    text = "[[a]]\nx = 1\n[[a.b]]\ny = 1\n[[a]]\nx = 2\n[[a.b]]\n[[a.b]]\ny = 2\n[a.c]\nz = 3"
    lines = key_lines(text)
    assert (lines["a", "0", "x"], lines["a", "1", "x"], lines["a", "x"]) == (2, 6, 2)
    assert (lines["a", "0", "b", "0", "y"], lines["a", "1", "b", "1", "y"], lines["a", "b", "y"]) == (4, 9, 4)
    assert lines["a", "1", "c", "z"] == 11


def test_dotted_quotes_what_is_no_bare_key() -> None:
    assert dotted(("eim", "eim.example.com", "fqdn")) == 'eim."eim.example.com".fqdn'


def test_place_falls_back_to_the_table_around_a_key() -> None:
    document = Document(Path("f"), {}, {("a",): 3})
    assert document.place(("a", "b")) == "f:3"
    assert document.place(("c",)) == "f"
