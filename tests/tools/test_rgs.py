"""Tests of the task rgsproc on a fake SAS: which exposure is taken, flares cut by each instrument, what is told."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from numpy.typing import NDArray

from tests.fakes.core import calls, set_faults
from tests.fakes.sas import make_sas
from tests.fakes.sas.raw import RawExposure, make_xmm_raw
from tests.tools.sasworld import Reduced, context_of, planned
from xbatch.base.errors import StepError
from xbatch.ogip.curvefile import read_curve
from xbatch.ogip.fitswriter import Card
from xbatch.ogip.gtifile import read_gti_tables, write_gti_file
from xbatch.ogip.pha import read_pha
from xbatch.plan.raw_epic import epic_steps
from xbatch.plan.raw_rgs import rgs_steps
from xbatch.plan.steps import Step
from xbatch.registry import Outcome
from xbatch.xray.gti import intersection, overlap, total

OBSID, LATER, SPLIT, ALONE = "0761220101", "0554170101", "0554170201", "0554170301"
SPEC = """\
xbatch: 1
name: gratings
mission: xmm
obsids: ["0761220101", "0554170101", "0554170201", "0554170301"]
instruments: [RGS1, RGS2]
data: {root: data, level: raw, fetch: never}
spectra: {rgs: {region: pipeline, orders: [1], where: {instrument: WHICH}}}
"""
SELECTED = "/default@chosen"
CUT = "{for: [{where: {instrument: RGS1}, flare: {rate: FIRST}}, {where: {instrument: RGS2}, flare: {rate: SECOND}}]}"
#: Seconds from the start of each exposure.
FLARES = ((500.0, 900.0), (1500.0, 1600.0))
#: Of LATER and SPLIT the RGS1 has two exposures, one after the other.
TWO = {"RGS1": (RawExposure("S004", 0.3, "SPECTROSCOPY"), RawExposure("U002", 0.7, "SPECTROSCOPY"))}


class World:
    """A fake SAS with two observations, and their calibration; `run` does rgsproc's step of one of them."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder, self.environment = folder, environment
        self.root = Path(environment["SAS_DIR"])
        self.reduced = Reduced(folder / "made")

    def plan(self, screening: str, which: str, times: str = "") -> dict[str, Step]:
        spec = self.folder / "spec.yaml"
        block = f"screening: {{default: {screening}}}\n" if screening else ""
        text = SPEC.replace("WHICH", which)
        if times:
            text = text.replace("orders: [1],", "orders: [1], gti: chosen,") + f"gtis: {times}\n"
        spec.write_text(text + block)
        return planned(context_of(spec, self.environment), [epic_steps, rgs_steps])

    def run(self, screening: str = "", obsid: str = OBSID, which: str = "[RGS1, RGS2]", times: str = "") -> Outcome:
        steps = self.plan(screening, which, times)
        for name in ("observation", "cifbuild", "odfingest"):
            if f"{name}:{obsid}" not in self.reduced.outcomes:
                self.reduced.run(steps[f"{name}:{obsid}"])
        for name, step in steps.items():
            if name.startswith(f"gti:{obsid}"):
                self.reduced.run(step)
        return self.reduced.run(steps[f"rgsproc:{obsid}{SELECTED if times else ''}"])

    def out(self, obsid: str = OBSID, part: str = "") -> Path:
        return self.reduced.out(f"rgsproc:{obsid}{part}")

    def exposure(self, instrument: str, obsid: str = OBSID, part: str = "") -> float:
        return read_pha(self.out(obsid, part) / f"{instrument}_o1.src.pha").exposure

    def start(self, obsid: str = OBSID) -> float:
        """Give the first second of the exposures of an observation."""
        path = next((self.folder / "data").glob(f"{obsid}/**/*R1[SU]*SPE.FIT"))
        return float(fits.getheader(path)["TSTART"])

    def good(self, instruments: Sequence[str] = ("RGS1", "RGS2"), part: str = "") -> NDArray[np.float64]:
        """Give the times of an exposure that the cuts of flares of some instruments leave."""
        left = self.start() + np.array([[0.0, 2000.0]])
        for instrument in instruments:
            (table,) = read_gti_tables(self.out(part=part) / f"{instrument}_flare.gti")
            left = intersection(left, table.gti)
        return left


def cut(first: str = '"< 0.5 ct/s"', second: str = '"< 0.5 ct/s"') -> str:
    return CUT.replace("FIRST", first).replace("SECOND", second)


