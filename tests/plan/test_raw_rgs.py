"""Tests of the recipe of the RGS: every command of a published study, what fits start from, the sums."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.plan.epicworlds import by_name, commands, context_of, words
from xbatch.base.toolset import Suite
from xbatch.commands.call import Work
from xbatch.plan.raw_rgs import rgs_steps
from xbatch.plan.rawmade import RawMade
from xbatch.plan.steps import StepInput, check_outputs
from xbatch.registry import TASKS

OBSID = "0761220101"
SPEC = """\
xbatch: 1
name: ngc5506
target: {name: NGC 5506, position: ["14:13:14.9", "-03:12:27.3"], frame: icrs}
mission: xmm
obsids: ["0201830201", "0761220101"]
instruments: [RGS1, RGS2]
data: {root: data, level: raw}
spectra: {rgs: {region: pipeline, orders: ORDERS, note: as it comes}}
combine: {rgs12: {of: rgs, over: instrument, method: rgscombine}}
"""
RGSPROC = "rgsproc 'orders=1 2' bkgcorrect=no withmlambdacolumn=yes spectrumbinning=lambda"


def combine(order: int) -> str:
    lists = {name: " ".join(f"RGS{n}_o{order}.{kind}" for n in (1, 2)) for name, kind in KINDS.items()}
    return (
        f"rgscombine 'pha={lists['pha']}' 'bkg={lists['bkg']}' 'rmf={lists['rmf']}' filepha=source.pha "
        "filebkg=background.pha filermf=response.rmf"
    )


KINDS = {"pha": "src.pha", "bkg": "bkg.pha", "rmf": "rmf"}


SCREENED = """\
screening:
  default:
    for:
      - {where: {instrument: RGS1}, flare: {rate: "< 0.1 ct/s"}}
      - {where: {instrument: RGS2}, flare: {rate: "<= 0.2 ct/s", bin: 50 s, ccd: 8}}
"""
FIRST = f"{RGSPROC} finalstage=4:spectra"
AGAIN = "entrystage=3:filter finalstage=5:fluxing"


def cut(instrument: str, expression: str, width: int = 100, ccd: int = 9) -> list[str]:
    region = f"REGION({{found:{instrument}.sources}}:{instrument}_BACKGROUND,M_LAMBDA,XDSP_CORR)"
    lines = f"""\
