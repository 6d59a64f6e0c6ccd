"""Real cards are protected: what a case may not do to a device that somebody owns."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, cast

from hil import codec, tlv
from hil.eim.content import Content, ContentKind, iccid_text
from hil.suite.abilities import Eim, Gateway
from hil.suite.errors import ProtectionError
from hil.suite.target import Facts


def check_eid(facts: Facts, eid: str) -> None:
    """Refuse a device whose EID was not named. Raises ProtectionError."""
    if not facts.protected:
        return
    if not facts.named_eid:
        raise ProtectionError(
            "the board file names no EID (eid: ...): the suite does not touch an eUICC that was not named"
        )
    if facts.named_eid != eid:
        raise ProtectionError(
            f"the board has the eUICC {eid}, the board file names {facts.named_eid}: nothing was touched"
        )


@dataclass(frozen=True)
class Protection:
    """`profiles` (ICCIDs) and `eims` (eimIds) were there before the suite."""

    profiles: Collection[str]
    eims: Collection[str]

    def check_content(self, wanted: Content) -> None:
        """Refuse a package that deletes what the suite did not bring. Raises ProtectionError."""
        for name, value in _commands(wanted):
            if name == "delete" and (iccid := iccid_text(value["iccid"])) in self.profiles:
                raise ProtectionError(f"profile {iccid} was not installed by the suite: it is not deleted")
            if name == "deleteEim" and value["eimId"] in self.eims:
                raise ProtectionError(f"eIM {value['eimId']} was not added by the suite: it is not deleted")

    def check_words(self, words: Collection[str]) -> None:
        """Refuse a command that does so. Raises ProtectionError."""
        match [word for word in words if not word.startswith("-")]:
            case ["euicc", "reset", *_]:
                raise ProtectionError("a memory reset is not made on a device of somebody's own")
            case ["profile", "delete", iccid, *_] if iccid in self.profiles:
                raise ProtectionError(f"profile {iccid} was not installed by the suite: it is not deleted")


def _commands(wanted: Content) -> list[tuple[str, Mapping[str, Any]]]:
    """Psmo and Eco of a package that can be read; the eUICC refuses what cannot."""
    if wanted.kind is not ContentKind.EUICC_PACKAGE:
        return []
    listed = tlv.single(wanted.body)
    name = "Psmo" if listed.tag == 0xA0 else "Eco"
    found = []
    for command in tlv.children(listed.value):
        try:
            kind, value = codec.decode(name, command.raw)
        except codec.CodecError:
            continue
        if isinstance(value, Mapping):
            found.append((kind, value))
    return found


class _Guarded:
    """Something whose named methods are checked first."""

    def __init__(self, inner: Any, checks: Mapping[str, Callable[..., None]]) -> None:
        self._inner = inner
        self._checks = checks

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        check = self._checks.get(name)
        if check is None:
            return found

        def checked(*args: Any, **options: Any) -> Any:
            check(*args)
            return found(*args, **options)

        return checked


def guarded_eim(eim: Eim, protection: Protection) -> Eim:
    """The eIM, of which no package deletes what is protected."""

    def check(wanted: Content, *_more: Any) -> None:
        protection.check_content(wanted)

    return cast("Eim", _Guarded(eim, {"queue": check, "run": check}))


def guarded_gateway(gateway: Gateway, protection: Protection) -> Gateway:
    """The gateway, on which no command does so."""
    return cast("Gateway", _Guarded(gateway, {"ipad": lambda *words: protection.check_words(words)}))
