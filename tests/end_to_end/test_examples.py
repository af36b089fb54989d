"""The examples that come with a simulation of their own: they run, and find what was put in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from tests.end_to_end.world import Desk
from xbatch.ogip.pha import read_pha
from xbatch.simulator import simulate

pytest.importorskip("sherpa", reason="a fit needs Sherpa")

CONFIGS = Path(__file__).parents[2] / "examples" / "configs"


def run(desk: Desk, name: str, *only: str) -> Path:
    """Simulate an example's data, run some steps of it; give the products."""
    simulate(CONFIGS / f"{name}-simulation.yaml", desk.data)
    patterns = [part for pattern in only for part in ("--only", pattern)]
    out, store = desk.folder / "out" / "run", desk.folder / "out" / "store"
    said = desk.xbatch(
        "run",
        CONFIGS / f"{name}.yaml",
        "--set",
        f"data.root={desk.data}",
        "--out",
        out,
        "--store",
        store,
        "--jobs",
        2,
        *patterns,
    )
    assert said.status == 0, said.all
    return out / "products"


def parameters(products: Path, fit: str) -> dict[str, dict[str, Any]]:
    document = json.loads((products / "fits" / fit / "fit.json").read_text())
    assert document["good_fit"] and document["converged"]
    return {each["name"]: each for each in document["parameters"]}


def near(parameter: dict[str, Any], truth: float) -> bool:
    """Say whether a value is within 2.5 of its errors for 90 % of the truth: four standard deviations."""
    error = parameter["error_plus" if truth > parameter["value"] else "error_minus"]
    return bool(abs(parameter["value"] - truth) < 2.5 * abs(error))


def test_sources_that_do_not_vary_do_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    desk = Desk(tmp_path, capsys)
    products = run(desk, "galactic-centre", "fit:tied/*", "mosaic:*")
    for name in ("NE", "SW"):
        found = parameters(products, f"tied/{name}")
        assert near(found["pl.PhoIndex"], 2.0) and near(found["cal.factor[FPMB]"], 1.03)
        assert near(found["pl.norm[e2012]"], found["pl.norm[e2017]"]["value"])
        epochs = {"e2012": ("99901002001", "99901002003", "99901002004"), "e2017": ("99902006004", "99902006006")}
        for epoch, obsids in epochs.items():
            for module in "AB":
                paths = [products / obsid / f"FPM{module}" / name / "spectrum.pha" for obsid in obsids]
                members = [read_pha(path) for path in paths if path.is_file()]
                total = read_pha(products / epoch / f"FPM{module}" / name / "spectrum.pha")
                assert (
                    len(members)
                    == {("e2012", "A"): 3, ("e2012", "B"): 1, ("e2017", "A"): 2, ("e2017", "B"): 1}[epoch, module]
                )
                assert np.array_equal(sum(each.counts for each in members), total.counts)
                seconds = sum(each.exposure for each in members)
                assert total.exposure == pytest.approx(seconds, rel=1e-9)
    mosaic = fits.getdata(next((products / "mosaics" / "field").rglob("*.img")))
    assert mosaic.sum() > 1000


def test_twenty_five_schemes_of_bands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    desk = Desk(tmp_path, capsys)
    products = run(desk, "ngc5506", "fit:joint", "lightcurve:0999900003/*", "spectrum:0999900003/*")
    found = parameters(products, "joint")
    for name, truth in {"gal.nH": 3.0, "pl.PhoIndex": 1.85, "cal.factor[FPMB]": 1.03, "pl.norm[y2015]": 0.0171}.items():
        assert near(found[name], truth), name
    curves = products / "0999900003" / "EPN" / "lightcurves"
    counts = {
        path.stem: fits.getdata(path, "RATE")["COUNTS"].astype(int)
        for folder in ("energy", "channels")
        for path in (curves / folder).glob("*.lc")
    }
    schemes: dict[str, list[Any]] = {}
    for name, values in counts.items():
        scheme, dot, _ = name.partition(".")
        if dot:
            schemes.setdefault(scheme, []).append(values)
    assert len(schemes) == 25
    sizes = {"b1a": 1, "b8a": 8, "b32a": 32, "b16lin": 16, "b48lch": 48, "b12cch": 12, "b24cch": 24, "b32cch": 32}
    assert {name: len(schemes[name]) for name in sizes} == sizes
    for name, bands in schemes.items():  # every scheme cuts the same 2-10 keV: its bands add up to the whole
        assert np.array_equal(sum(bands), counts["full"]), name
    edges = {
        name: json.loads((products / "bands" / name / "bands.json").read_text())["edges"]
        for name in ("b12cch", "b24cch", "b48cch")
    }
    assert edges["b24cch"][::2] == edges["b12cch"]
    assert len(edges["b48cch"]) - 1 < 48 and min(np.diff(edges["b48cch"])) >= 30
    spectra = {
        name: read_pha(products / "0999900003" / "EPN" / name / "spectrum.pha")
        for name in ("states@low", "states@high")
    }
    rates = {name: each.counts.sum() / each.exposure for name, each in spectra.items()}
    assert rates["states@low"] < 0.9 * rates["states@high"]
