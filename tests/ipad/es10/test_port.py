"""What all functions of ES10 have in common."""

from __future__ import annotations

import pytest

from ipad.errors import StatusWordError
from ipad.es10.euicc import Euicc
from tests.ipad.es10.scripted import ScriptedSession, refused


@pytest.mark.asyncio
async def test_refusal_by_a_status_word_says_which_function_was_refused() -> None:
    with pytest.raises(StatusWordError, match=r"^GetEID: status word 6F00$") as caught:
        await Euicc(ScriptedSession([refused(0x6F00)])).get_eid()
    assert (caught.value.sw, caught.value.transient) == (0x6F00, False)
