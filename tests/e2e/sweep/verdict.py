"""What must hold after any fault at any point: nothing lost, nothing counted twice, nothing half done, and online."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from hil.eim.history import Record, RecordKind
from hil.eim.verification import read_package_result
from hil.euicc.state import CardState
from hil.smdp.orders import ProfileState
from ipad.errors import IpadError
from ipad.ids import Eid
from ipad.state.journal import Journal
from ipad.state.store import StateStore
from tests.e2e.scenarios.smdp import NEW
from tests.e2e.sweep.catalogue import Fault
from tests.e2e.sweep.witness import Made
from tests.e2e.sweep.world import World

_GARBLING = (
    Fault.FLIPPED,
    Fault.GARBAGE,
    Fault.NOISE,
    Fault.WRONG_TAG,
    Fault.WRONG_LENGTH,
    Fault.DUPLICATE,
    Fault.REORDER,
)
"""Faults that can change what is inside of a signed object on its way out of the card."""
_DAMAGING = (Fault.DAMAGED, Fault.CUT_OFF)
_POLLS_A_DAY = 2
_MANAGE_CHANNEL, _SELECT = "0070", "A404"


def violations(world: World, polls_when_clean: tuple[int, ...] | None) -> list[str]:
    """Everything that is not as it must be; `polls_when_clean`: polls of this story without a fault."""
    found = [*_settled(world), *_told(world), *_counted(world), *_whole(world), *_state_files(world), *_process(world)]
    if polls_when_clean is not None:
        found += _polls(world, polls_when_clean)
    return found


def _settled(world: World) -> Iterator[str]:
    left = world.unsettled()
    if left:
        yield f"not finished after {world.now / 3600:.1f} h: {left}"
        return
    ends = world.story.ends(world)
    if world.enabled not in ends:
        outcomes = [str(package.outcome) for package in world.packages]
        yield f"profile {world.enabled} is enabled, expected {ends} (outcomes {outcomes})"
    try:
        if not world.online:
            yield "the device is offline"
    except AssertionError as error:
        yield str(error)
    if world.device.port.in_use:
        yield "the port is still open"


def _records(world: World) -> list[Record]:
    return [*world.device.eim.history.records, *world.device.eim2.history.records]


def _told(world: World) -> Iterator[str]:
    """No signed result and no notification was lost.

    The agent does not check signatures: what was changed on its way out of the card inside of a signed object arrives
    as something that is not genuine. Of a result the genuine one has to follow; a notification counts as told, because
    an eIM acknowledges it all the same.
    """
    told = {bytes.fromhex(part) for record in _records(world) for part in _signed(record)}
    told |= set(world.servers.smdp.notifications)
    ungenuine = {record.details.get("seqNumber") for record in _records(world) if not record.verified}
    point = world.gates.point
    garbled = point is not None and point.fault in _GARBLING
    for made in (*world.witness.results.values(), *world.witness.notifications.values()):
        lost = made.number not in world.witness.withdrawn and made.raw not in told
        excused = garbled and made.number in ungenuine and made.number in world.witness.notifications
        if lost and not excused:
            yield f"{made.what} {made.number} was lost"
    if ungenuine and not garbled:
        yield f"what an eIM got is not genuine: {ungenuine}"


def _signed(record: Record) -> Iterator[str]:
    """The signed objects of a record, in hexadecimal."""
    if record.kind in (RecordKind.RESULT, RecordKind.NOTIFICATION):
        yield record.raw


def _counted(world: World) -> Iterator[str]:
    """Nothing was delivered so that an eIM or an SM-DP+ could count it twice; nothing was executed twice."""
    news: dict[int, list[str]] = defaultdict(list)
    for record in _records(world):
        # What is not genuine counts nowhere.
        if not record.news or not record.verified:
            continue
        if record.package is not None and record.kind.value in ("result", "download", "package-error"):
            news[record.package + (1000 if record in world.device.eim2.history.records else 0)].append(record.summary)
    for number, summaries in news.items():
        if len(summaries) > 1:
            yield f"package {number} has {len(summaries)} results: {summaries}"
    executed = [
        _package_of(made) for made in world.witness.results.values() if made.number not in world.witness.withdrawn
    ]
    if len(executed) != len(set(executed)):
        yield f"a package was executed twice: {executed}"
    if len(world.witness.switches) > len(set(world.witness.switches)) + 1:
        yield f"profiles went to and fro: {world.witness.switches}"
    installed = [item for item in world.servers.smdp.reports if item.reason is None]
    if len({item.transaction_id for item in installed}) > 1:
        yield "the SM-DP+ was told of two installations"


def _package_of(made: Made) -> tuple[bytes | None, int | None]:
    result = read_package_result(made.raw)
    return result.transaction_id, result.counter


def _whole(world: World) -> Iterator[str]:
    """No half profile, no session that is left open."""
    engine = world.device.card.engine
    state: CardState = engine.state
    iccids = [profile.iccid for profile in state.profiles]
    if len(iccids) != len(set(iccids)):
        yield "a profile is there twice"
    for profile in state.profiles:
        if not profile.files or not profile.imsi:
            yield f"profile {profile.digits} is not whole"
    if engine.session.loader is not None:
        yield "a package is half loaded"
    if engine.session.server is not None and engine.session.finished is None:
        yield "an RSP session is open on the card"
    if state.pending_switch is not None:
        yield "a switch is not carried out"
    order = world.servers.order
    if NEW in world.device.states and order.state is not ProfileState.INSTALLED:
        yield f"the profile is installed, the SM-DP+ has it as {order.state}"
    extra = [number for number in world.device.card._channels.numbers if number]
    struck = world.gates.struck or ""
    if extra and not struck.startswith((_MANAGE_CHANNEL, "AT+CCHO", "AT+CCHC")) and struck[2:6] != _SELECT:
        # Who opens a channel and says that it did not, or the other way round, keeps it until the card is reset.
        yield f"channels {extra} are open"


def _state_files(world: World) -> Iterator[str]:
    folder = world.device.folder / "state"
    damaging = world.gates.point is not None and world.gates.point.fault in _DAMAGING
    try:
        journal = Journal.open(StateStore(world.device.journal), Eid.parse(world.device.card.eid))
        policy = StateStore(folder / "policy.cbor").load()
    except IpadError as error:
        yield f"state file: {error}"
        return
    content = journal.content
    for name in ("marker", "download"):
        if getattr(content, name) is not None:
            yield f"the journal has a {name}"
    if content.undelivered:
        yield f"the journal has {len(content.undelivered)} results"
    if content.direct_results:
        yield f"the journal has direct results {content.direct_results}"
    if journal.notice is not None or policy.notice is not None:
        yield f"state file: {journal.notice or policy.notice}"
    if not damaging and list(folder.glob("*.corrupt-*")):
        yield "a state file was damaged"


def _process(world: World) -> Iterator[str]:
    """The agent ends by itself only where there is no memory."""
    for error in world.ends:
        if not isinstance(error, MemoryError):
            yield f"the agent ended: {error!r}"
    yield from world.unhandled


def _polls(world: World, when_clean: tuple[int, ...]) -> Iterator[str]:
    """An eIM is asked once more at the most, beside what the schedule and its operator want."""
    scheduled = int(world.now / 86_400 * _POLLS_A_DAY) + 2 * world.orders_again
    for polls, clean in zip(world.polls_of_each, when_clean, strict=True):
        if polls - clean - scheduled > 1:
            yield f"{polls - clean - scheduled} polls more than without a fault ({world.now / 3600:.1f} h)"
