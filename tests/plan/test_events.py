from __future__ import annotations

import errno
from dataclasses import replace
from pathlib import Path

import pytest

from tests.plan.eventworlds import (
    FULL,
    OBSID,
    curve,
    event_analysis,
    event_spec,
    image,
    nustar_list,
    observed,
    spectrum,
    write_events,
)
from tests.plan.worlds import fit_job
from xbatch.base.errors import SpecError
from xbatch.base.toolset import Toolset
from xbatch.plan.compile import compile_plan
from xbatch.plan.details import open_details
from xbatch.plan.events import what_events_cannot_give
from xbatch.plan.steps import FileInput, Plan, StepInput
from xbatch.spec.derivedmodel import BandSet, Combination, EqualBands
from xbatch.spec.eventmodel import EventWork, Gtis, MosaicJob, Observed, Region, Screening
from xbatch.spec.model import Spec, Subject

A = f"{OBSID}/FPMA"


@pytest.fixture
def one(tmp_path: Path) -> Observed:
    nustar_list(tmp_path)
    return observed(tmp_path)


def plan_of(*specs: Spec) -> Plan:
    return compile_plan(event_analysis(*specs))


def codes_of(*specs: Spec) -> list[str]:
    with pytest.raises(SpecError) as caught:
        plan_of(*specs)
    return [problem.code for problem in caught.value.problems]


def test_a_spectrum_an_image_and_a_curve_take_one_table(one: Observed) -> None:
    work = EventWork((one,), (spectrum(),), (image(one),), lightcurves=(curve(one),))
    steps = plan_of(event_spec(work)).by_name()
    assert set(steps) == {
        f"events:{A}",
        f"preview:{A}",
        f"extract:{A}",
        f"image:{A}/full",
        f"lightcurve:{A}/energy",
        f"spectrum:{A}/agn",
        f"group:{A}/agn/min30",
        "summary:spectra",
    }
    table = StepInput(f"events:{A}", "events.bin")
    for name in (f"preview:{A}", f"extract:{A}", f"image:{A}/full", f"lightcurve:{A}/energy"):
        assert steps[name].inputs["events"] == table
    assert steps[f"extract:{A}"].outputs == ("agn.pha?", "agn.bak.pha?", "agn.fault.json?", "extract.json")
    assert steps[f"extract:{A}"].product == ""
    assert steps[f"spectrum:{A}/agn"].inputs == {
        "pha": StepInput(f"extract:{A}", "agn.pha"),
        "background": StepInput(f"extract:{A}", "agn.bak.pha"),
        "fault": StepInput(f"extract:{A}", "agn.fault.json"),
    }
    assert steps[f"image:{A}/full"].outputs == ("3-79_keV.img", "images.json", "images.png")
    assert steps[f"lightcurve:{A}/energy"].outputs == ("3-79_keV.lc", "lightcurves.json", "lightcurves.png")
    assert steps[f"preview:{A}"].params["roles"] == {
        "src": "source of agn; light curve energy",
        "bkg": "background of agn; background of light curve energy",
    }


def test_no_path_is_among_the_parameters(one: Observed, tmp_path: Path) -> None:
    (tmp_path / "s.reg").write_text('fk5\ncircle(1,2,30")\n')
    region = Region("src", {"file": "s.reg", "combine": None}, tmp_path / "s.reg", "regions.src")
    one = replace(one, regions={**one.regions, "src": region})
    plan = plan_of(event_spec(EventWork((one,), (spectrum(),), (image(one),))))
    assert not [step.name for step in plan if str(tmp_path) in repr(step.params)]
    extract = plan.by_name()[f"extract:{A}"]
    assert extract.inputs["region/src"] == FileInput(str(tmp_path / "s.reg"))
    assert "region/bkg" not in extract.inputs


def test_an_observation_is_screened_and_drawn_even_if_nothing_is_made_of_it(one: Observed) -> None:
    assert [step.name for step in plan_of(event_spec(EventWork((one,))))] == [f"events:{A}", f"preview:{A}"]


def test_housekeeping_beside_the_list_gives_live_time(one: Observed, tmp_path: Path) -> None:
    hk = write_events(tmp_path / OBSID / "hk" / f"nu{OBSID}A_fpm.hk")
    steps = plan_of(event_spec(EventWork((one,), (spectrum(),), (image(one),)))).by_name()
    assert steps[f"events:{A}"].inputs["livetime"] == FileInput(str(hk))
    assert steps[f"extract:{A}"].inputs["livetime"] == StepInput(f"events:{A}", "livetime.npz")
    assert steps[f"image:{A}/full"].inputs["livetime"] == StepInput(f"events:{A}", "livetime.npz")


