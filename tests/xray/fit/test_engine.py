from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.xray.fit.peers import STATS, sherpa_data, sherpa_model, sherpa_stat
from tests.xray.worlds import CHANNELS, GAMMA, MODEL, NH, NORM, instrument, make_world, parameters, problem
from xbatch.xray.fit.engine import ErrorRequest, Starts, run_fit
from xbatch.xray.fit.optimise import OPTIMISERS, Minimum, minimise
from xbatch.xray.fit.parameters import FitParameter, Parameters
from xbatch.xray.fit.problem import ModelSpec, Problem
from xbatch.xray.fold import fold
from xbatch.xray.statistics import delta_statistic, reweighted_chi2

CASES = [
    ("chi2", "data", "subtract"),
    ("chi2", "gehrels", "none"),
    ("chi2", "model", "none"),
    ("cstat", "data", "none"),
    ("wstat", "data", "profiled"),
]
NAMES = ("gal.nH", "pl.PhoIndex", "pl.norm")
PROFILE = ErrorRequest(method="profile", confidence=0.9)


@pytest.mark.parametrize(("statistic", "variance", "mode"), CASES)
def test_best_fits_and_covariances_are_those_of_sherpa(statistic: str, variance: str, mode: str) -> None:
    from sherpa.estmethods import Covariance
    from sherpa.fit import Fit
    from sherpa.optmethods import NelderMead

    world = make_world(11)
    ours = run_fit(problem(world.dataset(statistic, variance, mode, edge="overlap")), chi2=statistic == "chi2")
    data = sherpa_data(world, mode)
    start = {"nh": NH, "gamma": GAMMA, "norm": NORM}
    theirs = Fit(
        data, sherpa_model(data, start), sherpa_stat(statistic, variance), method=NelderMead(), estmethod=Covariance()
    )
    found = theirs.fit()
    assert ours.statistic == pytest.approx(found.statval, rel=1e-8)
    assert ours.covariance is not None
    error = np.sqrt(np.diag(ours.covariance))
    assert np.all(np.abs(ours.free - np.array(found.parvals)) < 1e-3 * error)
    assert error == pytest.approx(np.array(theirs.est_errors().parmaxes), rel=1e-3)
    assert (statistic, variance) in STATS


@pytest.mark.parametrize(("statistic", "mode"), [("chi2", "subtract"), ("wstat", "profiled")])
def test_profiles_are_those_of_sherpa(statistic: str, mode: str) -> None:
    from sherpa.estmethods import Confidence
    from sherpa.fit import Fit
    from sherpa.optmethods import LevMar

    world = make_world(12)
    ours = run_fit(
        problem(world.dataset(statistic, "data", mode, edge="overlap")),
        errors=replace(PROFILE, confidence=0.6826894921370859),
        chi2=statistic == "chi2",
    )
    data = sherpa_data(world, mode)
    names = ("nh", "gamma", "norm")
    model = sherpa_model(data, dict(zip(names, ours.free, strict=True)))
    theirs = Fit(data, model, sherpa_stat(statistic, "data"), method=LevMar(), estmethod=Confidence())
    theirs.fit()
    theirs.estmethod.parallel = False
    theirs.estmethod.tol = 1e-3
    found = theirs.est_errors()
    for name, low, high in zip(("gal.nH", "pl.PhoIndex", "pl.norm"), found.parmins, found.parmaxes, strict=True):
        errors = ours.errors[name]
        assert errors.minus == pytest.approx(-low, rel=5e-3)
        assert errors.plus == pytest.approx(high, rel=5e-3)


def test_the_start_may_be_far_off() -> None:
    dataset = make_world(13).dataset("chi2")
    near, far = run_fit(problem(dataset, nh=NH, gamma=GAMMA, norm=NORM)), run_fit(problem(dataset, norm=1e6))
    assert far.statistic == pytest.approx(near.statistic, abs=1e-6)
    assert near.reduced is not None
    assert near.reduced < 2


@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_optimisers_agree(optimiser: str) -> None:
    result = run_fit(problem(make_world(13).dataset("cstat", mode="none")), optimiser, chi2=False)
    expected = run_fit(problem(make_world(13).dataset("cstat", mode="none")), chi2=False)
    assert result.statistic == pytest.approx(expected.statistic, abs=1e-6)


