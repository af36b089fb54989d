from __future__ import annotations

import math

import numpy as np
import pytest

from xbatch.xray.components import COMPONENTS, SCALINGS
from xbatch.xray.flux import ERG_PER_KEV

EDGES = np.geomspace(0.5, 20, 200)


@pytest.mark.parametrize(("low", "high"), [(2.0, 10.0), (2.003, 2.004), (0.1, 3.0), (5.0, 90.0)])
def test_the_flux_in_the_band_is_the_one_asked_for(low: float, high: float) -> None:
    photons = COMPONENTS["powerlaw"].evaluate(EDGES, (1.7, 3.0))
    factor = SCALINGS["cflux"].evaluate(EDGES, (low, high, -11.5), photons)
    cut = np.clip(EDGES, low, high)
    energy = (factor * photons * np.diff(cut) / np.diff(EDGES)) @ ((cut[1:] + cut[:-1]) / 2)
    assert energy * ERG_PER_KEV == pytest.approx(10**-11.5, rel=1e-12)


def test_the_norm_of_what_is_scaled_does_not_matter() -> None:
    few, many = (COMPONENTS["powerlaw"].evaluate(EDGES, (1.7, norm)) for norm in (1e-5, 1.0))
    scale = SCALINGS["cflux"].prepare(EDGES)
    np.testing.assert_allclose(few * scale((2, 10, -11), few), many * scale((2, 10, -11), many), rtol=1e-13)


@pytest.mark.parametrize("band", [(10.0, 2.0), (30.0, 40.0), (3.0, 3.0)])
def test_nothing_in_the_band_cannot_be_scaled(band: tuple[float, float]) -> None:
    assert math.isnan(SCALINGS["cflux"].evaluate(EDGES, (*band, -11.0), np.ones(EDGES.size - 1)))


def test_wrong_number_of_parameters_is_refused() -> None:
    with pytest.raises(ValueError, match="cflux has 3 parameters"):
        SCALINGS["cflux"].evaluate(EDGES, (1.0,), np.ones(EDGES.size - 1))
