"""Plots of a fit beside the folded spectra, and the choices of `plots`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest

from tests.tasks.fit_bench import Bench, params
from tests.tasks.fits import bins_table, fit_record
from tests.tasks.test_plot import columns, plot
from xbatch.tasks._more_figures import draw_contours, draw_unfolded
from xbatch.tasks.figure import draw_fit

BUMP = np.linspace(-3, 3, 9)
CONTOUR = {
    "parameters": ["pl.PhoIndex", "pl.norm"],
    "x": (1.98765 + 0.02 * BUMP).tolist(),
    "y": (0.0321 + 9e-4 * BUMP).tolist(),
    "rise": (BUMP[:, None] ** 2 + BUMP**2).tolist(),
    "levels": {"0.6827": 2.2957, "0.9": 4.6052},
}


def unfolded_columns() -> dict[str, Any]:
    found = columns(bins_table())
    middle = np.sqrt(found["e_lo"] * found["e_hi"])
    return {**found, "source": 0.03 * middle**-2.0}


def test_the_lower_panel_is_a_ratio_where_that_is_wanted() -> None:
    figure = draw_fit(fit_record(), columns(bins_table()), residuals="ratio")
    lower = figure.axes[1]
    assert lower.get_ylabel() == "Data / model"
    low, high = lower.get_ylim()
    assert low < 1 < high
    with mpl.rc_context():
        assert "sigma" in draw_fit(fit_record(), columns(bins_table())).axes[1].get_ylabel()


def test_an_unfolded_spectrum_is_flat_where_its_model_is() -> None:
    bins = unfolded_columns()
    bins["data"] = bins["model"].copy()
    (axes,) = draw_unfolded(fit_record(), bins).axes
    assert axes.get_ylabel() == r"$E^2 f(E)$  (keV$^2$ photons cm$^{-2}$ s$^{-1}$ keV$^{-1}$)"
    assert axes.get_xlabel() == "Energy (keV)"
    drawn = [container.lines[0].get_ydata() for container in axes.containers]
    assert np.concatenate(drawn) == pytest.approx(0.03)
    assert len(drawn) == 2


def test_contours_have_a_line_for_each_probability_and_the_best_values() -> None:
    record = fit_record(contours=[CONTOUR])
    figure = draw_contours(record)
    (axes,) = figure.axes
    assert axes.get_xlabel() == "pl.PhoIndex"
    assert axes.get_ylabel() == "pl.norm (cm$^{-2}$ s$^{-1}$ keV$^{-1}$)"
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["68.27 %", "90 %", "best"]
    first = axes.collections[0].get_paths()[0].vertices
    sigma = (first[:, 0] - 1.98765) / 0.02
    assert np.hypot(sigma, (first[:, 1] - 0.0321) / 9e-4) == pytest.approx(np.sqrt(2.2957), rel=0.01)


def test_contours_with_gaps_are_drawn_as_they_are() -> None:
    rise = np.array(CONTOUR["rise"])
    rise[0, 0] = np.nan
    assert draw_contours(fit_record(contours=[{**CONTOUR, "rise": rise.tolist()}] * 3)).axes


def test_files_are_there_for_what_there_is(tmp_path: Path) -> None:
    _, plain = plot(tmp_path / "a", fit_record())
    assert {path.name for path in plain.iterdir()} == {"fit.png", "fit.pdf"}
    bins = bins_table()
    bins["source"] = unfolded_columns()["source"]
    _, more = plot(tmp_path / "b", fit_record(contours=[CONTOUR]), bins)
    names = {f"{name}.{kind}" for name in ("fit", "unfolded", "contours") for kind in ("png", "pdf")}
    assert {path.name for path in more.iterdir()} == names


def test_the_unfolded_model_is_the_mean_over_each_group(bench: Bench) -> None:
    given = params(
        model={"component": "pl"}, components={"pl": "powerlaw"}, statistic="cstat", background="ignore", unfolded=True
    )
    bench.run({**given, "parameters": given["parameters"][1:]})
    index, norm = (one["value"] for one in bench.fit["parameters"])
    table = bench.bins
    low, high = np.array(table["e_lo"]), np.array(table["e_hi"])
    wanted = norm * (high ** (1 - index) - low ** (1 - index)) / (1 - index) / (high - low)
    assert np.array(table["source"]) == pytest.approx(wanted, rel=1e-9)
    assert np.array(table["source_pl"]) == pytest.approx(wanted, rel=1e-9)
    assert str(table["source"].unit) == "ph / (keV s cm2)"
