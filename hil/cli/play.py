"""`ipad-hil play`: arguments and what they do."""

from __future__ import annotations

import argparse
import json
import tomllib
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from hil.cli.client import ControlClient, ControlError
from hil.cli.rsp import Commands
from hil.cli.show import print_line

Action = Callable[[ControlClient, Namespace], int]


def add_play(commands: Commands[argparse.ArgumentParser], control: argparse.ArgumentParser) -> None:
    """The command `play`."""
    play = commands.add_parser("play", help="radio scenarios on the rig").add_subparsers(
        dest="verb", required=True, metavar="VERB"
    )
    play.add_parser("list", parents=[control], help="scenarios that are shipped")
    start = play.add_parser("start", parents=[control], help="begin one, in place of the one before")
    start.add_argument("scenario", metavar="NAME|FILE", help="a shipped one, or a file in TOML or JSON")
    play.add_parser("show", parents=[control], help="what happened so far")
    play.add_parser("stop", parents=[control], help="let nothing more happen")


def _start(client: ControlClient, options: Namespace) -> int:
    path = Path(options.scenario)
    body = {"script": _script(path)} if path.suffix in (".toml", ".json") else {"scenario": options.scenario}
    return _tell(client.post("/play", body))


def _script(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
        script = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except (OSError, ValueError) as error:
        raise ControlError(f"{path}: {error}") from error
    if not isinstance(script, dict):
        raise ControlError(f"{path}: expected a table")
    return {"name": path.stem, **script}


def _list(client: ControlClient, _options: Namespace) -> int:
    for name in client.get("/play")["scenarios"]:
        print_line(name)
    return 0


def _tell(found: dict[str, Any]) -> int:
    if found["name"] is None:
        print_line("nothing is played")
        return 0
    print_line(f"{found['name']}: {found['about']}")
    for entry in found["timeline"]:
        print_line(f"{entry['at']:10.1f} s  {entry['text']}")
    return 0


PLAY_ACTIONS: Final[dict[tuple[str, str | None], Action]] = {
    ("play", "list"): _list,
    ("play", "start"): _start,
    ("play", "show"): lambda client, _options: _tell(client.get("/play")),
    ("play", "stop"): lambda client, _options: _tell(client.delete("/play")),
}
