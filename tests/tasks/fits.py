"""Records of fits made up for tests: what a fit step leaves, small."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from astropy.table import Table


def parameter(name: str, value: float, **changes: Any) -> dict[str, Any]:
    component, _, bare = name.partition(".")
    return {
        "name": name,
        "component": component,
        "parameter": bare.partition("[")[0],
        "unit": "",
        "value": value,
        "frozen": False,
        "linked": False,
        "link": "",
        "error_minus": None,
        "error_plus": None,
        "error_note": "",
        "confidence": 0.9,
        "method": "profile",
        **changes,
    }


def dataset(instrument: str = "FPMA", **changes: Any) -> dict[str, Any]:
    return {
        "obsid": "90402339002",
        "instrument": instrument,
        "spectrum": "src",
        "binning": "min30",
        "band": "3-79 keV",
        "groups": 40,
        "first": {"channels": [35, 38], "energy": [3.0, 3.16]},
        "last": {"channels": [1800, 1909], "energy": [70.0, 79.0]},
        "counts": 12345,
        "net_rate": 0.61,
        "exposure": 20123.4,
        "stat": 41.0,
        "note": "",
        **changes,
    }


def fit_record(**changes: Any) -> dict[str, Any]:
    return {
        "name": "cutoff",
        "group": "",
        "model_text": "constant.cal * powerlaw.pl",
        "statistic": "chi2",
        "variance": "data",
        "background": "subtract",
        "abundances": "wilm",
        "cross_sections": "vern",
        "stat_value": 82.5,
        "bins": 80,
        "free": 3,
        "dof": 77,
        "reduced": 82.5 / 77,
        "aic": 86.5,
        "bic": 91.2,
        "null_probability": 0.31,
        "converged": True,
        "message": "",
        "evaluations": 40,
        "restarts": 0,
        "good_fit": True,
        "parameters": [
            parameter("cal.factor[FPMA]", 1.0, frozen=True),
            parameter("cal.factor[FPMB]", 1.0234, error_minus=0.0121, error_plus=0.0124),
            parameter("pl.PhoIndex", 1.98765, error_minus=0.0213, error_plus=0.0309),
            parameter("pl.norm", 0.0321, unit="cm^-2 s^-1 keV^-1", error_minus=9.1e-4, error_plus=9.9e-4),
        ],
        "covariance": None,
        "free_names": ["cal.factor[FPMB]", "pl.PhoIndex", "pl.norm"],
        "flux": [
            {
                "band": "3-79 keV", "lo": 3.0, "hi": 79.0, "absorbed": False, "dataset": 0,
                "energy_flux": 3.43e-10, "photon_flux": 0.0123,
            }
        ],
        "datasets": [dataset("FPMA"), dataset("FPMB")],
        "notes": [],
        "versions": {"sherpa": "4.19.0", "numpy": "2.4.0", "scipy": "1.17.0"},
        **changes,
    }  # fmt: skip


def bins_table(datasets: int = 2, lo: float = 3.0, hi: float = 79.0, components: tuple[str, ...] = ("pl",)) -> Table:
    rng = np.random.default_rng(7)
    rows = []
    for number in range(datasets):
        edges = np.geomspace(lo, hi, 41)
        for i in range(40):
            middle = float(np.sqrt(edges[i] * edges[i + 1]))
            parts = {f"model_{name}": middle ** (-1.7 - k) for k, name in enumerate(components)}
            model = sum(parts.values())
            error = 0.1 * model + 1e-3
            residual = float(rng.normal())
            rows.append(
                {
                    "dataset": number,
                    "first_channel": 35 + 4 * i,
                    "last_channel": 38 + 4 * i,
                    "e_lo": edges[i],
                    "e_hi": edges[i + 1],
                    "data": model + residual * error,
                    "data_error": error,
                    "model": model,
                    "background": 1e-3,
                    **parts,
                    "residual": residual,
                }
            )
    return Table(rows=rows)


def write_fit(folder: Path, record: dict[str, Any], bins: Table | None = None) -> tuple[Path, Path]:
    folder.mkdir(parents=True, exist_ok=True)
    fit, table = folder / "fit.json", folder / "bins.ecsv"
    fit.write_text(json.dumps(record), encoding="utf-8")
    (bins if bins is not None else bins_table(len(record["datasets"]))).write(
        table, format="ascii.ecsv", overwrite=True
    )
    return fit, table
