"""`python -m tools.archives FOLDER`: what the wheel and the source archive in a folder lack.

A wheel must have every module and data file of the two packages and the definitions of boards; a source archive must
have these, the tests, the documents and what packages are made with.
"""

from __future__ import annotations

import argparse
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
_SOURCES: Final = ("tests", "tools", "man", "completion", "docs", "systemd", "debian")


def package_files() -> set[str]:
    """Files of the packages as they lie in a wheel."""
    return {*_below("ipad"), *_below("hil"), *(f"ipad/{name}" for name in _below("boards"))}


def source_files() -> set[str]:
    """Files of the repository as they lie in a source archive, below its first folder."""
    return package_files().union({"pyproject.toml", "Makefile", "LICENSE"}, *map(_below, _SOURCES))


def _below(folder: str) -> Iterator[str]:
    built = () if folder != "debian" else ("ipad", ".debhelper", "files")
    for path in (ROOT / folder).rglob("*"):
        parts = path.relative_to(ROOT).parts
        if path.is_file() and "__pycache__" not in parts and not (len(parts) > 1 and parts[1] in built):
            yield path.relative_to(ROOT).as_posix()


def missing(folder: Path) -> list[str]:
    """A sentence for each file that is not in its archive, or for each archive that is not there."""
    found: list[str] = []
    wheels, sources = list(folder.glob("*.whl")), list(folder.glob("*.tar.gz"))
    if [len(wheels), len(sources)] != [1, 1]:
        return [f"{folder}: expected one wheel and one source archive, found {len(wheels)} and {len(sources)}"]
    if not wheels[0].name.endswith("-py3-none-any.whl"):
        found.append(f"{wheels[0].name}: not a wheel for any machine")
    with zipfile.ZipFile(wheels[0]) as wheel:
        found += [f"{wheels[0].name} lacks {name}" for name in sorted(package_files() - set(wheel.namelist()))]
    with tarfile.open(sources[0]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    return found + [f"{sources[0].name} lacks {name}" for name in sorted(source_files() - names)]


def main() -> int:
    """Run the command line and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.archives", description="Check wheel and source archive.")
    parser.add_argument("folder", type=Path, help="where they lie")
    problems = missing(parser.parse_args().folder)
    sys.stderr.writelines(f"{problem}\n" for problem in problems)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
