from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xbatch.xray.absorption import wabs_ranges
from xbatch.xray.components import COMPONENTS

EDGES = np.geomspace(0.3, 80.0, 60)
columns = {"allow_nan": False, "allow_infinity": False}


@pytest.mark.parametrize("name", ["phabs", "tbabs"])
@given(column=st.floats(0, 1e4, **columns), more=st.floats(0, 1e3, **columns))
def test_absorption_is_a_factor_that_falls_with_the_column(name: str, column: float, more: float) -> None:
    evaluate = COMPONENTS[name].prepare(EDGES, "wilm", "vern")
    factor, less = evaluate((column,)), evaluate((column + more,))
    assert np.all((factor >= 0) & (factor <= 1))
    assert np.all(less <= factor)
    np.testing.assert_allclose(less, factor * evaluate((more,)), rtol=1e-9, atol=1e-300)


@pytest.mark.parametrize("name", ["phabs", "wabs"])
def test_redshifted_absorption_is_that_of_higher_energies(name: str) -> None:
    moved = COMPONENTS["z" + name].evaluate(EDGES, (2.0, 0.5))
    np.testing.assert_allclose(moved, COMPONENTS[name].evaluate(EDGES * 1.5, (2.0,)), rtol=1e-12)


def test_ztbabs_has_no_grains() -> None:
    plain, bare = (COMPONENTS[name].evaluate(EDGES, p) for name, p in (("tbabs", (1.0,)), ("ztbabs", (1.0, 0.0))))
    # Grains hide atoms behind each other, where they absorb much.
    assert np.all(bare <= plain + 1e-12)
    assert bare[-1] == pytest.approx(plain[-1], rel=1e-5)
    assert bare[10] < 0.97 * plain[10]


def test_a_part_of_the_source_is_covered() -> None:
    covered = COMPONENTS["phabs"].evaluate(EDGES, (5.0,))
    np.testing.assert_allclose(COMPONENTS["pcfabs"].evaluate(EDGES, (5.0, 0.3)), 0.7 + 0.3 * covered, rtol=1e-14)


def test_two_polynomials_in_a_bin_are_two_parts_of_it() -> None:
    at = float(wabs_ranges()[11])
    whole = COMPONENTS["wabs"].evaluate(np.array([at - 0.03, at + 0.01]), (50.0,))
    parts = COMPONENTS["wabs"].evaluate(np.array([at - 0.03, at, at + 0.01]), (50.0,))
    assert whole[0] == pytest.approx(0.75 * parts[0] + 0.25 * parts[1], rel=1e-10)


def test_old_absorption_goes_on_as_the_cube_of_energy() -> None:
    factor = COMPONENTS["wabs"].evaluate(np.array([20.0, 20.0001, 40.0, 40.0001]), (100.0,))
    assert np.log(factor[0]) / np.log(factor[2]) == pytest.approx(8, rel=1e-4)
