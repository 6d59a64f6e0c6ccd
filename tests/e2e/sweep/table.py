"""The table of the fault matrix: `python -m tests.e2e.sweep.table RESULTS [DOCUMENT]` prints it, and keeps it there."""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.e2e.sweep.catalogue import CATALOGUE, Fault, Interface
from tests.e2e.sweep.story import STORIES

BEGIN, END = "<!-- table -->", "<!-- end of table -->"
_NAMES = {
    Interface.LINE: "AT line: each command",
    Interface.APDU: "Card: each APDU of the agent",
    Interface.SUPPLY: "Supply: each APDU, those of the modem too",
    Interface.ESIPA: "ESipa: each message",
    Interface.ES9: "ES9+: each call of the agent",
    Interface.FILE: "Files: each operation in the state directory",
}


@dataclass(frozen=True)
class Row:
    """One fault at every step of an interface in one story. `tried`: points at which the fault made a difference."""

    story: str
    interface: Interface
    fault: Fault
    tried: int
    survived: int
    cpu: float = 0.0

    def write(self, folder: Path) -> None:
        """Keep it in a file of its own."""
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{self.story}-{self.interface.name}-{self.fault.name}.json".replace(" ", "-")
        file.write_text(json.dumps(asdict(self)), encoding="utf-8")


def read(folder: Path) -> list[Row]:
    """The rows that were written into a folder."""
    rows = []
    for file in sorted(folder.glob("*.json")):
        value = json.loads(file.read_text(encoding="utf-8"))
        rows.append(Row(**{**value, "interface": Interface(value["interface"]), "fault": Fault(value["fault"])}))
    return rows


def table(rows: Iterable[Row]) -> str:
    """Markdown: for each interface faults by stories; `n` points tried and survived, or `survived of n`."""
    cells: dict[tuple[Interface, Fault], dict[str, Row]] = defaultdict(dict)
    for row in rows:
        cells[row.interface, row.fault][row.story] = row
    lines: list[str] = []
    for interface, faults in CATALOGUE.items():
        lines += [f"### {_NAMES[interface]}", "", _line("fault", *STORIES, "all"), _line(*["---"] * (len(STORIES) + 2))]
        for fault in faults:
            found = cells[interface, fault]
            shown = [_cell([found[name]] if name in found else []) for name in STORIES]
            lines.append(_line(fault.value, *shown, _cell(found.values())))
        of_all = [row for fault in faults for row in cells[interface, fault].values()]
        sums = [_cell([row for row in of_all if row.story == name]) for name in STORIES]
        lines += [_line("**all**", *sums, _cell(of_all)), ""]
    everything = [row for found in cells.values() for row in found.values()]
    tried, survived = sum(row.tried for row in everything), sum(row.survived for row in everything)
    return f"{tried} points tried, {survived} survived.\n\n" + "\n".join(lines)


def _cell(rows: Iterable[Row]) -> str:
    found = list(rows)
    tried, survived = sum(row.tried for row in found), sum(row.survived for row in found)
    if not tried:
        return "-"
    return str(tried) if tried == survived else f"**{survived} of {tried}**"


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def main(arguments: list[str]) -> None:
    """Print the table; with a document as second argument put it between its marks too."""
    text = table(read(Path(arguments[0])))
    sys.stdout.write(text)
    if len(arguments) > 1:
        document = Path(arguments[1])
        before, _, rest = document.read_text(encoding="utf-8").partition(BEGIN)
        after = rest.partition(END)[2]
        document.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
