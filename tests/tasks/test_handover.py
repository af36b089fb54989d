from __future__ import annotations

import json
import runpy
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.tasks.fit_bench import Bench, dataset, parameter, params, spectrum
from tests.tasks.test_fit_components import PowerLaws, tabulated
from tests.tasks.test_fit_peer import joint as two_modules
from tests.tasks.test_fit_peer import prepare
from tests.xray.worlds import CHANNELS, make_world
from xbatch.ogip.pha import Spectrum, read_pha
from xbatch.registry import Job, Outcome
from xbatch.tasks.handover import run
from xbatch.tasks.response import run as write_response

SHERPA_WARNS = "ignore::UserWarning:sherpa"
BOTH = {"datasets": [0, 1]}


@pytest.fixture(autouse=True)
def clean_sherpa() -> Iterator[None]:
    yield
    from sherpa.astro import ui

    ui.clean()


def joint(**changes: Any) -> dict[str, Any]:
    """Two datasets, a free constant of the second, a norm linked to another: all Sherpa has itself."""
    given: dict[str, Any] = {
        "datasets": [dataset("A"), dataset("B", band={"name": "soft", "lo": 1.0, "hi": 6.0})],
        "model": {
            "op": "*",
            "args": [{"component": "cal"}, {"op": "+", "args": [{"component": "pl-a"}, {"component": "ui"}]}],
        },
        "model_text": "constant.cal * (powerlaw.pl-a + powerlaw.ui)",
        "components": {"cal": "constant", "pl-a": "powerlaw", "ui": "powerlaw"},
        "parameters": [
            parameter("cal.factor[A]", 1.0, 0.0, 10.0, frozen=True),
            parameter("cal.factor[B]", 1.0, 0.0, 10.0, datasets=[1]),
            parameter("pl-a.PhoIndex", 1.5, -3.0, 10.0, **BOTH),
            parameter("pl-a.norm", 0.01, 0.0, 1e24, **BOTH, link="2 * (ui.norm + 0.001) * cal.factor[A]"),
            parameter("ui.PhoIndex", 0.5, -3.0, 10.0, **BOTH, frozen=True),
            parameter("ui.norm", 0.01, 0.0, 1e24, **BOTH),
        ],
    }
    return params(**{**given, **changes})


def put_two(bench: Bench, **source: Any) -> None:
    quality = np.zeros(CHANNELS, np.int16)
    quality[[40, 41, 42, 43, 44, 49]] = 5  # a whole group, the first channel of the next, one within the next
    bench.put(make_world(), 0, source)
    bench.put(make_world(), 1, {**source, "quality": quality})


def hand_over(bench: Bench, given: dict[str, Any], **components: str) -> tuple[Path, Outcome]:
    """Fit, write the responses beside, hand over; `components` are handed over as other types."""
    bench.run(given)
    folder = bench.folder / "scripts"
    folder.mkdir()
    datasets = []
    for number, one in enumerate(given["datasets"]):
        place = bench.folder / f"r{number}"
        place.mkdir()
        inputs = {"response": bench.inputs[f"response/{number}"], "spectrum": bench.inputs[f"grouped/{number}"]}
        write_response(Job("response:x", {}, inputs, place))
        keys = ("obsid", "instrument", "spectrum", "binning")
        names = {"rmf": f"../r{number}/response.rmf", "arf": f"../r{number}/response.arf"}
        datasets.append({**{key: one[key] for key in keys}, **names})
    job = {
        "title": "pl",
        "model": given["model"],
        "components": {**given["components"], **components},
        "tables": {role[6:]: str(path) for role, path in bench.inputs.items() if role.startswith("table/")},
        "limits": {one["name"]: [one["min"], one["max"]] for one in given["parameters"]},
        "datasets": datasets,
    }
    uses = given["background"] in ("subtract", "profiled")
    inputs = {role: path for role, path in bench.inputs.items() if role.startswith("grouped") or uses}
    outputs = {"fit": bench.folder / "out" / "fit.json", "bins": bench.folder / "out" / "bins.ecsv"}
    return folder, run(Job("handover:pl", job, {**inputs, **outputs}, folder))


