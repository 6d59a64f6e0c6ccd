"""The definitions: shipped ones and those of this device, inheritance, selection.

A definition inherits from another with `extends`, a gateway besides from the definition of its modem: tables key by
key, lists and values as a whole. A file of the user replaces a shipped one of the same name.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from ipad.board.definition import Board, contradiction, with_hardware_reset
from ipad.board.hardware import Match
from ipad.board.matching import Candidate, Facts, reasons
from ipad.errors import ConfigError
from ipad.toml import Document, Keys, build, read

GENERIC: Final = "generic-3gpp"

_MAX_DEPTH: Final = 8
_NOT_INHERITED: Final = frozenset({"match", "kind", "module", "extends", "name"})
_WHOLE: Final = frozenset(
    {
        ("ports", "at"),
        ("ports", "at_fallback"),
        ("ports", "ppp"),
        ("ports", "data"),
        ("reset", "gpio"),
        ("reset", "power"),
        ("reset", "key"),
    }
)
"""Tables that name one thing: they are inherited or replaced as a whole."""
_MATCH_TABLE: Final = re.compile(r"^\[match\][^\n]*\n.*?(?=^\[|\Z)", re.MULTILINE | re.DOTALL)
_MATCH_ELSEWHERE: Final = re.compile(r"^\s*\[*\s*[\"']?match\b", re.MULTILINE)


class BoardLibrary:
    """The definitions of some directories, earlier ones first, then the shipped ones; read when they are asked for."""

    def __init__(self, directories: Iterable[Path] = ()) -> None:
        self._directories = (*directories, shipped_directory())
        self._documents: dict[Path, Document] = {}

    def names(self) -> tuple[str, ...]:
        """All names, in order."""
        return tuple(sorted(self._files()))

    def path(self, name: str) -> Path:
        """The file of a definition. Raises ConfigError for an unknown name."""
        path = self._file(name)
        if path is None:
            raise self._unknown(name)
        return path

    def load(self, name: str, *, module: str = "") -> Board:
        """The definition of that name, a gateway with what it takes from its modem.

        `module`: the modem that was found, for a gateway that does not say which one is fitted. Raises ConfigError:
        unknown name, or a fault in a file, with its place.
        """
        return self._combine(self._chain(name, None), module)

    def check(self, path: Path) -> Board:
        """The definition in a file that may lie anywhere; what it extends is taken from beside it, then from here.

        Raises ConfigError with file and line.
        """
        library = BoardLibrary((path.parent, *self._directories))
        document = read(path)
        name = document.table.get("name")
        if name != path.stem:
            raise document.error(("name",), f"expected {path.stem!r}, the name of the file")
        return library._combine(library._chain(path.stem, document), "")

    def chain(self, name: str) -> tuple[Path, ...]:
        """The files that a definition is made of, the most special one first. Raises ConfigError."""
        own = self._chain(name, None)
        files = [*own, *self._below(own, "")]
        return tuple(document.path for document in files if document.path is not None)

    def origin(self, name: str, keys: Keys) -> str | None:
        """`file:line` that says the value of a key; None for a default. Raises ConfigError."""
        own = self._chain(name, None)
        for document in (*own, *self._below(own, "")):
            if keys[0] in _NOT_INHERITED and document is not own[0]:
                return None
            for size in range(len(keys), 0, -1):
                if keys[:size] in document.lines and _at(document.table, keys) is not None:
                    return document.place(keys)
            if keys[:2] in _WHOLE and _at(document.table, keys[:2]) is not None:
                return None
        return None

    def match(self, name: str) -> Match:
        """How a definition is recognised; cheaper than loading it. Raises ConfigError."""
        return self._match(self.path(name))

    def candidates(self, facts: Facts) -> tuple[Candidate, ...]:
        """Every definition that fits, the best first. Raises ConfigError for a faulty file."""
        found: list[Candidate] = []
        for name, path in sorted(self._files().items()):
            fitting = reasons(self._match(path), facts)
            if fitting:
                found.append(Candidate(name, fitting))
        return tuple(sorted(found, key=lambda candidate: -candidate.score))

    def select(
        self, *, usb: str = "", pci: str = "", manufacturer: str = "", model: str = "", firmware: str = ""
    ) -> Board:
        """The definition of the modem that fits best, else `generic-3gpp`. Raises ConfigError for a faulty file."""
        found = self.candidates(Facts(usb, pci, manufacturer, model, firmware))
        return self.load(found[0].name if found else GENERIC)

    def _files(self) -> dict[str, Path]:
        found: dict[str, Path] = {}
        for directory in self._directories:
            if directory.is_dir():
                for path in directory.glob("*.toml"):
                    found.setdefault(path.stem, path)
        return found

    def _file(self, name: str) -> Path | None:
        if not re.fullmatch(r"[a-z0-9-]+", name):
            return None
        paths = (directory / f"{name}.toml" for directory in self._directories)
        return next((path for path in paths if path.is_file()), None)

    def _unknown(self, name: str) -> ConfigError:
        return ConfigError(
            f"there is no board definition {name!r}",
            hint=f"known definitions: {', '.join(self.names())}",
        )

    def _match(self, path: Path) -> Match:
        """Only the table [match] of a file is read, so that the search costs little at each start."""
        try:
            text = path.read_text(encoding="utf-8")
            found = _MATCH_TABLE.search(text)
            if found is not None:
                return build(Match, Document(path), tomllib.loads(found[0]).get("match", {}), ("match",))
            if _MATCH_ELSEWHERE.search(text) is None:
                return Match()
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, ConfigError):
            pass  # the strict reading below says what is wrong, and where
        document = self._read(path)
        return build(Match, document, document.table.get("match", {}), ("match",))

    def _read(self, path: Path) -> Document:
        if path not in self._documents:
            self._documents[path] = read(path)
        return self._documents[path]

    def _chain(self, name: str, first: Document | None) -> list[Document]:
        """The document of that name and all that it extends."""
        documents: list[Document] = [first] if first is not None else []
        seen = [name] if first is not None else []
        following = str(first.table.get("extends", "")) if first is not None else name
        while following or not documents:
            if following in seen or len(seen) >= _MAX_DEPTH:
                raise ConfigError(f"board definitions extend each other in a circle: {' -> '.join([*seen, following])}")
            seen.append(following)
            user = documents[-1] if documents else None
            documents.append(self._named(following, user, "extends"))
            if user is not None and _kind(user) != _kind(documents[-1]):
                raise user.error(("extends",), f"{following!r} is a {_kind(documents[-1])}, not a {_kind(user)}")
            following = str(documents[-1].table.get("extends", ""))
        return documents

    def _named(self, name: str, user: Document | None, key: str) -> Document:
        path = self._file(name)
        if path is None:
            if user is not None:
                raise user.error((key,), f"there is no board definition {name!r}")
            raise self._unknown(name)
        document = self._read(path)
        if document.table.get("name") != name:
            raise document.error(("name",), f"expected {name!r}, the name of the file")
        return document

    def _below(self, own: list[Document], found: str) -> list[Document]:
        """For a gateway, the chain of its modem."""
        first = own[0]
        if _kind(first) != "gateway":
            return []
        asker = next((document for document in own if document.table.get("module")), None)
        module = found if asker is None else str(asker.table["module"])
        below = self._chain_of_module(module, asker)
        if _kind(below[0]) == "gateway":
            raise (asker or first).error(("module",), f"{module!r} is a gateway, expected the definition of a modem")
        return below

    def _chain_of_module(self, module: str, asker: Document | None) -> list[Document]:
        if asker is not None:
            self._named(module, asker, "module")
        return self._chain(module or GENERIC, None)

    def _combine(self, own: list[Document], module: str) -> Board:
        documents = [*own, *self._below(own, module)]
        merged: dict[str, Any] = {}
        for document in reversed(documents):
            # Each file alone first, so that an error names the file that has it.
            build(Board, document, {"name": own[0].table.get("name"), **document.table})
            merged = merge(merged, document.table)
        named = (document.table["module"] for document in own if document.table.get("module"))
        merged["module"] = next(named, module if _kind(own[0]) == "gateway" else "")
        board = build(Board, own[0], merged)
        problem = contradiction(board)
        if problem is not None:
            raise _owner(documents, problem[0]).error(*problem)
        return with_hardware_reset(board)


def _at(table: Mapping[str, Any], keys: Keys) -> Any:
    """The value at `keys`, an entry of a list by its number; None when there is none."""
    value: Any = table
    for key in keys:
        if isinstance(value, list):
            value = value[int(key)] if key.isdecimal() and int(key) < len(value) else None
        else:
            value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _kind(document: Document) -> str:
    return str(document.table.get("kind", "module"))


def merge(base: Mapping[str, Any], own: Mapping[str, Any], keys: Keys = ()) -> dict[str, Any]:
    """The table `own` over `base`: tables key by key, lists and values as a whole."""
    merged = {key: value for key, value in base.items() if keys or key not in _NOT_INHERITED}
    for key, value in own.items():
        inherited = merged.get(key)
        if isinstance(value, Mapping) and isinstance(inherited, Mapping) and (*keys, key) not in _WHOLE:
            merged[key] = merge(inherited, value, (*keys, key))
        else:
            merged[key] = value
    return merged


def _owner(documents: Iterable[Document], keys: Keys) -> Document:
    """The file that says something about a key, else the first."""
    documents = list(documents)
    for size in range(len(keys), 0, -1):
        for document in documents:
            if keys[:size] in document.lines:
                return document
    return documents[0]


def shipped_directory() -> Path:
    """Where the definitions of the package lie, installed or editable."""
    return Path(__file__).parents[1] / "boards"
