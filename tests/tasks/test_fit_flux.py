"""Errors of fluxes, and luminosities, against Sherpa's draws and against what can be written down."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import ndtri

from tests.tasks.fit_bench import Bench, params
from tests.tasks.test_handover import hand_over

BAND = {"name": "b", "lo": 2.0, "hi": 8.0}
SAMPLE = {"bands": [BAND], "absorbed": True, "errors": "sample", "n": 4000, "seed": 5}


def power_law(**changes: Any) -> dict[str, Any]:
    given = params(**changes)
    free = [one for one in given["parameters"] if one["component"] == "pl"]
    return {**given, "model": {"component": "pl"}, "components": {"pl": "powerlaw"}, "parameters": free}


def test_a_flux_of_a_norm_has_the_error_of_the_norm(bench: Bench) -> None:
    given = power_law(flux=[SAMPLE], statistic="cstat", background="ignore")
    given["parameters"][0] |= {"frozen": True, "value": 1.7}
    bench.run(given)
    norm = next(one for one in bench.fit["parameters"] if one["parameter"] == "norm")
    flux = bench.fit["flux"][0]
    assert flux["sample"] == {"n": 4000, "seed": 5, "confidence": 0.9, "held": []}
    wanted = ndtri(0.95) * np.sqrt(bench.fit["covariance"][0][0]) / norm["value"] * flux["energy_flux"]
    assert flux["energy_flux_plus"] == pytest.approx(wanted, rel=0.06)
    assert flux["energy_flux_minus"] == pytest.approx(wanted, rel=0.06)
    assert flux["energy_flux_median"] == pytest.approx(flux["energy_flux"], rel=0.01)
    photons = flux["photon_flux_plus"] / flux["photon_flux"]
    assert photons == pytest.approx(flux["energy_flux_plus"] / flux["energy_flux"])


@pytest.mark.filterwarnings("ignore::UserWarning:sherpa")
def test_errors_are_those_of_sherpas_draws(bench: Bench) -> None:
    given = power_law(flux=[SAMPLE], statistic="cstat", background="ignore")
    folder, _ = hand_over(bench, given)
    flux = bench.fit["flux"][0]
    runpy.run_path(str(folder / "fit_sherpa.py"))
    from sherpa.astro import ui

    ui.set_rng(np.random.RandomState(7))
    ui.set_conf_opt("sigma", 1.0)
    drawn = ui.sample_energy_flux(2.0, 8.0, id=1, num=4000, correlated=True, clip="soft")[:, 0]
    low, middle, high = np.quantile(drawn, [0.05, 0.5, 0.95])
    width = high - low
    assert flux["energy_flux_median"] == pytest.approx(middle, abs=0.05 * width)
    assert flux["energy_flux"] - flux["energy_flux_minus"] == pytest.approx(low, abs=0.08 * width)
    assert flux["energy_flux"] + flux["energy_flux_plus"] == pytest.approx(high, abs=0.08 * width)
    ui.clean()


def test_a_luminosity_is_of_the_band_in_the_frame_of_the_source(bench: Bench) -> None:
    wanted = {"redshift": 0.5, "H0": 70.0, "Om0": 0.3}
    bench.run(power_law(flux=[{**SAMPLE, "n": 300, "luminosity": wanted}], statistic="cstat", background="ignore"))
    flux = bench.fit["flux"][0]
    index = next(one["value"] for one in bench.fit["parameters"] if one["parameter"] == "PhoIndex")
    # D_L of z = 0.5 in this universe: 2832.9 Mpc (Wright 2006, PASP 118, 1711, calculator).
    assert flux["distance"] == pytest.approx(2832.9, abs=0.5)
    # A power law in the band shifted by 1 + z has (1 + z)**(index - 2) of the flux in the band itself.
    area = 4 * np.pi * (flux["distance"] * 3.0856775814913673e24) ** 2
    assert flux["luminosity"] == pytest.approx(area * flux["energy_flux"] * 1.5 ** (index - 2), rel=1e-6)
    assert 0 < flux["luminosity_minus"] < flux["luminosity"] and flux["luminosity_plus"] > 0


def test_no_errors_are_made_up(bench: Bench) -> None:
    given = power_law(flux=[SAMPLE], statistic="cstat", background="ignore")
    for one in given["parameters"]:
        one["frozen"] = True
    bench.run(given)
    flux = bench.fit["flux"][0]
    assert (flux["sample"], flux["error_note"]) == (None, "no free parameter")
    assert flux["energy_flux_minus"] is None and flux["energy_flux"] > 0
    bench.run(power_law(flux=[SAMPLE], background="ignore"))  # a poor fit, as the absorption is not in the model
    assert bench.fit["flux"][0]["error_note"] == "no covariance to draw from"
    plain = power_law(flux=[{"bands": [BAND], "absorbed": True}], statistic="cstat", background="ignore")
    bench.run(plain)
    assert "energy_flux_minus" not in bench.fit["flux"][0] and "luminosity" not in bench.fit["flux"][0]


def test_equal_seeds_give_equal_errors(bench: Bench, tmp_path: Path) -> None:
    results = []
    for seed in (1, 1, 2):
        bench.run(power_law(flux=[{**SAMPLE, "n": 50, "seed": seed}], statistic="cstat", background="ignore"))
        results.append(bench.fit["flux"][0]["energy_flux_plus"])
    assert results[0] == results[1] != results[2]
