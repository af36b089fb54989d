from __future__ import annotations

import re
from html.parser import HTMLParser

from tests.report.compare.made import compared, differing, fitted
from xbatch.report.compare.data import Comparison
from xbatch.report.compare.page import comparison_page

VOID = {"meta", "br", "link", "img"}


class Balance(HTMLParser):
    """Hold that every element is closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def comparison(**changes: object) -> Comparison:
    differs = (differing(20.0, 30.0), differing(20.0, 30.0, subject="a/FPMB/src/bins"))
    failed = fitted(40, result="failed", message="no <good> channel", parameters={}, fluxes={}, stat_value=None)
    rows = [fitted(20), fitted(30, 1.95, reference=0, differs=differs), failed]
    return compared(*rows, reference="counts=20", **changes)


def test_the_page_is_whole_and_needs_nothing_else() -> None:
    page = comparison_page(comparison(asked=True))
    balance = Balance()
    balance.feed(page)
    assert balance.open == []
    assert "<script" not in page
    assert not re.findall(r'(?:src|href)="(?!data:|#)', page)
    assert "default-src 'none'" in page


def test_the_page_shows_numbers_plots_failures_and_what_differs() -> None:
    page = comparison_page(comparison())
    assert page.count("<svg ") == 3
    assert "failed: no &lt;good&gt; channel" in page
    assert '<span class="badge b-failed">failed</span>' in page
    assert "1.950 ± 0.020" in page
    assert "<td>binning.counts</td><td>20</td><td>30</td><td>pl</td>" in page
    assert "and 1 more" in page
    assert 'download="compare.ecsv"' in page
    assert '<th scope="col" class="n">Δ</th>' not in page
    assert "+0.050" in comparison_page(comparison(asked=True))


def test_equal_comparisons_make_equal_pages() -> None:
    assert comparison_page(comparison()) == comparison_page(comparison())


def test_one_result_is_said_to_be_alone() -> None:
    assert "nothing to compare it with" in comparison_page(compared(fitted()))
    equal = compared(fitted(), fitted(run=1, reference=0), runs=2, reference="before", alone=(("edge", "after"),))
    page = comparison_page(equal)
    assert "No step differs from before" in page
    assert "Only after has the fit edge" in page
