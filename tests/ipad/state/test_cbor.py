"""State files have the bytes that another implementation would write, and whatever it writes is read."""

from __future__ import annotations

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipad.errors import CodecError
from ipad.state import cbor

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(1 << 64), (1 << 64) - 1)
    | st.floats(allow_nan=False)
    | st.floats(width=16, allow_nan=False)
    | st.binary(max_size=300)
    | st.text(max_size=30)
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=30), inner, max_size=4)
)


@given(VALUES)
@settings(max_examples=300, deadline=None)
def test_bytes_are_those_of_the_canonical_form(value: object) -> None:
    data = cbor.encode(value)
    assert data == cbor2.dumps(value, canonical=True)
    assert cbor.decode(data) == value


@given(VALUES)
@settings(max_examples=100, deadline=None)
def test_other_forms_are_read(value: object) -> None:
    assert cbor.decode(cbor2.dumps(value)) == value


@given(st.binary(max_size=40))
@settings(max_examples=500, deadline=None)
def test_garbage_is_refused_or_a_value(data: bytes) -> None:
    try:
        value = cbor.decode(data)
    except CodecError:
        return
    assert cbor.decode(cbor.encode(value)) == value or value != value


@pytest.mark.parametrize(
    "data",
    [
        *("", "18", "1c", "5f", "9fff", "c000", "f7", "fc", "9a7fffffff", "ba00010000", "4403", "61ff", "0000"),
        *("a2616101616102", "a18001", "81" * 100 + "00"),
    ],
)
def test_what_is_no_state_file_is_refused(data: str) -> None:
    with pytest.raises(CodecError):
        cbor.decode(bytes.fromhex(data))


def test_what_cannot_be_kept_is_refused() -> None:
    with pytest.raises(TypeError, match="set"):
        cbor.encode({"a": {1}})
    with pytest.raises(OverflowError):
        cbor.encode(1 << 64)
    assert cbor.encode(float("nan")) == cbor2.dumps(float("nan"), canonical=True)
