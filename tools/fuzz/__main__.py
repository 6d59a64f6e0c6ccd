"""`python -m tools.fuzz [DECODER...] [--seconds N]`: atheris over the table of `tests/fuzz/decoders.py`.

Each decoder has a process of its own, for the engine ends its process, and a corpus that grows in `build/fuzz/NAME`.
What makes a decoder do anything but read or refuse is printed with the file that holds it; it belongs into
`tests/fuzz/regressions.py`.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

CORPUS: Final = Path("build/fuzz")
_LARGEST: Final = 8192
_SLOWEST: Final = 10
_MOST_MEMORY_MB: Final = 512


def main(arguments: Sequence[str] | None = None) -> int:
    """Fuzz decoders one after the other; 1 when something was found, 2 for an unknown name."""
    parser = argparse.ArgumentParser(prog="python -m tools.fuzz", description="Fuzz the decoders of the agent.")
    parser.add_argument("decoders", nargs="*", metavar="DECODER", help="only these (default: all)")
    parser.add_argument("--seconds", type=int, default=30, metavar="N", help="for each decoder (default: 30)")
    parser.add_argument("--list", action="store_true", help="print the names of all decoders")
    parser.add_argument("--in-this-process", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.in_this_process:
        _fuzz(options.decoders[0], options.seconds)
    names = _names()
    unknown = [name for name in options.decoders if name not in names]
    if unknown:
        print(f"there is no decoder {unknown[0]!r}; there are {', '.join(names)}", file=sys.stderr)  # noqa: T201 - the command line prints
        return 2
    if options.list:
        print(*names, sep="\n")  # noqa: T201 - the command line prints
        return 0
    failed = [name for name in options.decoders or names if not _in_own_process(name, options.seconds)]
    print(f"found something in: {', '.join(failed)}" if failed else "nothing was found")  # noqa: T201 - the command line prints
    return 1 if failed else 0


def _names() -> list[str]:
    from tests.fuzz.decoders import decoders  # noqa: PLC0415 - a process that fuzzes instruments it first

    return [one.name for one in decoders()]


def _in_own_process(name: str, seconds: int) -> bool:
    print(f"--- {name}", flush=True)  # noqa: T201 - the command line prints
    command = [sys.executable, "-m", "tools.fuzz", name, "--seconds", str(seconds), "--in-this-process"]
    return subprocess.run(command, check=False).returncode == 0  # noqa: S603 - this program again


def _fuzz(name: str, seconds: int) -> None:
    """Run the engine, which ends the process."""
    import atheris  # noqa: PLC0415 - not installed with the tests

    with atheris.instrument_imports(include=["ipad"]):
        from tests.fuzz.decoders import decoder  # noqa: PLC0415
    chosen = decoder(name)
    folder = CORPUS / name.replace(" ", "-").replace(":", "")
    folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(chosen.seeds):
        (folder / f"seed-{number}").write_bytes(seed)
    atheris.Setup(
        [
            "tools.fuzz",
            f"-max_total_time={seconds}",
            f"-max_len={_LARGEST}",
            f"-timeout={_SLOWEST}",
            f"-rss_limit_mb={_MOST_MEMORY_MB}",
            f"-artifact_prefix={folder}/found-",
            "-print_final_stats=0",
            "-verbosity=0",
            str(folder),
        ],
        chosen.run,
    )
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
