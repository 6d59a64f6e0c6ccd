"""The manual pages: made from the documents, complete, accepted by the formatters, and up to date."""

from __future__ import annotations

import argparse
import shutil
import subprocess
from pathlib import Path

import pytest

from tools.manual.__main__ import outputs, stale
from tools.manual.commands import tree
from tools.manual.coverage import complaints, configuration_keys, documented_keys
from tools.manual.document import CommandSection, covered, set_table
from tools.manual.markdown import Code, Heading, Items, MarkdownError, Paragraph, Span, Style, Table, parse, spans
from tools.manual.pages import ROOT, bench_tree, manuals
from tools.manual.roff import Page

MAN = ROOT / "man"
PAGES = [MAN / manual.file for manual in manuals()]


def page() -> Page:
    return Page("thing", 8, "2026-01-01", "thing 1", "Things")


def test_pages_and_completion_are_up_to_date() -> None:
    assert [path.name for path in stale(outputs())] == [], "run `make man`"


def test_every_command_option_and_configuration_key_is_documented() -> None:
    assert complaints() == []


@pytest.mark.skipif(shutil.which("mandoc") is None, reason="mandoc is not installed")
@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_mandoc_has_nothing_to_warn_of(path: Path) -> None:
    ran = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", path], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (0, "")


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_groff_has_nothing_to_warn_of(path: Path) -> None:
    ran = subprocess.run(
        ["groff", "-man", "-ww", "-T", "utf8", "-z", path], capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stderr) == (0, "")


def test_a_file_that_is_missing_old_or_a_stranger_is_stale(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("before", encoding="utf-8")
    (tmp_path / "stranger").touch()
    (tmp_path / "good").write_text("now", encoding="utf-8")
    made = {tmp_path / "old": "now", tmp_path / "good": "now", tmp_path / "missing": "now"}
    assert [path.name for path in stale(made)] == ["missing", "old", "stranger"]


def test_markdown_becomes_blocks() -> None:
    text = (
        "# A\n\none\ntwo\n\n```sh\n| x\n```\n<!-- no -->\n| a | b |\n|---|---|\n| `x\\|y` | z |\n\n1. p\n   q\n2. r\n"
    )
    assert parse(text) == (
        Heading(1, "A"),
        Paragraph("one two"),
        Code(("| x",)),
        Table(("a", "b"), (("`x|y`", "z"),)),
        Items(True, ("p q", "r")),
    )


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("> quoted", 1, "expected a heading"),
        ("a\n\n```\nb", 3, "no end"),
        ("| a | b |\n|---|---|\n| c |", 3, "1 cells"),
        ("| a | b |\n\n", 2, "dashes"),
        ("- a\n  - b", 2, "one level"),
    ],
)
def test_markdown_that_would_get_lost_is_refused_with_its_line(text: str, line: int, problem: str) -> None:
    with pytest.raises(MarkdownError, match=rf"^doc.md:{line}: .*{problem}"):
        parse(text, "doc.md")


def test_marked_up_text_becomes_spans() -> None:
    assert list(spans("a `b*c*` **d** *e* [f](g.md#h)")) == [
        Span(Style.PLAIN, "a "),
        Span(Style.CODE, "b*c*"),
        Span(Style.PLAIN, " "),
        Span(Style.STRONG, "d"),
        Span(Style.PLAIN, " "),
        Span(Style.EMPHASIS, "e"),
        Span(Style.PLAIN, " "),
        Span(Style.LINK, "f", "g.md#h"),
    ]


def test_text_is_never_a_request_and_characters_stay_what_they_are() -> None:
    one = page()
    one.paragraph(".x \\ \u2013 `-'` see [cli.md](cli.md)")
    assert one.text().splitlines()[-1] == r"\&.x \e \[u2013] \fB\-\(aq\fR see \fIipad(8)\fR"


def test_a_table_of_keys_becomes_tagged_paragraphs_with_their_defaults() -> None:
    one = page()
    set_table(one, Table(("key", "value", "default", "meaning"), (("`a`", "number", "5", "how many"),)))
    assert one.text().splitlines()[-4:] == [r"\fBa\fR (default: 5)", "how many", ".IP", "Value: number"]


def test_the_cells_of_a_command_table_name_commands_of_the_parser() -> None:
    root = bench_tree()
    paths = [" ".join(one.path[1:]) for one in covered(root, "`eim list`, `results`, `cancel N`")]
    assert paths == ["eim list", "eim results", "eim cancel"]
    assert {one.path[:3] for one in covered(root, "`eim queue WHAT ...`")} == {("ipad-hil", "eim", "queue")}
    assert list(covered(root, "... deliberate mistakes `--eid`")) == []


def test_a_command_without_a_row_and_an_option_without_help_are_noticed() -> None:
    parser = argparse.ArgumentParser(prog="thing")
    commands = parser.add_subparsers()
    commands.add_parser("known", help="k").add_argument("--all", action="store_true", help="every one")
    commands.add_parser("forgotten", help="f")
    section = CommandSection(page(), tree(parser))
    section.table(Table(("command", "does"), (("`known`", "much"),)))
    assert section.missing() == ["thing forgotten"]


def test_configuration_keys_are_compared_in_their_sections() -> None:
    blocks = parse(
        '## [eim."EIMID"]\n\n| key | default |\n|---|---|\n| `a`, `b` | |\n\n## [[c.d]]\n\n| key |\n|---|\n| `e` |'
    )
    assert documented_keys(blocks) == {"eim.*.a", "eim.*.b", "c.d.e"}
    from ipad.config import Config  # noqa: PLC0415 - only this test

    known = set(configuration_keys(Config))
    assert {"modem.port", "modem.timeouts.apdu", "eim.*.binding", "bearer.apn.apn", "injection.peer.*.eim"} <= known
