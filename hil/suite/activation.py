"""Activation codes of an SM-DP+ that is not the bench's: what the owner of a board names, each used once.

A code is worth a profile, and whoever reads it may take that profile: no message here quotes one, no `repr` shows one.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from hil.suite.errors import TargetError
from hil.suite.secrecy import Secrets

OPTION: Final = "--activation-codes"
USED_FILE: Final = "used-activation-codes.json"

_LONGEST: Final = 255
_LONGEST_CONFIRMATION: Final = 256
_FORMAT: Final = re.compile(r"(?:LPA:)?1\$([^$\s]+)\$([0-9A-Z-]*)(?:\$([0-9.]*))?(?:\$(1?))?", re.ASCII)
"""SGP.22 4.1: format, address, matching identifier, OID of the SM-DP+, flag that a confirmation code is needed."""
_MEMBERS: Final = frozenset(("code", "confirmation_code"))


class NoCodeError(Exception):
    """There is no activation code left that would do; the message says how many there were."""


@dataclass(frozen=True)
class ActivationCode:
    """An activation code (SGP.22 4.1) with the confirmation code that its SM-DP+ wants, None without one."""

    text: str = field(repr=False)
    confirmation_code: str | None = field(default=None, repr=False)

    @property
    def secret(self) -> str:
        """The part of it that stands for the profile: the matching identifier, all of it where that is empty."""
        found = _FORMAT.fullmatch(self.text)
        return (found[2] if found is not None else "") or self.text

    @property
    def address(self) -> str:
        """Host name of the SM-DP+, with a port where there is one."""
        found = _FORMAT.fullmatch(self.text)
        return found[1] if found is not None else ""

    @property
    def digest(self) -> str:
        """What may be written down of it: SHA-256 of what names the profile, in hexadecimal."""
        return hashlib.sha256(self.text.removeprefix("LPA:").encode()).hexdigest()


def read_codes(value: object, place: str) -> tuple[ActivationCode, ...]:
    """Codes of a list: each is a text, or a table of `code` and `confirmation_code`. Raises TargetError."""
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        raise TargetError(f"{place}: expected a list of activation codes, found {type(value).__name__}")
    return _once([(_code(item, f"{place}[{number}]"), f"{place}[{number}]") for number, item in enumerate(value)])


def read_code_file(path: Path) -> tuple[ActivationCode, ...]:
    """Codes of a text file: one a line, a confirmation code behind it after a space; `#` begins a remark.

    Raises TargetError.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise TargetError(f"{OPTION} {path}: {error.strerror or error}") from error
    except UnicodeDecodeError:
        raise TargetError(f"{OPTION} {path}: expected text in UTF-8") from None
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split(maxsplit=1)
        if words and not line.lstrip().startswith("#"):
            place = f"{OPTION} {path}, line {number}"
            found.append((_made(words[0], words[1].strip() if len(words) > 1 else None, place), place))
    if not found:
        raise TargetError(f"{OPTION} {path}: expected an activation code in a line, found none")
    return _once(found)


def codes_of(config: Any) -> tuple[ActivationCode, ...]:
    """What the option names; `config` is pytest's. Raises TargetError."""
    named = config.getoption("activation_codes", None)
    return () if named is None else read_code_file(Path(named))


def _code(item: object, place: str) -> ActivationCode:
    if isinstance(item, str):
        return _made(item, None, place)
    if not isinstance(item, Mapping):
        raise TargetError(f"{place}: expected an activation code, or a table with `code`, found {type(item).__name__}")
    stray = sorted(str(key) for key in item if key not in _MEMBERS)
    if stray:
        raise TargetError(f"{place}: unknown key {stray[0]!r}, there are {', '.join(sorted(_MEMBERS))}")
    if "code" not in item:
        raise TargetError(f"{place}: missing key 'code'")
    for name, value in item.items():
        if not isinstance(value, str):
            raise TargetError(f"{place}.{name}: expected text in quotes, found {type(value).__name__}")
    return _made(item["code"], item.get("confirmation_code"), place)


def _made(text: str, confirmation_code: str | None, place: str) -> ActivationCode:
    """Check the form; a message tells what is wrong without the code."""
    found = _FORMAT.fullmatch(text)
    if found is None or len(text) > _LONGEST:
        raise TargetError(
            f"{place}: expected an activation code 1$ADDRESS$MATCHING-ID of at most {_LONGEST} characters "
            f"(SGP.22 4.1), found {len(text)} characters that are none"
        )
    if confirmation_code is not None and not 1 <= len(confirmation_code) <= _LONGEST_CONFIRMATION:
        raise TargetError(f"{place}: expected a confirmation code of 1 to {_LONGEST_CONFIRMATION} characters")
    if found[4] and confirmation_code is None:
        raise TargetError(f"{place}: the activation code says that it needs a confirmation code, and none is named")
    return ActivationCode(text, confirmation_code)


def _once(found: Sequence[tuple[ActivationCode, str]]) -> tuple[ActivationCode, ...]:
    places: dict[str, str] = {}
    for code, place in found:
        if (first := places.setdefault(code.digest, place)) != place:
            raise TargetError(f"{place}: the same activation code as {first}; each is used once")
    return tuple(code for code, _ in found)


class NamedCodes:
    """The ability `external-profile` of a board. `memory` is a file that outlives the run: what was used is not tried
    again. A code counts as used once it was taken, whatever came of it."""

    def __init__(self, codes: Sequence[ActivationCode], memory: Path) -> None:
        self._codes = tuple(codes)
        self._memory = memory
        self.secrets = Secrets(text for code in codes for text in (code.secret, code.confirmation_code) if text)

    def hide(self, text: str) -> str:
        return self.secrets.hide(text)

    @property
    def address(self) -> str:
        return self._codes[0].address

    def take(self, count: int = 1, *, by_eim: bool = False) -> list[ActivationCode]:
        used = self._used()
        left = [code for code in self._codes if code.digest not in used]
        fit = [code for code in left if not (by_eim and code.confirmation_code is not None)]
        if len(fit) < count:
            kind = " without a confirmation code" if by_eim else ""
            raise NoCodeError(
                f"the case needs {count} activation code{'s' * (count > 1)}{kind}, {len(fit)} of {len(self._codes)} "
                f"named are left: each is used once, and {self._memory} keeps which were"
            )
        # Those with a confirmation code first where they do: they are of no use to cases with an eIM.
        taken = sorted(fit, key=lambda code: code.confirmation_code is None)[:count]
        self._keep([*used, *(code.digest for code in taken)])
        return taken

    def _used(self) -> list[str]:
        try:
            found = json.loads(self._memory.read_text(encoding="ascii"))
        except FileNotFoundError:
            return []
        except (OSError, ValueError) as error:
            raise TargetError(
                f"{self._memory}: expected a list of the activation codes that were used: {error}"
            ) from error
        if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
            raise TargetError(f"{self._memory}: expected a list of the activation codes that were used")
        return found

    def _keep(self, digests: Sequence[str]) -> None:
        try:
            self._memory.parent.mkdir(parents=True, exist_ok=True)
            beside = self._memory.with_suffix(".new")
            beside.write_text(json.dumps(list(digests), indent=0), encoding="ascii")
            beside.replace(self._memory)
        except OSError as error:
            raise TargetError(f"{self._memory}: {error.strerror or error}") from error
