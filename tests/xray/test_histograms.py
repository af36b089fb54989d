"""Tests of spectra and images by counting."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xbatch.xray.histograms import Axis, binned_axis, image_counts, pixel_numbers, spectrum_counts


def test_both_ends_of_a_pi_range_count() -> None:
    pi = np.array([-1, 34, 35, 35, 40, 60, 61, 4095], np.int32)
    counts = spectrum_counts(pi, 35, 60)
    assert len(counts) == 26 and counts.sum() == 4
    assert counts[[0, 5, 25]].tolist() == [2, 1, 1]
    assert spectrum_counts(pi, 35, 35).tolist() == [2]


@given(st.lists(st.integers(-5, 120), max_size=200), st.integers(1, 30))
def test_wide_channels_lose_no_event(values: list[int], width: int) -> None:
    pi = np.array(values, np.int32)
    counts = spectrum_counts(pi, 0, 99, width)
    assert len(counts) == -(-100 // width)
    assert counts.sum() == np.count_nonzero((pi >= 0) & (pi <= 99)) == spectrum_counts(pi, 0, 99).sum()
    expected = np.bincount(pi[(pi >= 0) & (pi <= 99)] // width, minlength=len(counts))
    assert np.array_equal(counts, expected)


@pytest.mark.parametrize(("first", "last", "width"), [(5, 4, 1), (0, 10, 0)])
def test_no_channel_is_refused(first: int, last: int, width: int) -> None:
    with pytest.raises(ValueError, match="no channel"):
        spectrum_counts(np.array([1]), first, last, width)


def test_pi_must_be_whole() -> None:
    with pytest.raises(ValueError, match="whole numbers"):
        spectrum_counts(np.array([1.5]), 0, 10)


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.float32, np.float64])
def test_bins_hold_the_coordinates_they_should(dtype: type) -> None:
    axis = binned_axis(1, 10, 3)
    x = np.arange(-1, 13).astype(dtype)
    expected = [-1, -1, 0, 0, 0, 1, 1, 1, 2, 2, 2, -1, -1, -1]
    assert axis.size == 3 and pixel_numbers(x, axis).tolist() == expected


@given(st.integers(1, 100), st.integers(1, 12), st.integers(-20, 20))
def test_bins_of_whole_coordinates(size: int, width: int, lowest: int) -> None:
    if size < width:
        with pytest.raises(ValueError, match="needs pixels"):
            binned_axis(lowest, lowest + size - 1, width)
        return
    axis = binned_axis(lowest, lowest + size - 1, width)
    x = np.arange(lowest - 3, lowest + size + 3)
    pixel = (x - lowest) // width
    expected = np.where((x >= lowest) & (pixel < axis.size), pixel, -1)
    assert np.array_equal(pixel_numbers(x, axis), expected)


def test_the_table_and_the_formula_agree() -> None:
    rng = np.random.default_rng(3)
    x = rng.integers(1, 51841, 5000).astype(np.int32)
    axis = Axis(1.14942528735632e-02, -4.14367816091954e01, 512)
    many = np.tile(x, 20)
    assert np.array_equal(pixel_numbers(many, axis), np.tile(pixel_numbers(x, axis), 20))
    assert np.array_equal(pixel_numbers(x, axis), pixel_numbers(x.astype(np.float64), axis))
    outside = np.rint(x * axis.ltm + axis.ltv)
    assert np.array_equal(pixel_numbers(x, axis) < 0, (outside < 1) | (outside > 512))


def test_rows_of_an_image_are_y() -> None:
    x, y = np.array([1, 3, 3, 99, 2]), np.array([1, 2, 2, 1, -7])
    image = image_counts(x, y, binned_axis(1, 4, 1), binned_axis(1, 2, 1))
    assert image.shape == (2, 4) and image.tolist() == [[1, 0, 0, 0], [0, 0, 2, 0]]


def test_what_is_no_number_is_in_no_pixel() -> None:
    axis = binned_axis(1, 4, 1)
    x = np.array([np.nan, np.inf, 2.0])
    assert pixel_numbers(x, axis).tolist() == [-1, -1, 1]
    assert image_counts(x, np.ones(3), axis, axis).sum() == 1


def test_no_events_make_an_empty_image() -> None:
    axis = binned_axis(1, 4, 2)
    nothing = np.empty(0, np.int16)
    assert image_counts(nothing, nothing, axis, axis).tolist() == [[0, 0], [0, 0]]
    assert spectrum_counts(nothing, 0, 3).tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize(("ltm", "size"), [(0.0, 5), (1.0, 0), (float("nan"), 5)])
def test_an_axis_needs_pixels(ltm: float, size: int) -> None:
    with pytest.raises(ValueError, match="needs pixels"):
        Axis(ltm, 0.0, size)


def test_a_bin_needs_a_width() -> None:
    with pytest.raises(ValueError, match="a bin of 0"):
        binned_axis(1, 10, 0)
