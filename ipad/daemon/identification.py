"""A modem is asked what it is, and nothing else: no slot is chosen, no setting made beyond those of the dialogue."""

from __future__ import annotations

from ipad.board import GENERIC, BoardLibrary, Facts
from ipad.clock import Clock
from ipad.config import ModemConfig
from ipad.daemon.link import open_modem


async def ask_identity(port: str, library: BoardLibrary, clock: Clock) -> Facts:
    """Manufacturer, model and firmware of the modem at a port. Raises PortError."""
    async with open_modem(ModemConfig(port=port, board=GENERIC), library, clock) as modem:
        identity = await modem.identify()
    return Facts(manufacturer=identity.manufacturer, model=identity.model, firmware=identity.revision)
