"""How a case makes the card report a result code: what is prepared, what is done, which number comes back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from hil import codec, tlv
from hil.euicc.config import EuiccCapabilities
from hil.euicc.session import FinishedDownload
from hil.euicc.state import Emergency, ImmediateEnable
from tests.hil.euicc.bench import (
    ENABLE,
    ICCID1,
    ICCID2,
    LIST,
    SMDP,
    Bench,
    key_data,
    psmo,
)

Setup = Callable[[Bench], Any]
Act = Callable[[Bench], Any]


@dataclass(frozen=True)
class Case:
    """`act` makes the card report `code` of `enumeration` after `setup`."""

    enumeration: str
    code: int
    act: Act
    setup: Setup = lambda _bench: None


def first(*commands: bytes | str, eco: bool = False) -> Act:
    return lambda bench: code_of(bench.run(*commands, eco=eco)[0][1])


def last(*commands: bytes | str, eco: bool = False) -> Act:
    return lambda bench: code_of(bench.run(*commands, eco=eco)[-1][1])


def code_of(value: Any) -> Any:
    """The number in a result: itself, the value of an alternative, or the only member."""
    if isinstance(value, tuple) and isinstance(value[0], str):
        return code_of(value[1])
    if isinstance(value, dict) and len(value) == 1:
        return code_of(next(iter(value.values())))
    return value


def function(request: str | bytes, type_name: str, member: str | None = None) -> Act:
    """Call an ES10 function and take one member of its answer."""

    def act(bench: Bench) -> Any:
        value = codec.decode(type_name, bench.es10(request))
        return code_of(value[member] if member else value)

    return act


def knob(**values: Any) -> Setup:
    def setup(bench: Bench) -> None:
        for name, value in values.items():
            setattr(bench.card.knobs, name, value)

    return setup


def force(member: str, code: int = 127) -> Setup:
    return knob(forced_codes={member: code})


def profile(iccid: bytes, **changes: Any) -> Setup:
    return lambda bench: bench.change_profile(iccid, **changes)


def memory(**changes: Any) -> Setup:
    return lambda bench: bench.change(**changes)


def enabled(iccid: bytes | None) -> Setup:
    return lambda bench: bench.change(profiles=bench.state.enabled_only(iccid).profiles)


def both(*setups: Setup) -> Setup:
    def setup(bench: Bench) -> None:
        for one in setups:
            one(bench)

    return setup


def capabilities(**changes: Any) -> Setup:
    return lambda bench: bench.change(
        config=replace(bench.state.config, capabilities=replace(EuiccCapabilities(), **changes))
    )


def eim(
    eim_id: str = "new.example.com",
    *,
    counter: int | None = 0,
    token: int | None = None,
    key: bool = True,
    issuer: bytes | None = None,
) -> bytes:
    """Content of EimConfigurationData."""
    parts = [tlv.build(0x80, eim_id.encode())]
    if counter is not None:
        parts.append(tlv.build(0x83, tlv.integer(counter)))
    if token is not None:
        parts.append(tlv.build(0x84, tlv.integer(token)))
    if key:
        parts.append(key_data())
    if issuer is not None:
        parts.append(tlv.build(0x88, issuer))
    return b"".join(parts)


def add(content: bytes) -> bytes:
    return tlv.build(0xA8, content)


def update(content: bytes) -> bytes:
    return tlv.build(0xAA, content)


def remove(eim_id: str) -> bytes:
    return tlv.build(0xA9, tlv.build(0x80, eim_id.encode()))


def initial(*contents: bytes) -> bytes:
    return tlv.build(0xBF57, tlv.build(0xA0, *(tlv.build(0x30, content) for content in contents)))


def refused(**options: Any) -> Act:
    return lambda bench: bench.refused(bench.package(LIST, **options))[1]


def emergency(bench: Bench) -> None:
    bench.change(emergency=Emergency(ICCID1, ICCID2))


def finished(bench: Bench) -> None:
    """As after a download from the default SM-DP+ in the present session."""
    bench.change(immediate_enable=ImmediateEnable(enabled=True), default_smdp_address=SMDP)
    bench.card.engine.session.finished = FinishedDownload(ICCID1, "2.999.10", SMDP)


def unassociated(bench: Bench) -> None:
    bench.change(eims=())


def rolled(bench: Bench) -> None:
    assert bench.run(psmo(ENABLE, ICCID1, rollback=True)) == [("enableResult", 0)]


def on_fallback(bench: Bench) -> None:
    enabled(ICCID1)(bench)
    assert bench.es10("BF5D038001FF") == bytes.fromhex("BF5D03800100")
    bench.power_up()


def ecall(bench: Bench) -> None:
    bench.change_profile(ICCID1, ecall_indication=True)


def rollback_result(bench: Bench) -> int:
    rolled(bench)
    answer = codec.decode("ProfileRollbackResponse", bench.es10(ROLLBACK))
    _kind, signed = answer["eUICCPackageResult"]
    [(member, code)] = signed["euiccPackageResultDataSigned"]["euiccResult"]
    assert member == "rollbackResult"
    return int(code)


BUSY = knob(cat_busy=True)
UNKNOWN_ISSUER = bytes(20)
ROLLBACK, IMMEDIATE, EMERGENCY_ON = "BF58038001FF", "BF5A038001FF", "BF5B038001FF"
EMERGENCY_OFF, FALLBACK, RETURN = "BF5C038001FF", "BF5D038001FF", "BF5E038001FF"
IMMEDIATE_SETTINGS = "BF59028000"


def unsigned_code(bench: Bench, request: bytes) -> int:
    kind, value = codec.decode("EuiccPackageResult", bench.es10(request))
    assert kind == "euiccPackageErrorUnsigned"
    return int(value["euiccPackageUnsignedErrorCode"])
