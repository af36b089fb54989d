from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad

from xbatch.xray.components import COMPONENTS


def test_black_bodies_carry_the_luminosity_of_their_norm() -> None:
    edges = np.geomspace(1e-3, 60, 20_000)
    middle = (edges[1:] + edges[:-1]) / 2
    keV, kpc10 = 1.602176634e-9, 3.0856775814913674e22
    energy = COMPONENTS["bbody"].evaluate(edges, (1.0, 1.0)) @ middle * keV
    # XSPEC's 8.0525 is 0.24 % more than today's constants give.
    assert energy * 4 * np.pi * kpc10**2 == pytest.approx(1e39, rel=3e-3)
    # Stefan and Boltzmann for 1 km and 1 keV; XSPEC's 1.0344e-3 is 0.35 % less than today's constants give.
    radiated = COMPONENTS["bbodyrad"].evaluate(edges, (1.0, 1.0)) @ middle * keV * kpc10**2
    assert radiated == pytest.approx(1.0283e24 * 1e10, rel=4e-3)


def test_black_bodies_have_a_trapezium_in_each_bin_and_end_at_sixty_temperatures() -> None:
    edges = np.array([1.0, 2.0, 11.0, 12.0, 13.0])
    density = 1.0344e-3 * edges**2 / np.expm1(edges / 0.2)
    flux = COMPONENTS["bbodyrad"].evaluate(edges, (0.2, 1.0))
    np.testing.assert_allclose(flux[:3], ((density[1:] + density[:-1]) / 2 * np.diff(edges))[:3], rtol=1e-12)
    assert flux[3] == 0


@pytest.mark.parametrize("temperature", [0.1, 1.0, 20.0])
def test_the_disc_is_an_integral_of_black_bodies(temperature: float) -> None:
    edges = np.array([0.5, 0.52, 2.0, 2.05])
    flux = COMPONENTS["diskbb"].evaluate(edges, (temperature, 1.0))

    def density(energy: float) -> float:
        def ring(part: float) -> float:
            return float(part ** (-11 / 3) / np.expm1(min(energy / temperature / part, 600.0)))

        return float(energy**2 * quad(ring, 1e-9, 1, epsabs=0, epsrel=1e-9, limit=500)[0] / 361)

    for low, high, found in [(0.5, 0.52, flux[0]), (2.0, 2.05, flux[2])]:
        assert found == pytest.approx(quad(density, low, high, epsabs=0)[0], rel=2e-6)


def test_a_disc_without_temperature_is_dark() -> None:
    np.testing.assert_array_equal(COMPONENTS["diskbb"].evaluate(np.array([1.0, 2.0]), (0.0, 1.0)), [0.0])


def test_bremsstrahlung_ends_at_fifty_temperatures() -> None:
    flux = COMPONENTS["bremss"].evaluate(np.array([40.0, 49.0, 51.0, 60.0]), (1.0, 1.0))
    assert flux[0] > flux[1] > 0
    assert flux[2] == 0
