"""Fits with components that enclose others, and with table models."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from tests.ogip.tablefiles import Floats, TableFile
from tests.tasks.fit_bench import Bench, parameter, params
from tests.xray.worlds import GAMMA
from xbatch.base.errors import StepError

BAND = {"name": "b", "lo": 2.0, "hi": 8.0}
ASKED: dict[str, Any] = {"flux": [{"bands": [BAND], "absorbed": absorbed} for absorbed in (True, False)]}


def scaled() -> dict[str, Any]:
    inner = {"op": "con", "by": "f", "args": [{"component": "pl"}]}
    given = params(
        model={"op": "*", "args": [{"component": "gal"}, inner]},
        model_text="phabs.gal * cflux.f(powerlaw.pl)",
        components={"gal": "phabs", "f": "cflux", "pl": "powerlaw"},
        **ASKED,
    )
    given["parameters"] += [
        parameter("f.Emin", 2.0, 0.0, 1e6, frozen=True),
        parameter("f.Emax", 8.0, 0.0, 1e6, frozen=True),
        parameter("f.lg10Flux", -9.0, -100.0, 100.0),
    ]
    given["parameters"][2] |= {"frozen": True}
    return given


def test_a_flux_is_fitted_with_its_error(bench: Bench) -> None:
    bench.run(params(**ASKED))
    plain = bench.fit
    bench.run(scaled())
    fit = bench.fit
    assert fit["stat_value"] == pytest.approx(plain["stat_value"], abs=1e-4)
    assert fit["dof"] == plain["dof"]
    values = {one["name"]: one for one in fit["parameters"]}
    others = {one["name"]: one for one in plain["parameters"]}
    for name in ("gal.nH", "pl.PhoIndex"):
        assert values[name]["value"] == pytest.approx(others[name]["value"], rel=1e-3)
        assert values[name]["error_plus"] == pytest.approx(others[name]["error_plus"], rel=1e-2)
    # The flux before the absorber, on the response's own energies.
    flux = values["f.lg10Flux"]
    assert 10 ** flux["value"] == pytest.approx(plain["flux"][1]["energy_flux"], rel=2e-3)
    assert 0 < flux["error_plus"] < 0.1
    for mine, other in zip(fit["flux"], plain["flux"], strict=True):
        assert mine["energy_flux"] == pytest.approx(other["energy_flux"], rel=1e-3)
    assert np.allclose(bench.bins["model_pl"], bench.bins["model"])


@dataclass
class PowerLaws(TableFile):
    """Power laws; the second parameter does nothing."""

    edges: Floats = field(default_factory=lambda: np.geomspace(0.1, 20.0, 1500))
    values: tuple[tuple[float, ...], ...] = ((GAMMA - 0.14, GAMMA - 0.02, GAMMA + 0.1), (0.1, 1.0, 10.0))
    names: tuple[str, ...] = ("slope", "xi")

    @property
    def spectra(self) -> Floats:
        powers = 1 - np.array(self.values[0])
        whole = np.diff(self.edges[None, :] ** powers[:, None], axis=1) / powers[:, None]
        return np.repeat(whole[:, None, :], 3, axis=1)


def tabulated(**changes: Any) -> dict[str, Any]:
    given = params(
        model={"op": "*", "args": [{"component": "gal"}, {"component": "t"}]},
        model_text="phabs.gal * atable{t.fits}.t",
        components={"gal": "phabs", "t": "atable"},
        parameters=[
            parameter("gal.nH", 0.5, 0.0, 1e6),
            parameter("t.slope", GAMMA - 0.1, GAMMA - 0.14, GAMMA + 0.1),
            parameter("t.xi", 1.0, 0.5, 10.0, frozen=True),
            parameter("t.norm", 1.0, 0.0, 1e24),
        ],
    )
    return given | changes


def test_a_table_is_fitted_like_what_it_tabulates(bench: Bench) -> None:
    bench.run(params())
    plain = {one["name"]: one for one in bench.fit["parameters"]}
    bench.inputs["table/t"] = PowerLaws().write(bench.folder / "t.fits")
    bench.run(tabulated())
    found = {one["name"]: one for one in bench.fit["parameters"]}
    for mine, other in (("gal.nH", "gal.nH"), ("t.slope", "pl.PhoIndex"), ("t.norm", "pl.norm")):
        assert abs(found[mine]["value"] - plain[other]["value"]) < 0.3 * plain[other]["error_plus"]
    assert math.isfinite(bench.fit["stat_value"])


def test_a_table_of_another_kind_is_refused(bench: Bench) -> None:
    bench.inputs["table/t"] = PowerLaws().write(bench.folder / "t.fits")
    with pytest.raises(StepError, match="made to be atable, not mtable"):
        bench.run(tabulated(components={"gal": "phabs", "t": "mtable"}))
