"""`python -m tools.manual`: write man/ and completion/ anew, or check them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

from tools.manual.completion import script
from tools.manual.coverage import complaints
from tools.manual.document import DocumentError
from tools.manual.markdown import MarkdownError
from tools.manual.pages import ROOT, agent_tree, bench_tree, manuals, write


def outputs() -> Mapping[Path, str]:
    """Every file that is made, with what it should contain. Raises MarkdownError, DocumentError."""
    made = {ROOT / "man" / manual.file: write(manual) for manual in manuals()}
    for root in (agent_tree(), bench_tree()):
        made[ROOT / "completion" / root.name] = script(root)
    return made


def stale(made: Mapping[Path, str]) -> list[Path]:
    """The files that are not as they should be, strangers in the same folders included."""
    wrong = [path for path, text in made.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    strangers = {entry for path in made if path.parent.is_dir() for entry in path.parent.iterdir()} - made.keys()
    return sorted([*wrong, *strangers])


def main() -> int:
    """Run the command line and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.manual", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; fail when something is out of date")
    check = parser.parse_args().check
    try:
        made = outputs()
    except (MarkdownError, DocumentError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    problems = complaints()
    if check:
        problems += [f"{path.relative_to(ROOT)}: out of date, run `make man`" for path in stale(made)]
    else:
        for path, text in made.items():
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
    sys.stderr.writelines(f"{problem}\n" for problem in problems)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
