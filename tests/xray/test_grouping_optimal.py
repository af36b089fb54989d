import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from xbatch.xray.fold import find_groups, group_sum
from xbatch.xray.grouping import group_min
from xbatch.xray.grouping_optimal import (
    fwhm_channels,
    group_optimal,
    group_optimal_min,
    group_optimal_snr,
    optimal_factor,
    optimal_widths,
)

Floats = NDArray[np.float64]
Shorts = NDArray[np.int16]


@st.composite
def spectra(draw: st.DrawFn) -> tuple[Floats, Floats, Shorts]:
    """Counts, FWHM and QUALITY."""
    size = draw(st.integers(1, 60))
    counts = draw(st.lists(st.integers(0, 3000), min_size=size, max_size=size))
    fwhm = draw(st.lists(st.floats(1, 20), min_size=size, max_size=size))
    quality = draw(st.lists(st.sampled_from([0, 0, 0, 0, 5]), min_size=size, max_size=size))
    return np.array(counts, dtype=np.float64), np.array(fwhm), np.array(quality, dtype=np.int16)


def test_published_formula() -> None:
    # Kaastra & Bleeker 2016, eq. 19, reckoned apart with 16 digits
    table = {
        1.0: 1.0,
        2.119: 1.0,
        2.5: 0.9428571428571428,
        3.0: 0.8808988764044945,
        4.0: 0.7848484848484849,
        5.0: 0.7119266055045871,
        7.0: 0.6059800664451828,
        10.0: 0.5018867924528301,
        14.0: 0.41450107681263454,
    }
    np.testing.assert_allclose(optimal_factor(np.array(list(table))), list(table.values()), rtol=1e-12)


def test_width_is_continuous_where_it_leaves_the_fwhm() -> None:
    assert optimal_factor(np.array([2.1191]))[0] == pytest.approx(1, abs=1e-4)


def test_two_levels_by_hand() -> None:
    counts = np.array([0.0] * 8 + [10.0] * 16 + [1000.0] * 16)
    fwhm = np.full(40, 8.0)
    widths = optimal_widths(counts, fwhm)
    assert widths.tolist() == [8] * 4 + [7] + [6] * 3 + [5] * 12 + [4] * 20
    grouping, quality = group_optimal(counts, fwhm, np.zeros(40, dtype=np.int16))
    assert np.flatnonzero(grouping == 1).tolist() == [0, 8, 13, 18, 23, 27, 31, 35, 39]
    assert not quality.any()


def test_growing_width_by_hand() -> None:
    fwhm = np.arange(4.0, 16.0, 0.5)
    counts = np.full(24, 50.0)
    assert optimal_widths(counts, fwhm).tolist() == [
        *(2, 2, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 6, 6, 6, 6, 7, 7, 7, 8, 8, 8, 9, 9)
    ]
    grouping, _ = group_optimal(counts, fwhm, np.zeros(24, dtype=np.int16))
    assert np.flatnonzero(grouping == 1).tolist() == [0, 2, 5, 9, 14, 20]


@given(spectrum=spectra())
def test_optimal_groups_are_no_wider_than_the_fwhm(spectrum: tuple[Floats, Floats, Shorts]) -> None:
    counts, fwhm, quality = spectrum
    grouping, flagged = group_optimal(counts, fwhm, quality)
    np.testing.assert_array_equal(flagged, quality)
    groups = find_groups(grouping, flagged)
    assert np.all(groups.last - groups.first + 1 <= np.maximum(fwhm[groups.first], 1))
    assert group_sum(groups, counts).sum() == counts[quality == 0].sum()


@given(spectrum=spectra(), minimum=st.integers(1, 5000))
def test_optimal_with_a_minimum(spectrum: tuple[Floats, Floats, Shorts], minimum: int) -> None:
    counts, fwhm, quality = spectrum
    flags = group_optimal_min(counts, fwhm, quality, minimum)
    groups = find_groups(*flags)
    assert np.all(group_sum(groups, counts) >= minimum)
    # Neither rule alone would have made more groups.
    assert groups.size <= find_groups(*group_optimal(counts, fwhm, quality)).size
    assert groups.size <= find_groups(*group_min(counts, quality, minimum)).size


@given(spectrum=spectra(), snr=st.floats(0.5, 50))
def test_optimal_with_a_signal_to_noise(spectrum: tuple[Floats, Floats, Shorts], snr: float) -> None:
    counts, fwhm, quality = spectrum
    groups = find_groups(*group_optimal_snr(counts, fwhm, (counts, counts), quality, snr))
    assert np.all(np.sqrt(group_sum(groups, counts)) >= snr * (1 - 1e-12))


