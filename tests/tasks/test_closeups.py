"""Which parts of a picture of regions are shown a second time, larger."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xbatch.tasks._closeups import Drawn, box_of, close_ups, is_within
from xbatch.xray.region_masks import Field

WHOLE = Field(50, 449, 50, 449)
SHAPE = (500, 500)


def around(x: float, y: float, radius: float, *uses: str) -> Drawn:
    return Drawn((x - radius, x + radius, y - radius, y + radius), uses)


def holds(window: Field, one: Drawn) -> bool:
    left, right, lower, upper = one.box
    return (
        window.x_first <= left and right <= window.x_last + 1 and window.y_first <= lower and upper <= window.y_last + 1
    )


def test_small_regions_of_a_spectrum_have_one_close_up_together() -> None:
    drawn = [around(200, 200, 5, "agn"), around(240, 220, 15, "agn")]
    (window,) = close_ups(WHOLE, drawn, SHAPE)
    assert all(holds(window, one) for one in drawn)
    # of the whole they are a sixth
    assert 60 <= window.width <= 90 and window.width == window.height


@pytest.mark.parametrize("radius", [20.5, 60.0])
def test_what_is_seen_well_has_none(radius: float) -> None:
    assert close_ups(WHOLE, [around(200, 200, radius, "agn")], SHAPE) == []


def test_what_is_used_for_nothing_has_none() -> None:
    assert close_ups(WHOLE, [around(200, 200, 5)], SHAPE) == []
    assert close_ups(WHOLE, [], SHAPE) == []


def test_a_small_source_in_a_large_background_is_shown_alone() -> None:
    source, field = around(200, 200, 5, "agn"), around(250, 250, 180, "agn")
    (window,) = close_ups(WHOLE, [source, field], SHAPE)
    assert holds(window, source) and window.width < 40


def test_small_regions_all_over_the_field_have_none() -> None:
    assert close_ups(WHOLE, [around(80, 80, 5, "all"), around(420, 420, 5, "all")], SHAPE) == []


def test_each_place_is_shown_once() -> None:
    near = [around(200, 200, 5, "agn", "light curve agn"), around(230, 200, 10, "agn", "soft")]
    far = around(400, 100, 4, "jet")
    first, second = close_ups(WHOLE, [*near, far], SHAPE)
    assert holds(first, near[0]) and holds(first, near[1]) and holds(second, far)
    # a close-up of much more does not take the place of one of little
    wide = [around(200, 200, 5, "agn"), around(200, 200, 5, "both"), around(330, 200, 60, "both")]
    assert len(close_ups(WHOLE, wide, SHAPE)) == 2


def test_what_lies_beyond_the_picture_has_none() -> None:
    assert close_ups(WHOLE, [around(900, 900, 5, "far")], SHAPE) == []
    assert is_within((0, 60, 0, 60), WHOLE) and not is_within((0, 49, 0, 60), WHOLE)


def test_a_box_is_around_all_lines() -> None:
    lines = [np.array([[1.0, 5.0], [3.0, 4.0]]), np.array([[-2.0, 4.5]])]
    assert box_of(lines) == (-2.0, 3.0, 4.0, 5.0)


places = st.tuples(st.floats(52, 447), st.floats(52, 447), st.floats(0.5, 100))


@given(st.lists(places, min_size=1, max_size=6), st.sampled_from([WHOLE, Field(0, 499, 100, 299)]))
def test_close_ups_lie_in_the_image_and_are_closer(some: list[tuple[float, float, float]], whole: Field) -> None:
    drawn = [around(*one, f"use{number % 3}") for number, one in enumerate(some)]
    found = close_ups(whole, drawn, SHAPE)
    image = Field(0, SHAPE[1] - 1, 0, SHAPE[0] - 1)
    assert len(found) <= 3 and len(set(found)) == len(found)
    for window in found:
        assert window.common(image) == window and window.pixels
        assert window.width < 0.95 * whole.width
        # one that is small in the whole is in it
        assert any(is_within(one.box, window) and one.side < 0.1 * max(whole.width, whole.height) for one in drawn)
