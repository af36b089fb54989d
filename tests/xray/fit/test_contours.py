from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.xray.fit.surfaces import Squares
from tests.xray.worlds import make_world, problem
from xbatch.xray.fit.contours import contour, contours
from xbatch.xray.fit.curvature import curvature
from xbatch.xray.fit.engine import ErrorRequest, run_fit
from xbatch.xray.fit.profile import LowerMinimumError

LOW, HIGH = np.full(3, -100.0), np.full(3, 100.0)
# Three residuals; the third parameter follows the two others.
surface = Squares(lambda x: np.array([x[0] - 1, (x[1] - 2) / 3, x[2] - x[0] - x[1]]))
BEST = np.array([1.0, 2.0, 3.0])


def test_the_rise_is_that_of_the_other_parameters_at_their_best() -> None:
    shape = curvature(surface, BEST, LOW, HIGH)
    found = contour(surface, BEST, 0.0, shape, (0, 1), ("a", "b"), LOW, HIGH, points=5)
    assert found.x == pytest.approx(1 + 4 * np.linspace(-1, 1, 5))
    assert found.y == pytest.approx(2 + 12 * np.linspace(-1, 1, 5))
    expected = (found.x[None, :] - 1) ** 2 + ((found.y[:, None] - 2) / 3) ** 2
    assert found.rise == pytest.approx(expected, abs=1e-3)


def test_the_grid_ends_at_limits() -> None:
    low = np.array([0.5, -100.0, -100.0])
    shape = curvature(surface, BEST, low, HIGH)
    assert contour(surface, BEST, 0.0, shape, (0, 1), ("a", "b"), low, HIGH, points=3).x[0] == 0.5


def test_a_lower_minimum_is_told() -> None:
    off = np.array([2.0, 2.0, 4.0])
    with pytest.raises(LowerMinimumError):
        contour(surface, off, 1.0, curvature(surface, off, LOW, HIGH), (0, 1), ("a", "b"), LOW, HIGH, points=9)


@pytest.mark.parametrize(("wall", "sign"), [(1.0, 1), (1.0, -1)])
def test_from_a_limit_contours_reach_to_one_side(wall: float, sign: int) -> None:
    low, high = LOW.copy(), HIGH.copy()
    (low if sign > 0 else high)[0] = wall
    slanted = Squares(lambda x: np.array([x[0] - 1 + sign, (x[1] - 2) / 3, x[2] - x[0] - x[1]]))
    shape = curvature(slanted, BEST, low, high)
    assert shape.at_limit[0]
    found = contour(slanted, BEST, 1.0, shape, (0, 1), ("a", "b"), low, high, points=5)
    away = np.sqrt(17.0) - 1  # (d + 1)^2 has risen by 16 from 1
    assert found.x == pytest.approx(1 + sign * away * np.linspace(0, 1, 5)[::sign], rel=0.01)
    expected = (np.abs(found.x - 1) + 1)[None, :] ** 2 - 1 + ((found.y[:, None] - 2) / 3) ** 2
    assert found.rise == pytest.approx(expected, abs=1e-3)


def test_what_the_data_do_not_determine_has_a_note() -> None:
    flat = Squares(lambda x: np.array([(x[1] - 2) / 3, x[2] - x[1] - 1, 0.0]))
    shape = curvature(flat, BEST, LOW, HIGH)
    found, notes = contours(flat, BEST, 0.0, shape, [("a", "b"), ("b", "c")], "abc", LOW, HIGH)
    assert [one.names for one in found] == [("b", "c")]
    assert notes == ("there are no contours of a: the data do not determine it",)


def test_contours_of_a_fit_hold_its_intervals() -> None:
    """Where the statistic rises by 1 with everything else fitted is where the interval of one parameter ends."""
    request = ErrorRequest(method="profile", contours=(("pl.PhoIndex", "pl.norm"),))
    result = run_fit(problem(make_world(15).dataset("chi2")), errors=request)
    (one,) = result.contours
    lowest = one.rise.min(axis=0)
    inside = one.x[lowest <= 1]
    errors, best = result.errors["pl.PhoIndex"], result.values[1]
    assert errors.minus is not None and errors.plus is not None
    step = one.x[1] - one.x[0]
    assert inside[0] == pytest.approx(best - errors.minus, abs=1.1 * step)
    assert inside[-1] == pytest.approx(best + errors.plus, abs=1.1 * step)
    assert one.rise.shape == (25, 25)


def test_contours_need_free_parameters() -> None:
    with pytest.raises(ValueError, match=r"no contours of gal\.nothing: it is not free; free are gal\.nH, pl"):
        run_fit(problem(make_world(15).dataset("chi2")), errors=ErrorRequest(contours=(("gal.nothing", "pl.norm"),)))


def test_a_poor_fit_has_no_contours() -> None:
    one = make_world(15).dataset("chi2")
    far = problem(replace(one, statistic=make_world(16, norm=0.5).dataset("chi2").statistic), nh=0.0)
    result = run_fit(far, errors=ErrorRequest(contours=(("pl.PhoIndex", "pl.norm"),)))
    assert result.good or any("contours not computed" in note for note in result.notes)
