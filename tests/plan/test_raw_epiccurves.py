"""Tests of the recipe of light curves by SAS: all schemes of bands of a published study, with the commands of each."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.plan.epicworlds import by_name, context_of
from xbatch.base.toolset import Suite
from xbatch.commands.call import Work
from xbatch.plan.raw_epic import epic_steps
from xbatch.plan.raw_epiccurves import epic_curve_steps
from xbatch.plan.rawmade import RawMade
from xbatch.plan.steps import Step, StepInput

EXAMPLE = Path(__file__).parents[2] / "examples" / "configs" / "ngc5506-raw.yaml"
OBSID = "0761220101"
OBSIDS = (
    *("0013140101", "0013140201", "0201830201", "0201830301", "0201830401", "0201830501"),
    *("0554170101", "0554170201", OBSID),
)
FIXED = ["b1a", "b3a", "b4a", "b8a", "b12a", "b16a", "b24a", "b32a", "b16lin", "b24log"]
SNAPPED = ["b8ch", "b12ch", "b16ch", "b24ch", "b32ch", "b8lch", "b12lch", "b16lch", "b24lch", "b32lch", "b48lch"]
FOUND = {"b12cch": 12, "b24cch": 24, "b32cch": 32, "b48cch": 48}


def curves_of(tmp_path: Path, text: str) -> RawMade:
    context = context_of(tmp_path, text, Suite("sas", "17.0.0", Path("/opt/sas")))
    made = RawMade()
    for one in context.raw.observations:
        if one.mission == "xmm":
            made |= epic_curve_steps(context, one)
    return made


def study() -> str:
    """Give the example, its light curves by channels of SAS too, as the study had them."""
    return EXAMPLE.read_text() + "\nengine: {lightcurves: sas}\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> RawMade:
    return curves_of(tmp_path_factory.mktemp("study"), study())


def calls_of(step: Step) -> list[tuple[str, dict[str, str], str]]:
    return [(call.tool, dict(call.args), call.folder) for call in Work.of(step.params["work"]).calls]


def ranges_of(step: Step) -> dict[str, tuple[int, int]]:
    """Give PI of each band from its command: the first, and that which the band ends before."""
    found = {}
    for tool, args, folder in calls_of(step):
        if tool == "evselect" and args["rateset"] == "source.fits":
            low, _, high = args["expression"].removeprefix("(PI IN [").partition("))")[0].partition(":")
            found[folder] = int(low), int(high)
    return found


def test_each_observation_has_both(made: RawMade) -> None:
    assert made.curves == {f"lightcurve:{obsid}/EPN/{name}" for obsid in OBSIDS for name in ("energy", "channels")}
    # both have the same bins of time
    assert [step.name for step in made.steps if step.name not in made.curves] == [
        f"timebins:{obsid}/EPN/bins+timing-128s" for obsid in OBSIDS
    ]


def test_commands_of_a_band(made: RawMade) -> None:
    for name, corrected in (("energy", "yes"), ("channels", "no")):
        step = by_name(made)[f"lightcurve:{OBSID}/EPN/{name}"]
        band = "b8a.2" if name == "energy" else "b8lch.2"
        source, background, net = (one for one in calls_of(step) if one[2] == band)
        lo, hi = (2400, 3000) if name == "energy" else (5 * 490, 5 * 599)
        common = {
            "table": "../events.fits:EVENTS",
            "withrateset": "yes",
            "makeratecolumn": "yes",
            "maketimecolumn": "yes",
            "timebinsize": "128",
            "withtimeranges": "yes",
            "timemin": "{bins:start}",
            "timemax": "{bins:stop}",
        }
        regions = {"source.fits": f"src.{name}", "background.fits": "bkg"}
        for (tool, args, _), (out, region) in zip((source, background), regions.items(), strict=True):
            expression = f"(PI IN [{lo}:{hi}))&&{{selection:{region}.expression}}"
            assert (tool, args) == ("evselect", {**common, "rateset": out, "expression": expression})
        assert net[:2] == (
            "epiclccorr",
            {
                "srctslist": "source.fits",
                "eventlist": "../events.fits",
                "outset": "net.fits",
                "withbkgset": "yes",
                "bkgtslist": "background.fits",
                "applyabsolutecorrections": corrected,
            },
        )


def test_schemes_are_all_there(made: RawMade) -> None:
    steps = by_name(made)
    energy, channels = (steps[f"lightcurve:{OBSID}/EPN/{name}"] for name in ("energy", "channels"))
    assert {name.partition(".")[0] for name in ranges_of(energy)} == {"full", *FIXED}
    assert {name.partition(".")[0] for name in ranges_of(channels)} == set(SNAPPED)
    # edges that a spectrum decides are inputs, and their files may be fewer than were asked for
    assert {name for name in channels.inputs if name.startswith("bands/")} == {f"bands/{name}" for name in FOUND}
    for name, number in FOUND.items():
        assert f"{name}.{number}.lc?" in channels.outputs and f"{name}.{number + 1}.lc?" not in channels.outputs
    assert len(FIXED) + len(SNAPPED) + len(FOUND) == 25


def test_bands_follow_one_another(made: RawMade) -> None:
    for step in (step for step in made.steps if step.name in made.curves):
        schemes: dict[str, list[tuple[int, int]]] = {}
        for name, pair in ranges_of(step).items():
            schemes.setdefault(name.partition(".")[0], []).append(pair)
        for pairs in schemes.values():
            assert all(pair[1] == after[0] for pair, after in pairwise(pairs))
            assert (pairs[0][0], pairs[-1][1]) == (2000, 10000)


@pytest.mark.real_data
def test_ranges_are_the_printed_lists(made: RawMade, reference: Path) -> None:
    binning = json.loads((reference / "source-reference-values.json").read_text())["ngc5506"]["binning"]
    steps = by_name(made)
    energy, channels = (ranges_of(steps[f"lightcurve:{OBSID}/EPN/{name}"]) for name in ("energy", "channels"))
    names = {f"b{one['id']}": one for one in binning["energy_edges_keV"]}
    names["b16lin"] = names.pop("b16a_linear")
    for name, scheme in names.items():
        edges = [round(1000 * edge) for edge in scheme["edges_keV"]]
        assert list(_of(energy, name)) == list(pairwise(edges)), name
    listed: dict[str, Any] = {f"b{one['id']}": one for one in binning["pi_channels"]}
    for name in SNAPPED:
        # one element of one list is printed otherwise than its rule has it
        known = set(map(repr, listed[name]["closed_form_mismatches"]))
        edges = [5 * channel for channel in listed[name]["channels"]]
        made_here = list(_of(channels, name))
        differ = [a for a, b in zip(made_here, pairwise(edges), strict=True) if a != b]
        assert len(differ) <= 2 * len(known), name


def _of(ranges: dict[str, tuple[int, int]], scheme: str) -> list[tuple[int, int]]:
    return [pair for name, pair in ranges.items() if name == scheme or name.startswith(f"{scheme}.")]


def test_inputs(made: RawMade) -> None:
    step = by_name(made)[f"lightcurve:{OBSID}/EPN/energy"]
    assert step.engine == "sas" and step.engine_version == "17.0.0" and "epiclccorr" in step.because
    assert step.inputs["events"] == StepInput(f"epicfilter:{OBSID}/EPN/timing", "filtered.fits")
    assert step.inputs["table"] == StepInput(f"events:{OBSID}/EPN/timing", "events.bin")
    assert step.inputs["bins"] == StepInput(f"timebins:{OBSID}/EPN/bins+timing-128s", "bins.json")
    assert step.inputs["selection"] == StepInput(f"selection:{OBSID}/EPN/src.energy+bkg", "selection.json")
    assert "gti" not in step.inputs and step.params["curves"]["times"] is False


def test_region_of_the_whole_source_is_selected(tmp_path: Path) -> None:
    context = context_of(tmp_path, study())
    one = context.raw.observation(OBSID)
    steps = by_name(epic_steps(context, one))
    whole, rest = (steps[f"selection:{OBSID}/EPN/{regions}"] for regions in ("src.energy+bkg", "src+bkg"))
    assert whole.params["regions"]["src.energy"]["shapes"][0]["sizes"][0] == 0.0
    # what the search for pile-up finds is of the spectrum's region alone
    assert set(whole.inputs) == {"events"} and set(rest.inputs) == {"events", "pileup/src"}


def test_only_what_needs_calibration_is_made_by_sas(tmp_path: Path) -> None:
    made = curves_of(tmp_path, EXAMPLE.read_text())
    assert {name.rpartition("/")[2] for name in made.curves} == {"energy"}


def test_region_that_a_search_enlarges_is_of_sas(tmp_path: Path) -> None:
    text = EXAMPLE.read_text().replace("    region: {src.inner: 0 arcsec}\n", "")
    made = curves_of(tmp_path, text)
    assert {name.rpartition("/")[2] for name in made.curves} == {"energy", "channels"}
    step = by_name(made)[f"lightcurve:{OBSID}/EPN/channels"]
    assert step.because == "the inner radius of 'src' is what the search 'pn' finds"
    assert step.params["region"] == "src" and step.params["curves"]["absolute"] is False


def test_time_selection_and_region_from_a_file(tmp_path: Path) -> None:
    text = """\
