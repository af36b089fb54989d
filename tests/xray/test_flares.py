"""Tests of clipping."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xbatch.xray.flares import clip_flares

QUIET = np.random.default_rng(1).poisson(30, 200) / 100
WHOLE = np.ones(200)


def test_a_flare_is_above_the_limit_and_the_rest_is_not() -> None:
    rate = QUIET.copy()
    rate[50:70] += np.linspace(1, 5, 20)
    found = clip_flares(rate, WHOLE, 3.0)
    assert found.settled and np.all(rate[50:70] > found.limit)
    kept = rate <= found.limit
    assert np.count_nonzero(kept) > 175
    assert found.limit == pytest.approx(rate[kept].mean() + 3 * rate[kept].std())
    assert (found.mean, found.sigma) == (rate[kept].mean(), rate[kept].std())


def test_the_middle_is_not_moved_by_many_flaring_bins() -> None:
    rate = QUIET.copy()
    rate[:80] += 10
    assert clip_flares(rate, WHOLE, 3.0).limit < 1


def test_bins_exposed_by_little_do_not_set_the_limit() -> None:
    fracexp = WHOLE.copy()
    fracexp[::4] = 0.01
    rate = QUIET.copy()
    rate[::4] = 100.0 * (np.arange(50) % 2)
    assert clip_flares(rate, fracexp, 3.0) == clip_flares(rate[fracexp == 1], np.ones(150), 3.0)
    assert clip_flares(np.array([1.0, 1, 2]), np.full(3, 0.2), 3.0).limit > 1


def test_few_counts() -> None:
    rate = np.array([0.0] * 15 + [0.01] * 4 + [1.0])
    found = clip_flares(rate, np.ones(20), 3.0)
    assert 0.01 <= found.limit < 1


@given(st.lists(st.floats(0, 100), min_size=1, max_size=60), st.floats(1, 5))
def test_what_is_kept_is_the_same_whatever_the_order_and_what_is_not_exposed(rates: list[float], sigmas: float) -> None:
    rate = np.array(rates)
    found = clip_flares(rate, np.ones(len(rate)), sigmas)
    more = np.append(rate, [np.nan, 50.0])
    other = clip_flares(more, np.append(np.ones(len(rate)), [1.0, 0.0]), sigmas)
    assert other == found
    assert found.limit >= rate.min() and np.isfinite(found.limit)


def test_nothing_to_clip() -> None:
    with pytest.raises(ValueError, match="no bin is exposed"):
        clip_flares(np.array([np.nan, 1.0]), np.array([1.0, 0.0]), 3.0)
    with pytest.raises(ValueError, match="clipping at 0 sigma"):
        clip_flares(QUIET, WHOLE, 0)
