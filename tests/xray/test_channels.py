"""Tests of channels of PI and of the energies they hold."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xbatch.spec.missions import MISSIONS
from xbatch.xray.channels import pi_range, spectrum_axis


@pytest.mark.parametrize(
    ("mission", "instrument", "lo", "hi", "channels"),
    [
        ("nustar", "FPMA", 3.0, 79.0, (35, 1934)),
        ("nustar", "FPMB", 3.0, 78.0, (35, 1909)),
        ("nustar", "FPMA", 20.0, 30.0, (460, 709)),
        ("nustar", "FPMA", 3.01, 3.05, (35, 35)),
        ("nustar", "FPMA", 0.0, 1e9, (0, 4095)),
        ("xmm", "EPN", 0.5, 2.0, (500, 1999)),
        ("xmm", "EMOS1", 0.3, 10.0, (300, 9999)),
        ("xmm", "EMOS2", 10.0, 20.0, (10000, 11999)),
        ("XMM", "epn", 10.0, 20.0, (10000, 19999)),
    ],
)
def test_channels_of_a_band(mission: str, instrument: str, lo: float, hi: float, channels: tuple[int, int]) -> None:
    assert pi_range(mission, instrument, lo, hi) == channels


@given(st.integers(0, 4095), st.integers(1, 4096))
def test_edges_of_channels_are_on_them(first: int, number: int) -> None:
    last = min(first + number, 4096)
    assert pi_range("nustar", "FPMA", 1.6 + 0.04 * first, 1.6 + 0.04 * last) == (first, last - 1)
    assert pi_range("nustar", "FPMA", 1.6 + first / 25, 1.6 + last / 25) == (first, last - 1)
    assert pi_range("xmm", "EPN", first / 1000, last / 1000) == (first, last - 1)


@given(st.lists(st.floats(1.7, 160.0), min_size=3, max_size=3, unique=True))
def test_bands_in_a_row_share_and_lose_nothing(edges: list[float]) -> None:
    lo, mid, hi = sorted(edges)
    if mid - lo < 0.05 or hi - mid < 0.05:
        return
    whole, left, right = (pi_range("nustar", "FPMA", *band) for band in ((lo, hi), (lo, mid), (mid, hi)))
    assert (left[0], right[1]) == whole and right[0] == left[1] + 1


def test_bands_without_a_channel_are_refused() -> None:
    for band in ((0.1, 1.0), (5.0, 5.01), (6.0, 5.0), (200.0, 300.0)):
        with pytest.raises(ValueError, match="holds no PI channel of FPMA"):
            pi_range("nustar", "FPMA", *band)


def test_axes_of_spectra() -> None:
    ends = {
        ("nustar", "FPMA"): (0, 4095, 1, 0, 4096),
        ("xmm", "EPN"): (0, 20479, 5, 0, 4096),
        ("xmm", "EMOS1"): (0, 11999, 5, 0, 2400),
    }
    for key, expected in ends.items():
        axis = spectrum_axis(*key)
        assert (axis.first, axis.last, axis.width, axis.first_channel, axis.detchans) == expected
    with pytest.raises(ValueError, match="the PI channels of other data are not known; those of nustar FPMA"):
        spectrum_axis("other", "data")


def test_spectral_channels_are_those_of_the_spec() -> None:
    for mission in ("nustar", "xmm"):
        for instrument, channels in MISSIONS[mission].channels.items():
            axis = spectrum_axis(mission, instrument)
            for number in (0, 7, axis.detchans - 1):
                edge = axis.zero + axis.step * (axis.first + number * axis.width)
                assert edge == pytest.approx(channels.edge(number), abs=1e-12)
