from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xbatch.xray.equal_bands import (
    channels_inside,
    equal_count_edges,
    equal_snr_edges,
    nearest_channels,
    wide_edges,
)

COUNTS = st.lists(st.floats(-5, 1e4), min_size=1, max_size=200).filter(lambda values: sum(values) > 1)


def spread(edges: list[int], parts: int) -> np.ndarray[Any, Any]:
    """Make net counts, in the channels from edges[0] on, of which each part between edges has as many."""
    net = np.zeros(edges[-1] - edges[0] + 1)
    per = 1000.0 * 3600 / parts
    for lower, upper in pairwise(edges):
        begin = lower + 1 - edges[0]
        net[begin : upper + 1 - edges[0]] = per / (upper - lower)
    return net


@pytest.fixture
def published(reference: Path) -> dict[str, list[int]]:
    values = json.loads((reference / "source-reference-values.json").read_text())
    return {one["id"]: one["channels"] for one in values["ngc5506"]["binning"]["equal_counts"]}


@pytest.mark.real_data
def test_edges_of_the_test_vector(reference: Path) -> None:
    values = json.loads((reference / "source-reference-values.json").read_text())
    case = values["derived_test_vectors"]["equal_counts_edges"]
    for faithful in (False, True):
        found = equal_count_edges(np.array(case["net_counts"], float), case["n_bins"], faithful=faithful)
        assert found.tolist() == case["edge_indices"]


@pytest.mark.real_data
def test_published_lists_come_out_of_one_spectrum(published: dict[str, list[int]]) -> None:
    # The lists of 24 and 48 bands fix all but one of the 48 edges: those left out of the latter are in the former.
    fine = sorted({*published["24cch"], *published["48cch"], 413})
    assert len(fine) == 49
    sums = {edge: 2 * number for number, edge in enumerate(fine)}
    sums |= {edge: 3 * number for number, edge in enumerate(published["32cch"])}
    edges = sorted(sums)
    net = np.zeros(1600)
    net[np.array(edges) - 400] = np.diff([sums[edge] for edge in edges], prepend=0)
    for faithful in (False, True):
        found = {n: 400 + equal_count_edges(net, n, faithful=faithful) for n in (12, 24, 32, 48)}
        assert found[12].tolist() == published["12cch"] == published["24cch"][::2]
        assert found[24].tolist() == published["24cch"] and found[32].tolist() == published["32cch"]
        pruned = wide_edges(found[48], 30, faithful=faithful)
        assert pruned.tolist() == published["48cch"] and pruned.size == 32
        assert np.diff(pruned).min() >= 30


def test_edges_on_one_bright_channel_are_one() -> None:
    net = np.array([1.0, 1, 100, 1, 1])
    assert equal_count_edges(net, 4, faithful=True).tolist() == [0, 1, 1, 2, 4]
    assert equal_count_edges(net, 4).tolist() == [0, 1, 2, 4]


def test_edges_that_leave_too_few_channels_are_left_out() -> None:
    edges = np.array([0, 10, 25, 45, 50, 79, 85])
    assert wide_edges(edges, 30).tolist() == [0, 45, 85]
    assert wide_edges(edges, 30, faithful=True).tolist() == [0, 45, 79]
    assert wide_edges(edges, 100).tolist() == [0, 85]
    assert wide_edges(edges, 100, faithful=True).tolist() == [0]


def test_equal_signal_to_noise_of_counts_alone_is_equal_counts() -> None:
    net = np.ones(400)
    assert np.diff(equal_snr_edges(net, net, 8)).tolist() == [49, *[50] * 7]


def test_equal_signal_to_noise_where_the_background_grows() -> None:
    net, variance = np.full(300, 10.0), 10.0 + np.arange(300)
    edges = equal_snr_edges(net, variance, 5)
    assert edges.size == 6
    bounds = np.append(0, edges[1:] + 1)
    ratios = np.add.reduceat(net, bounds[:-1]) / np.sqrt(np.add.reduceat(variance, bounds[:-1]))
    assert ratios == pytest.approx(np.full(5, ratios.mean()), rel=0.03)
    assert np.all(np.diff(edges)[1:] > np.diff(edges)[:-1])


def test_signal_to_noise_as_published_scripts_have_it() -> None:
    # sqrt(100 / 5): each band ends with more than 20 counts; 16 are left.
    assert equal_snr_edges(np.full(25, 4.0), np.full(25, 4.0), 4, faithful=True).tolist() == [0, 5, 11, 17, 23]


@given(COUNTS, st.integers(1, 40), st.sampled_from([equal_count_edges, None]))
def test_edges_rise_and_cover_the_range(values: list[float], bands: int, which: Any) -> None:
    net = np.array(values)
    edges = which(net, bands) if which else equal_snr_edges(net, np.abs(net) + 1, bands)
    assert edges[0] == 0 and edges[-1] == net.size - 1
    assert net.size == 1 or np.all(np.diff(edges) > 0)
    assert edges.size <= bands + 1 or net.size == 1


@given(st.lists(st.integers(0, 500), min_size=2, max_size=60, unique=True), st.integers(1, 100))
def test_bands_are_as_wide_as_asked(values: list[int], least: int) -> None:
    edges = np.array(sorted(values))
    wide = wide_edges(edges, least)
    assert wide[0] == edges[0] and wide[-1] == edges[-1]
    assert wide.size == 2 or np.diff(wide).min() >= least


def test_ends_of_a_range_are_the_nearest_channels() -> None:
    e_min = np.arange(0, 20.48, 0.005)
    assert channels_inside(e_min, e_min + 0.005, 2, 10) == (400, 1999)
    assert channels_inside(e_min, e_min + 0.005, 2.0026, 9.9974) == (401, 1998)
    with pytest.raises(ValueError, match="30 to 40 keV holds no channel of 0 to 20"):
        channels_inside(e_min, e_min + 0.005, 30, 40)


def test_nearest_channels_take_the_lower_of_two() -> None:
    e_min = np.arange(4.0)
    assert nearest_channels(np.array([0.1, 1.0, 1.01, 9]), e_min, e_min + 1).tolist() == [0, 0, 1, 3]


@pytest.mark.parametrize("edges", [equal_count_edges, lambda net, n: equal_snr_edges(net, net, n)])
def test_a_spectrum_without_counts_has_no_edges(edges: Any) -> None:
    with pytest.raises(ValueError, match="no net counts"):
        edges(np.zeros(5), 2)
