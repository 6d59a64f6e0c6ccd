from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ipad.net import records


def record(length: int, kind: int = 22) -> bytes:
    return bytes((kind, 0xFE, 0xFD)) + bytes(8) + length.to_bytes(2, "big") + bytes(length)


def test_records_are_packed_up_to_the_mtu() -> None:
    stream = record(87) + record(87) + record(87) + record(300) + record(10)
    packed = records.pack(stream, 250)
    assert b"".join(packed) == stream
    assert [len(datagram) for datagram in packed] == [200, 100, 313, 23]


def test_nothing_gives_no_datagram() -> None:
    assert records.pack(b"", 1200) == []


def test_whole_records_are_acceptable() -> None:
    datagram = record(5) + record(0, 20) + record(7, 23)
    assert records.acceptable(datagram) == datagram


def test_what_is_cut_off_or_no_record_is_dropped() -> None:
    good = record(5)
    assert records.acceptable(good + record(9)[:-1]) == good
    assert records.acceptable(good + b"GET / HTTP/1.1\r\n") == good
    assert records.acceptable(good + record(4, 99)) == good
    assert records.acceptable(b"\x16\x03\x01" + record(5)[3:]) == b""
    too_long = bytes((22, 0xFE, 0xFD)) + bytes(8) + b"\xff\xff" + bytes(65535)
    assert records.acceptable(too_long) == b""


@given(st.binary(max_size=200))
def test_any_datagram_is_survived(data: bytes) -> None:
    assert data.startswith(records.acceptable(data))


@given(st.lists(st.integers(0, 300), max_size=20), st.integers(20, 700))
def test_no_datagram_is_longer_than_the_mtu_but_for_a_longer_record(lengths: list[int], mtu: int) -> None:
    stream = b"".join(record(length) for length in lengths)
    packed = records.pack(stream, mtu)
    assert b"".join(packed) == stream
    for datagram in packed:
        assert records.acceptable(datagram) == datagram
        assert len(datagram) <= mtu or len(datagram) == records.HEADER + int.from_bytes(datagram[11:13], "big")