FIRST_ALONE = '{for: [{where: {instrument: RGS1}, flare: {rate: "< 0.5 ct/s"}}]}'


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("gratings")
    environment = make_sas(folder / "sas")
    data, both = folder / "data", ("RGS1", "RGS2")
    make_xmm_raw(data, OBSID, 1, both, seconds=2000.0, grating_flares=FLARES)
    make_xmm_raw(data, LATER, 2, both, seconds=2000.0, grating_flares=((100.0, 200.0),), exposures=TWO)
    short = {**TWO, "RGS2": (RawExposure("S005", 0.1, "SPECTROSCOPY"),)}
    make_xmm_raw(data, SPLIT, 3, both, seconds=2000.0, exposures=short)
    make_xmm_raw(data, ALONE, 4, ("RGS1",), seconds=500.0)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        yield World(folder, environment)


@pytest.fixture(autouse=True)
def _no_faults(world: World) -> Iterator[None]:
    yield
    set_faults(world.root, {})


def test_without_a_cut_all_times_are_kept(world: World) -> None:
    outcome = world.run()
    assert world.exposure("RGS1") == world.exposure("RGS2") == 2000.0
    about = json.loads((world.out() / "rgsproc.json").read_text())
    assert about == {"seconds": {"RGS1": {"S004": 2000.0}, "RGS2": {"S005": 2000.0}}, "taken": about["taken"]}
    assert about["taken"] == {"RGS1": "S004", "RGS2": "S005"}
    assert outcome.notes == () and "flares" not in outcome.facts
    assert not list(world.out().glob("*flare*"))
    assert {path.name for path in world.out().iterdir()} == {
        *(
            f"{one}_o{order}.{kind}"
            for one in ("RGS1", "RGS2")
            for order in (1, 2)
            for kind in ("src.pha", "bkg.pha", "rmf")
        ),
        "rgsproc.json",
    }


def test_flares_are_cut_and_the_exposure_is_that_of_the_good_times(world: World) -> None:
    world.run()
    before = read_pha(world.out() / "RGS1_o1.bkg.pha")
    outcome = world.run(cut())
    left = total(world.good())
    start = world.start()
    found: dict[str, Any] = {}
    for instrument in ("RGS1", "RGS2"):
        assert world.exposure(instrument) == pytest.approx(left)
        curve = read_curve(world.out() / f"{instrument}_flare.lc")
        bins = len(curve.rate)
        assert 17 <= bins <= 20 and curve.width == 100.0
        # evselect begins it at the first event that it counts: what is before is lost
        own = world.good((instrument,))
        assert start < curve.time[0] - 50.0 == pytest.approx(own[0, 0])
        # the source is not in it, which alone has more than the limit: bins are cut that have some seconds of flares
        flared = overlap(np.append(curve.time - 50.0, curve.time[-1] + 50.0), start + np.array(FLARES))
        assert np.array_equal(curve.rate > 0.5, flared > 12.0) and 6 <= np.sum(flared > 12.0) <= 8
        assert total(intersection(own, start + np.array(FLARES))) < 24.0
        cut_bins = int(np.sum(curve.rate > 0.5))
        found[instrument] = {
            "limit": 0.5,
            "test": "<",
            "bins": bins,
            "bins_kept": bins - cut_bins,
            "seconds": total(own),
        }
        assert (world.out() / f"{instrument}_flare.png").read_bytes()[:4] == b"\x89PNG"
        assert fits.getheader(world.out() / f"{instrument}_o1.rmf", 1)["INSTRUME"] == instrument
    # protons are gone from the background
    after = read_pha(world.out() / "RGS1_o1.bkg.pha")
    assert after.counts.sum() / left < 0.2 * before.counts.sum() / 2000
    assert outcome.facts["flares"] == {name: pytest.approx(each) for name, each in found.items()}
    assert outcome.facts["left"] == {"RGS1": pytest.approx(left), "RGS2": pytest.approx(left)}
    cuts = "RGS1: rate < 0.5 on CCD 9, RGS2: rate < 0.5 on CCD 9"
    assert outcome.notes[0] == f"RGS1: {left:.6g} of 2000 s are free of flares ({cuts})"
    assert json.loads((world.out() / "rgsproc.json").read_text())["left"] == outcome.facts["left"]


