"""What reaches the terminal, and what does not."""

from __future__ import annotations

import pytest

from pipeline.cli.exits import Exit, Stop, code_of, usage
from pipeline.cli.output import clean, print_json, print_table, say, tell, took
from pipeline.cli.showing import Lines, Part, Quiet
from pipeline.environment import SettingsError
from pipeline.errors import (
    Cancelled,
    InvalidInput,
    Permanent,
    PipelineError,
    ResourceExhausted,
    Timeout,
    Transient,
    Unavailable,
)
from pipeline.events import Event


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ünï 文字 🙂", "plain ünï 文字 🙂"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1bPq#0\x1b\\sixel", "sixel"),
        ("\x1b(Bset", "set"),
        ("\x9b31mred", "31mred"),
        ("a\r\nb\tc\u2028d", "a b c d"),
        ("bell\x07 back\x08 del\x7f", "bell back del"),
        ("\u202egpj.exe", "gpj.exe"),
        ("lone \ud800 half", "lone  half"),
        ("half \x1b", "half "),
        ("[bold]markup[/bold] :smile:", "[bold]markup[/bold] :smile:"),
    ],
)
def test_text_from_outside_is_shown_and_never_obeyed(text: str, shown: str) -> None:
    """Escape sequences and control characters are gone; everything else is as it was."""
    assert clean(text) == shown


def test_lines_are_printed_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    """No markup, no emoji, no wrapping: one line in, one line out, results to stdout and the rest to stderr."""
    say("[red]a[/red] :smile:\nb " + "x" * 300)
    tell("\x1b[31mwrong[/]")

    out, err = capsys.readouterr()
    assert out == "[red]a[/red] :smile:\nb " + "x" * 300 + "\n"
    assert err == "wrong[/]\n"


def test_a_table_in_a_pipe_is_not_cut(capsys: pytest.CaptureFixture[str]) -> None:
    """A row is a line, however long."""
    print_table(("!id", ">n", "*about"), [("i" * 25, 7, "[b]" + "y" * 200)], empty="none")
    print_table(("!id",), [], empty="none")

    heading, row, empty = capsys.readouterr().out.splitlines()
    assert heading.split() == ["id", "n", "about"]
    assert row.split() == ["i" * 25, "7", "[b]" + "y" * 200]
    assert empty == "none"


def test_json_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Programs read a line at a time."""
    print_json({"a": "line\nline", "b": None})

    assert capsys.readouterr().out == '{"a":"line\\nline","b":null}\n'


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (None, "-"),
        (0.0421, "42 ms"),
        (4.25, "4.2 s"),
        (61, "1 min 01 s"),
        (3_660, "1 h 01 min"),
        (90_000, "1 d 01 h"),
    ],
)
def test_durations_are_readable(seconds: float | None, shown: str) -> None:
    """Two units at most."""
    assert took(seconds) == shown


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Stop("x", Exit.FAILED), 1),
        (usage("x"), 2),
        (InvalidInput("x", field="y"), 2),
        (SettingsError(["x"]), 2),
        (Cancelled("x"), 3),
        (KeyboardInterrupt(), 3),
        (Timeout("x"), 4),
        (TimeoutError("x"), 4),
        (Unavailable("x"), 5),
        (Permanent("x"), 1),
        (Transient("x"), 1),
        (ResourceExhausted("x"), 1),
        (PipelineError("x"), 1),
    ],
)
def test_every_failure_has_its_exit_code(error: BaseException, code: int) -> None:
    """The codes are fixed: scripts depend on them."""
    assert code_of(error) == code


def event(name: str, at_ms: int = 0, **data: object) -> Event:
    return Event(id=f"{at_ms}-0", run="r", event=name, at_ms=at_ms, data=data)


def test_plain_lines_tell_each_stage_once(capsys: pytest.CaptureFixture[str]) -> None:
    """At most one line a change of stage, however many reports there are; a new attempt begins anew."""
    lines, part = Lines(), Part("a\x1b[1m.pdf", "document.extract")
    with lines:
        lines.see(part, event("queued"))
        lines.see(part, event("started", 1_000, attempt=1))
        for page in range(50):
            lines.see(part, event("progress", 1_000 + page, stage="parsing", percent=page, message=f"page {page}"))
        lines.see(part, event("retrying", 2_000, reason="transient", delay_ms=1_500))
        lines.see(part, event("started", 3_500, attempt=2))
        lines.see(part, event("progress", 3_600, stage="parsing", percent=0, message=""))
        lines.see(part, event("progress", 3_700, stage="ocr", percent=60, message="page\n1 [b]of[/b] 2"))
        lines.see(part, event("completed", 4_500, attempt=2))
        lines.see(Part("b.pdf", "quiz.generate"), event("dead", 5_000, reason="permanent"))
        lines.note("Redis is away")

    assert capsys.readouterr().err.splitlines() == [
        "a.pdf: reading: parsing: page 0",
        "a.pdf: reading: failed (transient), tries again in 1.5 s",
        "a.pdf: reading: parsing",
        "a.pdf: reading: ocr: page 1 [b]of[/b] 2",
        "a.pdf: reading: done in 1.0 s",
        "b.pdf: quiz: failed (permanent)",
        "Redis is away",
    ]


def test_programs_are_shown_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """With --json there is no progress."""
    with Quiet() as quiet:
        quiet.see(Part("a.pdf", "quiz.generate"), event("started"))
        quiet.note("x")

    assert capsys.readouterr() == ("", "")
