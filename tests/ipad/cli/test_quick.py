"""The service's command line, read without the parser, means what the parser makes of it."""

from __future__ import annotations

import pytest

from ipad.cli import parser, quick


@pytest.mark.parametrize(
    "line",
    [
        "run",
        "run --once",
        "run --config /etc/ipad/a.toml -v",
        "run --config=a.toml --modem wan -vv -v --once",
        "run --port /dev/ttyUSB2 --board quectel-eg25 --json -q",
        "run --card pcsc: --verbose --quiet",
        "run --config a=b",
        "run -v --config a --config b",
    ],
)
def test_plain_command_line_means_the_same(line: str) -> None:
    found = quick.arguments(line.split())
    expected = vars(parser.build().parse_args(line.split()))
    assert found is not None
    assert {key: value for key, value in expected.items() if key != "verb"} == vars(found)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "status",
        "-v run",
        "run --help",
        "run --config",
        "run --config --once",
        "run --config=",
        "run --port a --card pcsc:",
        "run --once=1",
        "run --onc",
        "run -vq",
        "run extra",
        "run --",
    ],
)
def test_everything_else_is_left_to_the_parser(line: str) -> None:
    assert quick.arguments(line.split()) is None
