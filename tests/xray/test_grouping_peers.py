import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from xbatch.ogip.pha import Spectrum, read_pha
from xbatch.ogip.response import Response, read_response
from xbatch.xray.fold import find_groups, group_sum
from xbatch.xray.grouping import LEFTOVER, group_min, net_and_variance
from xbatch.xray.grouping_optimal import fwhm_channels
from xbatch.xray.grouping_peers import (
    Minima,
    group_ogrppha,
    group_specgroup,
    half_maximum_width,
    limited_background,
)

Floats = NDArray[np.float64]
Shorts = NDArray[np.int16]
Bools = NDArray[np.bool_]


def good(size: int) -> Shorts:
    return np.zeros(size, dtype=np.int16)


@st.composite
def spectra(draw: st.DrawFn) -> tuple[Floats, Floats, Shorts, Bools]:
    """Counts, scaled background, QUALITY and the channels inside a range."""
    size = draw(st.integers(1, 60))
    counts = draw(st.lists(st.integers(0, 40), min_size=size, max_size=size))
    background = draw(st.lists(st.integers(0, 100), min_size=size, max_size=size))
    quality = draw(st.lists(st.sampled_from([0, 0, 0, 0, 1, 5]), min_size=size, max_size=size))
    low = draw(st.integers(0, size - 1))
    inside = np.zeros(size, dtype=bool)
    inside[low : draw(st.integers(low, size - 1)) + 1] = True
    return np.array(counts, float), np.array(background) / 4, np.array(quality, dtype=np.int16), inside


minima = st.builds(
    Minima,
    counts=st.none() | st.integers(1, 100),
    snr=st.none() | st.floats(0.5, 8),
    oversample=st.none() | st.floats(0.5, 4),
)


# --- specgroup ---


@given(spectra(), minima, st.floats(0.5, 12))
def test_every_group_of_specgroup_reaches_all_minima(
    spectrum: tuple[Floats, Floats, Shorts, Bools], wanted: Minima, width: float
) -> None:
    counts, background, quality, inside = spectrum
    net, variance = net_and_variance(counts, counts, background, background, 1.0)
    fwhm = width + np.arange(counts.size) / 30
    grouping, flagged = group_specgroup(counts, quality, wanted, (net, variance), fwhm, inside)
    np.testing.assert_array_equal(flagged[quality != 0], quality[quality != 0])
    groups = find_groups(grouping, flagged)
    assert group_sum(groups, counts).sum() == counts[flagged == 0].sum()
    groups = groups.keep(inside[groups.first])
    some = np.any(inside & (flagged == LEFTOVER) & (quality == 0))
    # What is left over joins the last group: either all channels are in groups, or there is none.
    assert not some or groups.size == 0
    # The last group has what is left over, and with it the signal-to-noise ratio may fall again.
    alone = slice(None, -1)
    if wanted.counts is not None:
        assert np.all(group_sum(groups, counts) >= wanted.counts)
    if wanted.snr is not None:
        noise = np.sqrt(group_sum(groups, variance))
        assert np.all((group_sum(groups, net) >= wanted.snr * noise * (1 - 1e-12))[alone])
    if wanted.oversample is not None:
        channels = groups.last - groups.first + 1
        middle = (groups.first + groups.last) // 2
        assert np.all((channels >= fwhm[middle] / wanted.oversample * (1 - 1e-12))[alone])


