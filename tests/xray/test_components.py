import csv
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from xbatch.xray.components import COMPONENTS

Floats = NDArray[np.float64]

EDGES = np.geomspace(0.3, 80.0, 60)
finite = {"allow_nan": False, "allow_infinity": False}
norms = st.just(0.0) | st.floats(1e-30, 10, **finite)
additive_parameters = {
    "powerlaw": st.tuples(st.floats(-3, 9, **finite), norms),
    "gaussian": st.tuples(st.floats(0.1, 90, **finite), st.floats(0, 5, **finite), norms),
}


def test_names_and_parameters() -> None:
    assert {name: (c.kind, c.parameters) for name, c in COMPONENTS.items()} == {
        "constant": ("mul", ("factor",)),
        "gaussian": ("add", ("LineE", "Sigma", "norm")),
        "phabs": ("mul", ("nH",)),
        "powerlaw": ("add", ("PhoIndex", "norm")),
        "tbabs": ("mul", ("nH",)),
    }


def test_powerlaw_closed_forms() -> None:
    edges = np.array([2.0, 4.0, 8.0])
    evaluate = COMPONENTS["powerlaw"].evaluate
    np.testing.assert_allclose(evaluate(edges, (0.0, 3.0)), [6.0, 12.0], rtol=1e-15)
    np.testing.assert_allclose(evaluate(edges, (1.0, 1.0)), [np.log(2)] * 2, rtol=1e-15)
    np.testing.assert_allclose(evaluate(edges, (2.0, 1.0)), [0.25, 0.125], rtol=1e-15)


def test_powerlaw_is_smooth_through_index_one() -> None:
    evaluate = COMPONENTS["powerlaw"].prepare(EDGES, "wilm", "vern")
    np.testing.assert_allclose(evaluate((1 + 1e-13, 1.0)), evaluate((1.0, 1.0)), rtol=1e-12)


def test_gaussian_closed_form() -> None:
    flux = COMPONENTS["gaussian"].evaluate(np.array([6.3, 6.4, 6.5]), (6.4, 0.1, 2.0))
    np.testing.assert_allclose(flux, [0.6826894921370859] * 2, rtol=1e-13)


@pytest.mark.parametrize(
    ("line", "place"), [(6.25, 0), (6.3, 0), (6.5, 1), (6.50000001, 2), (7.0, 3), (6.0, 0), (5.99, None), (7.01, None)]
)
def test_a_line_without_width_lies_in_one_bin(line: float, place: int | None) -> None:
    flux = COMPONENTS["gaussian"].evaluate(np.array([6.0, 6.4, 6.5, 6.75, 7.0]), (line, 0.0, 3.0))
    expected = np.zeros(4)
    if place is not None:
        expected[place] = 3.0
    np.testing.assert_array_equal(flux, expected)


def test_constant() -> None:
    np.testing.assert_array_equal(COMPONENTS["constant"].evaluate(EDGES, (0.7,)), np.full(EDGES.size - 1, 0.7))


@pytest.mark.parametrize("name", sorted(additive_parameters))
@given(data=st.data())
def test_splitting_bins_conserves_photons(name: str, data: st.DataObject) -> None:
    parameters = data.draw(additive_parameters[name])
    fine = np.unique(np.concatenate([EDGES, (EDGES[:-1] + EDGES[1:]) / 2]))
    evaluate = COMPONENTS[name].evaluate
    coarse, halves = evaluate(EDGES, parameters), evaluate(fine, parameters)
    np.testing.assert_allclose(halves[::2] + halves[1::2], coarse, rtol=1e-11, atol=1e-14 * parameters[-1])


@pytest.mark.parametrize("name", sorted(additive_parameters))
@given(data=st.data())
def test_flux_is_proportional_to_norm_and_never_negative(name: str, data: st.DataObject) -> None:
    *shape, norm = data.draw(additive_parameters[name])
    evaluate = COMPONENTS[name].evaluate
    flux = evaluate(EDGES, (*shape, norm))
    assert np.all(flux >= 0)
    np.testing.assert_allclose(flux, norm * evaluate(EDGES, (*shape, 1.0)), rtol=1e-14)


@pytest.mark.parametrize("name", ["phabs", "tbabs"])
@given(column=st.floats(0, 1e4, **finite), more=st.floats(0, 1e3, **finite))
def test_absorption_is_a_factor_that_falls_with_the_column(name: str, column: float, more: float) -> None:
    evaluate = COMPONENTS[name].prepare(EDGES, "wilm", "vern")
    factor, less = evaluate((column,)), evaluate((column + more,))
    assert np.all((factor >= 0) & (factor <= 1))
    assert np.all(less <= factor)
    np.testing.assert_allclose(less, factor * evaluate((more,)), rtol=1e-9, atol=1e-300)


