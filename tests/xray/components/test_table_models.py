from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xbatch.xray.components.table_models import TableModel, TableParameter, table_component

EDGES = np.array([0.5, 1.0, 2.0, 4.0, 8.0])
SLOPES, XIS = np.array([1.0, 2.0, 4.0]), np.array([0.1, 1.0, 10.0])
SPECTRA = np.random.default_rng(1).uniform(0.5, 2, (3, 3, 4))
TABLE = TableModel(
    additive=True,
    redshift=False,
    edges=EDGES,
    parameters=(
        TableParameter("slope", 1.5, 1.0, 4.0, values=SLOPES),
        TableParameter("xi", 1.0, 0.1, 10.0, values=XIS, logarithmic=True),
    ),
    spectra=SPECTRA,
    below=0.25,
    above=0.75,
)
MULTIPLIED = replace(TABLE, additive=False)


def evaluate(edges: np.ndarray, *params: float, table: TableModel = TABLE, kind: str = "atable") -> np.ndarray:
    return table_component("t", kind, table).evaluate(edges, params)


def test_tabulated_values_give_tabulated_spectra() -> None:
    for i, slope in enumerate(SLOPES):
        for j, xi in enumerate(XIS):
            np.testing.assert_allclose(evaluate(EDGES, slope, xi * (1 + 1e-8), 3.0), 3 * SPECTRA[i, j], rtol=1e-14)


def test_parameters_are_interpolated_one_after_the_other() -> None:
    share = np.log10(3.0)
    first, second = ((1 - share) * SPECTRA[row, 1] + share * SPECTRA[row, 2] for row in (1, 2))
    np.testing.assert_allclose(evaluate(EDGES, 2.5, 3.0, 1.0), 0.75 * first + 0.25 * second, rtol=1e-13)


def test_additional_parameters_add_their_spectra() -> None:
    more = np.random.default_rng(2).uniform(0.1, 1, SPECTRA.shape)
    table = replace(TABLE, parameters=(*TABLE.parameters, TableParameter("more", 0, 0, 5)), added=(more,))
    flux = evaluate(EDGES, 2.0, 1.0, 0.7, 2.0, table=table)
    np.testing.assert_allclose(flux, 2 * (SPECTRA[1, 1] + 0.7 * more[1, 1]), rtol=1e-14)


@given(st.lists(st.floats(0.2, 20), min_size=2, max_size=20, unique=True))
def test_photons_are_shared_out_by_overlap(inner: list[float]) -> None:
    edges = np.array(sorted({0.3, *inner, 9.0}))
    flux = evaluate(edges, 1.0, 1.0, 1.0)
    density = SPECTRA[0, 1] / np.diff(EDGES)
    whole = np.interp(edges, EDGES, np.append(0, np.cumsum(density * np.diff(EDGES))))
    np.testing.assert_allclose(flux, np.diff(whole), rtol=1e-9, atol=1e-12)


def test_a_factor_is_the_mean_by_the_parts_of_the_tables_bins() -> None:
    # From 1.5 to 3 keV: half of the second bin, and half of the third one.
    mean = (SPECTRA[0, 0, 1] + SPECTRA[0, 0, 2]) / 2
    assert evaluate(np.array([1.5, 3.0]), 1.0, 0.1, table=MULTIPLIED, kind="mtable")[0] == pytest.approx(mean)
    assert evaluate(np.array([1.5, 3.0]), 1.0, 0.1, table=MULTIPLIED, kind="etable")[0] == pytest.approx(np.exp(-mean))


def test_beyond_the_table_is_what_it_says() -> None:
    edges = np.array([0.1, 0.5, 1.0, 8.0, 9.0])
    np.testing.assert_array_equal(evaluate(edges, 1.0, 0.1, 1.0)[[0, -1]], [0, 0])
    for kind in ("mtable", "etable"):
        np.testing.assert_array_equal(evaluate(edges, 1.0, 0.1, table=MULTIPLIED, kind=kind)[[0, -1]], [0.25, 0.75])


def test_a_redshift_moves_a_table() -> None:
    moved = replace(TABLE, redshift=True)
    flux = evaluate(EDGES / 1.5, 1.0, 0.1, 0.5, 3.0, table=moved)
    np.testing.assert_allclose(flux, 3 / 1.5 * SPECTRA[0, 0], rtol=1e-14)
    factor = evaluate(EDGES / 1.5, 1.0, 0.1, 0.5, table=replace(moved, additive=False), kind="mtable")
    np.testing.assert_allclose(factor, SPECTRA[0, 0], rtol=1e-14)


@pytest.mark.parametrize("params", [(0.99, 1.0), (4.01, 1.0), (2.0, 0.09), (2.0, 11.0)])
def test_values_that_are_not_tabulated_have_no_spectrum(params: tuple[float, float]) -> None:
    assert np.all(np.isnan(evaluate(EDGES, *params, 1.0)))


@pytest.mark.parametrize(
    ("table", "kind", "message"),
    [
        (TABLE, "btable", "no kind of table 'btable'"),
        (TABLE, "mtable", "made to be atable, not mtable"),
        (MULTIPLIED, "atable", "made to be mtable or etable, not atable"),
    ],
)
def test_a_table_is_what_it_is_made_for(table: TableModel, kind: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        table_component("t", kind, table)