def test_screenings_and_flares_have_tables_of_their_own(one: Observed) -> None:
    flare = {"pi_range": [200, 400], "bin": 100.0, "rate": ["<", 0.4]}
    timing = Screening("timing", {"grade": [0, 4]}, flare, "screening.timing")
    one = replace(one, screenings={"timing": timing, **one.screenings})
    work = EventWork((one,), (spectrum(),), lightcurves=(curve(one, screening="timing"),))
    steps = plan_of(event_spec(work)).by_name()
    assert f"flare:{A}" not in steps
    assert steps[f"events:{A}/timing"].inputs["gti"] == StepInput(f"flare:{A}/timing", "flare.gti")
    assert steps[f"events:{A}/timing"].product == f"{A}/events-timing"
    assert steps[f"lightcurve:{A}/energy"].inputs["events"].step == f"events:{A}/timing"
    assert steps[f"preview:{A}"].inputs["events"].step == f"events:{A}"


def test_one_name_for_everything_gives_each_its_own_step_and_folder(one: Observed) -> None:
    gtis = {name: Gtis(name, {"time": []}) for name in ("high", "agn")}
    screenings = {**one.screenings, "high": Screening("high", {"grade": [0, 0]}, None, "screening.high")}
    one = replace(one, gtis=gtis, screenings=screenings)
    made = [(name, gti) for name in ("high", "agn") for gti in ("high", "agn")]
    spectra = tuple(spectrum(name=name, gti=gti, screening="high") for name, gti in made)
    curves = tuple(curve(one, name, gti=gti) for name, gti in made)
    work = EventWork((one,), spectra, (image(one, "high", gti="high", screening="high"),), (), curves)
    plan = plan_of(event_spec(work))
    folders = [step.product.casefold() for step in plan if step.product]
    assert len(folders) == len(set(folders)) and len({step.name.casefold() for step in plan}) == len(plan)
    assert {f"spectrum:{A}/high", f"spectrum:{A}/high@agn", f"lightcurve:{A}/high", f"gti:{A}/high"} <= set(
        plan.by_name()
    )


def test_times_are_selected_of_the_list_that_they_are_for(one: Observed) -> None:
    flare = {"pi_range": [200, 400], "bin": 100.0, "rate": ["<", 0.4]}
    quiet = Screening("quiet", {"grade": [0, 26]}, flare, "screening.quiet")
    gtis = {"early": Gtis("early", {"time": []}), "twice": Gtis("twice", {"all_of": ["early", "early"]})}
    one = replace(one, screenings={**one.screenings, "quiet": quiet}, gtis=gtis)
    spectra = (spectrum(gti="early"), spectrum(name="calm", gti="twice", screening="quiet"))
    plan = plan_of(event_spec(EventWork((one,), spectra)))
    steps = plan.by_name()
    made = {name: step.inputs["events"] for name, step in steps.items() if step.task == "gti"}
    assert made == {
        f"gti:{A}/early": StepInput(f"events:{A}", "events.bin"),
        f"gti:{A}/twice/quiet": StepInput(f"events:{A}/quiet", "events.bin"),
        f"gti:{A}/early/quiet": StepInput(f"events:{A}/quiet", "events.bin"),
    }
    assert steps[f"extract:{A}@early"].inputs["gti"] == StepInput(f"gti:{A}/early", "gti.gti")
    assert steps[f"extract:{A}/quiet@twice"].inputs["gti"] == StepInput(f"gti:{A}/twice/quiet", "gti.gti")
    assert steps[f"gti:{A}/twice/quiet"].inputs["gti/early"] == StepInput(f"gti:{A}/early/quiet", "gti.gti")
    folders = [step.product for step in plan if step.product]
    assert len(folders) == len(set(folders))


def test_times_are_selected_by_the_light_curve_of_all_times(one: Observed) -> None:
    flux = {"flux": {"band": "3-79 keV", "quantile": [0.0, 0.5]}}
    gtis = {
        "low": Gtis("low", flux, lightcurve="energy", path="gtis.low"),
        "high": Gtis("high", {"not": "low"}, path="gtis.high"),
        "other": Gtis("other", {"time": []}),
    }
    one = replace(one, gtis=gtis)
    spectra = (spectrum(), spectrum(gti="high"))
    work = EventWork((one,), spectra, lightcurves=(curve(one), curve(one, gti="high")))
    steps = plan_of(event_spec(work)).by_name()
    assert steps[f"gti:{A}/low"].inputs["curve"] == StepInput(f"lightcurve:{A}/energy", "3-79_keV.lc")
    assert steps[f"gti:{A}/high"].inputs["gti/low"] == StepInput(f"gti:{A}/low", "gti.gti")
    assert f"gti:{A}/other" not in steps
    assert steps[f"extract:{A}@high"].outputs[:2] == ("agn@high.pha?", "agn@high.bak.pha?")
    assert steps[f"spectrum:{A}/agn@high"].product == f"{A}/agn@high"
    assert steps[f"lightcurve:{A}/energy@high"].inputs["gti"] == StepInput(f"gti:{A}/high", "gti.gti")
    assert steps[f"lightcurve:{A}/energy@high"].product == f"{A}/lightcurves/energy@high"
    folders = [step.product.casefold() for step in steps.values() if step.product]
    assert len(folders) == len(set(folders))
    lonely = EventWork((one,), spectra)
    assert codes_of(event_spec(lonely)) == ["XB408"]


