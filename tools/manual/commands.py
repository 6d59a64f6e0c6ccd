"""The tree of commands behind a parser of argparse, as plain data."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Option:
    """An option: its names, how its value is called (empty: it takes none), which values there are if they are few."""

    names: tuple[str, ...]
    value: str
    choices: tuple[str, ...]
    text: str
    optional_value: bool = False
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Argument:
    """A positional argument; `least` and `most` values of it are taken, `most` None: any number."""

    name: str
    choices: tuple[str, ...]
    text: str
    least: int = 1
    most: int | None = 1


@dataclass(frozen=True, slots=True)
class Command:
    """A command with the words that lead to it, the program first. It has sub-commands, or arguments, not both."""

    path: tuple[str, ...]
    text: str
    options: tuple[Option, ...]
    arguments: tuple[Argument, ...]
    commands: tuple[Command, ...]

    @property
    def name(self) -> str:
        """The last of its words."""
        return self.path[-1]

    def find(self, word: str) -> Command | None:
        """The sub-command of that name."""
        return next((command for command in self.commands if command.name == word), None)

    def walk(self) -> Iterator[Command]:
        """This command and all below it."""
        yield self
        for command in self.commands:
            yield from command.walk()

    def leaves(self) -> Iterator[Command]:
        """The commands that do something."""
        return (command for command in self.walk() if not command.commands)


def tree(parser: argparse.ArgumentParser, path: tuple[str, ...] | None = None, text: str = "") -> Command:
    """Read a parser with all that is below it."""
    path = path or (parser.prog,)
    options: list[Option] = []
    arguments: list[Argument] = []
    commands: list[Command] = []
    for action in parser._actions:  # noqa: SLF001 - argparse has no public way to list them
        if action.help == argparse.SUPPRESS:
            continue
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - nor a public name of this class
            commands.extend(_subcommands(action, path))
        elif action.option_strings:
            options.append(_option(action))
        else:
            arguments.append(_argument(action))
    return Command(path, text or parser.description or "", tuple(options), tuple(arguments), tuple(commands))


def _subcommands(action: argparse._SubParsersAction[argparse.ArgumentParser], path: tuple[str, ...]) -> list[Command]:
    texts = {choice.dest: choice.help or "" for choice in action._choices_actions}  # noqa: SLF001 - as above
    return [tree(parser, (*path, name), texts.get(name, "")) for name, parser in action.choices.items()]


def _option(action: argparse.Action) -> Option:
    takes = action.nargs != 0
    value = (action.metavar if isinstance(action.metavar, str) else action.dest.upper()) if takes else ""
    if takes and action.choices and not action.metavar:
        value = "|".join(_choices(action))
    return Option(
        tuple(sorted(action.option_strings, key=lambda name: name.startswith("--"))),
        value,
        _choices(action),
        _text(action),
        optional_value=action.nargs == "?",
        repeated=isinstance(action, argparse._AppendAction | argparse._CountAction),  # noqa: SLF001 - no public names
    )


def _argument(action: argparse.Action) -> Argument:
    name = action.metavar if isinstance(action.metavar, str) else action.dest.upper().replace("_", "-")
    if action.choices and not action.metavar:
        name = "|".join(_choices(action))
    least, most = {"?": (0, 1), "*": (0, None), "+": (1, None)}.get(str(action.nargs), (1, 1))
    return Argument(name, _choices(action), _text(action), least, most)


def _choices(action: argparse.Action) -> tuple[str, ...]:
    return tuple(str(choice) for choice in action.choices or ())


def _text(action: argparse.Action) -> str:
    return (action.help or "").replace("%%", "%")
