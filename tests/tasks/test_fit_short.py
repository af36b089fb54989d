"""Fits that leave out spectra of too little exposure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from astropy.table import Table

from tests.tasks.fit_bench import Bench, dataset, parameter, params
from tests.xray.worlds import make_world
from xbatch.registry import Job
from xbatch.tasks import parameters, plot

WORLD = make_world()
SHORT = {"exposure": 300.0}
MODEL: dict[str, Any] = {
    "model": {"op": "*", "args": [{"component": "cal"}, {"component": "gal"}, {"component": "pl"}]},
    "model_text": "constant.cal * phabs.gal * powerlaw.pl",
    "components": {"cal": "constant", "gal": "phabs", "pl": "powerlaw"},
}


def two(**changes: Any) -> dict[str, Any]:
    """A fit of two spectra, the second with a free constant."""
    shared = [{**one, "datasets": [0, 1]} for one in params()["parameters"]]
    factors = [
        parameter("cal.factor[ONE]", 1.0, 0.0, 10.0, frozen=True),
        parameter("cal.factor[TWO]", 1.1, 0.0, 10.0, datasets=[1]),
    ]
    return params(datasets=[dataset(), dataset("TWO")], parameters=[*factors, *shared], **MODEL, **changes)


def test_without_a_least_exposure_all_are_fitted(bench: Bench) -> None:
    bench.put(WORLD, 1, SHORT)
    bench.run(two())
    assert len(bench.fit["datasets"]) == 2


def test_a_short_spectrum_is_left_out_with_its_parameters(bench: Bench) -> None:
    bench.put(WORLD, 1, SHORT)
    outcome = bench.run(two(min_exposure=1000.0))
    alone = Bench(bench.folder / "alone") if (bench.folder / "alone").mkdir() is None else bench
    alone.run(params())
    assert [one["instrument"] for one in bench.fit["datasets"]] == ["ONE"]
    assert [one["name"] for one in bench.fit["parameters"]] == ["cal.factor[ONE]", "gal.nH", "pl.PhoIndex", "pl.norm"]
    assert bench.fit["stat_value"] == pytest.approx(alone.fit["stat_value"])
    note = "1/TWO/src is left out: exposure 300 s, less than 1000 s"
    assert bench.fit["notes"][0] == note and note in outcome.notes
    assert set(bench.bins["dataset"]) == {0}


def test_a_record_of_nothing_has_the_keys_of_any(bench: Bench) -> None:
    bench.run(params())
    keys = list(bench.fit)
    bench.put(WORLD, 0, SHORT)
    bench.run(params(min_exposure=1000.0))
    assert list(bench.fit) == keys


def test_a_constant_is_not_left_to_slide(bench: Bench) -> None:
    bench.put(WORLD, 0, SHORT)
    bench.put(WORLD, 1)
    bench.run(two(min_exposure=1000.0))
    factor = bench.fit["parameters"][0]
    assert (factor["name"], factor["value"], factor["frozen"]) == ("cal.factor[TWO]", 1.1, True)
    assert "cal.factor[TWO] is frozen at 1.1: the spectrum it is relative to is left out" in bench.fit["notes"]


def test_what_a_link_names_stays(bench: Bench) -> None:
    bench.put(WORLD, 1, SHORT)
    own = params()["parameters"]
    names = [
        *two()["parameters"][:2],
        {**own[0], "datasets": [0, 1]},
        parameter("pl.PhoIndex[ONE]", 1.2, -3.0, 10.0, link="pl.PhoIndex[TWO] + 0"),
        parameter("pl.PhoIndex[TWO]", 1.2, -3.0, 10.0, datasets=[1]),
        {**own[2], "datasets": [0, 1]},
    ]
    bench.run({**two(min_exposure=1000.0), "parameters": names})
    found = {one["name"]: one for one in bench.fit["parameters"]}
    assert "cal.factor[TWO]" not in found
    assert found["pl.PhoIndex[TWO]"]["datasets"] == [] and found["pl.PhoIndex[TWO]"]["error_plus"] > 0
    assert found["pl.PhoIndex[ONE]"]["value"] == found["pl.PhoIndex[TWO]"]["value"]


def test_with_none_left_the_record_table_and_plot_say_so(bench: Bench, tmp_path: Path) -> None:
    outcome = bench.run(params(min_exposure=1e9))
    assert bench.fit["datasets"] == bench.fit["parameters"] == [] and bench.fit["stat_value"] is None
    assert len(bench.bins) == 0 and outcome.facts["bins"] == 0
    assert outcome.notes == tuple(bench.fit["notes"]) and "less than 1e+09 s" in outcome.notes[0]
    fit, out = tmp_path / "out" / "fit.json", tmp_path / "after"
    out.mkdir()
    plotted = plot.run(Job("plot:pl", {"title": "pl"}, {"fit": fit, "bins": tmp_path / "out" / "bins.ecsv"}, out))
    assert plotted.facts["bins"] == 0 and (out / "fit.png").stat().st_size and (out / "fit.pdf").stat().st_size
    entry = {"role": "fit/0", "fit": "pl", "member": "", "values": {}}
    outcome = parameters.run(Job("parameters:fits", {"fits": [entry]}, {"fit/0": fit}, out))
    (row,) = Table.read(out / "parameters.ecsv", format="ascii.ecsv")
    assert row["state"] == "left out" and "less than 1e+09 s" in row["note"]
    assert outcome.facts["failed"] == 0
    latex = (out / "parameters.tex").read_text()
    assert "left out" in latex and "less than 1e+09 s" in latex


def test_the_report_says_that_nothing_was_fitted(bench: Bench) -> None:
    from xbatch.report.fits import _view

    bench.run(params(min_exposure=1e9))
    step = {"subject": "pl", "name": "fit:pl", "notes": [], "outcome": "done"}
    view = _view(step, (), json.loads((bench.folder / "out" / "fit.json").read_text()), None)
    assert (view.verdict, view.record, view.statistic, view.trouble) == ("left out", None, "", "")
    assert "less than 1e+09 s" in view.notes[0]
