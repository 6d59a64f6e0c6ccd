"""All benchmarks, one after the other, with their figures in one place.

Run it as `python benchmarks/all.py [--write] [--long]`. `--write` puts the figures into docs/benchmarks.md (and, with
`--long`, into the documents of their own that bytes and recovery have); without it they are printed. `--long` adds what
takes minutes: bytes on every transport, recovery from a loss. One at a time, because they would disturb each other. The
exit code is 1 when one of them exceeds a limit, which does not keep the others from being run.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hil.bench import marked

ROOT: Final = Path(__file__).parent.parent
PART: Final = "benchmarks/all.py --write"
_BENCH: Final = ("-m", "hil", "bench")


@dataclass(frozen=True)
class Benchmark:
    """`words` for this Python. `own_place`: it writes its table into a document by itself."""

    name: str
    words: tuple[str, ...]
    own_place: bool = False
    long: bool = False


BENCHMARKS: Final = (
    Benchmark("codec", ("benchmarks/codec.py",)),
    Benchmark("memory of a download", ("benchmarks/download_memory.py",)),
    Benchmark("start", ("benchmarks/start_cpu.py",)),
    Benchmark("memory and wake-ups between polls", ("benchmarks/idle.py",)),
    Benchmark("serial line", (*_BENCH, "line"), own_place=True),
    Benchmark("commands", (*_BENCH, "commands"), own_place=True),
    Benchmark("bytes", (*_BENCH, "bytes"), own_place=True, long=True),
    Benchmark("recovery", (*_BENCH, "recovery"), own_place=True, long=True),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run them; the exit code."""
    parser = argparse.ArgumentParser(description="Run all benchmarks.")
    parser.add_argument("--write", action="store_true", help="put the figures into the documents")
    parser.add_argument("--long", action="store_true", help="those that take minutes as well")
    options = parser.parse_args(arguments)
    failed: list[str] = []
    figures: list[str] = []
    for one in BENCHMARKS:
        if one.long and not options.long:
            continue
        words = (*one.words, *(("--write",) if options.write and one.own_place else ()))
        print(f"== {one.name}", flush=True)  # noqa: T201 - a script that people run
        run = subprocess.run([sys.executable, *words], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)  # noqa: S603
        print(run.stdout, end="", flush=True)  # noqa: T201
        if run.returncode:
            failed.append(one.name)
        if not one.own_place:
            figures += [one.name, *(f"  {line}" for line in run.stdout.splitlines())]
    if options.write:
        marked.write(ROOT / marked.DOCUMENT, PART, "\n".join(["```", *figures, "```"]))
    for name in failed:
        print(f"beyond its limit, or not measured: {name}", file=sys.stderr)  # noqa: T201
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