def test_frozen_and_linked_parameters_are_not_fitted() -> None:
    norm = FitParameter("pl.norm", "pl", "norm", (0,), 1.0, 0.0, 1e24, link="0.05 * gal.nH / 2")
    nh, gamma = parameters(nh=1.0, gamma=1.7, gamma_frozen=True).all[:2]
    one = Problem([make_world(14).dataset("chi2")], MODEL, Parameters([nh, replace(gamma, frozen=True), norm]))
    result = run_fit(one)
    assert result.free.size == 1
    assert result.values[1] == 1.7
    assert result.values[2] == pytest.approx(0.025 * result.values[0])
    assert list(result.errors) == []


def test_nothing_free_is_only_evaluated() -> None:
    one = problem(make_world(14).dataset("chi2"), nh=NH, gamma=GAMMA, norm=NORM)
    frozen = Parameters([replace(p, frozen=True) for p in one.parameters.all])
    result = run_fit(Problem([make_world(14).dataset("chi2")], MODEL, frozen))
    assert result.statistic == pytest.approx(one.statistic(one.parameters.start))
    assert result.dof == one.bins
    assert (result.good, result.converged, result.covariance, result.errors) == (True, True, None, {})


@pytest.mark.parametrize("names", [("pl.norm",), ("*.norm",), ("pl.norm", "gal.nothing")])
def test_errors_are_given_where_they_are_asked_for(names: tuple[str, ...]) -> None:
    result = run_fit(problem(make_world(15).dataset("chi2")), errors=ErrorRequest(names))
    assert list(result.errors) == ["pl.norm"]
    assert result.covariance is not None
    assert result.errors["pl.norm"].plus == pytest.approx(np.sqrt(result.covariance[2, 2]))


def test_a_confidence_scales_the_errors_of_a_covariance() -> None:
    one, ninety = (
        run_fit(problem(make_world(15).dataset("chi2")), errors=ErrorRequest(confidence=confidence)).errors["pl.norm"]
        for confidence in (0.6826894921370859, 0.9)
    )
    assert one.plus is not None
    assert ninety.plus == pytest.approx(one.plus * np.sqrt(delta_statistic(0.9)))


@pytest.mark.parametrize("method", ["covariance", "profile"])
def test_a_poor_fit_has_no_errors(method: str) -> None:
    one = problem(make_world(16, norm=0.5).dataset("chi2"), nh=8.0)
    fixed = Parameters([replace(one.parameters.all[0], frozen=True), *one.parameters.all[1:]])
    result = run_fit(
        Problem([make_world(16, norm=0.5).dataset("chi2")], MODEL, fixed), errors=ErrorRequest(method=method)
    )
    assert not result.good
    assert result.covariance is None
    assert result.errors["pl.norm"].plus is None
    assert result.errors["pl.norm"].note.startswith("not computed: reduced chi-squared")


@pytest.mark.parametrize("method", ["covariance", "profile"])
def test_a_parameter_at_its_limit_is_told(method: str) -> None:
    one = problem(make_world(17).dataset("cstat", mode="none"))
    limited = Parameters([replace(one.parameters.all[0], value=1.5, min=1.4), *one.parameters.all[1:]])
    result = run_fit(
        Problem([make_world(17).dataset("cstat", mode="none")], MODEL, limited),
        errors=ErrorRequest(method=method),
        chi2=False,
    )
    assert result.values[0] == pytest.approx(1.4)
    assert result.notes == ("gal.nH is at its lower limit, 1.4",)
    errors = result.errors["gal.nH"]
    assert errors.minus is None
    assert errors.note == ("at its limit 1.4" if method == "covariance" else "pegged at min")
    assert result.errors["pl.PhoIndex"].plus is not None


def test_an_error_that_reaches_beyond_a_limit_is_told() -> None:
    one = problem(make_world(18, norm=1e-3).dataset("cstat", mode="none"))
    result = run_fit(one, errors=ErrorRequest(confidence=0.999999), chi2=False)
    assert result.errors["gal.nH"].note == "reaches beyond min"


