"""AT command lines taken apart (V.250 5.2 to 5.4): basic commands, S-parameters, extended commands, concatenation."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from hil.modem.reply import ERROR, Cme, Refused, refuse

_BASIC = re.compile(r"(&?[A-Z])(\d*)", re.IGNORECASE)
_REGISTER = re.compile(r"S(\d{1,3})(=\d*|\?)", re.IGNORECASE)
_EXTENDED = re.compile(r"([+!#$%^*\\&][A-Z0-9_.:\-/]+)\s*(=\?|\?|=)?(.*)", re.IGNORECASE | re.DOTALL)
_MAX_DIGITS = 10
_EXTENDED_START = "+!#$%^*\\"


class Form(Enum):
    """The four forms of an extended command."""

    EXECUTE = ""
    READ = "?"
    TEST = "=?"
    SET = "="


@dataclass(frozen=True)
class Argument:
    """One parameter between two commas."""

    text: str
    quoted: bool = False


@dataclass(frozen=True)
class Command:
    """One command of a line. `name` is in upper case with its leading character, e.g. `+CPIN`, `E`, `&F`, `S3`."""

    name: str
    form: Form
    arguments: tuple[Argument, ...] = ()

    def __str__(self) -> str:
        return self.name + self.form.value

    def text(self, index: int, default: str | None = None) -> str:
        """Parameter `index` as text; an absent one is `default`.

        Raises:
            Refused: with incorrect parameters when it is absent and there is no default.
        """
        if index < len(self.arguments) and (self.arguments[index].text or self.arguments[index].quoted):
            return self.arguments[index].text
        if default is None:
            raise refuse(Cme.INCORRECT_PARAMETERS)
        return default

    def number(self, index: int, default: int | None = None, *, among: range | None = None) -> int:
        """Parameter `index` as a decimal number.

        Raises:
            Refused: with incorrect parameters when it is absent without default, no number, or not in `among`.
        """
        text = self.text(index, None if default is None else str(default))
        well_formed = text.isascii() and text.isdecimal() and len(text) <= _MAX_DIGITS
        if not well_formed or (among is not None and int(text) not in among):
            raise refuse(Cme.INCORRECT_PARAMETERS)
        return int(text)

    def quoted(self, index: int) -> bool:
        return index < len(self.arguments) and self.arguments[index].quoted


def _split_quoted(text: str, separator: str) -> list[str]:
    parts, start, inside = [], 0, False
    for position, character in enumerate(text):
        if character == '"':
            inside = not inside
        elif character == separator and not inside:
            parts.append(text[start:position])
            start = position + 1
    parts.append(text[start:])
    return parts


def parse_arguments(text: str) -> tuple[Argument, ...]:
    """Parameters of a set command; blanks round them do not count.

    Raises:
        Refused: `ERROR` for a quotation mark that is not closed or stands inside a value.
    """
    if not text.strip():
        return ()
    arguments = []
    for part in _split_quoted(text, ","):
        value = part.strip()
        quoted = len(value) >= 2 and value[0] == value[-1] == '"'
        inner = value[1:-1] if quoted else value
        if '"' in inner:
            raise Refused(ERROR)
        arguments.append(Argument(inner, quoted))
    return tuple(arguments)


def _extended(text: str) -> Command:
    match = _EXTENDED.fullmatch(text.strip())
    if match is None:
        raise Refused(ERROR)
    name, mark, rest = match[1].upper(), match[2] or "", match[3].strip()
    form = Form(mark)
    if form is Form.SET:
        return Command(name, form, parse_arguments(rest))
    if rest:
        raise Refused(ERROR)
    return Command(name, form)


def parse_line(body: str) -> list[Command]:
    """The commands of one line, `body` being what follows `AT`; an empty body is no command at all.

    Basic commands may follow each other directly, extended ones are parted by semicolons.

    Raises:
        Refused: `ERROR` for anything that is no command.
    """
    commands: list[Command] = []
    rest = body.strip()
    while rest:
        if rest[0] == ";":
            rest = rest[1:].lstrip()
        elif rest[0] in _EXTENDED_START:
            head = _split_quoted(rest, ";")[0]
            commands.append(_extended(head))
            rest = rest[len(head) :].lstrip()
        elif rest[0] in "Dd":
            commands.append(Command("D", Form.SET, (Argument(rest[1:]),)))
            rest = ""
        elif register := _REGISTER.match(rest):
            value = register[2]
            form = Form.READ if value == "?" else Form.SET
            commands.append(Command(f"S{int(register[1])}", form, () if value == "?" else (Argument(value[1:]),)))
            rest = rest[register.end() :].lstrip()
        elif basic := _BASIC.match(rest):
            commands.append(Command(basic[1].upper(), Form.EXECUTE, (Argument(basic[2]),)))
            rest = rest[basic.end() :].lstrip()
        else:
            raise Refused(ERROR)
    return commands
