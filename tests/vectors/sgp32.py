"""The known messages of SGP.32 by name; what they are, and whose keys signed them: README.md beside this file."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Final

VECTORS: Final[dict[str, dict[str, Any]]] = tomllib.loads((Path(__file__).parent / "sgp32.toml").read_text("utf-8"))
"""Each with its type, its bytes in hexadecimal, and the values that were put in."""

MESSAGES: Final[dict[str, bytes]] = {name: bytes.fromhex(vector["hex"]) for name, vector in VECTORS.items()}
"""The bytes alone."""
