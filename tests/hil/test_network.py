from __future__ import annotations

import pytest

from hil.aka import AkaKey, Algorithm, MacFailureError, SynchronisationFailure, respond
from hil.network import AddressPool, Network, Operator, PacketSession, Service, SessionRefusal, Signal, Subscriber

GERMAN = Subscriber("262010000000001", "26201")
BRITISH = Subscriber("234100000000002", "23410")


def test_open_world_has_the_home_of_every_subscriber() -> None:
    network = Network()
    assert [operator.plmn for operator in network.visible(GERMAN)] == ["26201"]
    assert network.reject_cause(GERMAN, network.operator("26201")) is None
    assert network.visible(None) == []


def test_closed_world_has_only_what_was_described() -> None:
    network = Network([Operator("23410")], open_world=False)
    assert [operator.plmn for operator in network.visible(GERMAN)] == ["23410"]


def test_home_comes_first_then_the_stronger_ones() -> None:
    network = Network(
        [
            Operator("20801", signal=Signal(-100)),
            Operator("20810", signal=Signal(-70)),
            Operator("26201", signal=Signal(-120)),
        ]
    )
    assert [operator.plmn for operator in network.visible(GERMAN)] == ["26201", "20810", "20801"]


def test_roaming_needs_an_agreement() -> None:
    operator = Operator("26202", partners=frozenset({"23410"}))
    network = Network([operator])
    assert network.reject_cause(BRITISH, operator) is None
    assert network.reject_cause(GERMAN, operator) == 11


def test_most_specific_service_counts() -> None:
    network = Network(default_service=Service(search_time=9))
    assert network.service(GERMAN, "26201").search_time == 9
    network.set_service(Service(search_time=1), plmn="26201")
    network.set_service(Service(search_time=2), imsi="262")
    network.set_service(Service(search_time=3), imsi="262", plmn="26201")
    network.set_service(Service(search_time=4), imsi=GERMAN.imsi)
    assert network.service(BRITISH, "26201").search_time == 1
    assert network.service(Subscriber("262019", "26201"), "26202").search_time == 2
    assert network.service(Subscriber("262019", "26201"), "26201").search_time == 3
    assert network.service(GERMAN, "26201").search_time == 4
    network.clear_services()
    assert network.service(GERMAN, "26201").search_time == 9


def test_listeners_hear_of_changes_until_they_leave() -> None:
    network, heard = Network(), []
    leave = network.on_change(lambda: heard.append(True))
    network.set_signal("26201", None)
    assert network.visible(GERMAN) == []
    leave()
    network.set_signal("26201", Signal())
    assert heard == [True]


def test_every_session_has_its_own_address() -> None:
    network = Network()
    first = network.open_session(GERMAN, "26201", "", "IP")
    assert isinstance(first, PacketSession)
    network.close_session(first)
    second = network.open_session(GERMAN, "26201", "iot", "IPV4V6")
    assert isinstance(second, PacketSession)
    assert first.address != second.address
    assert (first.apn, second.apn) == ("internet", "iot")


def test_sessions_are_refused_with_their_cause() -> None:
    network = Network()
    assert network.open_session(GERMAN, "26201", "", "IPV6") == SessionRefusal(50)
    network.set_service(Service(session_cause=27))
    assert network.open_session(GERMAN, "26201", "", "IP") == SessionRefusal(27)


def test_a_subscription_knows_its_access_points() -> None:
    network = Network(default_service=Service(apns=("iot.example", "m2m.example")))
    assert network.open_session(GERMAN, "26201", "internet", "IP") == SessionRefusal(27)
    for asked, given in (("M2M.example", "M2M.example"), ("", "iot.example")):
        session = network.open_session(GERMAN, "26201", asked, "IP")
        assert isinstance(session, PacketSession)
        assert session.apn == given


def test_pool_hands_out_all_addresses_in_turn_and_then_none() -> None:
    pool = AddressPool("192.0.2.0/29")
    taken = [pool.take() for _ in range(5)]
    assert taken == ["192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5", "192.0.2.6"]
    assert pool.take() is None
    pool.release("192.0.2.4")
    assert pool.take() == "192.0.2.4"
    with pytest.raises(ValueError, match="no room"):
        AddressPool("192.0.2.0/31")


def test_operator_needs_a_plmn() -> None:
    with pytest.raises(ValueError, match="5 or 6 digits"):
        Operator("262-01")


class Usim:
    """A USIM with a key and a sequence number."""

    def __init__(self, key: AkaKey, sqn: int = 0) -> None:
        self.key = key
        self.sqn = sqn
        self.challenges = 0

    def __call__(self, rand: bytes, autn: bytes) -> bytes | None:
        self.challenges += 1
        try:
            answer = respond(self.key, rand, autn, self.sqn)
        except MacFailureError:
            return None
        if isinstance(answer, SynchronisationFailure):
            return b"\xdc\x0e" + answer.auts
        self.sqn = answer.sqn
        return b"\xdb" + bytes([len(answer.response)]) + answer.response


AKA_KEY = AkaKey(Algorithm.MILENAGE, bytes(range(16)), bytes(16))
CHALLENGED = Subscriber("001010000000001", "00101")


def test_subscriber_without_a_key_is_believed() -> None:
    usim = Usim(AKA_KEY)
    assert Network().authenticate(CHALLENGED, usim)
    assert usim.challenges == 0


def test_subscriber_with_the_right_key_is_admitted_again_and_again() -> None:
    network, usim = Network(), Usim(AKA_KEY)
    network.enrol(CHALLENGED.imsi, AKA_KEY)
    assert [network.authenticate(CHALLENGED, usim) for _ in range(3)] == [True] * 3
    assert usim.challenges == 3


def test_network_that_lost_count_resynchronises() -> None:
    network, usim = Network(), Usim(AKA_KEY, sqn=99_999)
    network.enrol(CHALLENGED.imsi, AKA_KEY)
    assert network.authenticate(CHALLENGED, usim)
    assert usim.challenges == 2


def test_subscriber_with_another_key_or_without_an_answer_is_not_admitted() -> None:
    network = Network()
    network.enrol(CHALLENGED.imsi, AKA_KEY)
    assert not network.authenticate(CHALLENGED, Usim(AkaKey(Algorithm.MILENAGE, bytes(16), bytes(16))))
    assert not network.authenticate(CHALLENGED, lambda _rand, _autn: None)
    assert not network.authenticate(CHALLENGED, lambda _rand, _autn: b"\xdb\x08" + bytes(8))
    assert not network.authenticate(CHALLENGED, lambda _rand, _autn: b"\xdc\x0e" + bytes(14))
