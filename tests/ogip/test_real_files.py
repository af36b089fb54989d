"""Real files of four instruments, against what XSPEC prints and what Sherpa and astropy read."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from xbatch.base.fitsheader import find_file
from xbatch.ogip.pha import read_pha, write_pha
from xbatch.ogip.response import Response, check_channels, read_response
from xbatch.ogip.times import observation_mjd

pytestmark = pytest.mark.real_data

PAIRS = {
    "EXOSAT ME": ("exosat/s54405.pha", "exosat/s54405.rsp", None),
    "FPMA": (
        "nustar/90402339002/nu90402339002A01_sr.pha",
        "nustar/90402339002/nuAdet3_2012.rmf",
        "nustar/90402339002/nu90402339002A01_sr.arf",
    ),
    "FPMB": (
        "nustar/90402339002/nu90402339002B01_sr.pha",
        "nustar/90402339002/nuAdet3_2012.rmf",
        "nustar/90402339002/nu90402339002B01_sr.arf",
    ),
    "EPN": ("xmm/0693760101/PN_spectrum_grp20.fits", "xmm/0693760101/PN.rmf", "xmm/0693760101/PN.arf"),
    "EMOS1": ("xmm/0693760101/MOS1_spectrum_grp.fits", "xmm/0693760101/MOS1.rmf", "xmm/0693760101/MOS1.arf"),
    "EMOS2": ("xmm/0693760101/MOS2_spectrum_grp.fits", "xmm/0693760101/MOS2.rmf", "xmm/0693760101/MOS2.arf"),
}


@pytest.mark.parametrize("name", PAIRS)
def test_spectra_and_responses_belong_together(name: str, real_data: Path) -> None:
    pha, rmf, arf = PAIRS[name]
    spectrum = read_pha(real_data / pha)
    response = read_response(real_data / rmf, None if arf is None else real_data / arf)
    check_channels(spectrum, response, pha, rmf)
    assert spectrum.notes == ()


@pytest.mark.parametrize("name", PAIRS)
def test_a_spectrum_is_unchanged_by_writing_it(name: str, real_data: Path, tmp_path: Path) -> None:
    spectrum = read_pha(real_data / PAIRS[name][0])
    write_pha(tmp_path / "x.pha", spectrum)
    again = read_pha(tmp_path / "x.pha")
    for field in ("channel", "counts", "sys_err", "quality", "grouping", "backscal", "areascal", "exposure", "poisson"):
        assert np.array_equal(getattr(again, field), getattr(spectrum, field)), field


@pytest.mark.parametrize(
    ("pha", "total"),
    [("A01_sr", 1446870), ("B01_sr", 1354151), ("A01_bk", 853), ("B01_bk", 686)],
)
def test_vela_x1_counts(pha: str, total: int, real_data: Path) -> None:
    assert read_pha(real_data / f"nustar/90402339002/nu90402339002{pha}.pha").counts.sum() == total


def test_exosat_rates_as_xspec_prints_them(real_data: Path) -> None:
    spectrum = read_pha(real_data / "exosat/s54405.pha")
    assert spectrum.is_rate and not spectrum.poisson and spectrum.stat_err is not None
    assert (spectrum.channel[0], spectrum.channel[-1], spectrum.detchans, spectrum.first_channel) == (4, 128, 128, 1)
    assert np.allclose(spectrum.areascal, 1668.763306)
    for chosen, rate, error in (
        (np.ones(125, bool), "3.783e+00", "1.367e-01"),
        (spectrum.quality == 0, "3.759e+00", "1.315e-01"),
    ):
        assert f"{spectrum.counts[chosen].sum() / spectrum.exposure:.3e}" == rate
        assert f"{np.sqrt((spectrum.stat_err[chosen] ** 2).sum()) / spectrum.exposure:.3e}" == error
    assert np.count_nonzero(spectrum.quality == 0) == 85


@pytest.mark.parametrize(
    ("pha", "groups", "good"),
    [("PN_spectrum_grp20", 114, 2980), ("MOS1_spectrum_grp", 110, 1976), ("MOS2_spectrum_grp", 109, 1976)],
)
def test_groups_of_ngc_7793(pha: str, groups: int, good: int, real_data: Path) -> None:
    spectrum = read_pha(real_data / f"xmm/0693760101/{pha}.fits")
    usable = spectrum.quality == 0
    starts = np.flatnonzero(spectrum.grouping == 1)
    assert np.count_nonzero(usable) == good
    counts = np.add.reduceat(spectrum.counts, starts)
    kept = counts[usable[starts]]
    assert kept.size == groups and kept.min() >= 20


def test_times(real_data: Path) -> None:
    assert observation_mjd(read_pha(real_data / PAIRS["FPMA"][0]).header)[0] == pytest.approx(58493.1806696, abs=1e-7)
    middle = (56061 + (3 * 3600 + 49 * 60 + 58) / 86400 + 56061 + (15 * 3600 + 34 * 60 + 28) / 86400) / 2
    assert observation_mjd(read_pha(real_data / PAIRS["EPN"][0]).header)[0] == pytest.approx(middle, abs=1e-9)


def _fold(response: Response, weight: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    row = np.repeat(np.arange(weight.size), np.diff(response.indptr))
    return np.bincount(response.indices, response.matrix * weight[row], response.channel.size)


@pytest.mark.parametrize("name", ["FPMA", "EPN", "EMOS1", "EMOS2"])
def test_matrices_as_sherpa_reads_them(name: str, real_data: Path) -> None:
    pytest.importorskip("sherpa")
    from sherpa.astro.io import read_arf, read_rmf

    _, rmf, arf = PAIRS[name]
    assert arf is not None
    response = read_response(real_data / rmf, real_data / arf)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = read_rmf(str(find_file(real_data / rmf)))
        area = read_arf(str(real_data / arf))
    weight = np.random.default_rng(3).uniform(size=response.energ_lo.size)
    assert np.allclose(_fold(response, weight), theirs.apply_rmf(weight), rtol=1e-12, atol=1e-18)
    assert np.array_equal(response.energ_hi, theirs.energ_hi) and np.array_equal(response.specresp, area.specresp)
    assert np.array_equal(response.energ_lo[1:], theirs.energ_lo[1:])
    assert np.array_equal(response.e_max, theirs.e_max)


@pytest.mark.parametrize("rmf", ["exosat/s54405.rsp", "xmm/0693760101/PN.rmf.gz", "nustar/nuskybgd-auxil/diag.rmf"])
def test_matrices_as_astropy_reads_them_row_by_row(rmf: str, real_data: Path) -> None:
    response = read_response(real_data / rmf, None)
    with fits.open(real_data / rmf) as hdus:
        hdu = next(h for h in hdus if h.name in ("MATRIX", "SPECRESP MATRIX"))
        lowest = hdu.header["TLMIN4"]
        dropped = len(hdu.data) - response.energ_lo.size
        for number, row in enumerate(hdu.data[dropped:]):
            expected = np.zeros(response.channel.size)
            taken = 0
            for first, length in zip(
                np.atleast_1d(row["F_CHAN"])[: row["N_GRP"]],
                np.atleast_1d(row["N_CHAN"])[: row["N_GRP"]],
                strict=True,
            ):
                cells = np.atleast_1d(row["MATRIX"])[taken : taken + length]
                expected[first - lowest : first - lowest + length] = cells
                taken += length
            found = np.zeros(response.channel.size)
            span = slice(response.indptr[number], response.indptr[number + 1])
            found[response.indices[span]] = response.matrix[span]
            assert np.array_equal(found, expected), number


def test_responses_of_the_ftools(reference: Path) -> None:
    paths = sorted((reference / "responses").glob("**/*.rmf.gz")) + sorted((reference / "responses").glob("*.rsp.gz"))
    assert len(paths) > 5
    for path in paths:
        response = read_response(path, None)
        assert response.matrix.size and response.energ_lo[0] > 0
