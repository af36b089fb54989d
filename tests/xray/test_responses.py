from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from xbatch.ogip.response import Response, read_response
from xbatch.xray.responses import (
    bin_starts,
    combine_responses,
    exposure_weights,
    multiply,
    rebin_bounds,
    rebin_channels,
    rebin_energies,
    sum_areas,
    sum_matrices,
)

# Of the largest element: the tools keep 32-bit numbers.
MATRIX_TOLERANCE = 3e-6
AREA_TOLERANCE = 1e-6


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[csr_matrix], list[np.ndarray], list[float]]:
    """Draw matrices, areas and exposures of a few instruments on one grid."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    shape = draw(st.tuples(st.integers(1, 12), st.integers(1, 12)))
    number = draw(st.integers(1, 4))
    matrices = [csr_matrix(rng.uniform(size=shape) * (rng.uniform(size=shape) < 0.4)) for _ in range(number)]
    areas = [rng.uniform(0, 500, shape[0]) * (rng.uniform(size=shape[0]) < 0.8) for _ in range(number)]
    return matrices, areas, rng.uniform(1, 1e5, number).tolist()


@given(worlds())
def test_the_response_of_a_sum_folds_to_the_sum_of_the_counts(
    world: tuple[list[csr_matrix], list[np.ndarray], list[float]],
) -> None:
    matrices, areas, exposures = world
    flux = np.linspace(1, 2, areas[0].size)
    parts = [t * (flux * a) @ m.toarray() for m, a, t in zip(matrices, areas, exposures, strict=True)]
    matrix, area = combine_responses(matrices, areas, exposures)
    assert sum(exposures) * (flux * area) @ matrix.toarray() == pytest.approx(np.sum(parts, axis=0), rel=1e-12)
    summed = sum_matrices([multiply(m, a) for m, a in zip(matrices, areas, strict=True)], exposure_weights(exposures))
    assert multiply(matrix, area).toarray() == pytest.approx(summed.toarray(), rel=1e-12)
    rows = np.asarray(matrix.sum(axis=1)).ravel()
    most = np.max([np.asarray(m.sum(axis=1)).ravel() for m in matrices], axis=0)
    assert np.all(rows <= most * (1 + 1e-12))


@given(worlds(), st.integers(1, 15))
def test_rebinning_keeps_what_is_added_and_averaged(
    world: tuple[list[csr_matrix], list[np.ndarray], list[float]], factor: int
) -> None:
    matrix = world[0][0]
    energies, channels = matrix.shape
    wide = rebin_channels(matrix, bin_starts(channels, factor))
    assert wide.shape == (energies, -(-channels // factor))
    assert wide.sum(axis=1) == pytest.approx(matrix.sum(axis=1), rel=1e-12)
    coarse = rebin_energies(matrix, bin_starts(energies, factor))
    sizes = np.diff(np.append(bin_starts(energies, factor), energies))
    assert sizes @ coarse.toarray() == pytest.approx(np.asarray(matrix.sum(axis=0)).ravel(), rel=1e-12)
    edges = np.arange(channels + 1.0)
    low, high = rebin_bounds(edges[:-1], edges[1:], bin_starts(channels, factor))
    assert low[0] == 0 and high[-1] == channels and np.array_equal(low[1:], high[:-1])


@given(worlds(), st.permutations(range(4)))
def test_sums_are_linear_and_have_no_order(
    world: tuple[list[csr_matrix], list[np.ndarray], list[float]], order: list[int]
) -> None:
    matrices, areas, weights = world
    order = [n for n in order if n < len(weights)]
    turned = sum_matrices([matrices[n] for n in order], [2 * weights[n] for n in order])
    assert turned.toarray() == pytest.approx(2 * sum_matrices(matrices, weights).toarray(), rel=1e-12)
    assert sum_areas(areas, weights) == pytest.approx(
        sum_areas([areas[n] for n in order], [weights[n] for n in order]), rel=1e-12
    )


def test_what_does_not_go_together_is_refused() -> None:
    small, large = csr_matrix(np.eye(2)), csr_matrix(np.eye(3))
    with pytest.raises(ValueError, match="one shape"):
        sum_matrices([small, large], [1, 1])
    with pytest.raises(ValueError, match="one shape"):
        sum_areas([], [])
    with pytest.raises(ValueError, match="as many weights"):
        sum_areas([np.ones(2)], [1, 2])
    with pytest.raises(ValueError, match="3 energies"):
        multiply(small, np.ones(3))
    for exposures in ([], [1, 0], [1, np.inf]):
        with pytest.raises(ValueError, match="above 0 s"):
            exposure_weights(exposures)
    with pytest.raises(ValueError, match="at least one"):
        bin_starts(4, 0)
    for starts in ([], [1, 2], [0, 3], [0, 1, 1]):
        with pytest.raises(ValueError, match="bins must begin"):
            rebin_channels(large, np.array(starts, dtype=np.int64))


def sparse(response: Response) -> csr_matrix:
    shape = (response.energ_lo.size, response.channel.size)
    return csr_matrix((response.matrix.astype(float), response.indices, response.indptr), shape=shape)


def area_of(rmf: Path, arf: Path) -> np.ndarray:
    return read_response(rmf, arf).specresp


def assert_equal(ours: csr_matrix, theirs: Response, dropped: float = 0.0) -> None:
    """The tool may have dropped elements up to `dropped`."""
    expected = sparse(theirs).toarray()
    found = ours.toarray()
    assert found.shape == expected.shape
    missing = (expected == 0) & (found > 0)
    assert np.all(found[missing] <= dropped)
    difference = np.abs(found - expected)[~missing].max()
    assert difference <= MATRIX_TOLERANCE * expected.max()


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("case", "parts", "weights"),
    [
        ("addarf-2", ("a1", "a2"), (0.4, 0.6)),
        ("addarf-2-not-normalised", ("a1", "a2"), (1.0, 1.0)),
        ("addarf-pn", ("PN", "PN"), (0.3, 0.9)),
    ],
)
def test_areas_as_addarf_adds_them(
    reference: Path, real_data: Path, case: str, parts: tuple[str, str], weights: tuple[float, float]
) -> None:
    folder = reference / "responses"
    pn = real_data / "xmm" / "0693760101"
    rmf = pn / "PN.rmf.gz" if "PN" in parts else folder / "in" / "r1.rmf.gz"
    files = [pn / "PN.arf" if part == "PN" else folder / "in" / f"{part}.arf.gz" for part in parts]
    found = sum_areas([area_of(rmf, file) for file in files], weights)
    expected = area_of(rmf, folder / f"{case}.arf.gz")
    assert found == pytest.approx(expected, rel=AREA_TOLERANCE, abs=0)


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("case", "parts", "weights"),
    [("addrmf-2", ("r1", "r2"), (0.4, 0.6)), ("addrmf-2-equal", ("r1", "r3"), (0.5, 0.5))],
)
def test_matrices_as_addrmf_adds_them(
    reference: Path, case: str, parts: tuple[str, str], weights: tuple[float, float]
) -> None:
    folder = reference / "responses"
    found = sum_matrices([sparse(read_response(folder / "in" / f"{part}.rmf.gz", None)) for part in parts], weights)
    assert_equal(found, read_response(folder / f"{case}.rmf.gz", None), dropped=1e-6)


@pytest.mark.real_data
@pytest.mark.parametrize(("case", "rmf", "arf"), [("1", "r1", "a1"), ("2", "r2", "a3"), ("pn", "PN", "PN")])
def test_products_as_marfrmf_makes_them(reference: Path, real_data: Path, case: str, rmf: str, arf: str) -> None:
    folder = reference / "responses"
    pn = real_data / "xmm" / "0693760101"
    names = (pn / "PN.rmf.gz", pn / "PN.arf")
    if rmf != "PN":
        names = (folder / "in" / f"{rmf}.rmf.gz", folder / "in" / f"{arf}.arf.gz")
    response = read_response(*names)
    found = multiply(sparse(response), response.specresp)
    assert_equal(found, read_response(folder / f"marfrmf-{case}.rsp.gz", None))


@pytest.mark.real_data
@pytest.mark.parametrize(("case", "rmf", "channels", "energies"), [("25", "r1", 4, 1), ("50-energy3", "r2", 2, 3)])
def test_matrices_as_rbnrmf_rebins_them(reference: Path, case: str, rmf: str, channels: int, energies: int) -> None:
    folder = reference / "responses"
    response = read_response(folder / "in" / f"{rmf}.rmf.gz", None)
    expected = read_response(folder / f"rbnrmf-{case}.rmf.gz", None)
    by_channel, by_energy = (
        bin_starts(response.channel.size, channels),
        bin_starts(response.energ_lo.size, energies),
    )
    found = rebin_energies(rebin_channels(sparse(response), by_channel), by_energy)
    assert_equal(found, expected, dropped=1e-6)
    assert np.array_equal(rebin_bounds(response.e_min, response.e_max, by_channel), (expected.e_min, expected.e_max))
    assert np.array_equal(
        rebin_bounds(response.energ_lo, response.energ_hi, by_energy), (expected.energ_lo, expected.energ_hi)
    )
