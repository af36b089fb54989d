from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xbatch.xray.statistics import GroupedCounts, make_statistic

KINDS = [
    ("chi2", "gehrels", False),
    ("chi2", "data", True),
    ("chi2", "model", False),
    ("chi2", "model", True),
    ("cstat", "data", False),
    ("cash", "data", False),
    ("wstat", "data", False),
    ("pgstat", "data", False),
]


def grouped(source: float, background: float, scale: float) -> GroupedCounts:
    below = np.array([background])
    return GroupedCounts(np.array([source]), np.zeros(1), below, np.array([scale]), scale * below)


@pytest.mark.parametrize(("statistic", "variance", "subtract"), KINDS)
@given(
    source=st.integers(0, 300),
    background=st.integers(0, 300),
    model=st.floats(0.5, 400),
    scale=st.floats(0.05, 5),
)
def test_slopes_are_the_derivatives(
    statistic: str, variance: str, subtract: bool, source: int, background: int, model: float, scale: float
) -> None:
    one = grouped(source + (variance == "data"), background, scale)
    made = make_statistic(one, statistic, variance, subtract)
    step = 1e-4 * model
    low, middle, high = (made(np.array([model + sign * step]))[0] / 2 for sign in (-1, 0, 1))
    slopes = made.slopes(np.array([model]))
    if abs(model - 1) < 2 * step or abs(model + scale * background - 1) < 2 * step:
        return  # where a variance meets its floor there is a corner
    kink = source * scale / (1 + scale)
    if statistic == "wstat" and background == 0 and abs(model - kink) < 2 * step:
        return
    size = max(abs(low), abs(high), 1e-12)
    assert slopes.first[0] == pytest.approx((high - low) / (2 * step), rel=2e-4, abs=1e-9 * size / step + 1e-7)
    assert slopes.second[0] == pytest.approx(
        (high + low - 2 * middle) / step**2, rel=2e-2, abs=1e-13 * size / step**2 + 1e-6
    )
    assert slopes.expected[0] > 0


def test_cash_is_cstat_but_for_a_constant() -> None:
    counts = GroupedCounts(np.array([0.0, 3.0, 40.0]), np.zeros(3))
    values = [
        make_statistic(counts, "cash")(model)[0] - make_statistic(counts, "cstat")(model)[0]
        for model in (np.array([1.0, 2.0, 30.0]), np.array([0.1, 5.0, 45.0]))
    ]
    assert values[0] == pytest.approx(values[1])
    model = np.array([1.0, 2.0, 30.0])
    data = counts.source
    expected = 2 * float((model - data * np.log(model)).sum())
    assert make_statistic(counts, "cash")(model)[0] == pytest.approx(expected, rel=1e-12)
