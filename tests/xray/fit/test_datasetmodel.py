"""Derivatives of a dataset's counts, by whatever way they are found, are those of the counts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.xray.fit.smallfits import KINDS, START, Floats, SmallFit
from xbatch.xray.fit.datasetmodel import DatasetModel
from xbatch.xray.fit.parameters import FitParameter, Parameters
from xbatch.xray.fit.roles import Roles

LINKS = {"line.LineE": "3.4 * pl.PhoIndex", "line.norm": "0.1 * pl.norm"}


def _derivatives(fit: SmallFit) -> tuple[list[int], Floats]:
    values = fit.parameters.values(fit.free)
    flux = fit.model.flux(values)
    places, rows = fit.model.derivatives(values, flux, fit.model.operator.fold(flux), fit.steps())
    return places.tolist(), rows


def _by_differences(fit: SmallFit, place: int) -> Floats:
    size = 1e-5 * max(abs(fit.free[place]), 1e-3)
    below, above = (fit.moved(**{f"p{place}": step}) for step in (-size, size))
    return fit.model.operator.fold((above - below) / (2 * size))


@given(
    st.frozensets(st.sampled_from([*START]), max_size=5),
    st.sets(st.sampled_from([*LINKS])).map(lambda names: {name: LINKS[name] for name in names}),
)
def test_derivatives_are_those_of_the_counts(frozen: frozenset[str], links: dict[str, str]) -> None:
    fit = SmallFit(frozen, links)
    places, rows = _derivatives(fit)
    assert sorted(places) == list(range(len(fit.free)))
    for place, row in zip(places, rows, strict=True):
        expected = _by_differences(fit, place)
        np.testing.assert_allclose(row, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("zero", [{"pl.norm": 0.0}, {"line.norm": 0.0}, {"pl.norm": 0.0, "line.norm": 0.0}])
def test_norms_of_nothing_have_derivatives(zero: dict[str, float]) -> None:
    fit = SmallFit(values=zero)
    places, rows = _derivatives(fit)
    by_place = dict(zip(places, rows, strict=True))
    for name in ("pl.norm", "line.norm"):
        place = fit.place(name)
        np.testing.assert_allclose(by_place[place], _by_differences(fit, place), rtol=1e-6)


def test_parameters_of_other_datasets_are_left_out() -> None:
    fit = SmallFit()
    other = FitParameter("pl.PhoIndex[2]", "pl", "PhoIndex", (1,), 2.2)
    parameters = Parameters([*fit.parameters.all, other])
    roles = Roles(parameters, KINDS)
    model = DatasetModel(fit.model.model, fit.model.operator, fit.slots, parameters, roles)
    values = parameters.values(parameters.start)
    assert model.values(values)["pl"] == (START["pl.PhoIndex"], START["pl.norm"])

    def steps(place: int) -> tuple[float, list[float]]:
        moved = parameters.start.tolist()
        moved[place] += 1e-6
        return 1e-6, parameters.values(moved)

    flux = model.flux(values)
    places, rows = model.derivatives(values, flux, model.operator.fold(flux), steps)
    assert sorted(places) == list(range(len(fit.free))) and len(rows) == len(fit.free)


@given(st.lists(st.floats(-1.0, 1.0), min_size=60, max_size=60).map(np.array))
def test_second_derivatives_are_of_the_weighted_photons(weights: Floats) -> None:
    fit = SmallFit(frozenset({"line.LineE", "line.Sigma", "cal.factor"}))
    steps = [1e-3 * value for value in fit.free]
    matrix = fit.model.bend(weights, fit.free, steps)
    assert np.array_equal(matrix, matrix.T)
    norm, index = fit.place("pl.norm"), fit.place("pl.PhoIndex")
    sizes = {place: 1e-4 * fit.free[place] for place in (norm, index)}
    corners = [
        fit.moved(**{f"p{norm}": one * sizes[norm], f"p{index}": two * sizes[index]})
        for one, two in ((1, 1), (1, -1), (-1, 1), (-1, -1))
    ]
    mixed = weights @ (corners[0] - corners[1] - corners[2] + corners[3]) / (4 * sizes[norm] * sizes[index])
    scale = np.abs(weights) @ fit.moved() / (fit.free[norm] * fit.free[index])
    assert matrix[norm, index] == pytest.approx(mixed, abs=1e-4 * scale + 1e-30)
    assert matrix[norm, norm] == 0.0