def bump(sigma: float, line: float, frozen: bool) -> Problem:
    world = make_world(19, norm=0.005)
    spec = ModelSpec(
        {"op": "+", "args": [{"component": "pl"}, {"component": "fe"}]}, {"pl": "powerlaw", "fe": "gaussian"}
    )
    start = [
        FitParameter("pl.PhoIndex", "pl", "PhoIndex", (0,), 1.2, -3.0, 10.0),
        FitParameter("pl.norm", "pl", "norm", (0,), 0.004, 0.0, 1e24),
        FitParameter("fe.LineE", "fe", "LineE", (0,), line, 3.0, 9.0, frozen=frozen),
        FitParameter("fe.Sigma", "fe", "Sigma", (0,), sigma, 0.0, 1.0, frozen=True),
        FitParameter("fe.norm", "fe", "norm", (0,), 1e-4, 0.0, 1e24),
    ]
    return Problem([world.dataset("cstat", mode="none")], spec, Parameters(start))


def test_a_line_narrower_than_an_energy_bin_has_no_energy_inside_it() -> None:
    """All of a line of no width lies in one bin of 0.08 keV; nothing changes as it moves there."""
    narrow, fixed = (run_fit(bump(0.0, 6.41, frozen), errors=ErrorRequest(), chi2=False) for frozen in (False, True))
    assert narrow.statistic == pytest.approx(fixed.statistic, abs=1e-6)
    assert narrow.errors["fe.LineE"].note == "not computed: the data do not determine it"
    for name in ("pl.PhoIndex", "pl.norm"):
        assert narrow.errors[name].plus == pytest.approx(fixed.errors[name].plus, rel=1e-3)
    thin = run_fit(bump(1e-4, 6.41, True), chi2=False)
    assert thin.statistic == pytest.approx(fixed.statistic, abs=1e-9)


def test_the_profile_of_an_energy_that_does_nothing_has_ends_or_says_why() -> None:
    result = run_fit(bump(0.0, 6.41, False), errors=replace(PROFILE, parameters=("fe.LineE",)), chi2=False)
    errors = result.errors["fe.LineE"]
    assert (errors.minus is None) == ("min" in errors.note)
    assert (errors.plus is None) == ("max" in errors.note)


@pytest.mark.parametrize("where", ["min", "max"])
def test_a_parameter_may_start_at_a_limit(where: str) -> None:
    dataset = make_world(13).dataset("chi2")
    nh, gamma, norm = parameters(nh=NH, gamma=GAMMA, norm=NORM).all
    expected = run_fit(problem(dataset, nh=NH, gamma=GAMMA, norm=NORM))
    edge = 0.0 if where == "min" else 30.0
    started = [replace(nh, value=edge, max=30.0), gamma, replace(norm, value=0.0 if where == "min" else 1.0, max=1.0)]
    result = run_fit(Problem([dataset], MODEL, Parameters(started)))
    assert result.statistic == pytest.approx(expected.statistic, abs=1e-6)
    assert result.notes == ()


def test_energies_without_area_are_no_obstacle() -> None:
    world = make_world(13)
    one = instrument()
    area = np.where((one.edges[:-1] > 4) & (one.edges[:-1] < 6), 0.0, one.specresp)
    groups = world.groups()
    scale = world.exposure * world.areascal
    folding = fold(one.indptr, one.indices, one.matrix, area, groups.index, scale, groups.size)
    for statistic in ("cstat", "chi2"):
        mode = "none" if statistic == "cstat" else "subtract"
        dataset = replace(world.dataset(statistic, mode=mode), folding=folding)
        result = run_fit(problem(dataset), errors=ErrorRequest(), chi2=False)
        assert result.converged
        assert np.isfinite(result.statistic)


def test_a_link_that_divides_by_zero_on_the_way_turns_the_fit_back() -> None:
    dataset = make_world(14).dataset("chi2")
    nh, gamma, norm = parameters(nh=0.5, gamma=GAMMA).all
    linked = Parameters([replace(nh, min=-5.0), gamma, replace(norm, link="0.016 / gal.nH")])
    result = run_fit(Problem([dataset], MODEL, linked))
    assert result.values[2] == pytest.approx(0.016 / result.values[0])
    assert result.values[0] == pytest.approx(NH, abs=0.2)


