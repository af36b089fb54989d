import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from xbatch.xray.fold import find_groups, group_sum
from xbatch.xray.grouping import (
    BAD_BY_USER,
    LEFTOVER,
    Flags,
    flag_bad,
    group_by_labels,
    group_constant,
    group_min,
    group_none,
    group_ranges,
    group_snr,
    net_and_variance,
    systematic_errors,
)

Floats = NDArray[np.float64]
Shorts = NDArray[np.int16]
Bools = NDArray[np.bool_]


def good(size: int) -> Shorts:
    return np.zeros(size, dtype=np.int16)


@st.composite
def spectra(draw: st.DrawFn) -> tuple[Floats, Shorts, Bools]:
    """Counts, QUALITY and the channels inside a range."""
    size = draw(st.integers(1, 60))
    counts = draw(st.lists(st.integers(0, 40), min_size=size, max_size=size))
    quality = draw(st.lists(st.sampled_from([0, 0, 0, 0, 1, 5]), min_size=size, max_size=size))
    low = draw(st.integers(0, size - 1))
    high = draw(st.integers(low, size - 1))
    inside = np.zeros(size, dtype=bool)
    inside[low : high + 1] = True
    return np.array(counts, dtype=np.float64), np.array(quality, dtype=np.int16), inside


def check_flags(flags: Flags, quality: Shorts, inside: Bools) -> None:
    """Hold what every grouping has in common."""
    grouping, flagged = flags
    assert grouping.dtype == flagged.dtype == np.int16
    assert set(grouping.tolist()) <= {1, -1}
    assert grouping[0] == 1
    # Bad stays what it was; good stays good or is left over.
    np.testing.assert_array_equal(flagged[quality != 0], quality[quality != 0])
    assert set(flagged[quality == 0].tolist()) <= {0, LEFTOVER}
    # Outside and left-over channels are alone.
    assert np.all(grouping[~inside] == 1)
    assert np.all(flagged[~inside] == quality[~inside])
    assert np.all(grouping[(flagged == LEFTOVER) & (quality == 0)] == 1)
    # Each group begins at a good channel, or holds one bad channel alone.
    begins = np.flatnonzero(grouping == 1)
    lengths = np.diff(np.append(begins, grouping.size))
    assert np.all((flagged[begins] == 0) | (lengths == 1))


