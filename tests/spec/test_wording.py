"""What a hint tells to write in the place of a value of the wrong kind is right itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.spec.specs import EVENTS, problems

SPEC = EVENTS + "images: {sky: {bands: [3-10 keV]}}\nscreening: {default: {flare: FLARE}}\n"


def hints(folder: Path, flare: str) -> list[str]:
    return [problem.hint for problem in problems(folder, SPEC.replace("FLARE", flare)) if problem.code == "XB203"]


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("0.3", 'write the number with its unit, such as "< 0.3 ct/s"'),
        ("3", 'write the number with its unit, such as "< 3 ct/s"'),
        ("-3", 'for example "< 0.4 ct/s"'),
        ("1e-3", 'for example "< 0.4 ct/s"'),
    ],
)
def test_a_bare_number_gets_the_unit_that_it_lacks(tmp_path: Path, written: str, hint: str) -> None:
    flare = "{{band: 3-10 keV, bin: 100 s, rate: {}}}"
    assert hints(tmp_path, flare.format(written)) == [hint]
    told = hint.partition("such as ")[2] or hint.partition("for example ")[2]
    assert problems(tmp_path, SPEC.replace("FLARE", flare.format(told))) == ()


def test_a_number_where_a_range_is_meant_is_not_quoted(tmp_path: Path) -> None:
    assert hints(tmp_path, '{band: 3, bin: 100 s, rate: "< 0.4 ct/s"}') == ['for example "10-12 keV"']


def test_a_number_where_any_text_may_be_is_quoted(tmp_path: Path) -> None:
    text = SPEC.replace("flare: FLARE", "base: 12")
    assert 'quote it: "12"' in [problem.hint for problem in problems(tmp_path, text)]
