"""Lengths of time in words."""

from __future__ import annotations

import pytest

from xbatch.report.spans import clock_text, left_text, seconds_between, span_text


def test_lengths_of_time() -> None:
    assert [span_text(x) for x in (0.123, 42, 210, 9000)] == ["0.12 s", "42 s", "3.5 min", "2.5 h"]
    assert seconds_between("2026-11-21T12:00:00.000Z", "2026-11-21T12:00:42.500Z") == 42.5
    assert seconds_between("", "") == 0.0


@pytest.mark.parametrize(
    ("seconds", "text"), [(7.9, "0:07"), (754, "12:34"), (3723, "1:02:03"), (183600, "2d 03:00"), (0, "0:00")]
)
def test_clocks(seconds: float, text: str) -> None:
    assert clock_text(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (2, "a few seconds"),
        (38, "about 40 s"),
        (58, "about 1 min"),
        (720, "about 12 min"),
        (9000, "about 2.5 h"),
        (200_000, "about 2.3 days"),
    ],
)
def test_estimates_are_no_finer_than_they_deserve(seconds: float, text: str) -> None:
    assert left_text(seconds) == text