makers: dict[str, Callable[[Floats, Shorts, Bools], Flags]] = {
    "constant": lambda counts, quality, inside: group_constant(quality, 3, inside),
    "min": lambda counts, quality, inside: group_min(counts, quality, 25, inside),
    "snr": lambda counts, quality, inside: group_snr(counts, counts, quality, 4.0, inside),
    "ranges": lambda counts, quality, inside: group_ranges(
        quality, np.arange(counts.size), [(0, 3, 2), (4, 1000, 5)] if counts.size > 4 else [(0, 3, 2)], inside
    ),
    "labels": lambda counts, quality, inside: group_by_labels(np.arange(counts.size) // 4, quality, inside),
}


@pytest.mark.parametrize("name", sorted(makers))
@given(spectrum=spectra())
def test_what_holds_for_every_grouping(name: str, spectrum: tuple[Floats, Shorts, Bools]) -> None:
    counts, quality, inside = spectrum
    before = counts.copy(), quality.copy(), inside.copy()
    flags = makers[name](counts, quality, inside)
    for array, old in zip((counts, quality, inside), before, strict=True):
        np.testing.assert_array_equal(array, old)
    check_flags(flags, quality, inside)
    groups = find_groups(*flags)
    # Counts are conserved: each good channel is in exactly one group.
    assert group_sum(groups, counts).sum() == counts[flags[1] == 0].sum()
    assert np.count_nonzero(groups.index >= 0) == np.count_nonzero(flags[1] == 0)
    # Groups follow one another and never overlap.
    assert np.all(groups.first <= groups.last)
    assert np.all(groups.last[:-1] < groups.first[1:])


@pytest.mark.parametrize("name", sorted(makers))
@given(spectrum=spectra())
def test_grouping_again_changes_nothing(name: str, spectrum: tuple[Floats, Shorts, Bools]) -> None:
    counts, quality, inside = spectrum
    grouping, flagged = makers[name](counts, quality, inside)
    again, flagged_again = makers[name](counts, flagged, inside)
    np.testing.assert_array_equal(flagged_again, flagged)
    np.testing.assert_array_equal(again[flagged == 0], grouping[flagged == 0])


@pytest.mark.parametrize("name", ["min", "snr"])
@given(spectrum=spectra(), hot=st.integers(0, 10**6))
def test_bad_channels_never_count(name: str, spectrum: tuple[Floats, Shorts, Bools], hot: int) -> None:
    counts, quality, inside = spectrum
    other = np.where(quality != 0, float(hot), counts)
    for one, two in zip(makers[name](counts, quality, inside), makers[name](other, quality, inside), strict=True):
        np.testing.assert_array_equal(one, two)


@given(spectrum=spectra(), minimum=st.integers(1, 100))
def test_every_good_group_inside_reaches_the_minimum_and_no_sooner(
    spectrum: tuple[Floats, Shorts, Bools], minimum: int
) -> None:
    counts, quality, inside = spectrum
    groups = find_groups(*group_min(counts, quality, minimum, inside))
    sums = group_sum(groups, counts)
    grouped = inside[groups.first]
    assert np.all(sums[grouped] >= minimum)
    assert np.all(sums[grouped] - counts[groups.last[grouped]] < minimum)


@given(spectrum=spectra(), snr=st.floats(0.5, 10), background=st.integers(0, 30))
def test_every_good_group_inside_reaches_the_signal_to_noise(
    spectrum: tuple[Floats, Shorts, Bools], snr: float, background: int
) -> None:
    counts, quality, inside = spectrum
    other = np.full(counts.size, float(background))
    net, variance = net_and_variance(counts, counts, other, other, 0.25)
    groups = find_groups(*group_snr(net, variance, quality, snr, inside))
    grouped = inside[groups.first]
    signal, noise = group_sum(groups, net)[grouped], np.sqrt(group_sum(groups, variance)[grouped])
    assert np.all(signal >= snr * noise * (1 - 1e-12))
    assert np.all(signal > 0)


def test_min_by_hand() -> None:
    counts = np.array([3, 4, 1, 10, 25, 2, 2, 30, 7, 8, 9, 1, 2], dtype=np.float64)
    quality = good(13)
    quality[6] = 2
    grouping, flagged = group_min(counts, quality, 10)
    assert grouping.tolist() == [1, -1, -1, -1, 1, 1, -1, -1, 1, -1, 1, -1, 1]
    assert flagged.tolist() == [0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 2]


def test_signal_to_noise_with_background_by_hand() -> None:
    source = np.array([5, 6, 9, 12, 20, 30, 40, 28, 16, 9, 4, 3, 2], dtype=np.float64)
    background = np.array([4, 4, 4, 6, 6, 8, 8, 8, 6, 4, 4, 4, 4], dtype=np.float64)
    net, variance = net_and_variance(source, source, background, background, 0.25)
    grouping, flagged = group_snr(net, variance, good(13), 3.0)
    assert grouping.tolist() == [1, -1, -1, 1, -1, 1, 1, 1, 1, 1, -1, -1, 1]
    assert flagged.tolist() == [0] * 12 + [2]


def test_nothing_reaches_the_minimum() -> None:
    grouping, flagged = group_min(np.zeros(5), good(5), 1)
    assert grouping.tolist() == [1] * 5
    assert flagged.tolist() == [LEFTOVER] * 5
    grouping, flagged = group_snr(np.zeros(5), np.zeros(5), good(5), 1)
    assert flagged.tolist() == [LEFTOVER] * 5


def test_constant_counts_good_and_bad_channels_alike() -> None:
    quality = np.array([5, 0, 0, 0, 5, 5, 5, 0], dtype=np.int16)
    grouping, flagged = group_constant(quality, 3)
    assert grouping.tolist() == [1, 1, -1, 1, 1, 1, 1, 1]
    assert flagged.tolist() == quality.tolist()


def test_ranges_leave_what_fills_no_group_single() -> None:
    grouping, flagged = group_ranges(good(12), np.arange(1, 13), [(1, 5, 2), (8, 12, 4)])
    assert grouping.tolist() == [1, -1, 1, -1, 1, 1, 1, 1, -1, -1, -1, 1]
    assert not flagged.any()


def test_none() -> None:
    quality = np.array([0, 1, 0], dtype=np.int16)
    grouping, flagged = group_none(quality)
    assert grouping.tolist() == [1, 1, 1]
    assert flagged.tolist() == [0, 1, 0]


def test_bad_ranges_hold_both_ends() -> None:
    quality = np.array([0, 0, 2, 0, 0], dtype=np.int16)
    flagged = flag_bad(quality, np.arange(4, 9), [(0, 4), (6, 7)])
    assert flagged.tolist() == [BAD_BY_USER, 0, BAD_BY_USER, BAD_BY_USER, 0]
    assert quality.tolist() == [0, 0, 2, 0, 0]


def test_systematic_errors_by_ranges() -> None:
    errors = systematic_errors(np.full(4, 0.01), np.arange(4), [(0, 1, 0.02), (1, 2, 0.05)])
    assert errors.tolist() == [0.02, 0.05, 0.05, 0.01]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: group_min(np.ones(3), good(3), 0), "minimum of 0 counts"),
        (lambda: group_min(np.array([1.0, -2.0]), good(2), 5), "counts below 0"),
        (lambda: group_snr(np.ones(3), np.ones(3), good(3), -1), "signal-to-noise ratio of -1"),
        (lambda: group_constant(good(3), 0), "bin of 0 channels"),
        (lambda: group_ranges(good(9), np.arange(9), [(0, 4, 2), (4, 8, 2)]), "channels 4 to 8 overlap"),
        (lambda: group_ranges(good(9), np.arange(9), [(0, 4, 0)]), "bin of 0 channels"),
        (lambda: flag_bad(good(3), np.arange(3), [(7, 9)]), "no channel from 7 to 9; the spectrum has channels 0 to 2"),
        (lambda: flag_bad(good(3), np.arange(3), [(2, 1)]), "runs backwards"),
        (lambda: systematic_errors(np.zeros(3), np.arange(3), [(0, 1, -0.1)]), "below 0"),
    ],
)
def test_what_cannot_be_done_is_said(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


# --- against grppha and the HEASP library ----------------------------------------------------------------------------


def _grppha(command: str, counts: Floats, quality: Shorts, channel: NDArray[np.int64]) -> tuple[Flags, Floats]:
    """Do what a command line of grppha says."""
    grouping, sys_err = np.ones(counts.size, dtype=np.int16), np.zeros(counts.size)
    for part in command.split(" & "):
        verb, *words = part.split()
        if verb == "reset":
            quality = good(counts.size) if words == ["quality"] else quality
        elif verb == "bad":
            ends = [[int(end) for end in word.split("-")] for word in words]
            quality = flag_bad(quality, channel, [(end[0], end[-1]) for end in ends])
        elif verb == "good":
            first, last = (int(end) for end in words[0].split("-"))
            quality = np.where((channel >= first) & (channel <= last), 0, quality).astype(np.int16)
        elif verb == "systematics":
            pairs = zip(words[::2], words[1::2], strict=True)
            ranges = [(int(w.split("-")[0]), int(w.split("-")[1]), float(value)) for w, value in pairs]
            sys_err = systematic_errors(sys_err, channel, ranges)
        elif words[0] == "min":
            grouping, quality = group_min(counts, quality, float(words[1]))
        else:
            numbers = [int(word) for word in words]
            ranges_of_widths = list(zip(numbers[::3], numbers[1::3], numbers[2::3], strict=True))
            grouping, quality = group_ranges(quality, channel, ranges_of_widths)
    return (grouping, quality), sys_err


@pytest.mark.real_data
def test_grppha(reference: Path) -> None:
    folder = reference / "grouping"
    with (
        (folder / "grppha.csv").open(encoding="utf-8") as stream,
        np.load(folder / "inputs.npz") as inputs,
        np.load(folder / "grppha.npz") as theirs,
    ):
        rows = list(csv.DictReader(stream))
        assert len(rows) > 90
        for row in rows:
            name, case = row["spectrum"], row["case"]
            counts = inputs[f"{name}.counts"].astype(np.float64)
            channel = np.arange(counts.size) + int(inputs[f"{name}.channel_first"])
            (grouping, quality), sys_err = _grppha(row["command"], counts, inputs[f"{name}.quality"], channel)
            np.testing.assert_array_equal(quality, theirs[f"{case}/quality"], err_msg=case)
            if "GROUPING" in row["columns_written"]:
                kept = quality == 0
                np.testing.assert_array_equal(grouping[kept], theirs[f"{case}/grouping"][kept], err_msg=case)
                assert np.count_nonzero(kept & (grouping == 1)) == int(row["n_good_groups"]), case
            if f"{case}/sys_err" in theirs.files:
                np.testing.assert_allclose(sys_err, theirs[f"{case}/sys_err"], rtol=1e-7)


@pytest.mark.real_data
def test_heasp_min_and_constant(reference: Path) -> None:
    folder = reference / "grouping"
    with (
        (folder / "heasp.csv").open(encoding="utf-8") as stream,
        np.load(folder / "inputs.npz") as inputs,
        np.load(folder / "heasp.npz") as theirs,
    ):
        done = 0
        for row in csv.DictReader(stream):
            counts = inputs[f"{row['spectrum']}.counts"].astype(np.float64)
            size, value = counts.size, float(row["value"])
            inside = np.ones(size, dtype=bool)
            if row["method"] == "constant":
                grouping, quality = group_constant(good(size), int(value))
            elif row["method"].startswith("min"):
                if "channels" in row["method"]:
                    inside = (np.arange(size) >= 35) & (np.arange(size) <= min(1909, size - 1))
                grouping, quality = group_min(counts, good(size), value, inside)
            else:
                continue
            # The library gives what is left over no flag.
            flag = np.where(quality == LEFTOVER, 0, grouping)
            np.testing.assert_array_equal(flag, theirs[f"{row['case']}/flag"], err_msg=row["case"])
            done += 1
        assert done > 70
