from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st

from xbatch.ogip.pha import read_pha
from xbatch.xray.responses import bin_starts
from xbatch.xray.spectra_sum import (
    Measured,
    add_backgrounds,
    add_spectra,
    background_ratio,
    linear_sum,
    rebin_counts,
)


def measured(
    rng: np.random.Generator, size: int, *, ratio: float | None = None, of: Measured | None = None
) -> Measured:
    """Make a spectrum, or the background of one with a certain ratio."""
    exposure = float(rng.uniform(1e3, 1e5))
    backscal = np.full(size, rng.uniform(1e-4, 1e-2))
    if of is not None:
        backscal = of.effort / (exposure * ratio)
    return Measured(rng.poisson(20, size).astype(float), None, exposure, backscal, np.ones(size))


@given(st.integers(0, 2**32), st.integers(1, 5), st.integers(1, 20))
def test_the_sum_of_backgrounds_stands_for_what_each_stood_for(seed: int, number: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    sources = [measured(rng, size) for _ in range(number)]
    backgrounds = [measured(rng, size) for _ in range(number)]
    total, below = add_spectra(sources), add_backgrounds(sources, backgrounds)
    expected = np.sum([background_ratio(s, b) * b.counts for s, b in zip(sources, backgrounds, strict=True)], axis=0)
    assert background_ratio(total, below) * below.counts == pytest.approx(expected, rel=1e-12)
    variance = np.sum(
        [background_ratio(s, b) ** 2 * b.counts for s, b in zip(sources, backgrounds, strict=True)], axis=0
    )
    assert background_ratio(total, below) ** 2 * below.variance == pytest.approx(variance, rel=1e-12)
    assert np.array_equal(total.counts, np.sum([s.counts for s in sources], axis=0)) and total.error is None
    assert total.exposure == pytest.approx(sum(s.exposure for s in sources)) and np.all(total.backscal == 1)


@given(st.integers(0, 2**32), st.integers(1, 5), st.floats(1e-3, 10))
def test_backgrounds_of_one_ratio_stay_counts(seed: int, number: int, ratio: float) -> None:
    rng = np.random.default_rng(seed)
    sources = [measured(rng, 8) for _ in range(number)]
    backgrounds = [measured(rng, 8, ratio=ratio, of=source) for source in sources]
    below = add_backgrounds(sources, backgrounds)
    assert below.error is None and np.array_equal(below.counts, np.sum([b.counts for b in backgrounds], axis=0))
    assert background_ratio(add_spectra(sources), below) == pytest.approx(np.full(8, ratio), rel=1e-9)


def test_errors_that_are_given_are_added_in_squares() -> None:
    rng = np.random.default_rng(1)
    one, other = measured(rng, 4), measured(rng, 4)
    given_errors = Measured(other.counts, np.full(4, 3.0), other.exposure, other.backscal, other.areascal)
    total = add_spectra([one, given_errors])
    assert total.error == pytest.approx(np.sqrt(one.counts + 9))
    assert add_backgrounds([one, one], [one, given_errors]).error is not None


def test_areascal_is_averaged_by_exposure() -> None:
    ones = np.ones(2)
    total = add_spectra([Measured(ones, None, 100.0, ones, ones), Measured(ones, None, 300.0, ones, 0.5 * ones)])
    assert total.areascal == pytest.approx([0.625, 0.625])


def test_what_does_not_go_together_is_refused() -> None:
    rng = np.random.default_rng(1)
    one, other = measured(rng, 4), measured(rng, 5)
    with pytest.raises(ValueError, match="no spectrum"):
        add_spectra([])
    with pytest.raises(ValueError, match=r"\[4, 5\] channels"):
        add_spectra([one, other])
    with pytest.raises(ValueError, match="as many backgrounds"):
        add_backgrounds([one], [])
    with pytest.raises(ValueError, match="above 0"):
        add_spectra([Measured(one.counts, None, 0.0, one.backscal, one.areascal)])
    with pytest.raises(ValueError, match="as many"):
        linear_sum([one.counts], [one.counts], [1.0, 2.0])
    with pytest.raises(ValueError, match="bins must begin"):
        rebin_counts(one.counts, np.array([0, 4]))


def load(reference: Path, name: str) -> Measured:
    """Read a spectrum of the FTOOLS' cases."""
    one = read_pha(reference / "responses" / "in" / f"{name}.pha.gz")
    return Measured(one.counts, None, one.exposure, one.backscal, one.areascal)


def columns(reference: Path, name: str) -> tuple[Mapping[str, np.ndarray], Mapping[str, float]]:
    with fits.open(reference / "responses" / f"{name}.gz") as hdus:
        table = hdus["SPECTRUM"]
        return {key: np.array(table.data[key]) for key in table.columns.names}, dict(table.header)


@pytest.mark.real_data
def test_counts_as_mathpha_adds_them(reference: Path) -> None:
    total = add_spectra([load(reference, "s1"), load(reference, "s2")])
    table, header = columns(reference, "mathpha-sum-counts.pha")
    assert np.array_equal(total.counts, table["COUNTS"]) and total.error is None
    assert total.exposure == header["EXPOSURE"] and np.all(total.backscal == header["BACKSCAL"])


@pytest.mark.real_data
def test_rates_as_mathpha_adds_them(reference: Path) -> None:
    parts = [load(reference, "s1"), load(reference, "s2")]
    rate, error = linear_sum([p.counts for p in parts], [p.counts for p in parts], [1 / p.exposure for p in parts])
    table, _ = columns(reference, "mathpha-sum-rate.pha")
    assert rate == pytest.approx(table["RATE"], rel=1e-6)
    assert error == pytest.approx(table["STAT_ERR"], rel=1e-6)


@pytest.mark.real_data
def test_differences_as_mathpha_makes_them(reference: Path) -> None:
    parts = [load(reference, "s1"), load(reference, "b1")]
    counts, error = linear_sum([p.counts for p in parts], [p.counts for p in parts], [1.0, -1.0])
    table, _ = columns(reference, "mathpha-diff-counts.pha")
    assert np.array_equal(counts, table["COUNTS"])
    assert error == pytest.approx(table["STAT_ERR"], rel=1e-6)


@pytest.mark.real_data
def test_sums_as_addspec_makes_them_but_for_its_rounding(reference: Path) -> None:
    sources = [load(reference, "q1"), load(reference, "q2")]
    backgrounds = [load(reference, "b1"), load(reference, "b2")]
    total, below = add_spectra(sources), add_backgrounds(sources, backgrounds)
    table, header = columns(reference, "addspec-counts.pha")
    assert np.array_equal(total.counts, table["COUNTS"]) and total.error is None
    assert total.exposure == header["EXPOSURE"] and np.all(total.backscal == header["BACKSCAL"])
    table, header = columns(reference, "addspec-counts.bak")
    assert np.all(np.abs(below.counts - table["COUNTS"]) <= 1)
    assert below.counts.sum() == pytest.approx(table["COUNTS"].sum(), rel=0.05)
    assert below.exposure == header["EXPOSURE"] and np.all(below.backscal == header["BACKSCAL"])
    assert below.error is not None


@pytest.mark.real_data
@pytest.mark.parametrize(("case", "name", "factor"), [("25", "s1", 4), ("50", "b1", 2)])
def test_counts_as_rbnpha_rebins_them(reference: Path, case: str, name: str, factor: int) -> None:
    one = load(reference, name)
    table, header = columns(reference, f"rbnpha-{case}.pha")
    assert np.array_equal(rebin_counts(one.counts, bin_starts(one.counts.size, factor)), table["COUNTS"])
    assert one.exposure == header["EXPOSURE"] and np.allclose(one.backscal, header["BACKSCAL"], rtol=1e-6)
