"""What fuzzing found: the name of a decoder, and bytes for which it did something else than reading or refusing."""

from __future__ import annotations

REGRESSIONS: tuple[tuple[str, bytes], ...] = (
    ("first datagram of a client", b""),
    ("first datagram of a client", b"\x16\xfe\xfd"),
    ("answer in JSON", bytes.fromhex("BF4E023000")),
    ("trail of changes", b"[" * 65536),
    ("recording", b'{"a":' * 13107),
    ("activation code", b"https://[x?carddata=1"),
    ("AT line", b"\x00" + b"0" * 65536),
    ("status words", bytes.fromhex("026C02910B05006125")),
)
