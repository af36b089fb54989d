from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from astropy.table import Table

from tests.tasks.fit_bench import Bench, dataset, parameter, params
from tests.xray.worlds import CHANNELS, GAMMA, NH, NORM, instrument, make_world
from xbatch.xray.fit.engine import FitResult, run_fit


def test_a_fit_recovers_what_was_simulated(bench: Bench) -> None:
    outcome = bench.run(params(flux=[{"bands": [{"name": "hard", "lo": 2.0, "hi": 10.0}], "absorbed": False}]))
    fit = bench.fit
    truth = {"gal.nH": NH, "pl.PhoIndex": GAMMA, "pl.norm": NORM}
    for one in fit["parameters"]:
        assert abs(one["value"] - truth[one["name"]]) < 2.5 * one["error_plus"]
        assert (one["confidence"], one["method"], one["error_note"]) == (0.9, "covariance", "")
    assert fit["bins"] == 21
    assert (fit["free"], fit["dof"]) == (3, 18)
    assert fit["good_fit"]
    assert fit["reduced"] == pytest.approx(fit["stat_value"] / 18)
    assert 0.01 < fit["null_probability"] < 1
    assert outcome.facts["stat_value"] == fit["stat_value"]
    assert outcome.notes == ()
    assert set(fit["versions"]) == {"numpy", "scipy"}
    gamma, norm = fit["parameters"][1]["value"], fit["parameters"][2]["value"]
    flux = fit["flux"][0]
    assert flux["photon_flux"] == pytest.approx(norm * (2 ** (1 - gamma) - 10 ** (1 - gamma)) / (gamma - 1), rel=1e-9)
    assert (flux["band"], flux["absorbed"], flux["dataset"]) == ("hard", False, 0)


def test_the_record_says_what_was_kept(bench: Bench) -> None:
    bench.run(params())
    one = bench.fit["datasets"][0]
    assert one["first"] == {"channels": [9, 12], "energy": pytest.approx([1.3, 1.7])}
    assert one["last"] == {"channels": [89, 92], "energy": pytest.approx([9.3, 9.7])}
    world = make_world()
    inside = slice(8, 92)
    assert one["counts"] == world.source[inside].sum()
    net = (world.source - world.scale * world.background)[inside].sum()
    assert one["net_rate"] == pytest.approx(net / world.exposure)
    assert one["stat"] == pytest.approx(bench.fit["stat_value"])


def test_bins_are_densities_of_what_was_fitted(bench: Bench) -> None:
    bench.run(params())
    bins = bench.bins
    world = make_world()
    density = 1 / (world.exposure * 0.4)
    assert len(bins) == bench.fit["bins"]
    assert bins["data"].unit == "ct / (s keV)"
    first = slice(8, 12)
    assert bins["background"][0] == pytest.approx((world.scale * world.background)[first].sum() * density)
    assert bins["data"][0] == pytest.approx((world.source - world.scale * world.background)[first].sum() * density)
    chi2 = ((bins["data"] - bins["model"]) / bins["data_error"]) ** 2
    assert chi2.sum() == pytest.approx(bench.fit["stat_value"])
    assert np.allclose(bins["residual"] ** 2, chi2)
    assert np.allclose(bins["model_pl"], bins["model"])


def test_equal_inputs_give_equal_bytes(bench: Bench) -> None:
    given = params(optimiser="moncar", errors={"parameters": ["free"], "method": "profile", "confidence": 0.9})
    bench.run(given)
    first = {name: (bench.folder / "out" / name).read_bytes() for name in ("fit.json", "bins.ecsv")}
    bench.run(given)
    assert first == {name: (bench.folder / "out" / name).read_bytes() for name in first}


def two(**changes: Any) -> dict[str, Any]:
    own = [parameter("gal.nH", 0.5, 0.0, 1e6), parameter("pl.PhoIndex", 1.2, -3.0, 10.0)]
    own.append(parameter("pl.norm", 1.0, 0.0, 1e24))
    return params(
        datasets=[dataset("A"), dataset("B", note="a stand-in")],
        model={"op": "*", "args": [{"component": name} for name in ("cal", "gal", "pl")]},
        model_text="constant.cal * phabs.gal * powerlaw.pl",
        components={"cal": "constant", "gal": "phabs", "pl": "powerlaw"},
        parameters=[
            parameter("cal.factor[A]", 1.0, 0.0, 10.0, frozen=True),
            parameter("cal.factor[B]", 1.0, 0.0, 10.0, datasets=[1]),
            *({**one, "datasets": [0, 1]} for one in own),
        ],
        **changes,
    )


