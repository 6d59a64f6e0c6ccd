from __future__ import annotations

import ipaddress
import itertools
from collections.abc import Sequence

import pytest

from ipad.errors import NetworkError
from ipad.net.dns_lookup import Lookup, NameServer, Query
from ipad.net.dns_message import RecordType
from tests.ipad.net.name_servers import Data, address, alias, response

NAME = "eim.example.com"
FIRST, SECOND = NameServer(ipaddress.IPv4Address("192.0.2.53")), NameServer(ipaddress.IPv4Address("198.51.100.53"))
V4, V6 = (RecordType.A,), (RecordType.AAAA, RecordType.A)


def lookup(servers: Sequence[NameServer] = (FIRST, SECOND), kinds: Sequence[RecordType] = V4) -> Lookup:
    numbers = itertools.count(1000)
    return Lookup(NAME, kinds, servers, lambda: next(numbers), 0.0)


def only(queries: list[Query]) -> Query:
    assert len(queries) == 1
    return queries[0]


def answer(search: Lookup, query: Query, *records: Data, code: int = 0, flags: int = 0x8180, now: float = 0.1) -> None:
    search.receive(query, response(query.message, records, code=code, flags=flags), now)


def texts(search: Lookup) -> list[str]:
    return [str(found) for found in search.result()]


def test_first_server_is_asked_and_its_answer_is_the_end() -> None:
    search = lookup()
    query = only(search.queries())
    assert query.server == FIRST
    answer(search, query, address(NAME, "192.0.2.1"))
    assert search.done
    assert texts(search) == ["192.0.2.1"]
    assert search.proves


def test_next_server_is_asked_after_silence_and_the_waits_grow() -> None:
    search = lookup()
    asked, moments = [only(search.queries()).server], []
    while len(asked) < 6:
        deadline = search.next_deadline()
        assert deadline is not None
        moments.append(deadline)
        search.timeout(deadline - 0.001)
        assert not search.queries()
        search.timeout(deadline)
        asked.append(only(search.queries()).server)
    assert asked == [FIRST, SECOND] * 3
    assert moments == [3, 6, 12, 18, 30]


def test_late_answer_of_a_server_that_was_given_up_counts() -> None:
    search = lookup()
    late = only(search.queries())
    search.timeout(3.0)
    assert only(search.queries()).server == SECOND
    answer(search, late, address(NAME, "192.0.2.1"), now=4.0)
    assert texts(search) == ["192.0.2.1"]


@pytest.mark.parametrize("code", [1, 2, 4, 5, 9])
def test_server_that_cannot_is_left_at_once(code: int) -> None:
    search = lookup()
    answer(search, only(search.queries()), code=code)
    query = only(search.queries())
    assert query.server == SECOND
    answer(search, query, address(NAME, "192.0.2.1"))
    assert texts(search) == ["192.0.2.1"]


def test_server_that_refers_to_others_is_left() -> None:
    search = lookup()
    answer(search, only(search.queries()), flags=0x8000)
    assert only(search.queries()).server == SECOND


def test_nobody_left_to_ask() -> None:
    search = lookup()
    answer(search, only(search.queries()), code=5)
    answer(search, only(search.queries()), code=2)
    assert search.done
    with pytest.raises(NetworkError, match=r"198\.51\.100\.53:53 answered SERVFAIL") as caught:
        search.result()
    assert caught.value.layer == "dns"
    assert caught.value.answered, "a refusal is a packet that came back"


def test_silence_is_no_packet() -> None:
    search = lookup()
    with pytest.raises(NetworkError, match="no server answered") as caught:
        search.result()
    assert not caught.value.answered


def test_refusal_of_a_server_in_this_device_is_no_packet_of_the_network() -> None:
    search = lookup([NameServer(ipaddress.IPv4Address("127.0.0.1"), remote=False)])
    answer(search, only(search.queries()), code=2)
    with pytest.raises(NetworkError) as caught:
        search.result()
    assert not caught.value.answered
    assert not search.proves


def test_name_that_does_not_exist_is_an_answer() -> None:
    search = lookup()
    answer(search, only(search.queries()), code=3)
    assert search.done
    with pytest.raises(NetworkError, match="does not exist") as caught:
        search.result()
    assert caught.value.answered


def test_name_without_an_address() -> None:
    search = lookup()
    answer(search, only(search.queries()))
    with pytest.raises(NetworkError, match="the name has no address"):
        search.result()


def test_wrong_guesses_are_dropped_and_the_true_answer_counts() -> None:
    search = lookup()
    query = only(search.queries())
    for wrong in (query.identifier + 1, 0):
        search.receive(query, response(query.message, [address(NAME, "192.0.2.66")], identifier=wrong), 0.1)
    search.receive(Query(SECOND, 7, query.question), response(query.message, [address(NAME, "192.0.2.66")]), 0.1)
    assert not search.done
    assert not search.answered
    answer(search, query, address(NAME, "192.0.2.1"))
    assert texts(search) == ["192.0.2.1"]


def test_truncated_answer_is_asked_for_again_over_tcp() -> None:
    search = lookup()
    answer(search, only(search.queries()), flags=0x8380)
    query = only(search.queries())
    assert (query.server, query.stream) == (FIRST, True)
    answer(search, query, address(NAME, "192.0.2.1"))
    assert texts(search) == ["192.0.2.1"]


def test_server_that_truncates_over_tcp_as_well_is_left() -> None:
    search = lookup()
    answer(search, only(search.queries()), flags=0x8380)
    answer(search, only(search.queries()), flags=0x8380)
    assert only(search.queries()).server == SECOND


def test_broken_connection_is_a_reason_to_ask_the_next() -> None:
    search = lookup()
    search.broken(only(search.queries()), "connection refused", 0.1)
    query = only(search.queries())
    assert query.server == SECOND
    search.broken(query, "no route", 0.1)
    with pytest.raises(NetworkError, match=r"198\.51\.100\.53:53: no route"):
        search.result()


def test_alias_without_an_address_is_asked_for_at_the_same_server() -> None:
    search = lookup()
    answer(search, only(search.queries()), alias(NAME, "b.example.net"))
    query = only(search.queries())
    assert (query.server, query.question.name) == (FIRST, "b.example.net")
    answer(search, query, address("b.example.net", "192.0.2.7"))
    assert texts(search) == ["192.0.2.7"]


def test_aliases_without_an_end_are_given_up() -> None:
    search = lookup()
    for number in range(20):
        queries = search.queries()
        if not queries:
            break
        answer(search, only(queries), alias(queries[0].question.name, f"n{number}.example.net"))
    assert search.done
    with pytest.raises(NetworkError, match="more than 8 aliases"):
        search.result()


def test_both_families_are_asked_for_at_once_and_ipv6_comes_first() -> None:
    search = lookup(kinds=V6)
    six, four = search.queries()
    answer(search, four, address(NAME, "192.0.2.1"))
    assert not search.done
    answer(search, six, address(NAME, "2001:db8::1"))
    assert texts(search) == ["2001:db8::1", "192.0.2.1"]


def test_second_family_is_waited_for_a_moment_only() -> None:
    search = lookup(kinds=V6)
    _, four = search.queries()
    answer(search, four, address(NAME, "192.0.2.1"), now=0.5)
    assert search.next_deadline() == 1.5
    search.timeout(1.5)
    assert search.done
    assert texts(search) == ["192.0.2.1"]
    assert not search.queries()


def test_text_that_cannot_be_asked_for() -> None:
    with pytest.raises(NetworkError, match="name not resolved") as caught:
        Lookup("a..b", V4, [FIRST], lambda: 1, 0.0)
    assert not caught.value.transient
