"""`ipad config from-uci`: the configuration of OpenWrt, as the agent reads it."""

from __future__ import annotations

import tomllib
from pathlib import Path

from ipad.cli.invocation import Invocation
from ipad.cli.output import Report
from ipad.config import from_document
from ipad.toml import Document
from ipad.uci import toml_of


async def from_uci(call: Invocation) -> Report:
    """The text, after it was found to be a valid configuration. Raises ConfigError."""
    path = Path(call.args.file)
    text = toml_of(path)
    from_document(Document(path, tomllib.loads(text)))
    return Report({"file": str(path), "toml": text}, notes=(text.rstrip("\n"),), notes_only=True)