@given(spectra(), minima, st.floats(0.5, 12))
def test_groups_of_specgroup_end_as_soon_as_they_reach_all_minima(
    spectrum: tuple[Floats, Floats, Shorts, Bools], wanted: Minima, width: float
) -> None:
    counts, background, quality, inside = spectrum
    net, variance = net_and_variance(counts, counts, background, background, 1.0)
    fwhm = width + np.arange(counts.size) / 30
    good = np.flatnonzero((quality == 0) & inside).tolist()
    starts: list[int] = []
    members: list[int] = []
    for last in good:
        members.append(last)
        signal, noise = net[members].sum(), variance[members].sum()
        if (
            (wanted.counts is None or counts[members].sum() >= wanted.counts)
            and (wanted.snr is None or (signal > 0 and signal * signal >= wanted.snr**2 * noise))
            and (
                wanted.oversample is None
                or (last - members[0] + 1) * wanted.oversample >= fwhm[(members[0] + last) // 2]
            )
        ):
            starts.append(members[0])
            members = []
    grouping, flagged = group_specgroup(counts, quality, wanted, (net, variance), fwhm, inside)
    begins = [n for n in good if grouping[n] == 1 and flagged[n] == 0]
    assert begins == starts


@given(spectra(), st.integers(1, 60))
def test_specgroup_with_counts_alone_is_min_with_the_rest_in_the_last_group(
    spectrum: tuple[Floats, Floats, Shorts, Bools], least: int
) -> None:
    counts, _, quality, inside = spectrum
    grouping, flagged = group_specgroup(counts, quality, Minima(counts=least), inside=inside)
    plain, tail = group_min(counts, quality, least, inside)
    kept = tail == 0
    np.testing.assert_array_equal(grouping[kept], plain[kept])
    rest = (tail == LEFTOVER) & (quality == 0)
    if np.any(kept & inside):
        assert np.all(grouping[rest] == -1)
        assert np.all(flagged[rest] == 0)


def test_specgroup_by_hand() -> None:
    counts = np.array([3, 30, 1, 1, 1, 40, 2, 7, 9, 5, 4], dtype=float)
    grouping, quality = group_specgroup(counts, good(11), Minima(counts=10, oversample=3), fwhm=np.full(11, 9.0))
    # Three channels at least, 10 counts at least; the last two channels join the group before.
    assert grouping.tolist() == [1, -1, -1, 1, -1, -1, 1, -1, -1, -1, -1]
    assert not quality.any()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Minima(counts=0), "counts of 0 cannot be asked for"),
        (lambda: Minima(snr=math.nan), "snr of nan cannot be asked for"),
        (lambda: group_specgroup(np.ones(3), good(3), Minima(snr=3)), "needs net counts"),
        (lambda: group_specgroup(np.ones(3), good(3), Minima(oversample=3)), "needs the width"),
    ],
)
def test_what_cannot_be_done_is_said(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


# --- ogrppha ---


@given(spectra(), minima, st.floats(0, 12))
def test_every_group_of_ogrppha_reaches_all_minima(
    spectrum: tuple[Floats, Floats, Shorts, Bools], wanted: Minima, width: float
) -> None:
    counts, background, quality, inside = spectrum
    background = limited_background(counts, background)
    grouping, flagged = group_ogrppha(counts, background, quality, wanted, lambda _: width, inside)
    np.testing.assert_array_equal(flagged[quality != 0], quality[quality != 0])
    groups = find_groups(grouping, flagged)
    assert group_sum(groups, counts).sum() == counts[flagged == 0].sum()
    groups = groups.keep(inside[groups.first])
    net, both = group_sum(groups, counts - background), group_sum(groups, counts + background)
    if wanted.counts is not None:
        assert np.all(net >= wanted.counts)
    elif wanted.snr is not None:
        # Counts are looked at last, so that the ratio holds for sure only where there is no minimum of them.
        assert np.all(net >= wanted.snr * np.sqrt(both) * (1 - 1e-12))
    else:
        assert np.all(net >= 1)


def test_ogrppha_by_hand() -> None:
    counts = np.array([0, 2, 2, 9, 9, 0, 0, 16, 1, 1, 1, 1], dtype=float)
    nothing = np.zeros(12)
    grouping, quality = group_ogrppha(counts, nothing, good(12), Minima(snr=3, oversample=2), lambda _: 5.0)
    # round(5 / 2) = 2 channels, and more until sqrt(net) is 3.
    assert grouping.tolist() == [1, -1, -1, -1, 1, -1, 1, -1, 1, 1, 1, 1]
    assert quality.tolist() == [0] * 8 + [LEFTOVER] * 4


def test_background_of_ogrppha_takes_no_more_than_twenty_counts_of_a_channel() -> None:
    limited = limited_background(np.array([0.0, 5.0, 5.0]), np.array([19.0, 26.0, 3.0]))
    assert limited.tolist() == [19.0, 25.0, 3.0]


def _gaussian_rows(sigma: float, size: int) -> tuple[tuple[NDArray[np.int64], Floats], Floats]:
    """A square response of Gaussians in CSR form, and the edges of its channels."""
    channel = np.arange(size)
    dense = np.exp(-(((channel[None] - channel[:, None]) / sigma) ** 2) / 2)
    return (np.arange(size + 1) * size, dense.ravel()), 1 + np.arange(size + 1) / 10


def test_width_of_a_gaussian_is_its_full_width_at_half_maximum() -> None:
    rows, edges = _gaussian_rows(8.0, 200)
    width = half_maximum_width(rows, (edges[:-1], edges[1:]), (edges[:-1], edges[1:]))
    # The standard deviation of the smoothing is 200 rows over 200 channels.
    assert width(100) == pytest.approx(math.sqrt(8 * math.log(2)) * math.hypot(8, 1), abs=1)


def test_width_is_one_channel_where_there_is_no_better() -> None:
    rows, edges = _gaussian_rows(8.0, 100)
    bins = edges[:-1], edges[1:]
    assert half_maximum_width(rows, bins, bins)(50) == 1.0
    edges = 1 + np.arange(202) / 10
    empty = np.concatenate([[0, 0], np.ones(200)]).astype(int)
    width = half_maximum_width((empty, np.zeros(1)), (edges[:-1], edges[1:]), (edges[:-1], edges[1:]))
    assert (width(0), width(1)) == (1.0, 1.0)


# --- against the programs ---


def _read(folder: Path, spectrum: str, response: str) -> tuple[Spectrum, Response]:
    return read_pha(folder / spectrum), read_response(folder / response, None)


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("spectrum", "response", "start", "groups"),
    [
        ("PN_spectrum_grp20.fits", "PN.rmf.gz", 905, 26),
        ("MOS1_spectrum_grp.fits", "MOS1.rmf.gz", 878, 18),
        ("MOS2_spectrum_grp.fits", "MOS2.rmf.gz", 809, 22),
    ],
)
def test_specgroup_itself(real_data: Path, spectrum: str, response: str, start: int, groups: int) -> None:
    """Where 20 counts are wider than a third of the FWHM, groups are those of specgroup 1.7, with the last one."""
    theirs, matrix = _read(real_data / "xmm" / "0693760101", spectrum, response)
    fwhm = fwhm_channels(
        (matrix.indptr, matrix.indices, matrix.matrix), (matrix.energ_lo, matrix.energ_hi), (matrix.e_min, matrix.e_max)
    )
    inside = np.arange(theirs.counts.size) >= start
    wanted = Minima(counts=20, oversample=3)
    grouping, quality = group_specgroup(theirs.counts, theirs.quality, wanted, fwhm=fwhm, inside=inside)
    compared = inside & (theirs.quality == 0)
    np.testing.assert_array_equal(quality, theirs.quality)
    np.testing.assert_array_equal(grouping[compared], theirs.grouping[compared])
    assert np.count_nonzero(grouping[compared] == 1) == groups


