"""Speed of the agent's codec beside that of asn1tools, on the same objects in the same run.

Run it as `python benchmarks/codec.py`. The objects are the known messages of the test vectors whose type both sides
have: packages, results, notifications, eIM configuration, authentication. Both decode all fields, and encode from the
fields alone. The sides take turns, and the least time of several rounds counts, because whatever disturbs adds. The
agent does more: it keeps the bytes of each object for signatures, checks values, and reads the variants of the field.
So it may be slower, but no more than the limits say, or the exit code is 1.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import sys
import time
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import asn1tools

import ipad.codec
from hil.asn1.loader import SGP32, load_modules
from ipad.codec.schema import Choice, DataObject, field_specs

DECODING: Final = 4.0
ENCODING: Final = 3.0
"""As a multiple of the time of asn1tools."""
ROUNDS: Final = 15
_VECTORS: Final = Path(__file__).parent.parent / "tests" / "vectors" / "sgp32.toml"

Work = Callable[[], object]


def messages() -> list[tuple[str, bytes]]:
    """Type and bytes of the messages."""
    vectors = tomllib.loads(_VECTORS.read_text("utf-8"))
    return [(vector["type"], bytes.fromhex(vector["hex"])) for vector in vectors.values() if "read_only" not in vector]


def classes() -> dict[str, Any]:
    """The data objects of the agent by name."""
    found: dict[str, Any] = {}
    for info in pkgutil.iter_modules(ipad.codec.__path__):
        found.update(inspect.getmembers(importlib.import_module(f"ipad.codec.{info.name}"), inspect.isclass))
    return found


def rebuilt(value: Any) -> Any:
    """The same data object without the bytes that it came in."""
    if isinstance(value, tuple):
        return tuple(map(rebuilt, value))
    if not isinstance(value, DataObject | Choice):
        return value
    return replace(value, **{spec.name: rebuilt(getattr(value, spec.name)) for spec in field_specs(type(value))})


def both(data: Sequence[tuple[str, bytes]]) -> tuple[list[tuple[Work, Work]], list[tuple[Work, Work]], int]:
    """What agent and asn1tools do for each message that both can read and write: decoding, encoding; bytes in all."""
    own, names = classes(), {name.lower(): name for name in load_modules()[SGP32]["types"]}
    compiled = asn1tools.compile_dict({SGP32: load_modules()[SGP32]}, "der").types
    decoding: list[tuple[Work, Work]] = []
    encoding: list[tuple[Work, Work]] = []
    size = 0
    for name, octets in data:
        theirs = compiled.get(names.get(name.lower(), ""))
        if theirs is None or name not in own:
            continue
        try:
            value = theirs.decode(octets)
            theirs.encode(value)
        except (asn1tools.Error, ValueError, IndexError):
            continue  # a form that only one of them reads
        fields = rebuilt(own[name].decode(octets))
        decoding.append((_call(own[name].decode, octets), _call(theirs.decode, octets)))
        encoding.append((fields.encode, _call(theirs.encode, value)))
        size += len(octets)
    return decoding, encoding, size


def _call(function: Callable[[Any], object], argument: object) -> Work:
    return lambda: function(argument)


def compare(work: Sequence[tuple[Work, Work]]) -> tuple[float, float]:
    """Seconds for all of it, the agent's and those of asn1tools; the least of `ROUNDS` in turn."""
    times: list[tuple[float, float]] = []
    for _ in range(ROUNDS):
        began = time.process_time()
        for ours, _ in work:
            ours()
        between = time.process_time()
        for _, theirs in work:
            theirs()
        times.append((between - began, time.process_time() - between))
    return min(first for first, _ in times), min(second for _, second in times)


def main() -> int:
    """Print the figures; 1 when a limit is not reached."""
    decoding, encoding, size = both(messages())
    wrong = False
    for name, work, limit in (("decoding", decoding, DECODING), ("encoding", encoding, ENCODING)):
        ours, theirs = compare(work)
        wrong |= ours / theirs > limit
        print(  # noqa: T201 - a script that people run
            f"{name} {len(work)} messages of {size / len(work):.0f} bytes: {ours / len(work) * 1e6:3.0f} µs each, "
            f"asn1tools {theirs / len(work) * 1e6:3.0f} µs, {ours / theirs:4.2f} times, limit {limit:g}  "
            f"{'TOO SLOW' if ours / theirs > limit else 'ok'}"
        )
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
