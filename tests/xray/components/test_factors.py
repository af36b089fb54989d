from __future__ import annotations

import numpy as np
import pytest

from xbatch.xray.components import COMPONENTS

EDGES = np.array([6.0, 7.0, 8.0, 9.0])


def test_constant() -> None:
    np.testing.assert_array_equal(COMPONENTS["constant"].evaluate(EDGES, (0.7,)), np.full(3, 0.7))


def test_a_bin_with_an_edge_is_averaged_over_its_two_parts() -> None:
    def depth(energy: float) -> float:
        return float(np.exp(-2 * (energy / 7.25) ** -3))

    expected = [1.0, 0.25 + 0.75 * (depth(7.25) + depth(8.0)) / 2, (depth(8.0) + depth(9.0)) / 2]
    np.testing.assert_allclose(COMPONENTS["edge"].evaluate(EDGES, (7.25, 2.0)), expected, rtol=1e-14)
    np.testing.assert_allclose(COMPONENTS["zedge"].evaluate(EDGES / 1.5, (7.25, 2.0, 0.5)), expected, rtol=1e-14)


@pytest.mark.parametrize("energy", [0.0, 1.0, 6.0, 9.0, 50.0])
def test_edges_off_the_grid_or_at_its_ends(energy: float) -> None:
    factor = COMPONENTS["edge"].evaluate(EDGES, (energy, 2.0))
    assert np.all((factor > 0) & (factor <= 1))
    if energy >= 9:
        np.testing.assert_allclose(factor[:2], 1)


def test_an_edge_on_the_grid_leaves_the_bin_below_alone() -> None:
    factor = COMPONENTS["edge"].evaluate(EDGES, (7.0, 1.0))
    assert factor[0] == 1
    assert factor[1] == pytest.approx((np.exp(-1) + np.exp(-((7 / 8) ** 3))) / 2)


def test_cut_offs_are_means_of_two_edges() -> None:
    np.testing.assert_allclose(
        COMPONENTS["highecut"].evaluate(EDGES, (7.0, 2.0)),
        [1, (1 + np.exp(-0.5)) / 2, (np.exp(-0.5) + np.exp(-1)) / 2],
    )
    np.testing.assert_allclose(
        COMPONENTS["expabs"].evaluate(EDGES, (3.0,))[0], (np.exp(-3 / 6) + np.exp(-3 / 7)) / 2, rtol=1e-14
    )


def test_scattering_falls_from_thomsons_with_energy_and_its_series_joins_its_closed_form() -> None:
    edges = np.geomspace(0.01, 1000, 3000)
    tau = -np.log(COMPONENTS["cabs"].evaluate(edges, (1.0,)))
    assert tau[0] == pytest.approx(1.21 * 0.665e-2, rel=1e-4)
    assert np.all(np.diff(tau) < 0)
    assert np.abs(np.diff(tau, 2)).max() < 1e-6
