"""What a command is called with: its arguments and the configuration after the options of the command line."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ipad.config import DEFAULT_NAME, PCSC_PREFIX, Config, ModemConfig, load
from ipad.daemon import log
from ipad.errors import UsageError
from ipad.records import dataclass, replace
from ipad.toml import Document

if TYPE_CHECKING:
    from ipad.cli.quick import Arguments

_VERBOSITY: Final = (logging.WARNING, logging.INFO, logging.DEBUG, log.TRACE)


@dataclass(frozen=True, slots=True)
class Invocation:
    """One call of `ipad`. `document` is the file that the configuration came from."""

    args: Arguments
    config: Config
    document: Document


def prepare(args: Arguments) -> Invocation:
    """Load the configuration and apply the global options. Raises ConfigError, UsageError."""
    path = getattr(args, "config", None)
    config, document = load(Path(path) if path is not None else None)
    name = getattr(args, "modem", None)
    options = {key: getattr(args, key) for key in ("port", "card", "board") if hasattr(args, key)}
    if name is not None or options:
        config = config.with_modem(*_with_options(config, name, options))
    return Invocation(args, config, document)


def _with_options(config: Config, name: str | None, options: dict[str, str]) -> tuple[str, ModemConfig]:
    port, card = options.get("port", ""), options.get("card", "")
    if port and card:
        raise UsageError("--port and --card exclude each other")
    if card and not card.startswith(PCSC_PREFIX):
        raise UsageError(f"--card {card!r}: expected pcsc:READER", hint="pcsc: alone takes the only reader")
    # A link given by hand replaces the configured one; what is configured beside it (board, timeouts) goes on to hold.
    if name is None and len(config.modems) > 1 and (port or card):
        name, modem = DEFAULT_NAME, ModemConfig()
    else:
        modem = config.modem(name)
        name = name or next(iter(config.modems))
    if port or card:
        modem = replace(modem, port=port, card=card)
    return name, replace(modem, board=options.get("board", modem.board))


def log_level(args: Arguments, default: int) -> int:
    """The level that -v and -q ask for, starting from the default of the command."""
    if getattr(args, "quiet", False):
        return logging.ERROR
    wanted = getattr(args, "verbose", 0)
    return min(default, _VERBOSITY[min(wanted, len(_VERBOSITY) - 1)]) if wanted else default
