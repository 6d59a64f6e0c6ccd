"""After any change of profile: the modem has to read the card again (SGP.32 3.3.1 step 9)."""

from __future__ import annotations

from ipad.ids import Iccid
from ipad.procedures.context import Ipa


async def follow_switch(ipa: Ipa, enabled: Iccid | None) -> None:
    """Let go of card and bearer of the old profile and make the modem read the new one."""
    ipa.session.followed = True
    await ipa.eims.close_all()
    await ipa.euicc.close()
    await ipa.connectivity.recover_sim(enabled)
