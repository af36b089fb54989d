"""Tests of the counters, against counting event by event."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xbatch.xray.bandlookup import BandLookup
from xbatch.xray.eventcounts import CurveCounter, ImageCounter, SpectrumCounter
from xbatch.xray.histograms import binned_axis, image_counts, spectrum_counts

BANDS = st.lists(st.tuples(st.integers(-20, 120), st.integers(0, 40)).map(lambda b: (b[0], b[0] + b[1])), min_size=1)


@given(BANDS, st.lists(st.integers(-200, 300)))
def test_bands_may_overlap_and_leave_gaps(bands: list[tuple[int, int]], values: list[int]) -> None:
    lookup = BandLookup(bands)
    pi = np.array(values, np.int32)
    counts = np.bincount(lookup.at(pi), minlength=lookup.segments + 1)
    assert counts.sum() == len(pi)
    expected = [int(np.count_nonzero((pi >= first) & (pi <= last))) for first, last in bands]
    assert lookup.totals(counts).tolist() == expected


def test_many_segments_and_small_types() -> None:
    bands = [(k, k + 3) for k in range(0, 1200, 2)]
    lookup = BandLookup(bands)
    assert lookup.segments > 256
    for kind in (np.int16, np.uint16, np.int64):
        pi = np.arange(2000).astype(kind)
        counts = np.bincount(lookup.at(pi), minlength=lookup.segments + 1)
        assert set(lookup.totals(counts).tolist()) == {4}


def test_bands_that_are_none() -> None:
    with pytest.raises(ValueError, match="no band"):
        BandLookup([])
    with pytest.raises(ValueError, match="from PI 5 to 4 holds nothing"):
        BandLookup([(5, 4)])
    with pytest.raises(ValueError, match="no bands of a detector"):
        BandLookup([(0, 10**9)])
    with pytest.raises(ValueError, match="whole numbers"):
        BandLookup([(0, 1)]).at(np.array([0.5]))


@given(st.integers(0, 2**31), st.integers(1, 60), st.integers(1, 7), BANDS)
def test_chunks_do_not_matter(seed: int, step: int, width: int, bands: list[tuple[int, int]]) -> None:
    rng = np.random.default_rng(seed)
    count = 200
    times = np.sort(rng.integers(0, 50, count) / 4.0)
    pi = rng.integers(-10, 150, count).astype(np.int32)
    x, y = rng.integers(-2, 14, (2, count)).astype(np.int16)
    labels = rng.integers(0, 4, count).astype(np.int32)
    members = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.bool_)
    axes = binned_axis(1, 10, 1), binned_axis(1, 9, 2)
    edges = np.array([0.5, 1.0, 3.0, 7.5, 12.0])
    spectra = SpectrumCounter(members, 3, 120, width)
    image, images = ImageCounter(*axes), ImageCounter(*axes, bands)
    curves = CurveCounter(edges, bands)
    for at in range(0, count, step):
        part = slice(at, at + step)
        spectra.add(labels[part], pi[part])
        image.add(x[part], y[part])
        images.add(x[part], y[part], pi[part])
        curves.add(times[part], pi[part])
    for region in range(2):
        expected = spectrum_counts(pi[members[labels, region]], 3, 120, width)
        assert np.array_equal(spectra.counts[region], expected)
    assert np.array_equal(image.images[0], image_counts(x, y, *axes))
    for number, (first, last) in enumerate(bands):
        own = (pi >= first) & (pi <= last)
        assert np.array_equal(images.images[number], image_counts(x[own], y[own], *axes))
        by_bin = [int(np.count_nonzero(own & (times >= a) & (times < b))) for a, b in pairwise(edges)]
        assert curves.counts[number].tolist() == by_bin


def test_many_bins_are_counted_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xbatch.xray.eventcounts._MOST_CELLS", 7)
    times = np.arange(100) / 10.0
    curves = CurveCounter(np.arange(0.0, 11.0), [(0, 9), (5, 19)])
    curves.add(times[:0], np.empty(0, np.int32))
    curves.add(times, np.arange(100, dtype=np.int32) % 20)
    assert curves.counts.tolist() == [[10, 0] * 5, [5, 10] * 5]


def test_images_in_bands_need_pi() -> None:
    counter = ImageCounter(binned_axis(1, 4, 1), binned_axis(1, 4, 1), [(0, 5)])
    with pytest.raises(ValueError, match="need PI"):
        counter.add(np.ones(1, np.int16), np.ones(1, np.int16))
