"""Smoothing against scipy's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from xbatch.xray.smoothing import smoothed


@pytest.mark.parametrize("sigma", [0.5, 1.5, 2.0, 2.5])
@pytest.mark.parametrize("shape", [(40, 61), (7, 300), (1, 5), (3, 1)])
def test_the_numbers_are_those_of_scipy(sigma: float, shape: tuple[int, int]) -> None:
    image = np.random.default_rng(1).poisson(0.05, shape).astype(float)
    image[0, 0] = 3.0
    expected = gaussian_filter(image, sigma, mode="constant")
    assert np.allclose(smoothed(image, sigma), expected, rtol=1e-12, atol=1e-15)


def test_counts_away_from_the_edges_are_kept() -> None:
    image = np.zeros((50, 60))
    image[25, 30] = 7.0
    found = smoothed(image, 2.5)
    assert found.sum() == pytest.approx(7.0, rel=1e-12) and found.argmax() == 25 * 60 + 30
