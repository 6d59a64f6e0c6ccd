"""Bytes that are nearly right: a seed with a few changes of the kinds that decoders stumble over."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

_LENGTHS = (b"\x80", b"\x81\xff", b"\x82\xff\xff", b"\x84\xff\xff\xff\xff", b"\xff", b"\x00")
_WORDS = (b"\x00", b"\xff\xff", b"\r\n", b'"', b"{", b"[[", b"\xc3", b"-1", b"1e999", b"9" * 30, b"\x1f" * 6, b"=")


@st.composite
def nearly(draw: st.DrawFn, seeds: Sequence[bytes]) -> bytes:
    """A seed, changed at up to four places; now and then anything at all."""
    data = bytearray(draw(st.sampled_from(seeds)))
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=200))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        kind = draw(st.integers(0, 6))
        if kind == 0:
            data[at : at + 1] = draw(st.binary(min_size=1, max_size=1))
        elif kind == 1:
            del data[at : at + draw(st.integers(1, 8))]
        elif kind == 2:
            data[at:at] = draw(st.sampled_from(_LENGTHS + _WORDS))
        elif kind == 3:
            del data[at:]
        elif kind == 4:
            data[at:at] = data[at : at + draw(st.integers(1, 64))]
        elif kind == 5:
            data[at : at + 1] = draw(st.sampled_from(_LENGTHS))
        else:
            other = draw(st.sampled_from(seeds))
            data[at:] = other[draw(st.integers(0, len(other))) :]
    return bytes(data)
