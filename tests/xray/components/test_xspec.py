"""Every component against XSPEC 12.9.1, called directly."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from xbatch.xray.components import COMPONENTS, SCALINGS

Floats = NDArray[np.float64]

# How the values are compared: "rel" relative; "abs" absolute, of a norm of 1; "tau" relative, of the optical depth.
# The numbers hold for the bins of 2 % (fluxes) or 0.1 % (factors) of single points, and for the narrow bins of full
# grids, where XSPEC's 32-bit edges make up to 2e-4 of a bin's width.
AGREE = {
    "bbody": ("rel", 1e-5, 1e-4),
    "bbodyrad": ("rel", 1e-5, 1e-4),
    "bknpower": ("rel", 1e-12, 1e-11),
    "bremss": ("rel", 1e-5, 1e-3),
    "cabs": ("rel", 1e-6, 1e-6),
    "constant": ("rel", 1e-6, 1e-6),
    "cutoffpl": ("rel", 1e-5, 2e-4),
    "diskbb": ("rel", 3e-4, 3e-4),
    "edge": ("rel", 2e-6, 1e-5),
    "expabs": ("rel", 1e-6, 1e-6),
    "gabs": ("rel", 1e-7, 1e-7),
    "gaussian": ("abs", 1e-8, 1e-8),
    "highecut": ("rel", 2e-4, 2e-4),
    "logpar": ("rel", 1e-5, 3e-4),
    "lorentz": ("abs", 1e-8, 1e-6),
    "pcfabs": ("rel", 1e-6, 1e-6),
    "phabs": ("tau", 1e-4, 1e-4),
    "powerlaw": ("rel", 2e-12, 2e-12),
    "tbabs": ("tau", 3e-3, 3e-3),
    "wabs": ("tau", 5e-5, 1e-4),
    "zbbody": ("rel", 1e-5, 1e-4),
    "zbremss": ("rel", 1e-5, 1e-4),
    "zedge": ("rel", 2e-6, 1e-5),
    "zgauss": ("abs", 1e-8, 1e-8),
    "zphabs": ("tau", 1e-4, 1e-4),
    "zpowerlw": ("rel", 1e-12, 1e-12),
    "ztbabs": ("tau", 3e-3, 3e-3),
    "zwabs": ("tau", 5e-5, 1e-4),
}
# XSPEC's wide tail of a Lorentzian is put into the last bin of the grid; its value is not compared.
WITHOUT_REFERENCE = {"zcutoffpl"}


def evaluate(case: dict[str, Any], edges: Floats) -> Floats:
    component = COMPONENTS[case["model"].lower()]
    parameters = [*case["parameters"].values(), *([1.0] if component.kind == "add" else [])]
    return component.evaluate(edges, parameters, case["abund"] or "wilm", case["xsect"] or "vern")


def check(name: str, mine: Floats, theirs: Floats, grid: bool, peak: float) -> None:
    how, *tolerances = AGREE[name]
    tolerance = tolerances[grid]
    if how == "abs":
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=tolerance)
        return
    # Factors below 1e-6, and fluxes below 1e-8 of the peak, are rounded too much in XSPEC; so are depths near 0.
    known = theirs > (1e-6 if COMPONENTS[name].kind == "mul" else 1e-8 * peak)
    known &= (how == "rel") | (theirs < 0.999)
    mine, theirs = (np.log(part[known]) if how == "tau" else part[known] for part in (mine, theirs))
    np.testing.assert_allclose(mine, theirs, rtol=tolerance)


def test_every_component_is_compared() -> None:
    assert set(AGREE) | WITHOUT_REFERENCE == set(COMPONENTS)


def is_ours(model: str, xsect: str) -> bool:
    return model.lower() in COMPONENTS and xsect != "obcm"


@pytest.mark.real_data
def test_points_of_xspec(reference: Path) -> None:
    cases: dict[str, list[dict[str, str]]] = defaultdict(list)
    with (reference / "xspec-models" / "points.csv").open(encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            if is_ours(row["model"], row["xsect"]):
                cases[row["case"]].append(row)
    assert len(cases) > 130
    assert {rows[0]["model"].lower() for rows in cases.values()} == set(AGREE)
    for rows in cases.values():
        case: dict[str, Any] = {**rows[0], "parameters": json.loads(rows[0]["parameters"])}
        theirs = np.array([float(row["value"]) for row in rows])
        mine = [evaluate(case, np.array([float(row["elo"]), float(row["ehi"])]))[0] for row in rows]
        check(case["model"].lower(), np.array(mine), theirs, False, float(theirs.max()))


@pytest.mark.real_data
@pytest.mark.parametrize("grid", ["nustar", "pn"])
def test_full_grids_of_xspec(reference: Path, grid: str) -> None:
    with np.load(reference / "xspec-models" / f"fullgrid_{grid}.npz") as stored:
        edges, values = stored["edges_keV"], stored["values"]
        cases = [json.loads(str(text)) for text in stored["cases"]]
    ours = [(case, theirs) for case, theirs in zip(cases, values, strict=True) if is_ours(case["model"], case["xsect"])]
    assert len(ours) >= 18
    for case, theirs in ours:
        check(case["model"].lower(), evaluate(case, edges), theirs, True, float(theirs.max()))


def line_cases(folder: Path) -> Iterator[tuple[dict[str, str], Floats, Floats]]:
    """Give each case of a line: its row, the edges of its grid and the values of all bins."""
    grids: dict[str, dict[int, tuple[float, float]]] = defaultdict(dict)
    values: dict[tuple[str, str], dict[int, float]] = defaultdict(dict)
    with (folder / "lines.csv").open(encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            grids[row["grid"]][int(row["bin"])] = (float(row["elo"]), float(row["ehi"]))
            values[row["case"], row["grid"]][int(row["bin"])] = float(row["value"])
    with (folder / "line_cases.csv").open(encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            bins = [grids[row["grid"]][number] for number in range(int(row["n_bins"]))]
            theirs = np.zeros(len(bins))
            for number, value in values[row["case"], row["grid"]].items():
                theirs[number] = value
            yield row, np.array([low for low, _ in bins] + [bins[-1][1]]), theirs


@pytest.mark.real_data
def test_lines_of_xspec(reference: Path) -> None:
    done: dict[str, int] = defaultdict(int)
    for row, edges, theirs in line_cases(reference / "xspec-models"):
        name = row["model"]
        if name not in COMPONENTS:
            continue
        norm = [1.0] if COMPONENTS[name].kind == "add" else []
        flux = COMPONENTS[name].evaluate(edges, (*json.loads(row["parameters"]).values(), *norm))
        # gabs is compared with a mean of 200 parts.
        np.testing.assert_allclose(flux, theirs, rtol=0, atol=2e-8 if name == "gabs" else 1e-8)
        if row["sum"]:
            assert flux.sum() == pytest.approx(float(row["sum"]), abs=1e-8)
        done[name] += 1
    assert {name: count >= 5 for name, count in done.items()} == dict.fromkeys(
        ("gaussian", "lorentz", "zgauss", "gabs"), True
    )


@pytest.mark.real_data
def test_flux_of_xspec(reference: Path) -> None:
    # XSPEC's keV is 1.602192e-9 erg, that of the SI 1.602176634e-9.
    unit = 1.602176634e-9 / 1.602192e-9
    grids = {"0.1-100 keV log 200 bins": np.geomspace(0.1, 100, 201), "quarter-keV 1-14.75": np.arange(1, 14.76, 0.25)}
    done = 0
    with (reference / "xspec-models" / "cflux.csv").open(encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            if not row["requested"].startswith("lg10Flux"):
                continue
            edges, inner = grids[row["grid"]], COMPONENTS[row["inner_model"]]
            photons = inner.evaluate(edges, (*json.loads(row["inner_parameters"]).values(), 1.0))
            band = (float(row["emin_keV"]), float(row["emax_keV"]), float(row["requested"].partition("=")[2]))
            factor = SCALINGS["cflux"].evaluate(edges, band, photons) * unit
            rtol = 1e-10 if row["inner_model"] == "powerlaw" else 2e-6
            assert factor == pytest.approx(float(row["factor"]), rel=rtol)
            done += 1
    assert done > 30