@pytest.mark.filterwarnings(SHERPA_WARNS)
@pytest.mark.parametrize(
    ("statistic", "variance", "mode"),
    [
        ("chi2", "data", "subtract"),
        ("chi2", "gehrels", "subtract"),
        ("chi2", "model", "ignore"),
        ("chi2", "constant", "ignore"),
        ("chi2", "constant", "subtract"),
        ("chi2", "xspec", "subtract"),
        ("cash", "data", "ignore"),
        ("cstat", "data", "ignore"),
        ("wstat", "data", "profiled"),
    ],
)
def test_the_sherpa_script_gives_the_statistic_of_the_fit(
    bench: Bench, capfd: pytest.CaptureFixture[str], statistic: str, variance: str, mode: str
) -> None:
    put_two(bench)
    folder, _ = hand_over(bench, joint(statistic=statistic, variance=variance, background=mode))
    runpy.run_path(str(folder / "fit_sherpa.py"))
    told = capfd.readouterr().out.strip().splitlines()[-1].split()
    assert float(told[0]) == pytest.approx(bench.fit["stat_value"], rel=1e-8)
    from sherpa.astro import ui

    assert ui.get_dep(1, filter=True).size + ui.get_dep(2, filter=True).size == bench.fit["bins"]
    assert ui.get_num_par_thawed(2) == bench.fit["free"]


def test_a_component_that_encloses_others_is_handed_over(bench: Bench) -> None:
    inner = {"op": "con", "by": "f", "args": [{"component": "pl"}]}
    given = params(
        model={"op": "*", "args": [{"component": "gal"}, inner]},
        model_text="phabs.gal * cflux.f(powerlaw.pl)",
        components={"gal": "phabs", "f": "cflux", "pl": "powerlaw"},
    )
    flux = [
        parameter("f.Emin", 2.0, 0.0, 1e6, frozen=True),
        parameter("f.Emax", 8.0, 0.0, 1e6, frozen=True),
        parameter("f.lg10Flux", -9.0, -100.0, 100.0),
    ]
    given["parameters"] = [given["parameters"][0], *flux, *given["parameters"][1:]]
    given["parameters"][-1] |= {"frozen": True}
    folder, _ = hand_over(bench, given)
    lines = (folder / "fit.xcm").read_text().splitlines()
    at = lines.index("model phabs * cflux(powerlaw)")
    assert [float(line.split(",")[0]) for line in lines[at + 2 : at + 4]] == [2.0, 8.0]
    assert len(lines) == at + 1 + 6 + 1
    assert 'create_model_component("xscflux", "f")' in (folder / "fit_sherpa.py").read_text()


@pytest.mark.filterwarnings(SHERPA_WARNS)
def test_spectra_without_all_channels_are_handed_over_with_them(
    bench: Bench, capfd: pytest.CaptureFixture[str]
) -> None:
    """Sherpa refuses spectra with fewer channels than the matrix; one lacks within a group, others at the ends."""
    kept = np.setdiff1d(np.arange(3, CHANNELS - 5), [30])
    world = make_world()
    for number in (0, 1):
        bench.put(world, number, part_of(spectrum(world), kept), part_of(spectrum(world, background=True), kept))
    folder, outcome = hand_over(bench, joint())
    whole = read_pha(folder / "spectrum_1.pha")
    assert whole.channel.size == whole.detchans == CHANNELS
    lacking = np.setdiff1d(np.arange(CHANNELS), kept)
    assert set(whole.quality[lacking]) == {5} and not whole.counts[lacking].any()
    assert whole.grouping[30] == -1
    assert "bad channels inside groups: 1" in outcome.notes[0]
    runpy.run_path(str(folder / "fit_sherpa.py"))
    assert float(capfd.readouterr().out.split()[-5]) == pytest.approx(bench.fit["stat_value"], rel=1e-8)


@pytest.mark.filterwarnings(SHERPA_WARNS)
def test_channels_without_groups_are_chosen_as_in_the_fit(bench: Bench, capfd: pytest.CaptureFixture[str]) -> None:
    alone = np.ones(CHANNELS, np.int16)
    quality = np.where(np.arange(CHANNELS) % 11 == 0, 5, 0).astype(np.int16)
    for number in (0, 1):
        bench.put(make_world(), number, {"grouping": alone, "quality": quality})
    folder, _ = hand_over(bench, joint(statistic="cstat", background="ignore"))
    runpy.run_path(str(folder / "fit_sherpa.py"))
    assert float(capfd.readouterr().out.split()[-5]) == pytest.approx(bench.fit["stat_value"], rel=1e-8)


