"""Whatever arrives, the card answers with a status word and keeps a state that it can read again."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil import tlv
from hil.euicc import Keyring
from hil.euicc.isdr import CONSUMER_FUNCTIONS, IOT_FUNCTIONS
from hil.euicc.store import StateStore
from tests.hil.euicc.bench import Bench, two_profiles
from tests.vectors.sgp32 import MESSAGES

REQUESTS = [MESSAGES[name] for name in ("EP1", "EP3", "EP4", "EP6", "EP9", "EP10", "EP11", "EA1", "EG2", "EC1", "EN2")]
REQUESTS += [MESSAGES[name] for name in ("ER11", "EI1", "EI3", "EM1", "EF1", "EZ1", "EZ3")]


@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_damaged_requests_never_break_the_card(keyring: Keyring, data: st.DataObject) -> None:
    with TemporaryDirectory() as folder:
        bench = Bench(Path(folder) / "card", two_profiles(), keyring)
        bench.associate()
        request = bytearray(data.draw(st.sampled_from(REQUESTS)))
        for _ in range(data.draw(st.integers(1, 4))):
            position = data.draw(st.integers(0, len(request) - 1))
            request[position] = data.draw(st.integers(0, 255))
        cut = data.draw(st.integers(1, len(request)))
        for attempt in (bytes(request), bytes(request[:cut])):
            answer, word = bench.store_data(attempt)
            assert word >> 8 in (0x90, 0x91) or (not answer and word in (0x6A80, 0x6A88, 0x6982, 0x6985)), f"{word:04X}"
        assert StateStore.open(bench.folder).state == bench.state


@pytest.mark.parametrize("tag", sorted(IOT_FUNCTIONS.keys() | CONSUMER_FUNCTIONS.keys()))
@pytest.mark.parametrize("content", [b"", b"\x00", b"\x80", b"\x80\x00", b"\xa0\x00", b"\x30\x00", b"\x5c\x01\x9f"])
def test_every_function_survives_short_contents(bench: Bench, tag: int, content: bytes) -> None:
    answer, word = bench.store_data(tlv.build(tag, content))
    if word in (0x9000, 0x910B):
        assert tlv.single(answer).tag == tag
    else:
        assert word in (0x6A80, 0x6A88, 0x6985)


@given(noise=st.binary(min_size=1, max_size=270))
@settings(max_examples=100, deadline=None)
def test_noise_is_answered_with_a_status_word(keyring: Keyring, noise: bytes) -> None:
    with TemporaryDirectory() as folder:
        bench = Bench(Path(folder) / "card", two_profiles(), keyring)
        response = bench.card.transmit(noise)
        assert len(response) == 2 or response[-2] in (0x61, 0x90)
