"""Files of one dataset made up for tests, and the fit task on them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from astropy.table import Table

from tests.xray.worlds import CHANNELS, World, instrument, make_world
from xbatch.ogip.matrix import find_runs
from xbatch.ogip.pha import Spectrum, write_pha
from xbatch.ogip.response import Response, save_response
from xbatch.registry import Job, Outcome
from xbatch.tasks.fit import run

CHANNEL = np.arange(1, CHANNELS + 1)


def spectrum(world: World, background: bool = False, **changes: Any) -> Spectrum:
    one = Spectrum(
        path="",
        channel=CHANNEL,
        counts=world.background if background else world.source,
        stat_err=None,
        sys_err=np.zeros(CHANNELS),
        quality=world.quality,
        grouping=world.grouping,
        backscal=world.background_backscal if background else world.backscal,
        areascal=world.background_areascal if background else world.areascal,
        exposure=world.background_exposure if background else world.exposure,
        poisson=True,
        is_rate=False,
        detchans=CHANNELS,
        first_channel=1,
        header={"TELESCOP": "TEST", "INSTRUME": "ONE"},
    )
    return replace(one, **changes)


def response(**changes: Any) -> Response:
    one = instrument()
    first, length = find_runs(one.indptr, one.indices)
    whole = Response(
        energ_lo=one.edges[:-1],
        energ_hi=one.edges[1:],
        indptr=one.indptr,
        first=first,
        length=length,
        matrix=one.matrix,
        specresp=one.specresp,
        channel=CHANNEL,
        e_min=one.e_min,
        e_max=one.e_max,
        has_arf=True,
        notes=(),
    )
    return replace(whole, **changes)


def parameter(name: str, value: float, low: float, high: float, **changes: Any) -> dict[str, Any]:
    component, _, bare = name.partition(".")
    return {
        "name": name, "component": component, "parameter": bare.partition("[")[0], "datasets": [0], "value": value,
        "min": low, "max": high, "unit": "", "frozen": False, "link": "", **changes,
    }  # fmt: skip


def dataset(name: str = "ONE", **changes: Any) -> dict[str, Any]:
    return {
        "obsid": "1", "instrument": name, "spectrum": "src", "mission": "other", "binning": "fours",
        "band": {"name": "main", "lo": 1.0, "hi": 10.0}, "edge": "inside", "note": "", **changes,
    }  # fmt: skip


def params(**changes: Any) -> dict[str, Any]:
    return {
        "name": "pl", "group": "", "datasets": [dataset()],
        "model": {"op": "*", "args": [{"component": "gal"}, {"component": "pl"}]},
        "model_text": "phabs.gal * powerlaw.pl", "components": {"gal": "phabs", "pl": "powerlaw"},
        "parameters": [
            parameter("gal.nH", 0.5, 0.0, 1e6, unit="1e22 cm^-2"),
            parameter("pl.PhoIndex", 1.2, -3.0, 10.0),
            parameter("pl.norm", 1.0, 0.0, 1e24),
        ],
        "background": "subtract", "statistic": "chi2", "variance": "data", "abundances": "wilm",
        "cross_sections": "vern", "optimiser": "levmar",
        "errors": {"parameters": ["free"], "method": "covariance", "confidence": 0.9}, "flux": [], **changes,
    }  # fmt: skip


class Bench:
    """A folder with the files of one dataset, and the task."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.inputs: dict[str, Path] = {}
        self.put(make_world())

    def put(self, world: World, number: int = 0, source: Any = None, background: Any = None, resp: Any = None) -> None:
        paths = {role: self.folder / f"{role}{number}" for role in ("grouped", "background", "response")}
        write_pha(paths["grouped"], spectrum(world, **(source or {})))
        write_pha(paths["background"], spectrum(world, background=True, **(background or {})))
        save_response(paths["response"], response(**(resp or {})))
        self.inputs |= {f"{role}/{number}": path for role, path in paths.items()}

    def run(self, given: Mapping[str, Any]) -> Outcome:
        out = self.folder / "out"
        out.mkdir(exist_ok=True)
        return run(Job("fit:pl", given, self.inputs, out))

    @property
    def fit(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((self.folder / "out" / "fit.json").read_text())
        return document

    @property
    def bins(self) -> Table:
        return Table.read(self.folder / "out" / "bins.ecsv", format="ascii.ecsv")
