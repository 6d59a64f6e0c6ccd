"""Whatever comes, a decoder reads it or refuses it with an error of the agent's own, soon and in little memory."""

from __future__ import annotations

import os
import time
import tracemalloc

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.fuzz.decoders import Decoder, decoders
from tests.fuzz.mutation import nearly
from tests.fuzz.regressions import REGRESSIONS

DECODERS = decoders()
NAMED = {one.name: one for one in DECODERS}
EXAMPLES = int(os.environ.get("IPAD_FUZZ_EXAMPLES", "25"))
LARGE = 32 * 1024
MOST_MEMORY = 12 * 1024 * 1024
"""Bytes that an input of LARGE bytes may take at its worst."""
SECONDS = 5.0
"""Far above what anything needs: to catch what never ends."""

thorough = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize="IPAD_FUZZ_EXAMPLES" not in os.environ,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.parametrize("decoder", DECODERS, ids=lambda one: one.name)
def test_seeds_are_read(decoder: Decoder) -> None:
    """At least one of them, or the mutations begin nowhere."""
    read = 0
    for seed in decoder.seeds:
        try:
            decoder.decode(seed)
        except decoder.refusals:
            continue
        read += 1
    assert read


@pytest.mark.parametrize("decoder", DECODERS, ids=lambda one: one.name)
@thorough
@given(data=st.data())
def test_what_is_nearly_right_is_read_or_refused(decoder: Decoder, data: st.DataObject) -> None:
    decoder.run(data.draw(nearly(decoder.seeds)))


@pytest.mark.parametrize("filler", [b"0", b"\xff", b"\x30\x80", b"\xa0\x82", b"[", b'{"a":', b"a=[", b"\r\n", b"\x00"])
@pytest.mark.parametrize("decoder", DECODERS, ids=lambda one: one.name)
def test_much_of_the_same_takes_neither_time_nor_memory(decoder: Decoder, filler: bytes) -> None:
    data = filler * (LARGE // len(filler))
    begun = time.process_time()
    tracemalloc.start()
    try:
        decoder.run(data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < MOST_MEMORY
    assert time.process_time() - begun < SECONDS


@pytest.mark.parametrize(
    ("name", "data"), REGRESSIONS, ids=lambda value: value if isinstance(value, str) else value[:8].hex()
)
def test_findings_of_before_stay_mended(name: str, data: bytes) -> None:
    NAMED[name].run(data)