@pytest.mark.parametrize("name", sorted(COMPONENTS))
def test_no_column_and_unit_constant_change_nothing(name: str) -> None:
    component = COMPONENTS[name]
    if component.kind == "mul":
        neutral = 1.0 if name == "constant" else 0.0
        np.testing.assert_array_equal(component.evaluate(EDGES, (neutral,)), np.ones(EDGES.size - 1))


@pytest.mark.parametrize("name", ["powerlaw", "gaussian", "phabs", "tbabs"])
@pytest.mark.parametrize(
    ("edges", "message"),
    [
        ([0.0, 1.0], "first energy of the grid is 0 keV"),
        ([1.0, 3.0, 2.0], "do not ascend"),
        ([1.0], "at least two edges"),
    ],
)
def test_grids_that_cannot_be_used_are_refused(name: str, edges: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        COMPONENTS[name].prepare(np.array(edges), "wilm", "vern")


def test_wrong_number_of_parameters_is_refused() -> None:
    with pytest.raises(ValueError, match=r"powerlaw has 2 parameters \(PhoIndex, norm\), not 1"):
        COMPONENTS["powerlaw"].evaluate(EDGES, (2.0,))


# --- against XSPEC ---------------------------------------------------------------------------------------------------


def _evaluate(case: dict[str, Any], edges: Floats) -> Floats:
    component = COMPONENTS[case["model"].lower()]
    parameters = [*case["parameters"].values(), *([1.0] if component.kind == "add" else [])]
    return component.evaluate(edges, parameters, case["abund"] or "wilm", case["xsect"] or "vern")


def _check(case: dict[str, Any], mine: Floats, theirs: Floats) -> None:
    name = case["model"].lower()
    if name == "powerlaw":
        np.testing.assert_allclose(mine, theirs, rtol=2e-12)
    elif name == "gaussian":
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=1e-8)
    elif name == "constant":
        np.testing.assert_allclose(mine, theirs, rtol=1e-6)
    else:
        # Factors near 1 and below 1e-6 are rounded too much in XSPEC to tell an optical depth from them.
        known = (theirs > 1e-6) & (theirs < 0.999)
        error = np.abs(np.log(mine[known]) / np.log(theirs[known]) - 1)
        assert np.all(error < (1e-4 if name == "phabs" else 3e-3))


def _ours(model: str, xsect: str) -> bool:
    return model.lower() in COMPONENTS and xsect != "obcm"


@pytest.mark.real_data
def test_points_of_xspec(reference: Path) -> None:
    cases: dict[str, list[dict[str, str]]] = defaultdict(list)
    with (reference / "xspec-models" / "points.csv").open(encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            if _ours(row["model"], row["xsect"]):
                cases[row["case"]].append(row)
    assert len(cases) > 70
    for rows in cases.values():
        case: dict[str, Any] = {**rows[0], "parameters": json.loads(rows[0]["parameters"])}
        for row in rows:
            edges = np.array([float(row["elo"]), float(row["ehi"])])
            _check(case, _evaluate(case, edges), np.array([float(row["value"])]))


@pytest.mark.real_data
@pytest.mark.parametrize("grid", ["nustar", "pn"])
def test_full_grids_of_xspec(reference: Path, grid: str) -> None:
    with np.load(reference / "xspec-models" / f"fullgrid_{grid}.npz") as stored:
        edges, values = stored["edges_keV"], stored["values"]
        cases = [json.loads(str(text)) for text in stored["cases"]]
    done = 0
    for case, theirs in zip(cases, values, strict=True):
        if _ours(case["model"], case["xsect"]):
            _check(case, _evaluate(case, edges), theirs)
            done += 1
    assert done >= 10


@pytest.mark.real_data
def test_lines_of_xspec(reference: Path) -> None:
    folder = reference / "xspec-models"
    grids: dict[str, dict[int, tuple[float, float]]] = defaultdict(dict)
    values: dict[tuple[str, str], dict[int, float]] = defaultdict(dict)
    with (folder / "lines.csv").open(encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            grids[row["grid"]][int(row["bin"])] = (float(row["elo"]), float(row["ehi"]))
            values[row["case"], row["grid"]][int(row["bin"])] = float(row["value"])
    done = 0
    with (folder / "line_cases.csv").open(encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            if row["model"] != "gaussian":
                continue
            bins = [grids[row["grid"]][number] for number in range(int(row["n_bins"]))]
            edges = np.array([low for low, _ in bins] + [bins[-1][1]])
            flux = COMPONENTS["gaussian"].evaluate(edges, (*json.loads(row["parameters"]).values(), 1.0))
            theirs = np.zeros(flux.size)
            for number, value in values[row["case"], row["grid"]].items():
                theirs[number] = value
            np.testing.assert_allclose(flux, theirs, rtol=0, atol=1e-8)
            assert flux.sum() == pytest.approx(float(row["sum"]), abs=1e-12)
            done += 1
    assert done >= 20
