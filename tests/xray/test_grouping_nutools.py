import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from xbatch.xray.fold import find_groups, group_sum
from xbatch.xray.grouping import LEFTOVER
from xbatch.xray.grouping_nutools import (
    group_as_scripts,
    group_net_counts,
    merged_lines,
    script_lines,
)

Shorts = NDArray[np.int16]


def good(size: int) -> Shorts:
    return np.zeros(size, dtype=np.int16)


nets = st.lists(st.integers(-20, 60), min_size=1, max_size=60).map(lambda net: np.array(net) / 4)


def test_lines_by_hand() -> None:
    source = np.array([0, 1, 2, 5, 9, 14, 18, 22, 25, 21, 12, 8, 30, 28, 6, 3, 2, 1, 1, 0])
    background = np.array([0, 0, 1, 1, 2, 2, 3, 2, 3, 2, 1, 1, 2, 2, 1, 1, 1, 0, 1, 0])
    net = source - 0.5 * background
    assert merged_lines(script_lines(net, np.arange(20), 20)) == [(1, 5, 5), (6, 7, 2), (10, 12, 3), (14, 19, 6)]
    grouping, quality = group_as_scripts(net, np.arange(20), good(20), 20)
    # Channels 0, 8, 9 and 13 are on no line. The last group has 12 net counts.
    assert np.flatnonzero(grouping == 1).tolist() == [0, 1, 6, 8, 9, 10, 13, 14]
    assert not quality.any()


def test_neighbours_of_one_width_are_one_line() -> None:
    # The first group, channels 0 and 1, is written as 1 to 1 and then taken out.
    lines = script_lines(np.full(21, 10.0), np.arange(21), 20)
    assert lines == [*((first, first + 1, 2) for first in range(2, 18, 2)), (18, 20, 3)]
    assert merged_lines(lines) == [(2, 17, 2), (18, 20, 3)]


def test_merging_across_a_single_channel_moves_the_groups_after_it() -> None:
    net = np.array([0, 10, 10, 10, 10, 30, 10, 10, 10, 10, 10, 1.0])
    lines = script_lines(net, np.arange(12), 20)
    assert lines == [(1, 2, 2), (3, 4, 2), (6, 7, 2), (8, 9, 2), (10, 11, 2)]
    grouping, _ = group_as_scripts(net, np.arange(12), good(12), 20)
    # Groups of two from channel 1: those meant to be 6-7 and 8-9 are 5-6 and 7-8; what fills no group is single.
    assert np.flatnonzero(grouping == 1).tolist() == [0, 1, 3, 5, 7, 9, 11]
    mended, _ = group_net_counts(net, good(12), 20)
    assert np.flatnonzero(mended == 1).tolist() == [0, 3, 5, 6, 8, 10, 11]


@pytest.mark.real_data
def test_vectors_worked_out_elsewhere(reference: Path) -> None:
    vectors = json.loads((reference / "source-reference-values.json").read_text("utf-8"))["derived_test_vectors"]
    done = [case for name, case in vectors.items() if name.startswith("gdl_grouping")]
    for case in done:
        net = np.array(case["src"]) - case["scale"] * np.array(case["bkg"])
        channel = case["first_channel"] + np.arange(net.size)
        lines = script_lines(net, channel, case["min_net"])
        assert [list(line) for line in lines] == case["lines_before_merge"]
        assert [list(line) for line in merged_lines(lines)] == case["file_lines_min_max_width"]
    assert len(done) == 2


@given(nets, st.floats(0.25, 60), st.data())
def test_mended_groups_reach_the_minimum_and_no_sooner(
    net: NDArray[np.float64], minimum: float, data: st.DataObject
) -> None:
    quality = np.array(data.draw(st.lists(st.sampled_from([0, 0, 5]), min_size=net.size, max_size=net.size)), np.int16)
    grouping, flagged = group_net_counts(net, quality, minimum)
    np.testing.assert_array_equal(flagged[quality != 0], quality[quality != 0])
    assert set(flagged[quality == 0].tolist()) <= {0, LEFTOVER}
    groups = find_groups(grouping, flagged)
    assert np.all(group_sum(groups, net) >= minimum)
    assert np.all(group_sum(groups, net) - net[groups.last] < minimum)
    assert group_sum(groups, net).sum() == net[flagged == 0].sum()
    assert net[(flagged == LEFTOVER) & (quality == 0)].sum() < minimum


@given(nets, st.floats(0.25, 60), st.integers(0, 1))
def test_faithful_groups_keep_all_counts_and_flags(net: NDArray[np.float64], minimum: float, first: int) -> None:
    try:
        grouping, quality = group_as_scripts(net, first + np.arange(net.size), good(net.size), minimum)
    except ValueError as error:
        assert "use form: mended" in str(error)
        return
    assert not quality.any()
    groups = find_groups(grouping, quality)
    assert group_sum(groups, net).sum() == net.sum()
    assert np.any(groups.last > groups.first)


def test_bad_channels_count_for_the_scripts() -> None:
    net, quality = np.full(9, 10.0), good(9)
    quality[3:5] = 5
    grouping, flagged = group_as_scripts(net, np.arange(9), quality, 20)
    np.testing.assert_array_equal(flagged, quality)
    # Lines 2-3, 4-5, 6-8: of the first two one channel each is good.
    assert np.flatnonzero(grouping[quality == 0] == 1).tolist() == [0, 1, 2, 3, 4]


def fails(*net: float, minimum: float = 20) -> Callable[[], Any]:
    return lambda: script_lines(np.array(net), np.arange(len(net)), minimum)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (fails(30, 10, 10, 10), "end the first group at channel 0"),
        (fails(1, 1, 1), "no group of more than one channel"),
        (fails(1.0), "no group of more than one channel"),
        (fails(1, 2, minimum=0), "minimum of 0 net counts"),
        (lambda: group_net_counts(np.ones(3), good(3), -1), "minimum of -1 net counts"),
    ],
)
def test_what_cannot_be_done_is_said(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