def test_bands_that_data_decide_are_files_that_may_be_absent(one: Observed) -> None:
    agn = spectrum()
    scheme = EqualBands("b3c", agn.subject, None, {"scheme": "equal-counts", "n": 3}, "bands.b3c")
    sets = (FULL, BandSet(scheme="b3c", most=3))
    work = EventWork((one,), (agn,), lightcurves=(curve(one, bands=sets),))
    steps = plan_of(event_spec(work, equal_bands={"b3c": scheme})).by_name()
    made = steps[f"lightcurve:{A}/energy"]
    assert made.outputs[:4] == ("3-79_keV.lc", "b3c.1.lc?", "b3c.2.lc?", "b3c.3.lc?")
    assert made.inputs["bands/b3c"] == StepInput("bands:b3c", "bands.json")
    assert made.params["bands"][1] == {"scheme": "b3c", "most": 3}
    assert open_details(made) == ["at most 3 bands: edges known after bands:b3c"]
    assert open_details(steps["bands:b3c"]) == [f"at most 3 bands: edges known after spectrum:{A}/agn"]
    assert steps["bands:b3c"].inputs["spectrum"] == StepInput(f"spectrum:{A}/agn", "spectrum.pha")


def test_times_and_bands_that_hang_on_each_other_are_refused(one: Observed) -> None:
    flux = {"flux": {"band": "b3c.1", "quantile": [0.0, 0.5]}}
    one = replace(one, gtis={"low": Gtis("low", flux, lightcurve="energy", path="gtis.low")})
    low = spectrum(gti="low")
    scheme = EqualBands("b3c", low.subject, None, {"scheme": "equal-counts", "n": 3}, "bands.b3c")
    work = EventWork((one,), (low,), lightcurves=(curve(one, bands=(BandSet(scheme="b3c", most=3),)),))
    with pytest.raises(SpecError) as caught:
        plan_of(event_spec(work, equal_bands={"b3c": scheme}))
    (problem,) = caught.value.problems
    assert problem.code == "XB409"
    waits = problem.message.partition(": ")[2].split(" waits for ")
    assert waits[0] == waits[-1]
    around = waits[waits.index("bands:b3c") :] + waits[1:]
    assert around[:2] == ["bands:b3c", f"spectrum:{A}/agn@low"]


def test_a_sum_is_grouped_and_fitted_like_a_spectrum(tmp_path: Path) -> None:
    (tmp_path / "n.rmf").write_bytes(b"x")
    obsids = (OBSID, "90402339004")
    seen = tuple(observed(tmp_path, obsid=obsid) for obsid in obsids)
    for obsid in obsids:
        nustar_list(tmp_path, obsid=obsid)
    spectra = tuple(spectrum(obsid=obsid, response=tmp_path / "n.rmf") for obsid in obsids)
    total = Subject("nustar", "both", "FPMA", "agn")
    params = {"response": "exposure-weighted", "background": "keep", "on_missing": "skip"}
    members = tuple(one.subject for one in spectra)
    added = Combination(total, "years", members, params, "combine.years")
    spec = event_spec(EventWork(seen, spectra), (fit_job([total]),), combinations=(added,), min_exposure=5000.0)
    steps = plan_of(spec).by_name()
    combine = steps["combine:both/FPMA/agn"]
    assert combine.inputs["response/1"] == StepInput(f"spectrum:{obsids[1]}/FPMA/agn", "response.npz", optional=True)
    assert combine.needs() == ()
    assert steps["group:both/FPMA/agn/min30"].inputs["spectrum"] == StepInput(combine.name, "spectrum.pha")
    assert steps["fit:pl"].inputs["background/0"] == StepInput(combine.name, "background.pha")
    assert [row["obsid"] for row in steps["summary:spectra"].params["spectra"]] == [*obsids, "both"]
    assert steps["summary:spectra"].params["min_exposure"] == 5000.0


