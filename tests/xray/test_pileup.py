"""Tests of pile-up told by the patterns of events."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xbatch.xray.pileup import DIRECTIONS, PatternRatios, excesses, is_borderline, is_piled_up, radii

#: Published ratios of nine observations of NGC 5506 with EPIC-pn, 2-10 keV, radius 0: singles, doubles and errors.
NGC5506 = [
    (1.010, 0.011, 0.971, 0.015),
    (1.020, 0.011, 0.958, 0.014),
    (1.000, 0.011, 0.993, 0.014),
    (0.998, 0.011, 0.992, 0.015),
    (0.996, 0.011, 0.998, 0.015),
    (1.000, 0.009, 0.994, 0.012),
    (0.996, 0.004, 0.999, 0.005),
    (1.001, 0.004, 0.990, 0.006),
    (1.002, 0.005, 0.991, 0.006),
]
RATIO = st.floats(0.5, 1.5)
ERROR = st.floats(0.0, 0.2)
RATIOS = st.builds(PatternRatios, RATIO, ERROR, RATIO, ERROR)
SIGMA = st.floats(0.1, 10.0)


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("row", NGC5506)
def test_none_of_the_published_observations_is_piled_up(row: tuple[float, float, float, float], direction: str) -> None:
    assert not is_piled_up(PatternRatios(*row), 3.0, direction)


def test_the_second_lies_on_the_limit_and_floats_do_not_decide() -> None:
    # 1 - 0.958 is 0.042 = 3 x 0.014, and more than that in floats
    second = PatternRatios(*NGC5506[1])
    assert abs(second.doubles - 1.0) > 3 * second.doubles_error
    assert is_borderline(second, 3.0, "two-sided") and is_borderline(second, 3.0, "notebook")
    assert [is_borderline(PatternRatios(*row), 3.0, "two-sided") for row in NGC5506].count(True) == 1
    assert not is_borderline(second, 3.0, "task")


def test_what_each_direction_minds() -> None:
    # pile-up as the task documents it: singles lost, doubles won
    lost = PatternRatios(0.9, 0.01, 1.2, 0.01)
    assert is_piled_up(lost, 3.0, "task") and is_piled_up(lost, 3.0, "two-sided")
    assert not is_piled_up(lost, 3.0, "notebook")
    won = PatternRatios(1.1, 0.01, 1.0, 0.01)
    assert is_piled_up(won, 3.0, "notebook") and is_piled_up(won, 3.0, "two-sided")
    assert not is_piled_up(won, 3.0, "task")


@given(RATIOS, SIGMA)
def test_two_sided_is_either_of_the_others(ratios: PatternRatios, sigma: float) -> None:
    one_sided = is_piled_up(ratios, sigma, "task") or is_piled_up(ratios, sigma, "notebook")
    assert is_piled_up(ratios, sigma, "two-sided") == one_sided


@given(RATIOS, SIGMA, st.floats(1.0, 3.0), st.sampled_from(sorted(DIRECTIONS)))
def test_a_wider_limit_allows_no_less(ratios: PatternRatios, sigma: float, more: float, direction: str) -> None:
    assert is_piled_up(ratios, sigma, direction) or not is_piled_up(ratios, sigma * more, direction)


@given(RATIOS, SIGMA)
def test_mirrored_ratios_swap_the_one_sided_rules(ratios: PatternRatios, sigma: float) -> None:
    mirrored = PatternRatios(2.0 - ratios.singles, ratios.singles_error, 2.0 - ratios.doubles, ratios.doubles_error)
    assert excesses(ratios, sigma, "task") == pytest.approx(excesses(mirrored, sigma, "notebook"), abs=1e-12)


def test_radii_of_the_published_search() -> None:
    assert radii(0.0, 3.0, 0.5, 5.0) == (0.0, 3.0, 3.5, 4.0, 4.5, 5.0)
    assert radii(0.0, 3.0, 0.5, 3.0) == (0.0, 3.0)
    assert radii(2.0, 2.1, 0.1, 2.4) == (2.0, 2.1, 2.2, 2.3, 2.4)


@given(st.floats(0, 5), st.floats(0.01, 5), st.floats(0.01, 5), st.integers(0, 40))
def test_radii_rise_evenly_to_the_largest(start: float, rise: float, step: float, count: int) -> None:
    first = start + rise
    largest = first + count * step
    found = radii(start, first, step, largest)
    assert len(found) == count + 2
    assert found[0] == start and math.isclose(found[-1], largest, rel_tol=1e-8, abs_tol=1e-9)
    assert all(a < b for a, b in pairwise(found))


@pytest.mark.parametrize("bad", [(3, 3, 0.5, 9), (0, 3, 0, 9), (0, 10, 1, 9), (-1, 3, 1, 9), (0, 3, 1, math.inf)])
def test_radii_that_do_not_rise_are_refused(bad: tuple[float, float, float, float]) -> None:
    with pytest.raises(ValueError, match="rise"):
        radii(*bad)


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="too few events"):
        PatternRatios(math.nan, 0.1, 1.0, 0.1)
    with pytest.raises(ValueError, match="negative"):
        PatternRatios(1.0, -0.1, 1.0, 0.1)
    fine = PatternRatios(1.0, 0.1, 1.0, 0.1)
    with pytest.raises(ValueError, match="two-sided, task, notebook"):
        is_piled_up(fine, 3.0, "sideways")
    with pytest.raises(ValueError, match="0 sigma"):
        is_piled_up(fine, 0.0, "task")