def test_what_is_called_for_it(world: World) -> None:
    before = len(calls(world.root))
    world.run(cut())
    made = [(call["tool"], dict(word.split("=", 1) for word in call["args"])) for call in calls(world.root)[before:]]
    assert [tool for tool, _ in made] == ["rgsproc", *["evselect", "tabgtigen"] * 2, "rgsproc"]
    events, sources = (f"P{OBSID}R2S005{what}0000.FIT" for what in ("EVENLI", "SRCLI_"))
    assert made[3][1]["table"] == f"{events}:EVENTS"
    assert made[3][1]["expression"] == f"(CCDNR==9)&&(REGION({sources}:RGS2_BACKGROUND,M_LAMBDA,XDSP_CORR))"
    first, again = made[0][1], made[-1][1]
    assert first.pop("finalstage") == "4:spectra"
    stages = {"entrystage": "3:filter", "finalstage": "5:fluxing"}
    assert again == {**first, "auxgtitables": "RGS1_flare.gti RGS2_flare.gti", **stages}


def test_one_instrument_decides_for_both(world: World) -> None:
    outcome = world.run(FIRST_ALONE)
    left = total(world.good(("RGS1",)))
    assert world.exposure("RGS1") == world.exposure("RGS2") == pytest.approx(left) and 1200 < left < 1500
    assert list(outcome.facts["flares"]) == ["RGS1"] and not (world.out() / "RGS2_flare.lc").exists()


def test_nothing_is_kept_of_an_instrument_that_is_not_wanted(world: World) -> None:
    outcome = world.run(FIRST_ALONE, which="RGS1")
    assert world.exposure("RGS1") == pytest.approx(total(world.good(("RGS1",)))) and not list(world.out().glob("RGS2*"))
    assert outcome.facts["taken"] == {"RGS1": "S004"}
    # which is not worked on again either
    assert dict(word.split("=", 1) for word in calls(world.root)[-1]["args"])["instexpids"] == "R1S004"


def test_where_there_are_no_flares_all_is_kept(world: World) -> None:
    outcome = world.run(cut('"< 50 ct/s"', '"< 50 ct/s"'))
    # but for what is before the first event of either curve, and after its last bin
    left = world.exposure("RGS1")
    assert left == pytest.approx(total(world.good())) and 1700.0 < left < 2000.0
    assert outcome.facts["flares"]["RGS1"]["bins_kept"] == outcome.facts["flares"]["RGS1"]["bins"]
    assert outcome.notes[0].startswith(f"RGS1: {left:.6g} of 2000 s are free of flares")


def test_the_longest_exposure_is_the_one_that_is_cut(world: World) -> None:
    outcome = world.run(cut(), LATER, which="RGS1")
    assert outcome.facts["taken"] == {"RGS1": "U002"}
    assert outcome.facts["seconds"] == {"RGS1": {"S004": pytest.approx(600), "U002": pytest.approx(1400)}}
    assert 1150.0 < world.exposure("RGS1", LATER) < 1300.0
    assert outcome.notes[0] == "RGS1: exposure U002 taken, the longest of 2 (S004 0.6 ks, U002 1.4 ks)"
    assert dict(word.split("=", 1) for word in calls(world.root)[-1]["args"])["instexpids"] == "R1U002"


def test_a_cut_that_leaves_nothing(world: World) -> None:
    with pytest.raises(StepError) as caught:
        world.run(cut('"< 0 ct/s"'))
    message = str(caught.value)
    assert message.startswith("RGS1 has no good time with a rate < 0 counts/s: its 20 bins of 100 s have ")
    assert message.endswith("Choose a higher rate, or leave the observation out")
    # rgsproc is not run for nothing
    assert [call["tool"] for call in calls(world.root)[-2:]] == ["evselect", "tabgtigen"]


def test_instruments_that_have_no_good_time_in_common(world: World) -> None:
    # the longer exposure of RGS1 begins when that of RGS2 is over
    with pytest.raises(StepError, match="no time of RGS1 is left: only times that are good in RGS1 and RGS2 are kept"):
        world.run(cut(), SPLIT)


def test_a_ccd_without_counts_is_told(world: World) -> None:
    # CCD 7 of RGS1 has failed: a spec cannot name it, a list may lack another
    step = world.plan(FIRST_ALONE, "RGS1")[f"rgsproc:{OBSID}"]
    text = json.dumps(dict(step.params)).replace("CCDNR==9", "CCDNR==7").replace('"ccd": 9', '"ccd": 7')
    outcome = world.reduced.run(replace(step, params=json.loads(text)))
    assert outcome.notes[-1] == "RGS1: CCD 7 has no counts beside the source, and flares cannot be seen in it"
    assert world.exposure("RGS1") == 2000.0


