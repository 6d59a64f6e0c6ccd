"""Progress as lines, as JSON and as a bar."""

from __future__ import annotations

import io
import json

from ipad.cli.progress import listener
from ipad.procedures.progress import ProgressEvent, Stage, entered, within


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def events() -> list[ProgressEvent]:
    loading = [within(Stage.INSTALLING, done, 100) for done in range(0, 101, 5)]
    return [
        entered(Stage.CONTACTING, "smdp.example.com"),
        entered(Stage.INSTALLING, "100 bytes"),
        *loading,
        entered(Stage.DONE),
    ]


def shown(stream: io.StringIO, **options: bool) -> str:
    show = listener(stream, **options)
    for event in events():
        show(event)
    return stream.getvalue()


def test_lines_name_stages_and_tenths() -> None:
    assert shown(io.StringIO()).splitlines() == [
        "  0 % contacting smdp.example.com",
        " 40 % installing 100 bytes",
        " 51 % installing",
        " 62 % installing",
        " 70 % installing",
        " 81 % installing",
        " 92 % installing",
        "100 % done",
    ]


def test_json_lines_are_objects() -> None:
    lines = [json.loads(line) for line in shown(io.StringIO(), as_json=True).splitlines()]
    assert lines[0] == {"event": "progress", "stage": "contacting", "percent": 0, "detail": "smdp.example.com"}
    assert [line["percent"] for line in lines] == sorted(line["percent"] for line in lines)


def test_bar_stays_on_one_line_until_the_end() -> None:
    text = shown(Terminal())
    assert text.count("\n") == 1
    assert text.endswith("\n")
    assert "[########################] 100 % done" in text
    assert all(len(part) <= 80 for part in text.split("\r"))


def test_quiet_shows_nothing() -> None:
    assert shown(Terminal(), quiet=True) == ""


def test_text_of_a_server_cannot_move_the_cursor() -> None:
    stream = Terminal()
    listener(stream)(entered(Stage.CHECKING, "evil\x1b[2J\r\nname"))
    assert "\x1b" not in stream.getvalue()
    assert stream.getvalue().count("\r") == 1