def test_tools_that_add_are_looked_for_by_a_plan_alone(
    one: Observed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[object] = []

    def find(environ: object) -> Toolset:
        looked.append(environ)
        return Toolset()

    monkeypatch.setattr("xbatch.base.toolset.find_toolset", find)
    agn = spectrum()
    total = Subject("nustar", "all", "FPMA", "agn")
    params = {"response": "exposure-weighted", "background": "keep", "on_missing": "fail"}

    def with_sum(minimum: float) -> Spec:
        added = Combination(total, "all", (agn.subject,), {**params, "least": minimum}, "combine.all")
        spec = event_spec(EventWork((one,), (agn,)), (fit_job([total]),), combinations=(added,))
        return replace(spec, engines={"combine": "heasoft"})

    assert [problem.code for problem in what_events_cannot_give(event_analysis(with_sum(1.0)))] == ["XB403"]
    assert looked == []
    (tmp_path / "n.rmf").write_bytes(b"x")
    agn = spectrum(response=tmp_path / "n.rmf")
    plan = plan_of(with_sum(1.0), with_sum(2.0))
    assert sum(step.task == "combine" for step in plan) == 2 and len(looked) == 1


def test_a_mosaic_has_the_tables_and_maps_of_its_images(tmp_path: Path) -> None:
    seen = tuple(observed(tmp_path, instrument) for instrument in ("FPMA", "FPMB"))
    for one in seen:
        nustar_list(tmp_path, one.instrument)
    (tmp_path / "e.fits.gz").write_bytes(b"x")
    images = tuple(image(one, exposure_map=tmp_path / "e.fits[.gz]") for one in seen)
    mosaic = MosaicJob("full", "all", tuple(one.subject for one in seen), {"bin": 1}, "images.full.mosaic")
    steps = plan_of(event_spec(EventWork(seen, images=images, mosaics=(mosaic,)))).by_name()
    made = steps["mosaic:full/all"]
    assert set(made.inputs) == {"events/0", "events/1", "expmap/0", "expmap/1"}
    assert made.inputs["expmap/0"] == FileInput(str(tmp_path / "e.fits.gz"))
    assert made.outputs == ("3-79_keV.img", "3-79_keV.rate.img", "mosaic.json", "mosaic.png")
    assert made.product == "mosaics/full/all"
    assert [member["instrument"] for member in made.params["members"]] == ["FPMA", "FPMB"]


def test_a_swept_region_makes_variants_down_from_the_extraction(one: Observed) -> None:
    def with_radius(radius: float) -> Spec:
        shape = {"shape": "circle", "frame": "fk5", "center": [1.0, 2.0], "sizes": [radius], "include": True}
        region = Region("src", {"shapes": [shape], "combine": None}, path="regions.src")
        return event_spec(EventWork((replace(one, regions={**one.regions, "src": region}),), (spectrum(),)))

    steps = plan_of(with_radius(30.0), with_radius(60.0)).by_name()
    assert f"events:{A}" in steps
    assert steps[f"extract:{A}~n=1"].product == ""
    assert steps[f"spectrum:{A}/agn~n=1"].inputs["pha"] == StepInput(f"extract:{A}~n=1", "agn.pha")


def test_a_fit_without_a_response_is_refused_with_and_without_data(one: Observed, tmp_path: Path) -> None:
    spec = event_spec(EventWork((one,), (spectrum(),)), (fit_job([spectrum().subject]),))
    (problem,) = what_events_cannot_give(event_analysis(spec))
    assert problem.code == "XB403"
    assert "response: FILE" in problem.hint
    assert "they make it at level: raw" in problem.hint
    assert codes_of(spec) == ["XB403"]
    assert what_events_cannot_give(event_analysis(event_spec(EventWork((one,), (spectrum(),))))) == []


def test_everything_that_is_missing_is_said_at_once(tmp_path: Path) -> None:
    seen = tuple(observed(tmp_path, instrument) for instrument in ("FPMA", "FPMB"))
    region = Region("src", {"file": "s.reg"}, tmp_path / "s.reg", "regions.src")
    seen = (replace(seen[0], regions={**seen[0].regions, "src": region}), seen[1])
    work = EventWork(
        seen,
        (spectrum(response=tmp_path / "n.rmf"),),
        (image(seen[1], exposure_map=tmp_path / "e.fits"),),
    )
    assert codes_of(event_spec(work)) == ["XB401"] * 5


@pytest.mark.parametrize("name", [f"nu{OBSID}A01_cl.evt", "s.reg", "n.rmf"])
def test_a_folder_that_may_not_be_read_is_a_problem(
    one: Observed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Older Pythons raise where a file is looked for."""
    there = Path.is_file

    def refuse(path: Path) -> bool:
        if path.name == name:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return there(path)

    (tmp_path / "s.reg").write_text("fk5\ncircle(1,2,0.1)")
    (tmp_path / "n.rmf").write_bytes(b"x")
    region = Region("src", {"file": "s.reg"}, tmp_path / "s.reg", "regions.src")
    one = replace(one, regions={**one.regions, "src": region})
    monkeypatch.setattr(Path, "is_file", refuse)
    assert codes_of(event_spec(EventWork((one,), (spectrum(response=tmp_path / "n.rmf"),)))) == ["XB401"]
