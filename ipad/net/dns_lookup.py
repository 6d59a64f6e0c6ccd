"""The search for the addresses of one name, sans-IO: which server is asked what and when, and what the answers mean.

Both families are asked for at the same time, one server after the other: the next one when a server refuses or stays
silent for a while, which grows with each round. Late answers count. What is no answer to a query of ours is dropped
without a word, so that whoever guesses one has to guess identifier and port before the true answer is there.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Final

from ipad.errors import CodecError, NetworkError
from ipad.net.dns_message import Address, Question, RecordType, ResponseCode, decode_answer, encode_query
from ipad.records import dataclass, field

logger = logging.getLogger(__name__)

_FIRST_WAIT: Final = 3.0
_LONGEST_WAIT: Final = 12.0
_MOST_ALIASES: Final = 8
_FAMILY_GRACE: Final = 1.0
"""Seconds that the second family gets when the first has addresses: networks exist that drop queries for AAAA."""


@dataclass(frozen=True, slots=True)
class NameServer:
    """Where to ask. `remote`: its answer can only have come over the network, and not from a cache in this device."""

    address: Address
    port: int = 53
    remote: bool = True

    def __str__(self) -> str:
        return f"{self.address}:{self.port}" if self.address.version == 4 else f"[{self.address}]:{self.port}"


@dataclass(frozen=True, slots=True)
class Query:
    """Something to send: over UDP from a new port, or (`stream`) over TCP because the answer was truncated."""

    server: NameServer
    identifier: int
    question: Question
    stream: bool = False

    @property
    def message(self) -> bytes:
        """The bytes, for TCP without the length before them (RFC 1035 4.2.2)."""
        return encode_query(self.identifier, self.question)


@dataclass
class _Search:
    """The search for one type."""

    question: Question
    position: int = 0
    """Counts the servers that were asked, round after round."""
    wait: float = _FIRST_WAIT
    deadline: float = 0.0
    aliases: int = 0
    failed: set[NameServer] = field(default_factory=set)
    addresses: tuple[Address, ...] | None = None
    """None: not known yet; empty: the name has none of this type."""


class Lookup:
    """One name and its types. Take `queries` after each call, ask `next_deadline`, until `done`.

    `identifiers` draws numbers from 0 to 65535 that nobody can guess. Times are seconds of a monotonic clock. Raises
    NetworkError (layer dns) for a name that cannot be asked for.
    """

    def __init__(
        self,
        name: str,
        kinds: Sequence[RecordType],
        servers: Sequence[NameServer],
        identifiers: Callable[[], int],
        now: float,
    ) -> None:
        self.name = name.lower().removesuffix(".")
        self._servers = tuple(dict.fromkeys(servers))
        self._identifiers = identifiers
        self._outgoing: list[Query] = []
        self._open: list[Query] = []
        self._searches = [_Search(Question(self.name, kind)) for kind in kinds]
        self._failure = "no server answered"
        self.answered: set[NameServer] = set()
        """Servers that sent anything to the point, even if only a refusal."""
        self.codes: set[int] = set()
        """Codes of what they sent."""
        try:
            encode_query(0, Question(self.name, RecordType.A))
        except CodecError as error:
            raise NetworkError(f"{name}: name not resolved: {error}", layer="dns", transient=False) from error
        for search in self._searches:
            self._ask(search, now)

    @property
    def done(self) -> bool:
        """Whether everything is known, or nobody is left to ask."""
        return all(self._settled(search) for search in self._searches)

    def queries(self) -> list[Query]:
        """What is to be sent now; handed out once."""
        taken, self._outgoing = self._outgoing, []
        return taken

    def next_deadline(self) -> float | None:
        """When to call `timeout`; None when nothing is waited for."""
        return min((search.deadline for search in self._searches if not self._settled(search)), default=None)

    def timeout(self, now: float) -> None:
        """Ask the next server where one stayed silent; a late family is not waited for when there is another."""
        found = any(search.addresses for search in self._searches)
        for search in self._searches:
            if self._settled(search) or search.deadline > now:
                continue
            if found:
                search.addresses = ()
            else:
                self._ask(search, now)

    def receive(self, query: Query, message: bytes, now: float) -> None:
        """Take what came for a query; what is no answer to it is dropped."""
        if query not in self._open:
            return
        try:
            answer = decode_answer(message, query.identifier, query.question)
        except CodecError as error:
            logger.debug("%s: dropped %d bytes from %s: %s", self.name, len(message), query.server, error)
            return
        self.answered.add(query.server)
        self.codes.add(answer.code)
        search = next((item for item in self._searches if item.question == query.question), None)
        if search is None or search.addresses is not None:
            return
        if answer.truncated and not query.stream:
            self._send(Query(query.server, self._identifiers(), query.question, stream=True))
            search.deadline = now + _LONGEST_WAIT
        elif answer.truncated or answer.lame or answer.code not in (ResponseCode.NOERROR, ResponseCode.NXDOMAIN):
            reason = "REFERRAL" if answer.lame else "TRUNCATED" if answer.truncated else _code(answer.code)
            self._fail(search, query.server, reason, now)
        elif answer.alias is not None:
            self._follow(search, answer.alias, query.server, now)
        else:
            missing = "the name does not exist" if answer.code == ResponseCode.NXDOMAIN else "the name has no address"
            self._found(search, answer.addresses, now, missing)

    def broken(self, query: Query, reason: str, now: float) -> None:
        """A query could not be sent, or its answer not be received."""
        search = next((item for item in self._searches if item.question == query.question), None)
        if query in self._open and search is not None and search.addresses is None:
            self._fail(search, query.server, reason, now)

    def result(self) -> tuple[Address, ...]:
        """The addresses in the order of the types. Raises NetworkError (layer dns) when there are none."""
        found = tuple(address for search in self._searches for address in search.addresses or ())
        if found:
            return found
        raise NetworkError(f"{self.name}: name not resolved: {self._failure}", layer="dns", answered=self.proves)

    @property
    def proves(self) -> bool:
        """Whether a server beyond this device answered."""
        return any(server.remote for server in self.answered)

    def _settled(self, search: _Search) -> bool:
        return search.addresses is not None or len(search.failed) == len(self._servers)

    def _ask(self, search: _Search, now: float) -> None:
        """Ask the next server that has not failed; there is one, or the search is settled."""
        if self._settled(search):
            return
        while True:
            server = self._servers[search.position % len(self._servers)]
            if search.position and search.position % len(self._servers) == 0:
                search.wait = min(search.wait * 2, _LONGEST_WAIT)
            search.position += 1
            if server not in search.failed:
                break
        self._send(Query(server, self._identifiers(), search.question))
        search.deadline = now + search.wait

    def _send(self, query: Query) -> None:
        self._outgoing.append(query)
        self._open.append(query)

    def _fail(self, search: _Search, server: NameServer, reason: str, now: float) -> None:
        self._failure = f"{server} answered {reason}" if server in self.answered else f"{server}: {reason}"
        search.failed.add(server)
        self._ask(search, now)

    def _follow(self, search: _Search, alias: str, server: NameServer, now: float) -> None:
        search.aliases += 1
        if search.aliases > _MOST_ALIASES:
            self._found(search, (), now, f"more than {_MOST_ALIASES} aliases, one after the other")
            return
        search.question = Question(alias, search.question.kind)
        search.position = self._servers.index(server)
        self._ask(search, now)

    def _found(self, search: _Search, addresses: tuple[Address, ...], now: float, missing: str) -> None:
        search.addresses = addresses
        if not addresses:
            self._failure = missing
            return
        for other in self._searches:
            if other.addresses is None:
                other.deadline = min(other.deadline, now + _FAMILY_GRACE)


def _code(code: int) -> str:
    try:
        return ResponseCode(code).name
    except ValueError:
        return f"code {code}"