evselect table={{found:{instrument}.events}}:EVENTS withrateset=yes rateset={instrument}_flare.lc
'expression=(CCDNR=={ccd})&&({region})' makeratecolumn=yes maketimecolumn=yes timebinsize={width}
"""
    gti = f"tabgtigen table={instrument}_flare.lc gtiset={instrument}_flare.gti 'expression={expression}'"
    return [" ".join(lines.split()), gti]


def made_of(tmp_path: Path, orders: str = "[1]", text: str = SPEC) -> RawMade:
    suite = Suite("sas", "21.0.0", Path("/opt/sas"))
    context = context_of(tmp_path, text.replace("ORDERS", orders), suite)
    made = RawMade()
    for one in context.raw.observations:
        made |= rgs_steps(context, one)
    return made


@pytest.mark.parametrize("orders", ["[1]", "[1, 2]", "[2]"])
def test_every_command(tmp_path: Path, orders: str) -> None:
    expected = {}
    numbers = [int(number) for number in orders.strip("[]").split(",")]
    for obsid in ("0201830201", OBSID):
        expected[f"rgsproc:{obsid}"] = [RGSPROC]
        for number in numbers:
            end = "" if number == numbers[0] else f"-o{number}"
            expected[f"rgscombine:{obsid}/rgs12{end}"] = [combine(number)]
    assert commands(made_of(tmp_path, orders)) == words(expected)


def test_spectra_without_a_sum_are_made_by_the_published_command(tmp_path: Path) -> None:
    made = made_of(tmp_path, text=SPEC[: SPEC.index("combine:")])
    assert (
        commands(made)[f"rgsproc:{OBSID}"]
        == words({"": ["rgsproc 'orders=1 2' bkgcorrect=no withmlambdacolumn=yes"]})[""]
    )


def test_products_have_names_without_an_exposure(tmp_path: Path) -> None:
    step = by_name(made_of(tmp_path))[f"rgsproc:{OBSID}"]
    # the second order is kept too where there is one, so that who asks for it later need not wait again
    assert step.outputs == (
        *("RGS1_o1.src.pha", "RGS1_o1.bkg.pha", "RGS1_o1.rmf"),
        *("RGS1_o2.src.pha?", "RGS1_o2.bkg.pha?", "RGS1_o2.rmf?"),
        *("RGS2_o1.src.pha", "RGS2_o1.bkg.pha", "RGS2_o1.rmf"),
        *("RGS2_o2.src.pha?", "RGS2_o2.bkg.pha?", "RGS2_o2.rmf?"),
        "rgsproc.json",
    )
    assert step.params["wanted"] == [["RGS1", 1], ["RGS2", 1]]
    work = Work.of(step.params["work"])
    assert work.kept["RGS2_o1.rmf"] == "P*R2[SU]???RSPMAT1001.FIT"
    assert work.staged["odf"].how == "tree-unpack"
    assert work.environment["SAS_ODF"] == f"{{scratch}}/odf/0000_{OBSID}_SCX00000SUM.SAS"


def test_what_fits_start_from(tmp_path: Path) -> None:
    made = made_of(tmp_path, "[1, 2]")
    check_outputs(made.steps, TASKS)
    assert set(made.sources) == {
        f"{obsid}/{path}{end}"
        for obsid in ("0201830201", OBSID)
        for path in ("RGS1/rgs", "RGS2/rgs", "RGS/rgs12")
        for end in ("", "-o2")
    }
    steps = by_name(made)
    for path, source in made.sources.items():
        assert source.step == f"spectrum:{path}" and source.background and source.response
    second = steps[f"spectrum:{OBSID}/RGS2/rgs-o2"]
    assert second.inputs["pha"] == StepInput(f"rgsproc:{OBSID}", "RGS2_o2.src.pha")
    assert second.inputs["rmf"] == StepInput(f"rgsproc:{OBSID}", "RGS2_o2.rmf")
    assert second.params["note"] == "as it comes" and second.engine == "native"
    whole = steps[f"spectrum:{OBSID}/RGS/rgs12"]
    assert whole.inputs["background"] == StepInput(f"rgscombine:{OBSID}/rgs12", "background.pha")
    assert whole.params["instrument"] == "RGS"


def test_products_are_apart(tmp_path: Path) -> None:
    products = [step.product for step in made_of(tmp_path, "[1, 2]").steps]
    assert len(set(products)) == len(products)


def test_nothing_where_nothing_is_asked(tmp_path: Path) -> None:
    text = SPEC[: SPEC.index("spectra:")].replace("instruments: [RGS1, RGS2]", "instruments: [EPN]")
    assert made_of(tmp_path, text=text) == RawMade()


def test_every_command_where_flares_are_cut(tmp_path: Path) -> None:
    made = made_of(tmp_path, text=SPEC + SCREENED)
    both = [*cut("RGS1", "RATE<0.1"), *cut("RGS2", "RATE<=0.2", 50, 8)]
    again = f"{RGSPROC} 'auxgtitables=RGS1_flare.gti RGS2_flare.gti' {AGAIN}"
    assert commands(made)[f"rgsproc:{OBSID}"] == words({"": [FIRST, *both, again]})[""]
    assert commands(made)[f"rgscombine:{OBSID}/rgs12"] == words({"": [combine(1)]})[""]
    step = by_name(made)[f"rgsproc:{OBSID}"]
    files = [f"{name}_flare.{kind}" for name in ("RGS1", "RGS2") for kind in ("lc", "gti", "png")]
    assert step.outputs[-7:] == (*files, "rgsproc.json")
    assert step.params["flares"]["RGS2"] == {"rate": ["<=", 0.2], "bin": 50.0, "ccd": 8}
    assert step.params["found"]["RGS1.events"] == "P*R1[SU]???EVENLI0000.FIT"
    check_outputs(made.steps, TASKS)


def test_one_of_the_instruments_alone(tmp_path: Path) -> None:
    # the other's spectra of the first run have all its times: they are none of the products
    text = SPEC[: SPEC.index("combine:")].replace("as it comes}", "as it comes, where: {instrument: RGS1}}") + SCREENED
    made = made_of(tmp_path, text=text)
    again = f"{RGSPROC} auxgtitables=RGS1_flare.gti {AGAIN}"
    assert commands(made)[f"rgsproc:{OBSID}"] == words({"": [FIRST, *cut("RGS1", "RATE<0.1"), again]})[""]
    assert not [name for name in by_name(made)[f"rgsproc:{OBSID}"].outputs if name.startswith("RGS2")]


TWO = """\
spectra:
  quiet: {region: pipeline, screening: NAME}
  whole: {region: pipeline, screening: OTHER}
