"""What the machine round the modem calls itself."""

from __future__ import annotations

import json
from pathlib import Path

from ipad.board.sysfs import ROOT

_COMPATIBLE = "proc/device-tree/compatible"
_BOARD_JSON = "etc/board.json"
_SYSINFO = "tmp/sysinfo/board_name"
_DMI = ("sys/class/dmi/id/product_name", "sys/class/dmi/id/board_name")


def host_names(root: Path = ROOT) -> tuple[str, ...]:
    """Compatible names of the device tree, the model of OpenWrt's board.json, DMI names; the most special one first."""
    names = [name.strip() for name in _read(root / _COMPATIBLE).split("\0")]
    names += [_model(_read(root / _BOARD_JSON)), _read(root / _SYSINFO).strip()]
    names += [_read(root / path).strip() for path in _DMI]
    return tuple(dict.fromkeys(name for name in names if name and name.isprintable()))


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8", errors="replace")
    except OSError:
        return ""


def _model(text: str) -> str:
    """`model.id` of a board.json."""
    try:
        model = json.loads(text or "{}")["model"]["id"]
    except (ValueError, LookupError, TypeError):
        return ""
    return model if isinstance(model, str) else ""
