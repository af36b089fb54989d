from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from xbatch.report.compare.axes import Axis, Placed, place, ticks


def test_values_of_a_spec_have_places() -> None:
    assert place([20, 30.5, None]) == Placed((20.0, 30.5, None))
    assert place(["80 arcsec", "1 arcmin"]) == Placed((80.0, 60.0), "arcsec")
    assert place(["3-79 keV", "5-60 keV", "3-79 keV"]).positions == (0.0, 1.0, 0.0)
    assert place(["80 arcsec", "2 keV"]).categories == ("80 arcsec", "2 keV")
    assert place([True, False]).categories == ("true", "false")
    assert place([20, "opt"]).categories == ("20", "opt")
    assert place([[3, 79], None]) == Placed((0.0, None), "", ("[3, 79]",))


def test_an_axis_is_logarithmic_where_values_span_a_decade() -> None:
    assert Axis.around([20, 50, 400]).log
    assert not Axis.around([20, 50, 80]).log
    assert not Axis.around([20, 400]).log  # of two values nobody can tell
    assert not Axis.around([-1, 50, 400]).log
    assert Axis.around([1, 2], ["a", "b"]).categories == ("a", "b")


def test_values_that_are_all_but_equal_look_so() -> None:
    assert Axis.around([58000, 58010]).hi < 58011
    axis = Axis.around([2.01195, 2.01197], least=0.02)
    assert axis.at(2.01197) - axis.at(2.01195) < 0.01
    assert 0.49 < axis.at(2.01196) < 0.51


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ([1.8, 1.9], ("1.80", "1.82", "1.84", "1.86", "1.88", "1.90")),
        ([3.1e-11, 3.5e-11], ("3.1", "3.2", "3.3", "3.4", "3.5")),
        ([20, 30, 400], ("30", "100", "300")),
        ([1e-6, 1e-3, 10], ("10⁻⁶", "10⁻⁵", "10⁻⁴", "0.001", "0.01", "0.1", "1", "10")),
        ([0, 0], ("-1.0", "-0.5", "0.0", "0.5", "1.0")),
    ],
)
def test_ticks_are_round_numbers(values: list[float], labels: tuple[str, ...]) -> None:
    assert ticks(Axis.around(values)).labels == labels


numbers = st.floats(-1e30, 1e30).filter(lambda x: x == 0 or abs(x) > 1e-30)


@given(st.lists(numbers, min_size=1, max_size=5))
def test_ticks_and_values_lie_on_the_axis(values: list[float]) -> None:
    spread = max(values) - min(values)
    assume(spread == 0 or spread > 1e-6 * max(abs(value) for value in values))
    axis = Axis.around(values)
    found = ticks(axis)
    assert 2 <= len(found.major) <= 13
    assert len(found.labels) == len(found.major)
    assert all(-1e-6 <= axis.at(value) <= 1 + 1e-6 for value in (*values, *found.major, *found.minor))
    assert len(set(found.labels)) == len(found.labels)


@given(st.floats(1e-20, 1e20), st.floats(10, 1e12))
def test_a_logarithmic_axis_has_ticks(lo: float, ratio: float) -> None:
    found = ticks(Axis.around([lo, lo * math.sqrt(ratio), lo * ratio]))
    assert 2 <= len(found.major) <= 13