def test_a_joint_fit_has_a_constant_for_each_instrument(bench: Bench) -> None:
    bench.put(make_world(2, norm=1.2 * NORM), 1)
    outcome = bench.run(two(flux=[{"bands": [{"name": "b", "lo": 2.0, "hi": 10.0}], "absorbed": True}]))
    fit = bench.fit
    factor = fit["parameters"][1]
    assert abs(factor["value"] - 1.2) < 2.5 * factor["error_plus"]
    assert [one["dataset"] for one in fit["flux"]] == [0, 1]
    assert fit["flux"][1]["energy_flux"] / fit["flux"][0]["energy_flux"] == pytest.approx(factor["value"])
    assert set(bench.bins["dataset"]) == {0, 1}
    assert outcome.notes == ("1/B/src: a stand-in",)
    assert fit["datasets"][1]["note"] == "a stand-in"
    assert fit["parameters"][0]["frozen"]
    assert fit["parameters"][0]["error_plus"] is None


def test_fluxes_of_equal_models_are_given_once(bench: Bench) -> None:
    bench.put(make_world(2), 1)
    given = two(flux=[{"bands": [{"name": "b", "lo": 2.0, "hi": 10.0}], "absorbed": True}])
    given["parameters"][1] |= {"frozen": True}
    bench.run(given)
    assert [one["datasets"] for one in bench.fit["flux"]] == [[0, 1]]


def test_fluxes_of_models_that_come_to_the_same_values_are_two(bench: Bench) -> None:
    bench.put(make_world(2), 1)
    given = two(flux=[{"bands": [{"name": "b", "lo": 2.0, "hi": 10.0}], "absorbed": True}])
    given["parameters"][1] |= {"frozen": True}
    *others, norm = given["parameters"]
    top = {"value": 1e-6, "max": 1e-6}
    norms = [{**norm, **top, "name": f"pl.norm[{name}]", "datasets": [at]} for at, name in enumerate("AB")]
    bench.run({**given, "parameters": [*others, *norms]})
    assert [one["value"] for one in bench.fit["parameters"][-2:]] == [1e-6, 1e-6]
    assert [one["datasets"] for one in bench.fit["flux"]] == [[0], [1]]


def test_absorption_that_is_taken_off_makes_a_flux_larger(bench: Bench) -> None:
    band = {"name": "b", "lo": 0.5, "hi": 2.0}
    bench.run(params(flux=[{"bands": [band], "absorbed": absorbed} for absorbed in (True, False)]))
    with_it, without_it = bench.fit["flux"]
    assert without_it["energy_flux"] > 2 * with_it["energy_flux"]


def test_a_likelihood_has_no_test_of_its_own(bench: Bench) -> None:
    bench.put(make_world(3, background=0.5))
    outcome = bench.run(params(statistic="wstat", background="profiled"))
    fit = bench.fit
    assert fit["null_probability"] is None
    assert fit["good_fit"]
    assert "groups have no background counts, which biases wstat" in fit["notes"][0]
    assert outcome.notes == tuple(fit["notes"])


def test_a_poor_fit_says_so(bench: Bench) -> None:
    given = params()
    given["parameters"][0] |= {"value": 30.0, "frozen": True}
    outcome = bench.run(given)
    assert not bench.fit["good_fit"]
    assert bench.fit["covariance"] is None
    assert bench.fit["parameters"][1]["error_note"].startswith("not computed: reduced chi-squared")
    assert any(note.startswith("poor fit (reduced chi-squared") for note in outcome.notes)


def test_a_likelihood_far_from_the_data_is_noted(bench: Bench) -> None:
    given = params(statistic="cstat", background="ignore")
    given["parameters"][0] |= {"value": 30.0, "frozen": True}
    bench.run(given)
    assert bench.fit["good_fit"]
    assert any("for each degree of freedom" in note for note in bench.fit["notes"])


@pytest.mark.parametrize("variance", ["model", "gehrels", "primini", "xspec", "constant"])
def test_variances_are_taken(bench: Bench, variance: str) -> None:
    bench.run(params(variance=variance))
    assert bench.fit["good_fit"]


