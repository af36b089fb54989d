from __future__ import annotations

import numpy as np

from xbatch.xray.components.quadrature import edge_mean, log_nodes, nodes, trapezium

EDGES = np.array([1.0, 1.5, 4.0])


def test_five_points_integrate_polynomials_to_the_ninth_degree() -> None:
    energies, weights = nodes(EDGES)
    np.testing.assert_allclose((weights * energies**9).sum(axis=0), np.diff(EDGES**10) / 10, rtol=1e-13)


def test_the_logarithmic_rule_is_exact_for_polynomials_in_the_logarithm_over_energy() -> None:
    logarithms, weights = log_nodes(EDGES)
    integral = (weights * logarithms**3 / np.exp(logarithms)).sum(axis=0)
    np.testing.assert_allclose(integral, np.diff(np.log(EDGES) ** 4) / 4, rtol=1e-13)


def test_trapezium_and_mean() -> None:
    np.testing.assert_allclose(edge_mean(EDGES), [1.25, 2.75])
    np.testing.assert_allclose(trapezium(lambda energy: 2 * energy, EDGES), [1.25, 13.75])