def part_of(whole: Spectrum, kept: np.ndarray) -> dict[str, Any]:
    """Give the columns of some channels."""
    names = ("channel", "counts", "sys_err", "quality", "grouping", "backscal", "areascal")
    return {name: getattr(whole, name)[kept] for name in names}


@pytest.mark.filterwarnings(SHERPA_WARNS)
def test_errors_of_the_file_are_handed_over(bench: Bench, capfd: pytest.CaptureFixture[str]) -> None:
    errors = np.sqrt(make_world().source + 2.0)
    put_two(bench, stat_err=errors, sys_err=np.full(CHANNELS, 0.03))
    folder, _ = hand_over(bench, joint(variance="file", background="ignore"))
    runpy.run_path(str(folder / "fit_sherpa.py"))
    assert float(capfd.readouterr().out.split()[-5]) == pytest.approx(bench.fit["stat_value"], rel=1e-8)
    assert not read_pha(folder / "spectrum_1.pha").poisson


@pytest.mark.filterwarnings(SHERPA_WARNS)
def test_iterated_weights_are_handed_over_to_their_tolerance(bench: Bench, capfd: pytest.CaptureFixture[str]) -> None:
    put_two(bench)
    folder, _ = hand_over(bench, joint(variance="primini", background="ignore"))
    runpy.run_path(str(folder / "fit_sherpa.py"))
    assert float(capfd.readouterr().out.split()[-5]) == pytest.approx(bench.fit["stat_value"], rel=1e-4)
    assert "weight model" in (folder / "fit.xcm").read_text()


@pytest.mark.parametrize(
    ("statistic", "variance", "told"),
    [("cash", "data", "its value is another"), ("chi2", "constant", "XSPEC has no weight that is the same")],
)
def test_what_xspec_does_otherwise_is_said(bench: Bench, statistic: str, variance: str, told: str) -> None:
    folder, _ = hand_over(bench, params(statistic=statistic, variance=variance, background="ignore"))
    assert told in (folder / "fit.xcm").read_text()
    assert told in (folder / "fit_pyxspec.py").read_text()


def test_models_of_xspec_are_named_for_a_sherpa_that_has_them(bench: Bench) -> None:
    folder, _ = hand_over(bench, params())
    text = (folder / "fit_sherpa.py").read_text()
    compile(text, "fit_sherpa.py", "exec")
    assert 'gal = ui.create_model_component("xsphabs", "gal")' in text
    assert 'ui.set_xsabund("wilm")' in text
    assert "ui.set_source(1, gal * pl)" in text


def test_xspecs_own_models_are_named_plainly(bench: Bench) -> None:
    folder, _ = hand_over(bench, params(), gal="xs:tbabs", pl="xs:powerlaw")
    text = (folder / "fit_sherpa.py").read_text()
    compile(text, "fit_sherpa.py", "exec")
    assert 'pl = ui.create_model_component("xspowerlaw", "pl")' in text
    assert 'gal = ui.create_model_component("xstbabs", "gal")' in text
    assert "ui.set_par(pl.PhoIndex, " in text
    assert "xspowerlaw, xstbabs: these need" in text
    assert "\nmodel tbabs * powerlaw\n" in (folder / "fit.xcm").read_text()
    assert 'Model("tbabs * powerlaw")' in (folder / "fit_pyxspec.py").read_text()


def test_an_xspec_file_has_every_parameter_once_and_links_the_rest(bench: Bench) -> None:
    put_two(bench)
    folder, outcome = hand_over(bench, joint(statistic="wstat", background="profiled"))
    lines = (folder / "fit.xcm").read_text().splitlines()
    assert lines[lines.index("model constant * (powerlaw + powerlaw)") + 1 :][:5][0].startswith(
        "1.0,-0.01,0.0,0.0,10.0"
    )
    assert "statistic cstat" in lines
    assert "backgrnd 2 background_2.pha" in lines
    assert "newpar 3 = 2 * (p5 + 0.001) * p1" in lines
    values = lines[lines.index("model constant * (powerlaw + powerlaw)") + 1 : -2]
    assert [line.startswith("=") for line in values] == [False] * 6 + [True] * 4
    assert values[6:] == ["= p2", "= p3", "= p4", "= p5"]
    told = "bad channels inside groups: 1; Sherpa leaves them out as the fit does, XSPEC may take them in"
    assert outcome.notes == (f"1/B/src: {told}",)
    compile((folder / "fit_pyxspec.py").read_text(), "fit_pyxspec.py", "exec")