def test_contours_and_criteria_are_recorded(bench: Bench) -> None:
    errors = {"parameters": ["free"], "method": "covariance", "confidence": 0.9, "contours": [["gal.nH", "pl.norm"]]}
    bench.run(params(errors=errors, starts=2))
    fit = bench.fit
    (one,) = fit["contours"]
    assert one["parameters"] == ["gal.nH", "pl.norm"]
    assert np.shape(one["rise"]) == (len(one["y"]), len(one["x"]))
    assert one["levels"]["0.9"] == pytest.approx(4.605, abs=1e-3)
    assert fit["aic"] == pytest.approx(fit["stat_value"] + 6)
    assert fit["bic"] == pytest.approx(fit["stat_value"] + 3 * np.log(21))


@pytest.mark.parametrize(
    ("statistic", "variance", "mode"),
    [
        ("chi2", "gehrels", "subtract"),
        ("chi2", "primini", "subtract"),
        ("chi2", "file", "none"),
        ("wstat", "data", "profiled"),
        ("pgstat", "data", "subtract"),
        ("cash", "data", "ignore"),
    ],
)
def test_goodness_is_the_share_of_simulated_data_that_fit_better(
    bench: Bench, statistic: str, variance: str, mode: str
) -> None:
    world = make_world()
    if variance == "file":
        bench.put(world, source={"stat_err": np.sqrt(world.source + 1), "poisson": False})
    given = params(statistic=statistic, variance=variance, background=mode, goodness={"n": 60, "seed": 1})
    if mode == "none":
        del bench.inputs["background/0"]
    outcome = bench.run(given)
    found = bench.fit["goodness"]
    assert found["number"] + found["failed"] == 60
    assert 0.02 < found["lower"] < 0.98
    if statistic != "cash":
        assert found["median"] == pytest.approx(bench.fit["dof"], rel=0.5)
    assert any("of 60 simulated data sets fit better than the data" in note for note in outcome.notes)


def test_chains_agree_with_the_covariance(bench: Bench) -> None:
    pytest.importorskip("emcee")
    bench.put(make_world(13, norm=0.2))
    bench.run(params(mcmc={"walkers": 12, "steps": 400, "burn": 100, "seed": 1}))
    found = bench.fit["mcmc"]
    for one, row in zip(bench.fit["parameters"], found["parameters"], strict=True):
        assert one["name"] == row["name"]
        assert (row["upper"] - row["lower"]) / 2 == pytest.approx(one["error_plus"], rel=0.3)
    assert any("chains of 300 steps are short" in note for note in bench.fit["notes"])
    chain = Table.read(bench.folder / "out" / "chain.fits", hdu="CHAIN")
    assert chain.colnames == ["nH__1", "PhoIndex__2", "norm__3", "FIT_STATISTIC"]
    assert (len(chain), chain.meta["WALKERS"], chain.meta["TCOMM2"]) == (12 * 300, 12, "pl.PhoIndex")
    assert np.median(chain["PhoIndex__2"]) == found["parameters"][1]["median"]
    assert bench.fit["stat_value"] < chain["FIT_STATISTIC"].min() < bench.fit["stat_value"] + 1


def test_chains_have_xspecs_numbers(bench: Bench) -> None:
    pytest.importorskip("emcee")
    bench.put(make_world(13, norm=0.2), 1)
    given = params(
        datasets=[dataset("A"), dataset("B")],
        model={"op": "*", "args": [{"component": "cal"}, {"component": "pl"}]},
        components={"cal": "constant", "pl": "powerlaw"},
        statistic="cstat",
        background="ignore",
        parameters=[
            parameter("cal.factor[A]", 1.0, 0.0, 10.0, frozen=True),
            parameter("cal.factor[B]", 1.0, 0.0, 10.0, datasets=[1]),
            parameter("pl.PhoIndex", 1.5, -3.0, 10.0, datasets=[0, 1]),
            parameter("pl.norm", 0.005, 0.0, 1e24, datasets=[0, 1]),
        ],
        mcmc={"walkers": 8, "steps": 12, "burn": 2, "seed": 1},
    )
    bench.run(given)
    chain = Table.read(bench.folder / "out" / "chain.fits", hdu="CHAIN")
    assert chain.colnames == ["factor__4", "PhoIndex__2", "norm__3", "FIT_STATISTIC"]


def test_a_poor_fit_has_no_chains(bench: Bench) -> None:
    given = params(mcmc={"walkers": 12, "steps": 400, "burn": 100, "seed": 1})
    given["parameters"][0] |= {"value": 30.0, "frozen": True}
    bench.run(given)
    assert bench.fit["mcmc"] is None
    assert not (bench.folder / "out" / "chain.fits").exists()
    assert "chains are not computed: the fit is poor" in bench.fit["notes"]


