"""One version everywhere, dependencies that Debian 12 can satisfy, and archives that lack nothing."""

from __future__ import annotations

import re
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

from ipad import __version__
from ipad.config import load
from tools.archives import ROOT, missing, package_files, source_files

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_newest_entry_of_the_debian_changelog_is_this_version() -> None:
    assert text("debian/changelog").startswith(f"ipad ({__version__}) ")


def test_the_recipe_and_the_openwrt_definition_are_of_this_version() -> None:
    recipes = list((ROOT / "yocto").rglob("ipad_*.bb"))
    assert [recipe.name for recipe in recipes] == [f"ipad_{__version__}.bb"]
    assert f"\nPKG_VERSION:={__version__}\n" in text("openwrt/Makefile")


@pytest.mark.parametrize("dependency", PROJECT["dependencies"])
def test_what_the_agent_needs_is_built_and_packaged_with_the_same_floor(dependency: str) -> None:
    name, _, floor = dependency.partition(">=")
    debian = {"pyserial": "serial"}.get(name, name)
    assert f"python3-{debian} (>= {floor})" in text("debian/control")
    assert f"+python3-{name} " in text("openwrt/Makefile")
    assert f"python3-{name} " in text(f"yocto/meta-ipad/recipes-connectivity/ipad/ipad_{__version__}.bb")


def test_every_manual_page_and_completion_is_installed_by_the_wheel() -> None:
    settings = tomllib.loads(text("pyproject.toml"))["tool"]["hatch"]["build"]["targets"]["wheel"]["shared-data"]
    made = {f"{folder}/{path.name}" for folder in ("man", "completion") for path in (ROOT / folder).iterdir()}
    assert set(settings) == made
    for page, target in settings.items():
        assert page.startswith("completion/") or f"/man{page[-1]}/" in target


def test_the_example_of_a_configuration_is_valid() -> None:
    config, _ = load(ROOT / "docs" / "examples" / "ipad.toml")
    assert config.modem().board


def test_everything_that_belongs_to_the_system_is_installed() -> None:
    """`make install-system` goes by names; a file of another kind would be forgotten."""
    known = re.compile(
        r"[^/]+\.(service|socket|target|path|timer|rules)|(sysusers|tmpfiles|modules-load)\.d/[^/]+\.conf"
    )
    folder = ROOT / "systemd"
    files = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    assert [name for name in files if not known.fullmatch(name) and not name.endswith(".md")] == []


def archives(folder: Path, wheel: set[str], sources: set[str]) -> Path:
    with zipfile.ZipFile(folder / "ipad-1-py3-none-any.whl", "w") as file:
        for name in wheel:
            file.writestr(name, "")
    (folder / "empty").touch()
    with tarfile.open(folder / "ipad-1.tar.gz", "w:gz") as archive:
        for name in sources:
            archive.add(folder / "empty", f"ipad-1/{name}")
    return folder


def test_complete_archives_pass(tmp_path: Path) -> None:
    assert missing(archives(tmp_path, package_files(), source_files())) == []


def test_a_missing_board_and_a_missing_test_are_noticed(tmp_path: Path) -> None:
    assert {"ipad/boards/generic-3gpp.toml", "ipad/py.typed", "hil/asn1/SGP32.asn"} <= package_files()
    folder = archives(
        tmp_path,
        package_files() - {"ipad/boards/generic-3gpp.toml"},
        source_files() - {"tests/tools/test_packaging.py"},
    )
    assert missing(folder) == [
        "ipad-1-py3-none-any.whl lacks ipad/boards/generic-3gpp.toml",
        "ipad-1.tar.gz lacks tests/tools/test_packaging.py",
    ]


def test_a_folder_without_archives_is_noticed(tmp_path: Path) -> None:
    assert "found 0 and 0" in missing(tmp_path)[0]