def test_ignored_groups_are_all_but_those_of_the_fit(bench: Bench) -> None:
    folder, _ = hand_over(bench, params())
    line = next(line for line in (folder / "fit.xcm").read_text().splitlines() if line.startswith("ignore 1:"))
    ignored = set()
    for part in line.removeprefix("ignore 1:").split(","):
        first, _, last = part.partition("-")
        ignored |= set(range(int(first), int(last) + 1))
    grouped = read_pha(folder / "spectrum_1.pha")
    index = np.cumsum(grouped.grouping != -1)
    begins = [np.flatnonzero(grouped.channel == first)[0] for first in bench.bins["first_channel"]]
    assert ignored == set(range(1, int(index[-1]) + 1)) - {int(index[place]) for place in begins}
    assert len(begins) == bench.fit["bins"]


def test_spectra_handed_over_name_what_belongs_to_them(bench: Bench) -> None:
    folder, _ = hand_over(bench, params(statistic="pgstat"))
    header = read_pha(folder / "spectrum_1.pha").header
    assert (header["BACKFILE"], header["RESPFILE"]) == ("background_1.pha", "../r0/response.rmf")
    text = (folder / "fit_sherpa.py").read_text()
    compile(text, "fit_sherpa.py", "exec")
    assert "Sherpa has no statistic pgstat" in text
    assert "statistic pgstat" in (folder / "fit.xcm").read_text()


def test_table_models_are_named_with_their_files(bench: Bench) -> None:
    bench.inputs["table/t"] = PowerLaws().write(bench.folder / "t.fits")
    folder, _ = hand_over(bench, tabulated())
    assert f"model phabs * atable{{{bench.folder}/t.fits}}" in (folder / "fit.xcm").read_text()
    text = (folder / "fit_sherpa.py").read_text()
    compile(text, "fit_sherpa.py", "exec")
    assert f"ui.load_xstable_model(\"t\", '{bench.folder}/t.fits')" in text
    assert "ui.set_par(t.pars[1], 1.0," in text and "ui.set_par(t.pars[2], " in text


def test_a_fit_of_nothing_is_handed_over_as_words(bench: Bench, tmp_path: Path) -> None:
    bench.run(params(min_exposure=1e9))
    folder = tmp_path / "scripts"
    folder.mkdir()
    files = {"fit": bench.folder / "out" / "fit.json", "bins": bench.folder / "out" / "bins.ecsv"}
    outcome = run(Job("handover:pl", {"title": "pl", "datasets": []}, files, folder))
    assert outcome.facts == {"datasets": 0}
    assert (folder / "fit.xcm").read_text().startswith("# Nothing was fitted.\n# 1/ONE/src is left out")
    shutil.rmtree(folder)


def test_two_hand_overs_are_equal(bench: Bench) -> None:
    first, _ = hand_over(bench, params())
    kept = {path.name: path.read_bytes() for path in first.iterdir()}
    shutil.rmtree(first)
    shutil.rmtree(bench.folder / "r0")
    second, _ = hand_over(bench, params())
    assert {path.name: path.read_bytes() for path in second.iterdir()} == kept
    assert json.loads((bench.folder / "out" / "fit.json").read_text())["bins"] > 0


@pytest.mark.real_data
@pytest.mark.filterwarnings(SHERPA_WARNS)
@pytest.mark.parametrize(("statistic", "mode"), [("chi2", "subtract"), ("wstat", "profiled"), ("cstat", "ignore")])
def test_vela_x1_is_handed_over_as_it_was_fitted(
    tmp_path: Path, real_data: Path, capfd: pytest.CaptureFixture[str], statistic: str, mode: str
) -> None:
    source = real_data / "nustar" / "90402339002"
    stems = [source / f"nu90402339002{module}01" for module in "AB"]
    bench = Bench(tmp_path)
    bad = [[0, 34], [1910, 4095]]
    bench.inputs = prepare(tmp_path, stems, [source / "nuAdet3_2012.rmf.gz"] * 2, bad)
    folder, _ = hand_over(bench, two_modules(statistic, "data", mode))
    runpy.run_path(str(folder / "fit_sherpa.py"))
    told = capfd.readouterr().out.strip().splitlines()[-1].split()
    assert float(told[0]) == pytest.approx(bench.fit["stat_value"], rel=1e-8)
