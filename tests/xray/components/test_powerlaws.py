from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad

from xbatch.xray.components import COMPONENTS

EDGES = np.geomspace(0.3, 80.0, 60)


def test_powerlaw_closed_forms() -> None:
    edges = np.array([2.0, 4.0, 8.0])
    evaluate = COMPONENTS["powerlaw"].evaluate
    np.testing.assert_allclose(evaluate(edges, (0.0, 3.0)), [6.0, 12.0], rtol=1e-15)
    np.testing.assert_allclose(evaluate(edges, (1.0, 1.0)), [np.log(2)] * 2, rtol=1e-15)
    np.testing.assert_allclose(evaluate(edges, (2.0, 1.0)), [0.25, 0.125], rtol=1e-15)


def test_powerlaw_is_smooth_through_index_one() -> None:
    evaluate = COMPONENTS["powerlaw"].prepare(EDGES, "wilm", "vern")
    np.testing.assert_allclose(evaluate((1 + 1e-13, 1.0)), evaluate((1.0, 1.0)), rtol=1e-12)


@pytest.mark.parametrize("at", [0.0, 0.1, 0.3, 3.0, float(EDGES[10]), float(EDGES[-1]), 100.0])
def test_a_broken_power_law_joins_two(at: float) -> None:
    flux = COMPONENTS["bknpower"].evaluate(EDGES, (1.5, at, 2.5, 2.0))

    def density(energy: float) -> float:
        return 2 * (energy**-1.5 if energy <= at else (at or 1.0) * energy**-2.5)

    for low, high, found in zip(EDGES, EDGES[1:], flux, strict=False):
        points = [at] if low < at < high else None
        assert found == pytest.approx(quad(density, low, high, points=points)[0], rel=1e-10)


@pytest.mark.parametrize(("index", "fold"), [(1.7, 50.0), (0.0, 5.0), (-2.0, 1.0), (3.0, 0.5)])
def test_cutoffpl_is_the_integral(index: float, fold: float) -> None:
    flux = COMPONENTS["cutoffpl"].evaluate(EDGES, (index, fold, 1.0))
    for low, high, found in zip(EDGES, EDGES[1:], flux, strict=False):
        exact = quad(lambda energy: energy**-index * np.exp(-energy / fold), low, high, epsabs=0)[0]
        assert found == pytest.approx(exact, rel=1e-6)


def test_logpar_is_the_integral() -> None:
    flux = COMPONENTS["logpar"].evaluate(EDGES, (1.5, 0.3, 2.0, 1.0))
    for low, high, found in zip(EDGES, EDGES[1:], flux, strict=False):
        exact = quad(lambda energy: (energy / 2) ** (-1.5 - 0.3 * np.log10(energy / 2)), low, high, epsabs=0)[0]
        assert found == pytest.approx(exact, rel=1e-10)