def test_goodness_without_counts_says_so(bench: Bench) -> None:
    bench.put(make_world(3, norm=1e-3, background=0.5))
    given = params(variance="gehrels", goodness={"n": 5, "seed": 1})
    bench.run(given)
    assert bench.fit["goodness"]["failed"] == 0


def test_cash_has_no_reduced_statistic(bench: Bench) -> None:
    bench.run(params(statistic="cstat", background="ignore"))
    values = [one["value"] for one in bench.fit["parameters"]]
    bench.run(params(statistic="cash", background="ignore"))
    assert bench.fit["reduced"] is None
    assert [one["value"] for one in bench.fit["parameters"]] == pytest.approx(values, rel=1e-5)
    assert bench.fit["notes"] == []


def test_pgstat_is_taken(bench: Bench) -> None:
    bench.run(params(statistic="pgstat"))
    index = bench.fit["parameters"][1]
    assert abs(index["value"] - GAMMA) < 2.5 * index["error_plus"]


def test_errors_of_a_file_are_taken(bench: Bench) -> None:
    world = make_world()
    error = {"stat_err": 2 * np.sqrt(world.source + 1), "poisson": False}
    bench.put(world, source=error)
    bench.run(params(variance="file", background="none"))
    assert bench.fit["reduced"] < 0.6


def test_systematic_errors_are_added(bench: Bench) -> None:
    bench.run(params())
    plain = bench.fit["stat_value"]
    bench.put(make_world(), source={"sys_err": np.full(CHANNELS, 0.5)})
    bench.run(params())
    assert bench.fit["stat_value"] < 0.8 * plain


def test_nothing_free_is_reported_without_errors(bench: Bench) -> None:
    given = params(variance="primini")
    for one, value in zip(given["parameters"], (NH, GAMMA, NORM), strict=True):
        one |= {"value": value, "frozen": True}
    bench.run(given)
    fit = bench.fit
    assert (fit["free"], fit["dof"], fit["covariance"], fit["free_names"]) == (0, fit["bins"], None, [])
    assert fit["stat_value"] == pytest.approx((bench.bins["residual"] ** 2).sum())
    assert fit["converged"] and fit["good_fit"]
    assert all(one["error_plus"] is None and one["method"] is None for one in fit["parameters"])


def test_a_net_spectrum_below_zero_is_fitted(bench: Bench) -> None:
    net = -make_world(norm=1e-3).source
    bench.put(make_world(), source={"counts": net, "poisson": False, "stat_err": np.sqrt(1 - net)})
    bench.run(params(variance="file", background="none"))
    assert bench.fit["datasets"][0]["counts"] < 0
    assert bench.fit["parameters"][2]["value"] == pytest.approx(0, abs=1e-6)


def test_the_background_s_errors_in_the_file_are_taken(bench: Bench) -> None:
    world = make_world()
    for factor in (1.0, 9.0):
        error = {"stat_err": factor * np.sqrt(world.background + 1)}
        bench.put(world, source={"stat_err": np.sqrt(world.source + 1)}, background=error)
        bench.run(params(variance="file"))
        group = slice(8, 12)
        square = (world.source + 1)[group].sum() + factor**2 * (world.scale**2 * (world.background + 1))[group].sum()
        density = 1 / (world.exposure * 0.4)
        assert bench.bins["data_error"][0] == pytest.approx(np.sqrt(square) * density)


@pytest.mark.parametrize(
    ("restarts", "fallen", "told"),
    [(1, 0.004, None), (1, 0.25, "met once in the .* fell by 0.25"), (3, 12.345, "met 3 times in the .* fell by 12.3")],
)
def test_a_lower_minimum_is_told_where_it_matters(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, restarts: int, fallen: float, told: str | None
) -> None:
    def found(*args: Any) -> FitResult:
        return replace(run_fit(*args), restarts=restarts, fallen=fallen)

    monkeypatch.setattr("xbatch.tasks.fit.run_fit", found)
    notes = bench.run(params()).notes
    assert len(notes) == (told is not None)
    assert told is None or re.search(told, notes[0])


def test_a_changed_response_is_read_again(bench: Bench) -> None:
    bench.run(params())
    norm = bench.fit["parameters"][2]["value"]
    bench.put(make_world(), resp={"specresp": 2 * instrument().specresp, "notes": ("another",)})
    bench.run(params())
    assert bench.fit["parameters"][2]["value"] == pytest.approx(norm / 2, rel=1e-5)
