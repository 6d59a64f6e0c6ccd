"""Completion for bash, made from the tree of commands.

The script asks nobody but the command itself, and that only for names of boards: completing an ICCID would cost a
dialogue with the card.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from tools.manual.commands import Argument, Command, Option

_BY_VALUE: Final = {"FILE": "file", "TRACE": "file", "NAME|FILE": "file", "DIR": "directory", "DEVICE": "device"}
_BY_NAME: Final = {"--board": "board", "--personality": "file"}
_BY_ARGUMENT: Final[dict[tuple[str, ...], str]] = {("board", "show"): "board"}

_ENGINE: Final = r"""
@_values() { # KIND CURRENT COMMAND
    local IFS=$'\n'
    case $1 in
        file) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$2")) ;;
        directory) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -d -- "$2")) ;;
        device) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "${2:-/dev/tty}")) ;;
        board) COMPREPLY=($(compgen -W "$("$3" board list --json 2>/dev/null |
            grep -o '"name": *"[^"]*"' | sed 's/.*"\([^"]*\)"$/\1/')" -- "$2")) ;;
        =*) COMPREPLY=($(IFS=' '; compgen -W "${1#=}" -- "$2")) ;;
    esac
}

@() { # COMMAND CURRENT PREVIOUS, as bash calls it
    local path=%PROGRAM% count=0 i word current=${COMP_WORDS[COMP_CWORD]} option= end=$COMP_CWORD
    COMPREPLY=()
    for ((i = 1; i < end; i++)); do
        word=${COMP_WORDS[i]}
        if [[ $word == [=:] ]]; then
            ((i++)) # the second part of a word that bash has cut
        elif [[ $word == -* ]]; then
            [[ -n $(@_option "$path" "$word") && ${COMP_WORDS[i + 1]} != = ]] && ((i++))
        elif [[ " $(@_commands "$path") " == *" $word "* ]]; then
            path+=" $word"
        else
            ((count++))
        fi
    done
    if [[ $current == = ]]; then
        option=${COMP_WORDS[COMP_CWORD - 1]} current=
    elif [[ ${COMP_WORDS[COMP_CWORD - 1]} == = ]]; then
        option=${COMP_WORDS[COMP_CWORD - 2]}
    elif [[ ${COMP_WORDS[COMP_CWORD - 1]} == -* ]]; then
        option=${COMP_WORDS[COMP_CWORD - 1]}
    fi
    word=${option:+$(@_option "$path" "$option")}
    if [[ -n $word ]]; then
        @_values "$word" "$current" "$1"
    elif [[ $current == -* ]]; then
        COMPREPLY=($(compgen -W "$(@_options "$path")" -- "$current"))
    elif [[ -n $(@_commands "$path") ]]; then
        COMPREPLY=($(compgen -W "$(@_commands "$path")" -- "$current"))
    else
        @_values "$(@_argument "$path" "$count")" "$current" "$1"
    fi
}

complete -F @ %PROGRAM%
"""


def script(root: Command) -> str:
    """The completion script of a program; it needs nothing but bash, grep and sed."""
    function = f"_{root.name.replace('-', '_')}"
    commands = list(root.walk())
    parts = [
        f"# Completion of {root.name} for bash, made from its parser by `make man`.",
        "# shellcheck shell=bash disable=SC2207",
        _cases(f"{function}_commands", _by_words((" ".join(one.path), _subcommands(one)) for one in commands)),
        _cases(f"{function}_options", _by_words((" ".join(one.path), _names(one.options)) for one in commands)),
        _cases(f"{function}_option", _values(commands), '"$1 $2"'),
        _cases(f"{function}_argument", _arguments(commands), '"$1 $2"'),
    ]
    engine = _ENGINE.replace("@", function).replace("%PROGRAM%", root.name)
    return "\n".join(parts) + engine


def _cases(function: str, cases: Iterable[tuple[str, str]], subject: str = '"$1"') -> str:
    lines = [f"{function}() {{", f"    case {subject} in"]
    lines += [f"        {patterns}) echo {_quoted(words)} ;;" for patterns, words in cases if words]
    return "\n".join([*lines, "    esac", "}", ""])


def _by_words(entries: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Paths that have the same words share a line."""
    grouped: dict[str, list[str]] = {}
    for path, words in entries:
        grouped.setdefault(words, []).append(_quoted(path))
    return (("|".join(paths), words) for words, paths in grouped.items())


def _values(commands: list[Command]) -> Iterator[tuple[str, str]]:
    """What the value of an option can be; nothing at all is printed for one that takes none."""
    entries: dict[tuple[str, str], list[str]] = {}
    for command in commands:
        for option in command.options:
            for name in option.names if option.value and not option.optional_value else ():
                entries.setdefault((name, option_kind(option)), []).append(" ".join(command.path))
    kinds: dict[str, int] = {}
    for name, _ in entries:
        kinds[name] = kinds.get(name, 0) + 1
    for (name, kind), paths in entries.items():
        everywhere = kinds[name] == 1 and not _flag_elsewhere(commands, name)
        yield f"*{_quoted(' ' + name)}" if everywhere else "|".join(_quoted(f"{path} {name}") for path in paths), kind


def _flag_elsewhere(commands: list[Command], name: str) -> bool:
    flags = (one for command in commands for one in command.options if not one.value or one.optional_value)
    return any(name in flag.names for flag in flags)


def _arguments(commands: list[Command]) -> Iterator[tuple[str, str]]:
    for command in commands:
        for number, argument in enumerate(command.arguments):
            kind = argument_kind(command, argument)
            if kind != "text":
                count = _quoted(f"{number}") if argument.most == 1 else "*"
                yield f"{_quoted(' '.join(command.path) + ' ')}{count}", kind


def option_kind(option: Option) -> str:
    """What completes the value: a kind of the script, `=` with words, or `text` for what nobody can guess."""
    if option.choices:
        return "=" + " ".join(option.choices)
    return _BY_NAME.get(option.names[-1]) or _BY_VALUE.get(option.value, "text")


def argument_kind(command: Command, argument: Argument) -> str:
    """The same for an argument."""
    if argument.choices:
        return "=" + " ".join(argument.choices)
    return _BY_ARGUMENT.get(command.path[1:]) or _BY_VALUE.get(argument.name, "text")


def _subcommands(command: Command) -> str:
    return " ".join(one.name for one in command.commands)


def _names(options: Iterable[Option]) -> str:
    return " ".join(name for option in options for name in option.names)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
