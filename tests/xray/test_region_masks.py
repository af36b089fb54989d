"""Includes and excludes, drawn regions, and many regions in one look-up."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xbatch.xray import region_labels as labels_module
from xbatch.xray import region_masks
from xbatch.xray.region_labels import label_image, region_labels
from xbatch.xray.region_masks import (
    RULES,
    Field,
    Rule,
    bounding_box,
    combine,
    draw,
    is_ambiguous,
    mask,
    pixels_inside,
    pixels_that_differ,
    selected,
)
from xbatch.xray.regions import Annulus, Box, Circle, Ellipse, Panda, Polygon, Shape, inside

FIELD = Field(1, 40, 1, 30)
ALL_X, ALL_Y = (grid.astype(np.int32) for grid in np.meshgrid(np.arange(1, 41), np.arange(1, 31)))

SHAPES = st.one_of(
    st.builds(Circle, st.floats(-5, 45), st.floats(-5, 35), st.floats(0.5, 15), st.booleans()),
    st.builds(
        Box, st.integers(1, 40), st.integers(1, 30), st.integers(1, 20), st.integers(1, 20), include=st.booleans()
    ),
    st.builds(
        Ellipse,
        st.floats(1, 40),
        st.floats(1, 30),
        st.floats(1, 12),
        st.floats(1, 12),
        st.floats(0, 360),
        st.booleans(),
    ),
    st.builds(
        Polygon,
        st.lists(st.tuples(st.floats(-9, 50), st.floats(-9, 40)), min_size=3, max_size=6).map(tuple),
        st.booleans(),
    ),
)
REGIONS = st.lists(SHAPES, min_size=1, max_size=5)
RULE = st.sampled_from(RULES)
A = Circle(12.0, 12.0, 6.0)
NOT_A = Circle(12.0, 12.0, 6.0, include=False)
B = Circle(16.0, 12.0, 6.0)
NOT_B = Circle(16.0, 12.0, 6.0, include=False)


def _in(shape: Shape) -> np.ndarray:
    return inside(shape, ALL_X, ALL_Y)


def _mask(*shapes: Shape, rule: Rule = "file-order") -> np.ndarray:
    return mask(shapes, FIELD, rule)


@given(shapes=REGIONS, rule=RULE)
def test_drawn_is_tested(shapes: list[Shape], rule: Rule) -> None:
    wanted = selected(shapes, ALL_X, ALL_Y, rule)
    np.testing.assert_array_equal(mask(shapes, FIELD, rule), wanted)
    np.testing.assert_array_equal(draw(shapes, rule, FIELD).at(ALL_X, ALL_Y), wanted)
    np.testing.assert_array_equal(draw(shapes, rule).at(ALL_X, ALL_Y), wanted)
    assert pixels_inside(shapes, FIELD, rule) == np.count_nonzero(wanted)


@given(shapes=REGIONS)
def test_exclude_last_does_not_hang_on_the_order(shapes: list[Shape]) -> None:
    forwards = _mask(*shapes, rule="exclude-last")
    np.testing.assert_array_equal(forwards, _mask(*reversed(shapes), rule="exclude-last"))
    excluded = [_in(shape) for shape in shapes if not shape.include]
    assert not (forwards & np.logical_or.reduce([np.zeros_like(forwards), *excluded])).any()


@given(shapes=REGIONS)
def test_includes_before_excludes_are_read_alike_by_all(shapes: list[Shape]) -> None:
    ordered = sorted(shapes, key=lambda shape: not shape.include)
    assert not is_ambiguous(ordered)
    for rule in RULES:
        np.testing.assert_array_equal(_mask(*ordered, rule=rule), _mask(*ordered))
        assert pixels_that_differ(ordered, rule, "exclude-last", FIELD) == 0


@given(shapes=REGIONS, rule=RULE, other=RULE)
def test_difference_of_rules_is_counted(shapes: list[Shape], rule: Rule, other: Rule) -> None:
    wanted = np.count_nonzero(_mask(*shapes, rule=rule) != _mask(*shapes, rule=other))
    assert pixels_that_differ(shapes, rule, other, FIELD) == wanted


@given(shapes=REGIONS, shape=SHAPES)
def test_last_word_counts_in_file_order(shapes: list[Shape], shape: Shape) -> None:
    if any(before.include for before in shapes):
        found = _mask(*shapes, shape)
        np.testing.assert_array_equal(found[_in(shape)], shape.include)
        np.testing.assert_array_equal(found[~_in(shape)], _mask(*shapes)[~_in(shape)])


@pytest.mark.parametrize(
    ("rule", "wanted"),
    [
        ("file-order", _in(B)),
        ("exclude-last", _in(B) & ~_in(A)),
        ("extractor", ~_in(A) | _in(B)),
    ],
)
def test_exclude_first_is_read_in_three_ways(rule: Rule, wanted: np.ndarray) -> None:
    assert is_ambiguous([NOT_A, B])
    np.testing.assert_array_equal(_mask(NOT_A, B, rule=rule), wanted)


def test_extractor_removes_a_later_exclude_from_the_includes_alone() -> None:
    inner = Circle(16.0, 12.0, 2.0, include=False)
    wanted = ~_in(A) | (_in(B) & ~_in(inner))
    np.testing.assert_array_equal(_mask(NOT_A, B, inner, rule="extractor"), wanted)


@pytest.mark.parametrize("rule", RULES)
def test_excludes_alone_leave_the_rest_of_the_field(rule: Rule) -> None:
    np.testing.assert_array_equal(_mask(NOT_A, NOT_B, rule=rule), ~_in(A) & ~_in(B))
    assert draw([NOT_A], rule).outside


def test_exclude_then_include_brings_back() -> None:
    small = Circle(12.0, 12.0, 2.0)
    assert _mask(A, NOT_A, small).sum() == _in(small).sum()
    assert _mask(A, NOT_A, small, rule="exclude-last").sum() == 0


def test_positions_outside_the_box_and_the_field() -> None:
    far = np.array([-1, 12, 30000], dtype=np.int16)
    assert draw([A]).at(far, far).tolist() == [False, True, False]
    assert draw([NOT_A]).at(far, far).tolist() == [True, False, True]
    assert draw([Circle(2000, 2000, 5)], field=FIELD).at(far, far).tolist() == [False, False, False]


def test_fractions_of_pixels_are_tested_not_looked_up() -> None:
    x, y = np.array([18.0, 18.0000001]), np.array([12.0, 12.0])
    assert selected([A], x, y).tolist() == [True, False]
    with pytest.raises(ValueError, match="whole pixels"):
        draw([A]).at(x, y)
    labels, members = region_labels([([A], "file-order")], x, y)
    assert members[labels, 0].tolist() == [True, False]


def test_sector_needs_a_field() -> None:
    sector = Panda(Annulus(5, 5, 0, math.inf), 0, 90)
    with pytest.raises(ValueError, match="field"):
        bounding_box([sector])
    np.testing.assert_array_equal(_mask(sector), (ALL_X >= 5) & (ALL_Y >= 5))
    labels, members = region_labels([([sector], "file-order")], ALL_X, ALL_Y)
    assert np.count_nonzero(members[labels, 0]) == 36 * 26


def test_unknown_rule_is_refused() -> None:
    with pytest.raises(ValueError, match="file-order"):
        combine([A], _in, ALL_X.shape, "any")  # type: ignore[arg-type]


def test_counting_in_blocks_is_counting(monkeypatch: pytest.MonkeyPatch) -> None:
    shapes = [A, B, Circle(14, 12, 2, include=False), Polygon(((20, 3), (38, 9), (25, 28)))]
    whole = pixels_inside(shapes, FIELD)
    monkeypatch.setattr(region_masks, "_BLOCK", 50)
    assert pixels_inside(shapes, FIELD) == whole


@given(regions=st.lists(st.tuples(REGIONS, RULE), min_size=0, max_size=12))
def test_labels_tell_every_region(regions: list[tuple[list[Shape], Rule]]) -> None:
    x, y = np.append(ALL_X, [-7, 900]).astype(np.int32), np.append(ALL_Y, [3, 900]).astype(np.int32)
    labels, members = region_labels(regions, x, y)
    one_by_one, known = region_labels(regions, x.astype(float), y.astype(float))
    assert members.shape[1] == known.shape[1] == len(regions)
    for number, (shapes, rule) in enumerate(regions):
        wanted = selected(shapes, x, y, rule)
        np.testing.assert_array_equal(members[labels, number], wanted)
        np.testing.assert_array_equal(known[one_by_one, number], wanted)


def test_spectra_of_all_regions_from_one_histogram() -> None:
    random = np.random.default_rng(5)
    x, y = random.integers(1, 41, 5000), random.integers(1, 31, 5000)
    pi = random.integers(0, 64, 5000)
    regions = [[A], [B], [A, NOT_B], [NOT_A]]
    image = label_image([draw(shapes, field=FIELD) for shapes in regions])
    histogram = np.bincount(image.at(x, y) * 64 + pi, minlength=len(image.members) * 64).reshape(-1, 64)
    spectra = image.members.T.astype(int) @ histogram
    for shapes, spectrum in zip(regions, spectra, strict=True):
        np.testing.assert_array_equal(spectrum, np.bincount(pi[selected(shapes, x, y)], minlength=64))


def test_labels_stay_few_where_regions_do_not_overlap() -> None:
    apart = [[Circle(5.0 + 10 * number, 5.0, 3.0)] for number in range(70)]
    image = label_image([draw(shapes) for shapes in apart])
    assert len(image.members) == 71


def test_regions_too_far_apart_are_tested_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labels_module, "LARGEST", 100)
    monkeypatch.setattr(labels_module, "draw", None)
    labels, members = region_labels([([A], "file-order"), ([B], "file-order")], ALL_X, ALL_Y)
    np.testing.assert_array_equal(members[labels, 0], _in(A))
    np.testing.assert_array_equal(members[labels, 1], _in(B))


@pytest.mark.parametrize("dtype", [np.int16, np.uint16, np.int32, np.uint32, np.int64])
def test_any_integers_will_do(dtype: type[np.integer]) -> None:
    x, y = np.array([12, 18, 19, 32767]).astype(dtype), np.array([12, 12, 12, 12]).astype(dtype)
    assert draw([A]).at(x, y).tolist() == [True, True, False, False]
    assert draw([Circle(3e9, 12.0, 4.0)]).at(x, y).tolist() == [False] * 4