VELA = ("nustar/90402339002", "nu90402339002{}01_sr.pha", "nu90402339002{}01_bk.pha", "nuAdet3_2012.rmf.gz")
PN = ("xmm/0693760101", "PN_spectrum_grp20.fits", "PNbackground_spectrum.fits", "PN.rmf.gz")
MOS1 = ("xmm/0693760101", "MOS1_spectrum_grp.fits", "MOS1background_spectrum.fits", "MOS1.rmf.gz")


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("files", "module", "wanted", "groups", "starts"),
    [
        (VELA, "A", Minima(snr=6, oversample=3), 339, 213450),
        (VELA, "B", Minima(counts=20, oversample=3), 371, 258452),
        (PN, "", Minima(snr=4, oversample=1), 48, 28621),
        (PN, "", Minima(counts=20, oversample=3), 119, 63824),
        (MOS1, "", Minima(snr=3, counts=50, oversample=2), 81, 31718),
    ],
)
def test_ogrppha_itself(
    real_data: Path, files: tuple[str, str, str, str], module: str, wanted: Minima, groups: int, starts: int
) -> None:
    """The groups of the script (its number of them, the sum of their first channels) but for its last two.

    Those reach no minimum in any of these spectra: the rest of the spectrum, and its last channel.
    """
    folder = real_data / files[0]
    source, matrix = _read(folder, files[1].format(module), files[3])
    background = read_pha(folder / files[2].format(module))
    scale = source.backscal * source.exposure / (background.backscal * background.exposure)
    limited = limited_background(source.counts, scale * background.counts)
    width = half_maximum_width(
        (matrix.indptr, matrix.matrix), (matrix.energ_lo, matrix.energ_hi), (matrix.e_min, matrix.e_max)
    )
    grouping, quality = group_ogrppha(source.counts, limited, good(source.counts.size), wanted, width)
    begins = np.flatnonzero((grouping == 1) & (quality == 0))
    assert (begins.size, begins.sum()) == (groups - 2, starts)
