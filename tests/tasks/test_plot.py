"""The plot of a fit."""

from __future__ import annotations

import logging
import struct
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from astropy.table import Table

from tests.tasks.fits import bins_table, dataset, fit_record, write_fit
from xbatch.base.errors import StepError
from xbatch.registry import Job, Outcome
from xbatch.tasks.figure import dataset_labels, draw_fit, steps
from xbatch.tasks.plot import run


def plot(folder: Path, record: dict[str, Any], bins: Table | None = None, title: str = "") -> tuple[Outcome, Path]:
    fit, table = write_fit(folder / "in", record, bins)
    out = folder / "out"
    out.mkdir()
    return run(Job("plot:cutoff", {"title": title}, {"fit": fit, "bins": table}, out)), out


def columns(table: Table) -> dict[str, Any]:
    return {name: np.asarray(table[name]) for name in table.colnames}


def test_both_files_are_made_and_equal_fits_give_equal_bytes(tmp_path: Path) -> None:
    outcome, first = plot(tmp_path / "a", fit_record())
    _, second = plot(tmp_path / "b", fit_record())
    assert outcome.facts == {"datasets": 2, "bins": 80}
    png, pdf = (first / "fit.png").read_bytes(), (first / "fit.pdf").read_bytes()
    assert png == (second / "fit.png").read_bytes()
    assert pdf == (second / "fit.pdf").read_bytes()
    assert b"CreationDate" not in pdf and pdf.startswith(b"%PDF")
    width, height = struct.unpack(">II", png[16:24])
    assert 1300 < width < 1600 and 1000 < height < 1500


def test_the_settings_of_the_user_are_neither_used_nor_changed(tmp_path: Path) -> None:
    _, plain = plot(tmp_path / "a", fit_record())
    with mpl.rc_context({"font.size": 30, "lines.linewidth": 9, "savefig.dpi": 50}):
        before = dict(mpl.rcParams)
        _, other = plot(tmp_path / "b", fit_record())
        assert dict(mpl.rcParams) == before
    assert (plain / "fit.png").read_bytes() == (other / "fit.png").read_bytes()


def test_the_log_is_not_filled_with_fonts(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        plot(tmp_path, fit_record())
    assert caplog.records == []


def test_axes_carry_units_and_the_title_the_statistic() -> None:
    figure = draw_fit(fit_record(), columns(bins_table()), "Vela X-1 $cost$")
    upper, lower = figure.axes
    assert upper.get_ylabel() == r"Counts s$^{-1}$ keV$^{-1}$"
    assert lower.get_xlabel() == "Energy (keV)"
    assert (upper.get_xscale(), upper.get_yscale()) == ("log", "log")
    words = " ".join(text.get_text() for text in figure.texts)
    assert "82.50 / 77 d.o.f. = 1.071" in words
    assert r"Vela X-1 \$cost\$" in words


@pytest.mark.parametrize(("statistic", "label"), [("chi2", "sigma"), ("wstat", "Delta"), ("pgstat", "Delta")])
def test_residuals_of_likelihoods_are_deviances(statistic: str, label: str) -> None:
    figure = draw_fit(fit_record(statistic=statistic), columns(bins_table()))
    assert label in figure.axes[1].get_ylabel()


def test_components_are_dashed_only_where_there_are_several() -> None:
    def dashed(components: tuple[str, ...]) -> int:
        figure = draw_fit(fit_record(), columns(bins_table(components=components)))
        return sum(line.get_linestyle() == "--" for line in figure.axes[0].get_lines())

    assert dashed(("pl",)) == 0
    assert dashed(("pl", "fe")) == 4


def test_twenty_datasets_all_stand_in_the_legend_clear_of_the_panels() -> None:
    datasets = [dataset("FPMA" if n % 2 == 0 else "FPMB", obsid=f"904023390{n // 2:02d}") for n in range(20)]
    figure = draw_fit(fit_record(datasets=datasets), columns(bins_table(20)))
    (legend,) = figure.legends
    labels = [text.get_text() for text in legend.get_texts()]
    assert len(labels) == 21 and len(set(labels)) == 21
    box = legend.get_window_extent().transformed(figure.transFigure.inverted())
    assert box.y0 >= figure.axes[0].get_position().y1 - 1e-6
    assert box.x0 >= 0 and box.x1 <= 1 and box.y1 <= 1


def test_net_counts_below_zero_and_a_narrow_band_can_be_drawn(tmp_path: Path) -> None:
    bins = bins_table(1, 5.0, 8.0)
    bins["data"][::3] = -0.01
    bins["data"][1] = np.nan
    _, out = plot(tmp_path, fit_record(datasets=[dataset()]), bins)
    assert (out / "fit.png").stat().st_size > 10_000


def test_nothing_above_zero_can_be_drawn(tmp_path: Path) -> None:
    bins = bins_table(1)
    for name in ("data", "model", "model_pl", "background"):
        bins[name] = 0.0
    _, out = plot(tmp_path, fit_record(datasets=[dataset()]), bins)
    assert (out / "fit.png").exists()


def test_a_missing_column_and_no_bins_are_said_plainly(tmp_path: Path) -> None:
    bins = bins_table()
    bins.remove_column("residual")
    with pytest.raises(StepError, match=r"bins\.ecsv: has no column residual"):
        plot(tmp_path / "a", fit_record(), bins)
    with pytest.raises(StepError, match="no bins"):
        plot(tmp_path / "b", fit_record(), bins_table()[:0])


def test_datasets_are_named_by_what_tells_them_apart() -> None:
    both = [dataset("FPMA"), dataset("FPMB")]
    assert dataset_labels(both) == (["FPMA", "FPMB"], "90402339002 src")
    assert dataset_labels([dataset()]) == (["90402339002 FPMA src"], "90402339002 FPMA src")
    twice = [dataset(binning="min30"), dataset(binning="sn20")]
    assert dataset_labels(twice) == (["min30", "sn20"], "90402339002 FPMA src")


def test_the_line_of_a_model_is_broken_where_bins_do_not_touch() -> None:
    x, y = steps(np.array([1.0, 2.0, 4.0]), np.array([2.0, 3.0, 5.0]), np.array([1.0, 2.0, 3.0]))
    assert np.isnan(x).sum() == np.isnan(y).sum() == 2
    assert x[~np.isnan(x)].tolist() == [1, 2, 2, 3, 4, 5]
    assert y[~np.isnan(y)].tolist() == [1, 1, 2, 2, 3, 3]


def test_a_background_that_cannot_be_seen_is_not_in_the_legend() -> None:
    def named(background: float) -> list[str]:
        bins = columns(bins_table())
        bins["background"] = np.full_like(bins["background"], background)
        return [text.get_text() for text in draw_fit(fit_record(), bins).legends[0].get_texts()]

    assert named(1e-2) == ["FPMA", "FPMB", "background"]
    assert named(1e-9) == ["FPMA", "FPMB"]
