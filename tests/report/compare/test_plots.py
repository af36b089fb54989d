from __future__ import annotations

from dataclasses import replace

from tests.report.compare.made import compared, fitted
from xbatch.report.compare.data import Comparison, Number
from xbatch.report.compare.plots import figures


def pictures(comparison: Comparison) -> list[str]:
    return [figure.picture for figure in figures(comparison, comparison.rows)]


def test_each_parameter_and_flux_is_drawn_against_the_swept_value() -> None:
    found = pictures(compared(fitted(20), fitted(30, 1.95)))
    titles = [picture.partition("<title>")[2].partition("</title>")[0] for picture in found]
    assert titles == [
        "pl.PhoIndex of fit pl against binning.bins.counts",
        "pl.norm of fit pl against binning.bins.counts",
        "flux 3-79 keV absorbed of fit pl against binning.bins.counts",
    ]
    assert "<title>counts 30: 1.950 ± 0.020</title>" in found[0]
    assert "open: no error" in found[2] and "open: no error" not in found[0]


def test_one_result_is_no_plot() -> None:
    assert pictures(compared(fitted(20))) == []


def test_failed_and_poor_fits_are_said_below() -> None:
    failed = fitted(40, result="failed", message="why", parameters={}, fluxes={}, stat_value=None)
    poor = fitted(50, error=None, result="poor")
    rows = compared(fitted(20), failed, poor)
    first = figures(rows, rows.rows)[0]
    assert first.caption == "1 of 3 fits have no result; 1 of 3 are poor or did not converge: no errors"
    assert "counts 40: failed why" in first.picture
    assert "(poor)" in first.picture


def test_groups_and_other_swept_values_are_series_as_long_as_they_are_few() -> None:
    rows = [fitted(counts, group=group) for counts in (20, 30) for group in ("one", "two")]
    assert pictures(compared(*rows))[0].count("<g ") == 2
    many = [fitted(counts, group=f"g{n}") for counts in (20, 30) for n in range(9)]
    assert pictures(compared(*many))[0].count("<g ") == 1
    band = [
        replace(fitted(c), values={"binning.bins.counts": c, "bands.b": f"3-{b} keV"})
        for c in (20, 30)
        for b in (40, 60)
    ]
    two = Comparison(compared(*band).runs, tuple(band), ("binning.bins.counts", "bands.b"))
    against_counts, *_, against_band = pictures(two)
    assert against_counts.count("<g ") == 2 and "b 3-40 keV" in against_counts
    assert "counts 20" in against_band and ">3-40 keV</text>" in against_band


def test_runs_stand_side_by_side_and_are_series_of_a_sweep() -> None:
    plain = compared(fitted(values={}), fitted(values={}, run=1), runs=2)
    first = pictures(Comparison(plain.runs, plain.rows, ()))[0]
    assert ">before</text>" in first and ">run</text>" in first
    swept = compared(*(fitted(counts, run=run) for run in (0, 1) for counts in (20, 30)), runs=2)
    assert pictures(swept)[0].count("<g ") == 2


def test_groups_alone_are_the_axis() -> None:
    rows = compared(fitted(values={}, group="a"), fitted(values={}, group="b"))
    assert ">group</text>" in pictures(Comparison(rows.runs, rows.rows, ()))[0]


def test_the_reference_is_a_line_when_it_was_asked_for() -> None:
    rows = (fitted(20), fitted(30, 1.95, reference=0))
    assert "stroke-dasharray" not in pictures(compared(*rows, reference="counts=20"))[0]
    asked = figures(compared(*rows, reference="counts=20", asked=True), rows)[0]
    assert "stroke-dasharray" in asked.picture
    assert asked.caption == "dashed: counts=20"


def test_a_parameter_with_two_units_has_none() -> None:
    rows = compared(
        fitted(20, parameters={"x": Number(1, unit="keV", state="free")}),
        fitted(30, parameters={"x": Number(2, unit="eV", state="free")}),
    )
    assert ">x</text>" in pictures(rows)[0]