combine: {rgs12: {of: [quiet, whole], over: instrument, method: rgscombine}}
"""
QUIET = "screening: {quiet: {for: [{where: {instrument: [RGS1, RGS2]}, flare: {rate: < 0.1 ct/s}}]}, loose: {}}\n"


@pytest.mark.parametrize(
    ("name", "other", "screened", "unscreened"),
    [("quiet", "default", "/quiet", ""), ("quiet", "loose", "/quiet", ""), ("default", "loose", "", "/loose")],
)
def test_with_and_without_flares(tmp_path: Path, name: str, other: str, screened: str, unscreened: str) -> None:
    screening = QUIET.replace("quiet:", f"{name}:")
    text = SPEC[: SPEC.index("spectra:")] + TWO.replace("NAME", name).replace("OTHER", other) + screening
    text = text.replace("of: [quiet, whole]", "of: quiet")
    made = made_of(tmp_path, text=text)
    steps = by_name(made)
    assert len(steps[f"rgsproc:{OBSID}{screened}"].params["work"]["calls"]) == 6
    assert commands(made)[f"rgsproc:{OBSID}{unscreened}"] == words({"": [RGSPROC]})[""]
    for spectrum, maker in (("quiet", screened), ("whole", unscreened)):
        pha = steps[f"spectrum:{OBSID}/RGS1/{spectrum}"].inputs["pha"]
        assert pha == StepInput(f"rgsproc:{OBSID}{maker}", "RGS1_o1.src.pha")
    assert steps[f"rgscombine:{OBSID}/rgs12"].inputs["RGS2_o1.rmf"].step == f"rgsproc:{OBSID}{screened}"  # type: ignore[union-attr]
    products = [step.product for step in made.steps]
    assert len(set(products)) == len(products)
    check_outputs(made.steps, TASKS)


def test_what_cuts_no_flares_is_the_work_that_it_was(tmp_path: Path) -> None:
    plain = by_name(made_of(tmp_path))[f"rgsproc:{OBSID}"]
    assert sorted(plain.params) == ["obsid", "wanted", "work"]
    epic = "screening: {default: {flare: {band: 10-12 keV, bin: 100 s, rate: < 0.4 ct/s}}}\n"
    with_cameras = SPEC.replace("instruments: [RGS1", "instruments: [EPN, RGS1").replace(
        "region: pipeline", "region: pipeline, where: {instrument: [RGS1, RGS2]}"
    )
    assert by_name(made_of(tmp_path, text=with_cameras + epic))[f"rgsproc:{OBSID}"].params == plain.params


@pytest.mark.parametrize("screened", ["", SCREENED])
def test_errors_of_parts_are_noted_of_rgsproc_alone(tmp_path: Path, screened: str) -> None:
    text = SPEC.replace("ORDERS", "[1]") + screened
    noted = text.replace("level: raw}", "level: raw, pipeline: {part_errors: note}}")
    found = []
    for one in (text, noted):
        context = context_of(tmp_path, one)
        made = RawMade()
        for observation in context.raw.observations:
            made |= rgs_steps(context, observation)
        found.append(by_name(made))
    before, after = found
    assert {name for name in before if before[name].params != after[name].params} == {
        f"rgsproc:{obsid}" for obsid in ("0201830201", OBSID)
    }
    for call in Work.of(after[f"rgsproc:{OBSID}"].params["work"]).calls:
        assert call.part_errors == (call.tool == "rgsproc")


GTIS = "gtis: {early: {time: [500 s, 900 s]}, own: {file: own.gti}, rest: {not: own}}\n"
TIMED = SPEC.replace("note: as it comes}", "gti: [NAMES]}") + GTIS


def test_every_command_where_times_are_selected(tmp_path: Path) -> None:
    made = made_of(tmp_path, text=TIMED.replace("NAMES", "early"))
    found, steps = commands(made), by_name(made)
    name = f"rgsproc:{OBSID}/default@early"
    assert found[name] == words({"": [FIRST, f"{RGSPROC} auxgtitables=times.gti {AGAIN}"]})[""]
    assert found[f"rgscombine:{OBSID}/rgs12@early"] == words({"": [combine(1)]})[""]
    step, times = steps[name], steps[f"gti:{OBSID}/RGS/early"]
    assert step.params["times"] == "early" and step.inputs["gti"] == StepInput(times.name, "gti.gti")
    work = Work.of(step.params["work"])
    assert work.staged["times.gti"].role == "gti" and not any("flare" in kept for kept in work.kept)
    assert times.params["clock"] == {"mjdref": [50814, 0.0], "timesys": "TT", "telescop": "XMM"}
    assert times.params["time"] == [[{"met": 500.0}, {"met": 900.0}]] and times.inputs == {}
    assert made.sources[f"{OBSID}/RGS1/rgs@early"].step == f"spectrum:{OBSID}/RGS1/rgs@early"
    assert steps[f"spectrum:{OBSID}/RGS/rgs12@early"].inputs["pha"].step == f"rgscombine:{OBSID}/rgs12@early"  # type: ignore[union-attr]
    check_outputs(made.steps, TASKS)


def test_without_a_sum_times_leave_the_grid_as_it_is(tmp_path: Path) -> None:
    text = TIMED.replace("NAMES", "early").replace("combine:", "x-combine:").split("x-combine:")[0] + GTIS
    first, again = commands(made_of(tmp_path, text=text))[f"rgsproc:{OBSID}/default@early"]
    assert not any(word.startswith("spectrumbinning") for word in (*first, *again))


def test_flares_and_times_are_both_given(tmp_path: Path) -> None:
    found = commands(made_of(tmp_path, text=TIMED.replace("NAMES", "early") + SCREENED))
    again = f"{RGSPROC} 'auxgtitables=times.gti RGS1_flare.gti RGS2_flare.gti' {AGAIN}"
    both = [*cut("RGS1", "RATE<0.1"), *cut("RGS2", "RATE<=0.2", 50, 8)]
    assert found[f"rgsproc:{OBSID}/default@early"] == words({"": [FIRST, *both, again]})[""]


def test_each_time_selection_has_a_run_of_its_own(tmp_path: Path) -> None:
    made = made_of(tmp_path, text=TIMED.replace("NAMES", "early, rest"))
    steps = by_name(made)
    mine = [name for name in steps if OBSID in name and name.startswith(("rgsproc", "gti"))]
    assert mine == [
        *(f"gti:{OBSID}/RGS/{name}" for name in ("early", "own", "rest")),
        *(f"rgsproc:{OBSID}/default@{name}" for name in ("early", "rest")),
    ]
    assert steps[f"gti:{OBSID}/RGS/rest"].inputs == {"gti/own": StepInput(f"gti:{OBSID}/RGS/own", "gti.gti")}
    assert str(steps[f"gti:{OBSID}/RGS/own"].inputs["file"].path).endswith("own.gti")  # type: ignore[union-attr]
    products = [step.product for step in made.steps]
    assert len(set(products)) == len(products)
    check_outputs(made.steps, TASKS)
