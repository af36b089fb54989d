from __future__ import annotations

import numpy as np
import pytest

from xbatch.xray.components.gaunt import gaunt_factor

ENERGIES = np.geomspace(0.01, 50, 500)


@pytest.mark.parametrize("charge", [1, 2])
@pytest.mark.parametrize("temperature", [0.05, 0.3, 1.0, 7.0, 20.0, 100.0])
def test_the_gaunt_factor_is_of_order_one_and_falls_with_energy(temperature: float, charge: int) -> None:
    used = ENERGIES[10 * temperature > ENERGIES]
    factor = gaunt_factor(used, temperature, charge)
    assert np.all((factor > 0.05) & (factor < 10))
    assert factor[0] > factor[-1]


def test_a_hot_plasma_has_borns_approximation() -> None:
    # sqrt(3) / pi exp(u / 2) K0(u / 2) at u = 2: K0(1) = 0.42102443824070834 (Abramowitz & Stegun, table 9.8).
    factor = gaunt_factor(np.array([60.0]), 30.0, 1)
    assert factor[0] == pytest.approx(0.5513 * np.e * 0.42102443824070834, rel=1e-12)


def test_a_cold_plasma_has_kuruczs_table() -> None:
    # log(E / kT) = 0 and log(13.58 eV / kT) = 0: the factor of the table at a corner.
    assert gaunt_factor(np.array([0.01358]), 0.01358, 1)[0] == pytest.approx(1.32)
    assert gaunt_factor(np.array([0.01358]), 1e-5, 1)[0] == 0


def test_the_fits_join_in_temperature() -> None:
    for gamma in (1.7783, 3.0, 5.6234, 10.0, 30.0):
        below, above = (gaunt_factor(ENERGIES, 13.58 / gamma * step, 1) for step in (1 - 1e-9, 1 + 1e-9))
        np.testing.assert_allclose(below, above, rtol=1e-6)