@given(spectrum=spectra(), snr=st.floats(0.5, 20))
def test_a_group_ends_where_the_later_of_both_rules_would(spectrum: tuple[Floats, Floats, Shorts], snr: float) -> None:
    counts, fwhm, quality = spectrum
    good = np.flatnonzero(quality == 0)
    stops = np.arange(counts.size) + optimal_widths(np.where(quality == 0, counts, 0.0), fwhm)
    ends: list[int] = []
    begin = 0
    while begin < good.size:
        stop = stops[good[begin] : stops[good[begin]]].min()
        by_width = begin + int(np.count_nonzero(good[begin:] < stop))
        sums = np.cumsum(counts[good[begin:]])
        reached = np.flatnonzero((sums > 0) & (sums * sums >= snr * snr * sums))
        if not reached.size:
            break
        begin = max(by_width, begin + int(reached[0]) + 1)
        ends.append(begin)
    grouping, flagged = group_optimal_snr(counts, fwhm, (counts, counts), quality, snr)
    starts = good[np.array([0, *ends[:-1]], dtype=int)[: len(ends)]]
    np.testing.assert_array_equal(np.flatnonzero((grouping == 1) & (flagged == 0)), starts)


@given(spectrum=spectra(), hot=st.integers(0, 10**6))
def test_bad_channels_never_count(spectrum: tuple[Floats, Floats, Shorts], hot: int) -> None:
    counts, fwhm, quality = spectrum
    other = np.where(quality != 0, float(hot), counts)
    for one, two in zip(group_optimal(counts, fwhm, quality), group_optimal(other, fwhm, quality), strict=True):
        np.testing.assert_array_equal(one, two)


def test_width_must_be_positive() -> None:
    with pytest.raises(ValueError, match="no FWHM above 0"):
        optimal_widths(np.ones(2), np.array([1.0, 0.0]))


# --- the width of a response -----------------------------------------------------------------------------------------


def _rows(dense: Floats) -> tuple[NDArray[np.int64], NDArray[np.int32], Floats]:
    filled = dense > 0
    indptr = np.concatenate([[0], np.cumsum(filled.sum(axis=1))])
    return indptr, np.nonzero(filled)[1].astype(np.int32), dense[filled]


def _grid(size: int) -> tuple[Floats, Floats]:
    return np.arange(size, dtype=np.float64) + 1, np.arange(size, dtype=np.float64) + 2


def test_width_by_hand() -> None:
    rows = np.array(
        [
            [4.0, 3.0, 1.0, 0.0, 0.0, 0.0],  # runs into the first channel: twice the upper side
            [3.0, 8.0, 5.0, 4.0, 1.0, 0.0],  # half is 4: from 0 to 3
            [0.0, 1.0, 9.0, 1.0, 0.0, 0.0],
            [0.0, 0.0, 0.0, 0.0, 0.0, 0.0],  # no row: the nearest lower
            [0.0, 6.0, 0.0, 6.0, 7.0, 6.0],  # a gap ends the run; runs into the last channel: twice the lower side
            [9.0, 9.0, 9.0, 9.0, 9.0, 9.0],  # no side at all: the nearest lower
        ]
    )
    grid = _grid(6)
    assert fwhm_channels(_rows(rows), grid, grid).tolist() == [4, 3, 2, 2, 4, 4]


def test_channels_beyond_the_matrix_have_the_nearest_width() -> None:
    rows = np.array([[0.0, 0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 3.0, 5.0, 3.0]])
    width = fwhm_channels(_rows(rows), (np.array([3.0, 4.0]), np.array([4.0, 5.0])), _grid(5))
    assert width.tolist() == [2, 2, 2, 4, 4]


def test_an_empty_response_is_refused() -> None:
    with pytest.raises(ValueError, match="no width at any channel"):
        fwhm_channels(_rows(np.zeros((3, 3))), _grid(3), _grid(3))


@given(sigma=st.floats(1, 8), size=st.integers(60, 90))
def test_width_of_a_gaussian_response(sigma: float, size: int) -> None:
    channel = np.arange(size)
    dense = np.exp(-0.5 * ((channel[None] - channel[:, None]) / sigma) ** 2)
    width = fwhm_channels(_rows(np.where(dense > 1e-6, dense, 0)), _grid(size), _grid(size))
    assert abs(width[size // 2] - 2.3548 * sigma) <= 2


# --- against the HEASP library ---------------------------------------------------------------------------------------


@pytest.mark.real_data
def test_heasp_opt(reference: Path) -> None:
    folder = reference / "grouping"
    with (
        (folder / "heasp.csv").open(encoding="utf-8") as stream,
        np.load(folder / "inputs.npz") as inputs,
        np.load(folder / "heasp.npz") as theirs,
    ):
        rows = [row for row in csv.DictReader(stream) if row["method"] == "opt"]
        assert len(rows) == 7
        for row in rows:
            counts = inputs[f"{row['spectrum']}.counts"].astype(np.float64)
            grouping, _ = group_optimal(counts, theirs[f"fwhm_{row['fwhm']}"], np.zeros(counts.size, dtype=np.int16))
            np.testing.assert_array_equal(grouping, theirs[f"{row['case']}/flag"], err_msg=row["case"])
