"""Steps of nuproducts: who makes spectra and light curves, what they are given, and what is taken from them."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from tests.plan.nustarworlds import TOOLS, by_task, context_of, made_of, tutorial, work_of
from xbatch.commands.call import Staged
from xbatch.plan.rawmade import RawMade, SpectrumInputs
from xbatch.plan.script import script
from xbatch.plan.steps import Plan, Step, StepInput

WHO = "60001110002/FPMA"


def _made(tmp_path: Path, **changed: str) -> RawMade:
    made = made_of(context_of(tmp_path, tutorial(**{"engine": "", "binning": "", **changed})))
    assert made.problems == ()
    return made


def test_files_of_a_spectrum_have_names_of_their_own(tmp_path: Path) -> None:
    made = _made(tmp_path, lightcurves="")
    (step,) = by_task(made, "nuproducts")
    kept = {"source.pha": "sr.pha", "background.pha": "bk.pha", "response.rmf": "sr.rmf", "response.arf": "sr.arf"}
    work = work_of(step)
    assert work.kept == {name: f"60001110002_p/spec/nu60001110002A01_{ending}" for name, ending in kept.items()}
    assert step.outputs == tuple(kept) and set(work.kept.values()) == set(work.calls[0].expects)
    taken = {name.partition(".")[0]: StepInput(step.name, name) for name in kept}
    assert made.spectra == {
        f"{WHO}/src": SpectrumInputs(
            taken["source"],
            taken["background"],
            StepInput(step.name, "response.rmf"),
            StepInput(step.name, "response.arf"),
        )
    }
    assert (step.name, step.product, step.path) == (f"nuproducts:{WHO}/src", f"{WHO}/src/nuproducts", "spectra.src")
    assert step.params["spectrum"] == "src"
    assert step.because == "ARF, RMF and a BACKSCAL weighted by exposure need CALDB, which nuproducts uses"
    assert (step.engine, step.engine_version) == ("heasoft", "6.35.1") and TOOLS.caldb is not None
    reduced = [role for role, item in step.inputs.items() if getattr(item, "step", "") == "nupipeline:60001110002"]
    assert sorted(reduced) == ["att", "bench", "det1", "events", "hk", "mast", "oa"]


def test_a_map_that_nuproducts_does_not_weigh_by_is_told(tmp_path: Path) -> None:
    for named, told in (("", 0), (", exposure_map: there.img", 1)):
        made = _made(tmp_path, spectra=f"spectra: {{src: {{region: src, background: bgd{named}}}}}", lightcurves="")
        (step,) = by_task(made, "nuproducts")
        assert len([remark for remark in step.remarks if "'exposure_map'" in remark]) == told


def test_the_optics_bench_is_laid_where_an_arf_is_made(tmp_path: Path) -> None:
    bench = ("60001110002_p/event_cl/nu60001110002_obeb.hk", Staged("bench", "unpack", optional=True))
    for arf, there in (("", True), (", arf: none", False)):
        made = _made(tmp_path, spectra=f"spectra: {{src: {{region: src, background: bgd{arf}}}}}", lightcurves="")
        (step,) = by_task(made, "nuproducts")
        assert (bench in work_of(step).staged.items(), "bench" in step.inputs) == (there, there)


@pytest.mark.parametrize(
    ("source", "more", "told"),
    [
        ("circle, center: target, radius", "", False),
        ("annulus, center: target, inner: 20 arcsec, outer", "", True),
        ("annulus, center: target, inner: 20 arcsec, outer", ", source_type: extended", False),
    ],
)
def test_an_arf_that_is_not_corrected_for_ghost_rays_is_noted(
    tmp_path: Path, source: str, more: str, told: bool
) -> None:
    text = tutorial(
        spectra=f"spectra: {{src: {{region: src, background: bgd{more}}}}}", lightcurves="", engine="", binning=""
    )
    text = text.replace("src: {shape: circle, center: target, radius", f"src: {{shape: {source}")
    (step,) = by_task(made_of(context_of(tmp_path, text)), "nuproducts")
    assert (("grflag", "no") in work_of(step).calls[0].args) is told
    assert [note for note in step.params.get("notes", ()) if "ghost rays" in note] == (
        ["the ARF is not corrected for ghost rays, which numkarf can in circles alone"] if told else []
    )


def test_a_curve_that_only_nuproducts_can_correct_is_not_made_natively(tmp_path: Path) -> None:
    # the spec is refused before it comes to that: a plan made by hand is not
    context = context_of(tmp_path, tutorial(engine="", binning=""))
    made = made_of(replace(context, spec=replace(context.spec, engines={"lightcurves": "native"})))
    (problem,) = made.problems
    assert (problem.code, problem.path) == ("XB412", "lightcurves.all")
    assert f"{WHO}: a light curve is corrected for 'area' by nuproducts alone" in problem.message
    assert by_task(made, "lightcurve") == []


def test_each_band_has_a_call_and_a_folder_and_the_first_keeps_spectra(tmp_path: Path) -> None:
    bands = "lightcurves: {all: {spectrum: src, bands: [3-10 keV, 10-20 keV, 20-78 keV], dt: 64 s, corrections: CORR}}"
    made = _made(tmp_path, lightcurves=bands.replace("CORR", "[gti, livetime, area]"))
    (step,) = by_task(made, "lightcurve")
    given = [dict(call.args) for call in work_of(step).calls]
    assert [one["outdir"] for one in given] == [
        "60001110002_p/lc",
        "60001110002_p/lc_10-20_keV",
        "60001110002_p/lc_20-78_keV",
    ]
    assert [one["phafile"] for one in given] == ["DEFAULT", "NONE", "NONE"]
    assert [(one["pilow"], one["pihigh"]) for one in given] == [("35", "209"), ("210", "459"), ("460", "1909")]
    assert {one["binsize"] for one in given} == {"64"}
    assert (step.name, step.product) == (f"lightcurve:{WHO}/all", f"{WHO}/lightcurves/all")
    assert (step.params["folder"], made.curves) == ("60001110002_p/lc", frozenset({step.name}))
    # what it is not needed for is left to xbatch
    assert _made(tmp_path, lightcurves=bands.replace("CORR", "[gti, livetime]")).curves == frozenset()


@pytest.mark.parametrize("kind", ["point", "extended"])
def test_a_curve_of_an_extended_source_may_be_of_any_shape(tmp_path: Path, kind: str) -> None:
    text = tutorial(
        spectra=f"spectra: {{src: {{region: src, background: bgd, source_type: {kind}}}}}", engine="", binning=""
    )
    text = text.replace("shape: circle, center: target, radius: 150 arcsec", "shape: box, center: target, size: [9, 9]")
    text = text.replace("size: [9, 9]", "size: [9 arcsec, 9 arcsec]")
    made = made_of(context_of(tmp_path, text))
    assert len(by_task(made, "lightcurve")) == len(by_task(made, "nuproducts")) == (kind == "extended")
    assert {problem.path for problem in made.problems} == (
        {"spectra.src", "lightcurves.all"} if kind == "point" else set()
    )


def test_a_barycentred_curve_has_its_list_whose_clock_it_is_counted_by(tmp_path: Path) -> None:
    for more, there in (("", False), (", pipeline: {barycentre: true}", True)):
        (step,) = by_task(_made(tmp_path, data=f"data: {{root: data, level: raw{more}}}"), "lightcurve")
        assert step.inputs.get("list") == (StepInput(f"barycorr:{WHO}", "events.fits") if there else None)


def test_bands_that_data_decide_are_called_in_the_step_and_the_first_has_the_spectra(tmp_path: Path) -> None:
    made = _made(
        tmp_path,
        bands="bands: {eq: {scheme: equal-counts, range: 3-10 keV, n: 2, of: src}}",
        lightcurves="lightcurves: {all: {spectrum: src, bands: [eq, 10-20 keV], dt: 64 s, corrections: [gti, area]}}",
    )
    (step,) = by_task(made, "lightcurve")
    (call,) = work_of(step).calls
    assert dict(call.args)["outdir"] == "60001110002_p/lc_10-20_keV" and dict(call.args)["phafile"] == "NONE"
    assert any(item.step.startswith("bands:") for item in step.inputs.values() if isinstance(item, StepInput))


def test_who_makes_spectra(tmp_path: Path) -> None:
    own = "{src: {region: src, background: bgd}, own: {region: src, background: bgd, response: a.rmf, arf: a.arf}}"
    natively = {"": {"src"}, "engine: {spectra: native}": set(), "engine: {spectra: heasoft}": {"src", "own"}}
    for engine, expected in natively.items():
        made = made_of(context_of(tmp_path, tutorial(spectra=f"spectra: {own}", engine=engine, lightcurves="")))
        assert {path.rpartition("/")[2] for path in made.spectra} == expected
    forced = next(step for step in made.steps if step.name.endswith("/own"))
    args = dict(work_of(forced).calls[0].args)
    assert (args["runmkarf"], args["runmkrmf"]) == ("no", "no")
    assert set(forced.outputs) == {"source.pha", "background.pha"}


def test_detector_response_alone(tmp_path: Path) -> None:
    text = tutorial(spectra="spectra: {src: {region: src, background: none, arf: none}}", lightcurves="")
    (step,) = by_task(made_of(context_of(tmp_path, text)), "nuproducts")
    args = dict(work_of(step).calls[0].args)
    assert (args["runmkarf"], args["runmkrmf"], args["bkgextract"]) == ("no", "yes", "no")
    assert not {"bkgregionfile", "bkgphafile"} & set(args)
    assert set(step.outputs) == {"source.pha", "response.rmf"}


def test_light_curves_by_their_corrections(tmp_path: Path) -> None:
    def flags(corrections: str, engine: str) -> dict[str, str] | None:
        line = f"lightcurves: {{all: {{spectrum: src, bands: [3-10 keV], dt: 256 s, corrections: {corrections}}}}}"
        steps = by_task(made_of(context_of(tmp_path, tutorial(lightcurves=line, engine=engine))), "lightcurve")
        return dict(work_of(steps[0]).calls[0].args) if steps else None

    assert flags("[gti, livetime]", "") is None
    live = flags("[gti, livetime]", "engine: {lightcurves: heasoft}") or {}
    assert [live[name] for name in ("correctlc", "lcpsfflag", "lcexpoflag", "lcvignflag")] == ["yes", "no", "no", "no"]
    plain = flags("[gti]", "engine: {lightcurves: heasoft}") or {}
    assert plain["correctlc"] == "no"
    assert "lcpsfflag" not in plain


def _curve_step(tmp_path: Path, engine: str, background: str = "bgd") -> Step:
    text = tutorial(
        spectra=f"spectra: {{src: {{region: src, background: {background}}}}}",
        lightcurves="lightcurves: {all: {spectrum: src, bands: [3-10 keV, 10-78 keV], dt: 256 s, corrections: [gti, "
        "livetime, area]}}",
        engine=engine,
    )
    (step,) = by_task(made_of(context_of(tmp_path, text)), "lightcurve")
    return step


def test_a_background_is_subtracted_by_lcmath_where_heasoft_is_asked_for(tmp_path: Path) -> None:
    step = _curve_step(tmp_path, "engine: {lightcurves: heasoft}")
    calls = [shlex.join(call.command) for call in work_of(step).calls]
    assert [call.partition(" ")[0] for call in calls] == ["nuproducts", "lcmath", "nuproducts", "lcmath"]
    assert [call for call in calls if call.startswith("lcmath")] == [
        f"lcmath infile={folder}/nu60001110002A01_sr.lc bgfile={folder}/nu60001110002A01_bk.lc "
        f"outfile={folder}/nu60001110002A01_net.lc multi=1.0 'multb={{backscal:ratio}}' addsubr=no docor=no err_mode=4"
        for folder in ("60001110002_p/lc", "60001110002_p/lc_10-78_keV")
    ]
    assert step.because == (
        "the spec asks for HEASoft; the background is subtracted by lcmath, scaled by the BACKSCAL of the spectra that "
        "the step makes"
    )
    alone = _curve_step(tmp_path, "engine: {lightcurves: heasoft}", "none")
    assert [call.tool for call in work_of(alone).calls] == ["nuproducts", "nuproducts"]
    assert alone.because == "the spec asks for HEASoft"


def test_the_plan_subtracts_by_itself_where_it_chooses(tmp_path: Path) -> None:
    step = _curve_step(tmp_path, "")
    assert {call.tool for call in work_of(step).calls} == {"nuproducts"}
    assert step.because.endswith("; the background is subtracted by xbatch")
    assert not {"energy", "lcmath"} & set(step.params["curves"])  # so that the step keeps its key


def test_an_energy_that_is_said_is_that_of_all_bands(tmp_path: Path) -> None:
    def energies(said: str) -> list[str]:
        line = "lightcurves: {all: {spectrum: src, bands: [3-5 keV, 5-7 keV], dt: 256 s, corrections: [gti, area]"
        made = made_of(context_of(tmp_path, tutorial(lightcurves=f"{line}{said}}}}}")))
        (step,) = by_task(made, "lightcurve")
        assert ("energy" in step.params, "energy" in step.params["curves"]) == (bool(said), bool(said))
        return [dict(call.args)["lcenergy"] for call in work_of(step).calls]

    assert energies("") == ["4", "6"]
    assert energies(", energy: 10 keV") == ["10", "10"]


def test_a_script_takes_the_factor_that_the_run_has_found(tmp_path: Path) -> None:
    steps = made_of(context_of(tmp_path, tutorial(engine="engine: {lightcurves: heasoft}"))).steps
    text = script(Plan("curves", steps), "out")
    for step in (one for one in steps if one.task == "lightcurve"):
        assert f'multb="$(value "$RUN/products/{step.product}/lightcurves.json" background_scale)"' in text
    assert ":?" not in text  # which would end the script
