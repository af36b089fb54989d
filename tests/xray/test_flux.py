from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xbatch.xray.components import COMPONENTS
from xbatch.xray.flux import ERG_PER_KEV, band_flux, band_grid, padded_grid


def power_law(gamma: float, grid: np.ndarray) -> np.ndarray:
    return COMPONENTS["powerlaw"].evaluate(grid, (gamma, 1.0))


@pytest.mark.parametrize("edges", [np.linspace(0.1, 12.0, 31), np.linspace(4.0, 5.0, 11), np.linspace(20, 30, 5)])
def test_fluxes_of_a_power_law_are_exact_on_any_response(edges: np.ndarray) -> None:
    grid = band_grid(edges, 2.0, 10.0)
    energy, photons = band_flux(power_law(1.5, grid), grid)
    assert photons == pytest.approx(2 * (2**-0.5 - 10**-0.5), rel=1e-12)
    assert energy == pytest.approx(2 * (10**0.5 - 2**0.5) * ERG_PER_KEV, rel=2e-6)


@given(st.floats(0.1, 50), st.floats(1.01, 50), st.lists(st.floats(0.1, 100), min_size=2, max_size=30, unique=True))
def test_a_grid_ascends_through_the_edges_of_band_and_response(lo: float, ratio: float, edges: list[float]) -> None:
    response = np.sort(edges)
    grid = band_grid(response, lo, lo * ratio)
    assert (grid[0], grid[-1]) == (lo, lo * ratio)
    assert np.all(np.diff(grid) > 0)
    assert np.all(np.diff(np.log(grid)) < 0.00501)
    inside = response[(response > lo) & (response < lo * ratio)]
    assert np.isin(inside, grid).all()


@given(st.floats(1.1, 9.9))
def test_fluxes_of_two_bands_add_up(middle: float) -> None:
    edges = np.linspace(0.5, 12, 40)
    whole, low, high = (band_grid(edges, *band) for band in ((1.0, 10.0), (1.0, middle), (middle, 10.0)))
    sums = [band_flux(power_law(2.2, grid), grid) for grid in (whole, low, high)]
    assert sums[0] == pytest.approx(np.add(sums[1], sums[2]), rel=1e-5)


@pytest.mark.parametrize(("lo", "hi"), [(0.0, 10.0), (2.0, 2.0), (5.0, 2.0)])
def test_a_band_without_width_is_refused(lo: float, hi: float) -> None:
    with pytest.raises(ValueError, match="a flux needs a band"):
        band_grid(np.linspace(1, 10, 10), lo, hi)


def test_a_band_is_put_among_the_energies_of_the_response() -> None:
    edges = np.linspace(0.1, 12.0, 31)
    for grid in (band_grid(edges, 2.0, 10.0), band_grid(edges, 8.0, 20.0)):
        whole, inside = padded_grid(edges, grid)
        assert np.all(np.diff(whole) > 0)
        assert (whole[0], whole[-1]) == (0.1, max(12.0, grid[-1]))
        np.testing.assert_array_equal(np.append(whole[:-1][inside], whole[1:][inside][-1]), grid)
