"""The first walk-through of the XSPEC manual (12.9.1): EXOSAT ME, absorbed power law."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.tasks.fit_bench import dataset, parameter, params
from xbatch.ogip.pha import read_pha, write_pha
from xbatch.ogip.response import read_response, save_response
from xbatch.registry import Job
from xbatch.tasks.fit import run

pytestmark = pytest.mark.real_data

PRINTED = {"gal.nH": (0.537846, 0.270409), "pl.PhoIndex": (2.23646, 0.126458), "pl.norm": (1.30320e-2, 2.5617e-3)}
INTERVALS = {"gal.nH": (0.1076, 1.0072), "pl.PhoIndex": (2.0378, 2.4492)}


def fitted(
    folder: Path,
    data: Path,
    method: str = "covariance",
    nh: float | None = None,
    cross_sections: str = "bcmc",
    **changes: Any,
) -> Any:
    write_pha(folder / "grouped.pha", read_pha(data / "exosat" / "s54405.pha"))
    save_response(folder / "response.npz", read_response(data / "exosat" / "s54405.rsp", None))
    given = params(
        datasets=[dataset(band={"name": "0-15 keV", "lo": 0.0, "hi": 15.0})],
        background="none",
        variance="file",
        abundances="angr",
        cross_sections=cross_sections,
        errors={"parameters": ["free"], "method": method, "confidence": 0.9 if method == "profile" else 0.6826894921},
        flux=[{"bands": [{"name": "2-10 keV", "lo": 2.0, "hi": 10.0}], "absorbed": True}],
    )
    given |= changes
    if nh is not None:
        given["parameters"][0] |= {"value": nh, "frozen": True}
    inputs = {"grouped/0": folder / "grouped.pha", "response/0": folder / "response.npz"}
    run(Job("fit:pl", given, inputs, folder))
    return json.loads((folder / "fit.json").read_text())


def test_values_errors_and_flux_are_those_printed(tmp_path: Path, real_data: Path) -> None:
    fit = fitted(tmp_path, real_data)
    assert (fit["bins"], fit["dof"]) == (45, 42)
    assert fit["stat_value"] == pytest.approx(43.80, abs=0.01)
    for one in fit["parameters"]:
        value, error = PRINTED[one["name"]]
        assert one["value"] == pytest.approx(value, abs=0.01 * error)
        assert one["error_plus"] == pytest.approx(error, rel=0.02)
    assert fit["flux"][0]["energy_flux"] == pytest.approx(2.2321e-11, rel=5e-4)


def test_intervals_are_those_printed(tmp_path: Path, real_data: Path) -> None:
    fit = fitted(tmp_path, real_data, "profile")
    for one in fit["parameters"][:2]:
        low, high = INTERVALS[one["name"]]
        assert one["value"] - one["error_minus"] == pytest.approx(low, abs=0.01 * (high - low))
        assert one["value"] + one["error_plus"] == pytest.approx(high, abs=0.01 * (high - low))


def test_a_column_that_is_too_high_is_a_poor_fit(tmp_path: Path, real_data: Path) -> None:
    fit = fitted(tmp_path, real_data, nh=4.0)
    assert fit["parameters"][1]["value"] == pytest.approx(3.59784, abs=2e-3)
    assert fit["stat_value"] == pytest.approx(136.04, abs=0.01)
    assert not fit["good_fit"]


def test_other_cross_sections_move_the_column(tmp_path: Path, real_data: Path) -> None:
    """XSPEC's own phabs with vern gives nH 0.55102, PhoIndex 2.23563, norm 1.30208e-2, chi-squared 43.818."""
    fit = fitted(tmp_path, real_data, cross_sections="vern")
    values = [one["value"] for one in fit["parameters"]]
    assert values == pytest.approx([0.55102, 2.23563, 1.30208e-2], rel=2e-3)
    assert fit["stat_value"] == pytest.approx(43.818, abs=0.002)


def thermal(kind: str) -> dict[str, Any]:
    return {
        "model": {"op": "*", "args": [{"component": "gal"}, {"component": "t"}]},
        "model_text": f"phabs.gal * {kind}.t",
        "components": {"gal": "phabs", "t": kind},
        "parameters": [
            parameter("gal.nH", 1.0, 0.0, 1e6),
            parameter("t.kT", 3.0, 1e-4, 200.0),
            parameter("t.norm", 1.0, 0.0, 1e24),
        ],
    }


def test_black_body_and_bremsstrahlung_are_those_printed(tmp_path: Path, real_data: Path) -> None:
    """XSPEC stopped a little above the minimum of its bremsstrahlung (40.04)."""
    body = fitted(tmp_path, real_data, **thermal("bbody"))
    assert body["stat_value"] == pytest.approx(123.77, abs=0.005)
    assert body["parameters"][1]["value"] == pytest.approx(0.890178, abs=1e-4)
    brems = fitted(tmp_path, real_data, **thermal("bremss"))
    assert 40.02 < brems["stat_value"] < 40.045
    _, temperature, norm = (one["value"] for one in brems["parameters"])
    assert (temperature, norm) == pytest.approx((5.28989, 8.308e-3), rel=2e-3)
