"""Lines that are drawn over."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.report.runs import Clock, Terminal
from xbatch.report.screen import Line, Screen, can_draw, clean, cut, cut_middle, styled, uses_colour, wrap, wraps

WORDS = st.text(alphabet="abc é━日", max_size=18)
LINES = st.lists(WORDS, max_size=6)


def pieces(texts: list[str]) -> list[Line]:
    return [[(text, "")] for text in texts]


def make(terminal: Terminal, clock: Clock | None = None, coloured: bool = False) -> Screen:
    return Screen(terminal, clock or Clock(), terminal.size, coloured)


@given(st.lists(st.tuples(LINES, LINES), max_size=8))
def test_what_is_said_for_good_stands_above_the_last_lines(frames: list[tuple[list[str], list[str]]]) -> None:
    terminal = Terminal(columns=40)
    screen = make(terminal)
    good: list[str] = []
    for lines, above in frames:
        screen.draw(pieces(lines), pieces(above))
        good += above
        expected = [line.rstrip() for line in [*good, *lines]]
        while expected and not expected[-1]:
            expected.pop()
        assert terminal.shown() == expected
    assert terminal.column == 0


def test_what_is_unchanged_is_not_sent_again() -> None:
    terminal = Terminal()
    screen = make(terminal)
    screen.draw(pieces(["first", "second", "third"]))
    sent = len(terminal.written)
    screen.draw(pieces(["first", "second", "third"]))
    assert len(terminal.written) == sent
    screen.draw(pieces(["first", "2nd", "third"]))
    assert "2nd" in terminal.written[sent:] and "first" not in terminal.written[sent:]
    assert terminal.shown() == ["first", "2nd", "third"]


def test_a_line_for_good_may_be_longer_than_the_terminal_is_wide() -> None:
    terminal = Terminal(columns=10)
    screen = make(terminal)
    screen.draw(pieces(["bar"]))
    screen.draw(pieces(["bar"]), pieces(["x" * 25, "y" * 20]))
    assert terminal.shown() == ["x" * 10, "x" * 10, "x" * 5, "y" * 10, "y" * 10, "bar"]


def test_lines_that_a_narrower_terminal_has_broken_are_all_drawn_over() -> None:
    terminal = Terminal(columns=40)
    screen = make(terminal)
    screen.draw(pieces(["a" * 35, "b" * 10]), pieces(["kept"]))
    # such a terminal breaks what it shows anew
    terminal.lines = ["kept", "a" * 20, "a" * 15, "b" * 10, ""]
    terminal.row, terminal.columns = 4, 20
    screen.draw(pieces(["a" * 19, "b" * 10]))
    assert terminal.shown() == ["kept", "a" * 19, "b" * 10]


def test_after_a_sleep_nothing_of_others_is_drawn_over() -> None:
    terminal, clock = Terminal(), Clock()
    screen = make(terminal, clock)
    screen.draw(pieces(["1", "2"]))
    terminal.write("[1]+ Stopped\n$ fg\n")
    clock.now += 60
    screen.draw(pieces(["3"]))
    assert terminal.shown() == ["1", "2", "[1]+ Stopped", "$ fg", "3"]


def test_more_lines_than_rows_are_cut_at_the_top() -> None:
    terminal = Terminal(rows=4)
    make(terminal).draw(pieces(["1", "2", "3", "4", "5"]))
    assert terminal.shown() == ["3", "4", "5"]


def test_a_terminal_without_unicode_gets_plain_marks() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="latin-1")
    Screen(stream, Clock(), lambda: (80, 24), False).draw(pieces(["✓ fit:é ━─ 日…"]))
    assert "+ fit:é =- ?~" in raw.getvalue().decode("latin-1")


def test_a_terminal_that_is_gone_stops_nothing() -> None:
    stream = io.StringIO()
    screen = Screen(stream, Clock(), lambda: (80, 24), False)
    stream.close()
    screen.draw(pieces(["x"]))


def test_colours_can_be_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    line: Line = [("✗ ", "red"), ("fit", "")]
    assert styled(line, True) == "\x1b[1;31m✗ \x1b[0mfit"
    assert styled(line, False) == "✗ fit"
    monkeypatch.setenv("NO_COLOR", "1")
    assert not uses_colour()
    monkeypatch.setenv("NO_COLOR", "")
    assert uses_colour()


def test_only_a_terminal_that_can_is_drawn_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    assert can_draw(Terminal())
    assert not can_draw(io.StringIO())
    monkeypatch.setenv("TERM", "dumb")
    assert not can_draw(Terminal())


@given(st.text(max_size=40), st.integers(1, 30))
def test_cutting_keeps_to_the_columns(text: str, columns: int) -> None:
    assert wraps(cut(text, columns)) <= columns
    assert wraps(cut_middle(text, columns)) <= columns
    if wraps(text) <= columns:
        assert cut(text, columns) == cut_middle(text, columns) == text


def test_names_keep_both_ends() -> None:
    assert cut_middle("fit:powerlaw~radius=80arcsec", 17) == "fit:powe…80arcsec"


def test_what_would_move_the_cursor_is_taken_out() -> None:
    assert clean("\x1b[31mred\x1b[0m\a \x1b]0;title\x07x\ty") == "red x    y"


def test_paragraphs_are_broken() -> None:
    assert wrap("one two three four five", 20, "  ") == ["  one two three four", "  five"]
    assert wrap("", 20, "  ") == ["  "]
