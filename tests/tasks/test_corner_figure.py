from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from numpy.typing import NDArray

from tests.tasks.fit_bench import Bench, params
from tests.xray.worlds import make_world
from xbatch.registry import Job
from xbatch.tasks._corner_figure import density_levels, draw_corner, read_samples
from xbatch.tasks.plot import run

Floats = NDArray[np.float64]
UNITS = {"gal.nH": "1e22 cm^-2", "pl.PhoIndex": "", "pl.norm[02]": "photons/keV/cm2/s at 1 keV"}


def chains(names: list[str]) -> tuple[dict[str, Any], dict[str, Floats]]:
    """Make samples of a Gaussian in which each parameter hangs together with the next."""
    rng = np.random.default_rng(1)
    covariance = np.eye(len(names)) + 0.7 * (np.eye(len(names), k=1) + np.eye(len(names), k=-1))
    drawn = rng.multivariate_normal(np.arange(1.0, len(names) + 1), covariance, 20_000)
    rows = []
    for name, one in zip(names, drawn.T, strict=True):
        lower, median, upper = np.quantile(one, [0.16, 0.5, 0.84])
        rows.append({"name": name, "lower": lower, "median": median, "upper": upper})
    values = [{"name": name, "value": n + 1.0, "unit": UNITS.get(name, "")} for n, name in enumerate(names)]
    fit = {"name": "pl", "parameters": values, "mcmc": {"confidence": 0.6827, "parameters": rows}}
    return fit, dict(zip(names, drawn.T, strict=True))


def panels(figure: Figure) -> list[Any]:
    return list(figure.axes)


def test_levels_hold_their_shares() -> None:
    x, y = np.meshgrid(np.linspace(-5, 5, 201), np.linspace(-5, 5, 201))
    density = np.exp(-(x**2 + y**2) / 2)
    outer, inner = density_levels(density, (0.9545, 0.6827))
    assert outer == pytest.approx(np.exp(-6.18 / 2), rel=0.05)
    assert inner == pytest.approx(np.exp(-2.2957 / 2), rel=0.05)


def test_each_parameter_and_each_pair_has_a_panel() -> None:
    fit, samples = chains(list(UNITS))
    figure = draw_corner(fit, samples, "fits/pl")
    axes = panels(figure)
    assert len(axes) == 6
    assert axes[-1].get_xlabel().startswith("pl.norm[02]")
    assert axes[3].get_ylabel().startswith("pl.norm[02]")
    # Dashed lines stand where fit.json has the interval.
    lines = sorted(line.get_xdata()[0] for line in axes[0].lines if line.get_linestyle() == "--")
    row = fit["mcmc"]["parameters"][0]
    assert lines == [row["lower"], row["median"], row["upper"]]
    assert figure.legends[0].get_texts()[1].get_text() == "median, 68.27 %"


def test_powers_of_ten_stand_in_labels() -> None:
    fit, samples = chains(["pl.PhoIndex", "pl.norm"])
    for row in (fit["parameters"][1], fit["mcmc"]["parameters"][1]):
        row |= {key: value * 1e-5 for key, value in row.items() if isinstance(value, float)}
    axes = panels(draw_corner(fit, {**samples, "pl.norm": samples["pl.norm"] * 1e-5}))
    assert axes[1].get_ylabel() == "pl.norm\n($10^{-5}$)"
    assert axes[0].get_xlim()[1] > 1
    assert axes[1].lines[0].get_ydata()[0] == pytest.approx(2.0)


def test_one_parameter_and_too_many() -> None:
    assert len(panels(draw_corner(*chains(["pl.norm"])))) == 1
    many = [f"pl{n}.norm" for n in range(12)]
    fit, samples = chains(many[:3])
    more = {name: samples[many[n % 3]] for n, name in enumerate(many)}
    rows = [{**fit["mcmc"]["parameters"][n % 3], "name": name} for n, name in enumerate(many)]
    values = [{**fit["parameters"][n % 3], "name": name} for n, name in enumerate(many)]
    whole = {**fit, "parameters": values, "mcmc": {"confidence": 0.9, "parameters": rows}}
    assert len(panels(draw_corner(whole, more))) == 55


def test_a_fit_with_chains_is_drawn_with_them(bench: Bench, tmp_path: Path) -> None:
    pytest.importorskip("emcee")
    bench.put(make_world(13, norm=0.2))
    bench.run(params(mcmc={"walkers": 8, "steps": 120, "burn": 20, "seed": 1}))
    made = bench.folder / "out"
    samples = read_samples(made / "chain.fits")
    assert list(samples) == ["gal.nH", "pl.PhoIndex", "pl.norm"]
    assert np.median(samples["pl.norm"]) == bench.fit["mcmc"]["parameters"][2]["median"]
    inputs = {"fit": made / "fit.json", "bins": made / "bins.ecsv", "chain": made / "chain.fits"}
    first, second = tmp_path / "a", tmp_path / "b"
    for out in (first, second):
        out.mkdir()
        run(Job("plot:pl", {"title": "pl"}, inputs, out))
    assert {path.name for path in first.iterdir()} == {"fit.png", "fit.pdf", "corner.png", "corner.pdf"}
    for path in first.iterdir():
        assert path.read_bytes() == (second / path.name).read_bytes()
