from __future__ import annotations

import pytest

from tests.report.compare.made import compared, differing, fitted
from xbatch.report.compare.data import Comparison, Number
from xbatch.report.compare.text import comparison_text


def swept(**changes: object) -> Comparison:
    differs = (differing(20.0, 300.0),)
    rows = [fitted(20, 1.98765, 0.0213), fitted(300, 12.5, 1.4, reference=0, differs=differs, through=("fit:pl",))]
    return compared(*rows, reference="counts=20", **changes)


def test_a_table_is_aligned_at_the_points() -> None:
    lines = comparison_text(swept(), 160).splitlines()
    assert lines[0] == "sweep: 2 members, binning.bins.counts"
    assert lines[2] == "pl   errors: 90 %, profile"
    head = lines[3]
    first, second = lines[-5:-3]
    assert first.startswith(" 20  ") and second.startswith("300  ")
    assert " 1.988 ± 0.021" in first and "12.5 ± 1.4" in second
    assert first.index("1.988") + 1 == second.index("12.5") + 2 == head.index("pl.PhoIndex") + 2
    assert "3.210 -0.091 +0.099" in first and "10⁻³" in "".join(lines[4:7])
    assert "6.4" not in first  # fixed, and the same everywhere
    assert lines[-2:] == [
        "What differs from counts=20, where it begins",
        "  group a/FPMA/src/bins: binning.counts 20 -> 300 (fit pl)",
    ]


@pytest.mark.parametrize("width", [50, 60, 80, 120, 200])
def test_no_line_is_wider_than_the_terminal_and_each_part_says_which_row_it_is(width: int) -> None:
    text = comparison_text(swept(), width)
    assert max(map(len, text.splitlines())) <= width
    blocks = [block for block in text.split("\n\n") if "─" in block]
    assert all(block.splitlines()[-1].startswith("300") for block in blocks)
    assert sum("pl.PhoIndex" in block for block in blocks) == 1
    assert (len(blocks) == 1) == (width > 100)


def test_differences_are_shown_when_they_are_asked_for() -> None:
    assert "Δ" not in comparison_text(swept(), 160)
    text = comparison_text(swept(asked=True), 200)
    assert "+280.00" in text  # of the statistic
    assert "+10.5" in text  # of the index, to the digit of its error


def test_fits_without_a_result_are_said_so() -> None:
    failed = fitted(30, result="failed", message="no good channel", parameters={}, fluxes={}, stat_value=None, dof=None)
    text = comparison_text(compared(fitted(20), failed), 160)
    assert "30      failed" in text
    assert "  failed: no good channel (counts 30)" in text
    painted = comparison_text(compared(fitted(20), failed), 160, lambda words, style: f"<{style}>{words}")
    assert "<red>30      failed" in painted and "<bold>pl" in painted


def test_fixed_and_linked_parameters_say_it() -> None:
    rows = [
        fitted(20, parameters={"fe.LineE": Number(6.4, unit="keV", state="frozen"), "b.x": Number(1, state="linked")})
    ]
    text = comparison_text(compared(*rows, parameters=("fe.LineE", "b.x")), 160)
    assert "6.4 fixed" in text and "1.000 linked" in text


def test_what_is_not_compared_and_what_does_not_matter_is_said() -> None:
    comparison = compared(fitted(values={}), fitted(values={}, run=1), runs=2, alone=(("edge", "after"),))
    comparison = Comparison(comparison.runs, comparison.rows, (), "before", alone=comparison.alone)
    text = comparison_text(comparison, 100)
    assert "No step differs from before: all keys are equal" in text
    assert "Only after has the fit edge; it is not compared" in text
    assert "No fit shown depends on binning.bins.counts, which before sweeps" in text


def test_many_values_are_cut_short() -> None:
    rows = [fitted(20)] + [fitted(n, differs=(differing(20, n),)) for n in range(21, 121)]
    text = comparison_text(compared(*rows, reference="counts=20"), 120)
    assert "20 -> 21, 22, 23, 24, 25, 26, 27, 28, … 120 (100 values)" in text


def test_statistics_of_several_kinds_are_named_in_their_cells() -> None:
    text = comparison_text(compared(fitted(20), fitted(30, statistic="cstat")), 160)
    assert "χ² 102.50" in text and "C-stat 112.50" in text


def test_errors_of_several_kinds_are_all_named() -> None:
    other = Number(1.95, 0.01, 0.01, state="free", confidence=0.68, method="covariance")
    text = comparison_text(compared(fitted(20), fitted(30, parameters={"pl.PhoIndex": other})), 160)
    assert "pl   errors: 90 %, profile or 68 %, covariance" in text
