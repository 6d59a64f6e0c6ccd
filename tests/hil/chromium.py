"""Pages in a real browser without a screen, which can ask nobody for anything."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

_CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
_OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--enable-logging=stderr",
    "--proxy-server=http://127.0.0.1:9",
    "--virtual-time-budget=5000",
    "--dump-dom",
)
_LIMIT = 50.0

needs_chromium = pytest.mark.skipif(_CHROMIUM is None, reason="chromium is not installed")


@dataclass(frozen=True)
class Shown:
    """The document as it stands when the browser has done everything, and what the browser told meanwhile."""

    document: str
    log: str


def show(page: Path, *, fragment: str = "", width: int = 1000) -> Shown:
    """Open a file; the profile of the browser lies next to it. `fragment`: "#" and what follows. `width`: in pixels."""
    profile = page.parent / "profile"
    window = (f"--user-data-dir={profile}", f"--window-size={width},900")
    done = subprocess.run(
        [str(_CHROMIUM), *_OPTIONS, *window, f"{page.as_uri()}{fragment}"],
        capture_output=True,
        text=True,
        timeout=_LIMIT,
        check=True,
    )
    return Shown(done.stdout, done.stderr)
