"""The page of agreement is what the comparisons give, and all of them agree."""

from __future__ import annotations

from pathlib import Path

import pytest

from agreement.check import Check, Family
from agreement.page import all_checks, page

PAGE = Path(__file__).parent.parent / "docs" / "agreement.md"
FAMILY = Family("Sums", "a tool", "counts", "a task", "exact")


def test_the_page_counts_and_names_what_differs() -> None:
    text = page([Check(FAMILY, "one"), Check(FAMILY, "two", "3 is not 4"), Check(FAMILY, "three", quirk="It is odd.")])
    assert "2 of 3 comparisons agree." in text
    assert "| Sums | a tool | counts | a task | exact | 3 | 2 |" in text
    assert "- Sums, two: 3 is not 4" in text
    assert "| Sums | three | It is odd. |" in text


def test_a_page_of_agreement_names_no_differences() -> None:
    assert "What differs" not in page([Check(FAMILY, "one")])


@pytest.mark.real_data
def test_all_agrees_and_the_page_says_so(reference: Path, tmp_path: Path) -> None:
    checks = all_checks(reference.parent, tmp_path)
    assert [f"{one.family.name}, {one.case}: {one.difference}" for one in checks if not one.agrees] == []
    assert page(checks) == PAGE.read_text(encoding="utf-8")
    extracted = {one.case for one in checks if one.family.peer.startswith("extractor")}
    assert extracted == {folder.name for folder in (reference / "extractor" / "cases").iterdir()}
