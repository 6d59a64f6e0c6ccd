"""Small parts of the suite: marks, limits, configuration text, views of packages, the agent's socket."""

from __future__ import annotations

import json
import socket
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hil.eim.association import PackageState
from hil.eim.history import Check, Record, RecordKind
from hil.suite.abilities import PackageView, missing
from hil.suite.limits import HARDWARE, Limits, with_changes
from hil.suite.marks import MarkError, case, fresh, needs, read_marks, variant
from hil.suite.toml_text import dumps, merged
from hil.suite.virtual.control import Call, call_for, send

# Marks


def test_marks_add_up() -> None:
    marks = [case("3.1", title="Told").mark, case("3.1", "SGP.22 5.7.4").mark, needs("power", "network").mark]
    found = read_marks("test_it", marks)
    assert found.sections == ("3.1", "SGP.22 5.7.4")
    assert found.title == "Told"
    assert found.abilities == {"power", "network"}
    assert (found.fresh, found.device) == (False, ())


def test_devices_of_their_own_need_the_ability_for_it() -> None:
    one = read_marks("test_it", [case("3.1").mark, fresh(indirect=("eim1",)).mark])
    assert (one.fresh, one.device) == (True, (("indirect", ("eim1",)),))
    other = read_marks("test_it", [case("3.1").mark, variant(link="nb-iot").mark])
    assert (other.fresh, other.device) == (False, (("link", "nb-iot"),))
    assert one.abilities == other.abilities == {"fresh"}


@pytest.mark.parametrize(
    "section", ["3", "5.14.5", "2.4a.1.2", "SGP.22 3.1.3", "TS 24.301 9.9.4.4", "RFC 8446 4.6.1", "Annex B.2"]
)
def test_sections_are_numbers_with_or_without_a_document(section: str) -> None:
    assert read_marks("test_it", [case(section).mark]).sections == (section,)


@pytest.mark.parametrize("section", ["", "3.", "the third", "SGP.32", 3.1])
def test_anything_else_is_no_section(section: object) -> None:
    with pytest.raises(MarkError, match="no section"):
        read_marks("test_it", [case(section).mark])


def test_missing_abilities_are_named_in_order() -> None:
    assert missing(("power", "fresh", "network"), ("network",)) == ["fresh", "power"]


# Limits


def test_limits_are_changed_by_name() -> None:
    assert with_changes(HARDWARE, {"poll": 20}) == Limits(**{**vars(HARDWARE), "poll": 20.0})


@pytest.mark.parametrize("changes", [{"pole": 1}, {"poll": 0}, {"poll": "1"}, {"poll": True}])
def test_wrong_limits_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"limits[.:]"):
        with_changes(HARDWARE, changes)


# Configuration text


def test_configuration_is_read_as_it_was_written() -> None:
    value = {
        "esipa": {"retry_delays": [0.2, 1], "x": 'a"b\\c\n€'},
        "eim": {"eim.example.com": {"enabled": False}},
        "bearer": {"apn": [{"apn": "one", "iccid": "89"}, {"apn": "two"}]},
        "plain": 1,
    }
    assert tomllib.loads(dumps(value)) == value


def test_tables_of_a_case_go_over_those_of_the_suite() -> None:
    base = {"rsp": {"a": 1, "b": [1]}, "net": {"c": 1}}
    assert merged(base, {"rsp": {"b": [2], "d": 3}}) == {"rsp": {"a": 1, "b": [2], "d": 3}, "net": {"c": 1}}


# Packages


def view(*records: Record) -> PackageView:
    return PackageView(1, "enable", PackageState.CLOSED, None, "", b"\x01", 1, 1, 1, records)


def result(decoded: object, *checks: Check, news: bool = True) -> Record:
    return Record(1, 0.0, "", RecordKind.RESULT, "ProvideEimPackageResult", "", news, 1, checks, "3000", decoded)


def test_result_codes_are_told_in_order() -> None:
    signed = {"dataToSign": {"euiccResult": [{"enableResult": 0}, {"deleteResult": 2}]}}
    assert view(result({"euiccPackageResultSigned": signed})).codes == [("enableResult", 0), ("deleteResult", 2)]


def test_repeated_result_counts_once() -> None:
    assert view(result({"a": 1}), result({"a": 1}, news=False)).results == [{"a": 1}]


@pytest.mark.parametrize(
    ("passed", "verified"), [((), False), ((None,), False), ((True, None), True), ((True, False), False)]
)
def test_package_is_verified_if_something_was_checked_and_nothing_failed(
    passed: tuple[bool | None, ...], verified: bool
) -> None:
    assert view(result({}, *(Check("counterValue", item) for item in passed))).verified is verified


def test_package_whose_signature_nobody_could_check_is_not_verified() -> None:
    checked = Check("counterValue", passed=True)
    assert view(result({}, checked, Check("signature", passed=True))).verified
    assert not view(result({}, checked, Check("signature", passed=None))).verified


# The agent's socket


@contextmanager
def answering(path: Path, status: int, body: bytes) -> Iterator[list[bytes]]:
    """A server that answers once."""
    heard: list[bytes] = []
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen(1)

        def serve() -> None:
            peer, _ = server.accept()
            with peer:
                request = b""
                while b"\r\n\r\n" not in request or (request.startswith(b"POST") and not request.endswith(b"}")):
                    request += peer.recv(65536)
                heard.append(request)
                peer.sendall(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body))

        thread = threading.Thread(target=serve)
        thread.start()
        yield heard
        thread.join()


@pytest.mark.parametrize(
    ("status", "value", "code"),
    [
        (200, {"ok": True}, 0),
        (200, {"ok": False, "exit_code": 75}, 75),
        (409, {"ok": False, "error": {"exit_code": 4, "name": "catBusy"}}, 4),
        (500, {}, 1),
    ],
)
def test_answer_has_the_exit_code_of_the_command(
    tmp_path: Path, status: int, value: dict[str, object], code: int
) -> None:
    path = tmp_path / "s"
    with answering(path, status, json.dumps(value).encode()) as heard:
        answer = send(path, Call("POST", "/v1/poll", {"eim_id": "one"}), 5.0)
    assert (answer.code, answer.value) == (code, value)
    assert answer.error == value.get("error", {})
    assert b"POST /v1/poll?wait=1 " in heard[0]


def test_answer_that_is_no_object_is_an_error(tmp_path: Path) -> None:
    with answering(tmp_path / "s", 200, b"[1]"), pytest.raises(ValueError, match="expected an object"):
        send(tmp_path / "s", Call("GET", "/v1/status"), 5.0)


def test_no_agent_is_a_connection_that_fails(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        send(tmp_path / "missing", Call("GET", "/v1/status"), 1.0)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("poll", "one"), Call("POST", "/v1/poll", {"eim_id": "one"})),
        (("profile", "info", "89"), Call("GET", "/v1/profiles/89")),
        (("status",), Call("GET", "/v1/status")),
        (("euicc", "reset", "--eim", "--yes"), None),
        (("profile", "delete", "89"), None),
        ((), None),
    ],
)
def test_commands_without_a_call_are_left_to_the_command_line(words: tuple[str, ...], expected: Call | None) -> None:
    assert call_for(words) == expected