def test_a_link_without_a_value_at_the_start_is_named() -> None:
    nh, gamma, norm = parameters(nh=0.0).all
    linked = Parameters([nh, gamma, replace(norm, link="1 / gal.nH")])
    with pytest.raises(ValueError, match=r"the link '1 / gal\.nH' of pl\.norm has no value at the start"):
        run_fit(Problem([make_world().dataset("cstat", mode="none")], MODEL, linked))


def test_an_optimiser_that_stops_early_starts_again(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = make_world(13).dataset("chi2")
    expected = run_fit(problem(dataset)).statistic
    lazy = iter([True, False, False])

    def stopping(function: Any, start: Any, low: Any, high: Any, method: str, tolerance: float = 1e-6) -> Minimum:
        if next(lazy):
            moved = start * 0.999
            return Minimum(moved, function(moved)[0], True, "")
        return minimise(function, start, low, high, method, tolerance)

    monkeypatch.setattr("xbatch.xray.fit.engine.minimise", stopping)
    monkeypatch.setattr("xbatch.xray.fit.curvature._STEPS", 0)
    assert run_fit(problem(dataset)).statistic == pytest.approx(expected, abs=1e-6)


def test_weights_that_never_settle_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xbatch.xray.fit.engine._ITERATIONS", 1)
    world = make_world(20, norm=1e-3)
    counts = world.counts(world.groups())
    one = world.dataset("chi2", "primini")
    result = run_fit(problem(replace(one, reweigh=lambda model: reweighted_chi2(counts, model, subtract=True))))
    assert not result.converged
    assert result.message == "the weights of the statistic were still changing"


def test_a_lower_minimum_starts_the_fit_again() -> None:
    """A line begins at a weak bump; the profile of its energy comes upon a better place for it."""
    bumps = np.zeros(CHANNELS)
    bumps[[30, 31, 32]] = 8
    bumps[[60, 61, 62]] = 160
    world = make_world(19, norm=0.005)
    world = replace(
        world,
        source=world.source + np.random.default_rng(19).poisson(bumps),
        grouping=np.ones_like(world.grouping),
    )
    spec = ModelSpec(
        {"op": "+", "args": [{"component": "pl"}, {"component": "fe"}]}, {"pl": "powerlaw", "fe": "gaussian"}
    )
    start = [
        FitParameter("pl.PhoIndex", "pl", "PhoIndex", (0,), 1.2, -3.0, 10.0),
        FitParameter("pl.norm", "pl", "norm", (0,), 0.004, 0.0, 1e24),
        FitParameter("fe.LineE", "fe", "LineE", (0,), 3.65, 1.5, 9.0),
        FitParameter("fe.Sigma", "fe", "Sigma", (0,), 0.1, 0.0, 1.0, frozen=True),
        FitParameter("fe.norm", "fe", "norm", (0,), 1e-4, 0.0, 1e24),
    ]
    one = Problem([world.dataset("cstat", mode="none")], spec, Parameters(start))
    local = run_fit(one, chi2=False)
    result = run_fit(one, errors=replace(PROFILE, confidence=0.99999), chi2=False)
    assert local.restarts == 0
    assert result.restarts > 0
    assert result.fallen == pytest.approx(local.statistic - result.statistic)
    assert result.fallen > 1
    assert result.errors["fe.LineE"].plus is not None


def test_weights_of_the_best_model_are_iterated() -> None:
    world = make_world(20)
    counts = world.counts(world.groups())
    one = world.dataset("chi2", "primini")
    iterated = replace(one, reweigh=lambda model: reweighted_chi2(counts, model, subtract=True))
    result = run_fit(problem(iterated), errors=ErrorRequest())
    best = problem(iterated).counts(result.values)[0]
    fixed = run_fit(problem(replace(one, statistic=reweighted_chi2(counts, best, subtract=True))))
    assert fixed.covariance is not None
    assert np.all(np.abs(fixed.free - result.free) < 1e-3 * np.sqrt(np.diag(fixed.covariance)))


def test_more_parameters_than_bins_are_refused() -> None:
    with pytest.raises(ValueError, match="3 free parameters cannot be fitted to 2 bins"):
        run_fit(problem(make_world().dataset("chi2", lo=2.0, hi=3.0)))


def test_as_many_parameters_as_bins_are_no_test_of_the_model() -> None:
    one = problem(make_world().dataset("chi2", lo=2.0, hi=3.4))
    assert one.bins == 3
    result = run_fit(one)
    assert (result.dof, result.reduced, result.good) == (0, None, True)


def test_a_start_without_a_value_is_refused() -> None:
    one = problem(make_world().dataset("chi2"), norm=1e24)
    huge = Parameters(
        [one.parameters.all[0], replace(one.parameters.all[1], value=-300, min=-400), one.parameters.all[2]]
    )
    with pytest.raises(ValueError, match=r"not a number at the start \(gal\.nH = 0\.5, pl\.PhoIndex = -300"):
        run_fit(Problem([make_world().dataset("chi2")], MODEL, huge))


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(ValueError, match="no method 'bootstrap'"):
        run_fit(problem(make_world().dataset("chi2")), errors=ErrorRequest(method="bootstrap"))


def test_criteria_count_parameters() -> None:
    result = run_fit(problem(make_world(15).dataset("chi2")))
    assert result.aic == pytest.approx(result.statistic + 6)
    assert result.bic == pytest.approx(result.statistic + 3 * np.log(result.dof + 3))


def test_other_starts_find_a_lower_minimum() -> None:
    """A line that starts where there is none is found from elsewhere."""
    bumps = np.zeros(CHANNELS)
    bumps[[60, 61, 62]] = 160
    world = make_world(19, norm=0.005)
    world = replace(world, source=world.source + np.random.default_rng(19).poisson(bumps))
    spec = ModelSpec(
        {"op": "+", "args": [{"component": "pl"}, {"component": "fe"}]}, {"pl": "powerlaw", "fe": "gaussian"}
    )
    start = [
        FitParameter("pl.PhoIndex", "pl", "PhoIndex", (0,), 1.2, -3.0, 10.0),
        FitParameter("pl.norm", "pl", "norm", (0,), 0.004, 0.0, 1e24),
        FitParameter("fe.LineE", "fe", "LineE", (0,), 3.0, 1.5, 9.0),
        FitParameter("fe.Sigma", "fe", "Sigma", (0,), 0.1, 0.0, 1.0, frozen=True),
        FitParameter("fe.norm", "fe", "norm", (0,), 1e-4, 0.0, 1e24),
    ]
    one = Problem([world.dataset("cstat", mode="none")], spec, Parameters(start))
    alone, several = run_fit(one, chi2=False), run_fit(one, chi2=False, starts=Starts(12))
    assert several.statistic < alone.statistic - 10
    assert any("of 12 starts another than the one given" in note for note in several.notes)
    assert several.statistic == run_fit(one, chi2=False, starts=Starts(12)).statistic


def test_parameters_that_do_the_same_are_told() -> None:
    twice = ModelSpec({"op": "+", "args": [{"component": "a"}, {"component": "b"}]}, {"a": "powerlaw", "b": "powerlaw"})
    start = [
        FitParameter(f"{name}.{key}", name, key, (0,), value, low, high, frozen=key == "PhoIndex")
        for name in "ab"
        for key, value, low, high in (("PhoIndex", 1.5, -3.0, 10.0), ("norm", 0.01, 0.0, 1e24))
    ]
    result = run_fit(Problem([make_world(2).dataset("cstat", mode="none")], twice, Parameters(start)), chi2=False)
    assert any("the covariance is singular" in note for note in result.notes)


def test_a_long_fit_says_how_far_it_has_come(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "xbatch.xray.fit")
    wanted = replace(PROFILE, contours=(("pl.PhoIndex", "pl.norm"),))
    run_fit(problem(make_world(2).dataset("cstat", mode="none")), errors=wanted, chi2=False, starts=Starts(3))
    said = [record.getMessage() for record in caplog.records]
    assert [line.partition(":")[0] for line in said[:3]] == ["start 1 of 3", "start 2 of 3", "minimum"]
    assert said[3:6] == [f"error of {name}, free parameter {n} of 3" for n, name in enumerate(NAMES, 1)]
    assert said[-1] == "contours of pl.PhoIndex and pl.norm: row 25 of 25"