xbatch: 1
name: parts
mission: xmm
obsids: ["0761220101"]
instruments: [EPN]
target: {position: [213.3120833, -3.2075833], frame: fk5}
data: {root: data, level: raw}
regions:
  src: {file: "{obsid}.reg"}
gtis: {early: {time: [[2015-07-08T00:00:00, 2015-07-08T01:00:00]]}}
spectra: {agn: {region: src, gti: [early]}}
lightcurves: {agn: {spectrum: agn, bands: [2-10 keV], dt: 100 s, corrections: [area]}}
"""
    bins, step = curves_of(tmp_path, text).steps
    assert bins.name == f"timebins:{OBSID}/EPN/bins@early-100s" and bins.inputs["gti"] == step.inputs["gti"]
    assert step.name == f"lightcurve:{OBSID}/EPN/agn@early"
    assert step.inputs["gti"] == StepInput(f"gti:{OBSID}/EPN/early", "gti.gti")
    source, net = calls_of(step)
    assert source[1]["expression"].endswith("&&gti(../times.gti,TIME)")
    # the middle of a region that may be of several shapes need not be the source
    assert net[1]["sourcex"] == "{selection:src.sourcex}" and net[1]["withbkgset"] == "no"


def test_bins_of_two_selections_are_two_whatever_these_are_called(tmp_path: Path) -> None:
    who = "{region: src, background: bkg"
    text = "\n".join(
        [
            "xbatch: 1\nname: names\nmission: xmm\nobsids: ['0761220101']\ninstruments: [EPN]",
            "target: {name: S, position: [213.3, -3.2]}",
            "data: {root: data, level: raw}\nengine: {lightcurves: sas}\nscreening: {b: {pattern: 0}}",
            "regions:\n  src: {shape: circle, center: target, radius: 40 arcsec}",
            "  bkg: {shape: circle, center: [213.4, -3.2], radius: 60 arcsec}",
            "gtis:",
            *(f"  {name}: {{time: ['0 s', '{end} s']}}" for name, end in (("a", 100), ("a-b", 200), ("bins", 300))),
            f"spectra:\n  p: {who}, gti: [a-b, bins]}}\n  q: {who}, gti: a, screening: b}}\n  r: {who}}}",
            "lightcurves:",
            *(f"  {name}: {{spectrum: {name}, bands: [2-10 keV], dt: 100 s}}" for name in "pqr"),
        ]
    )
    made = by_name(curves_of(tmp_path, text))
    curves = {name: step for name, step in made.items() if step.task == "lightcurve"}
    assert len(curves) == 4
    bins = {name: made[_step_of(step.inputs["bins"])] for name, step in curves.items()}
    assert len({step.name for step in bins.values()}) == len({step.product for step in bins.values()}) == 4
    for name, step in curves.items():
        assert bins[name].inputs["events"] == step.inputs["table"]
        assert bins[name].inputs.get("gti") == step.inputs.get("gti")


def _step_of(item: object) -> str:
    assert isinstance(item, StepInput)
    return item.step