@pytest.mark.parametrize("screening", ["", cut()])
def test_an_instrument_that_was_not_there(world: World, screening: str) -> None:
    with pytest.raises(StepError) as caught:
        world.run(screening, ALONE)
    assert "rgsproc has made no spectrum of RGS2: the observation has no exposure" in str(caught.value)
    assert f"Leave RGS2 of {ALONE} out" in str(caught.value)


def test_a_tool_that_fails_is_told(world: World) -> None:
    set_faults(world.root, {"tabgtigen": {"kind": "no-product"}})
    with pytest.raises(StepError, match=r"tabgtigen has not made RGS1_flare\.gti"):
        world.run(cut())


# ---- time selections -------------------------------------------------------------------------------------------------


def during(*spans: tuple[float, float]) -> str:
    return f"{{chosen: {{time: [{', '.join(f'[{start:.3f} s, {stop:.3f} s]' for start, stop in spans)}]}}}}"


def test_spectra_of_some_times(world: World) -> None:
    start = world.start()
    before = len(calls(world.root))
    outcome = world.run(times=during((start + 200, start + 700), (start + 1000, start + 1100)))
    assert world.exposure("RGS1", part=SELECTED) == world.exposure("RGS2", part=SELECTED) == pytest.approx(600.0)
    assert outcome.facts["left"] == {one: pytest.approx(600.0) for one in ("RGS1", "RGS2")}
    assert outcome.facts["times"] == "chosen" and "flares" not in outcome.facts
    assert outcome.notes[0] == "RGS1: 600 of 2000 s are in the time selection chosen"
    made = [dict(word.split("=", 1) for word in call["args"]) for call in calls(world.root)[before:][-2:]]
    assert made[0]["finalstage"] == "4:spectra"
    assert (made[1]["entrystage"], made[1]["auxgtitables"]) == ("3:filter", "times.gti")
    assert "spectrumbinning" not in made[0] and not list(world.out(part=SELECTED).glob("*flare*"))


def test_flares_are_cut_from_a_time_selection(world: World) -> None:
    # 400 s of flares, of which 200 are selected, and another that is not
    start = world.start()
    outcome = world.run(cut(), times=during((start + 200, start + 700)))
    left = total(intersection(world.good(part=SELECTED), np.array([[start + 200, start + 700]])))
    assert world.exposure("RGS1", part=SELECTED) == pytest.approx(left) and 180 < left < 312
    # the cut itself is of all times, as without a selection
    assert outcome.facts["flares"]["RGS1"]["seconds"] > 1200.0
    cuts = "RGS1: rate < 0.5 on CCD 9, RGS2: rate < 0.5 on CCD 9"
    words = f"RGS1: {left:.6g} of 2000 s are in the time selection chosen, free of flares ({cuts})"
    assert outcome.notes[0] == words
    assert dict(word.split("=", 1) for word in calls(world.root)[-1]["args"])["auxgtitables"] == (
        "times.gti RGS1_flare.gti RGS2_flare.gti"
    )


def test_the_rest_of_a_selection_by_a_file(world: World) -> None:
    start = world.start()
    path = world.folder / "data" / "own.gti"
    write_gti_file(path, np.array([[start + 500.0, start + 900.0]]), [Card("MJDREF", 50814.0), Card("TIMESYS", "TT")])
    world.run(times="{own: {file: own.gti}, chosen: {not: own}}")
    assert world.exposure("RGS2", part=SELECTED) == pytest.approx(1600.0)


def test_the_exposure_with_most_of_the_selected_time_is_taken(world: World) -> None:
    start = world.start(LATER)
    outcome = world.run(obsid=LATER, which="RGS1", times=during((start, start + 650)))
    assert outcome.facts["taken"] == {"RGS1": "S004"} and outcome.facts["left"] == {"RGS1": pytest.approx(600.0)}
    assert outcome.notes[0].startswith("RGS1: exposure S004 taken, with most time in chosen, of 2 (S004 0.6 ks, U002")


def test_a_time_selection_without_good_time(world: World) -> None:
    with pytest.raises(StepError) as caught:
        world.run(cut(), times=during((1000, 2000)))
    message = str(caught.value)
    assert message.startswith("the time selection chosen holds no good time of RGS1, from ")
    assert (
        message.endswith("it is from 1000 s to 2000 s. Select other times")
        and calls(world.root)[-1]["tool"] == "rgsproc"
    )


def test_a_time_selection_of_flares_alone(world: World) -> None:
    start = world.start()
    with pytest.raises(StepError, match="are good in RGS1 and RGS2, and in the time selection chosen, are kept"):
        world.run(cut(), times=during((start + 550, start + 850)))
