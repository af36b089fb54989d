"""Tests of the tasks of EPIC that decide by what they find, on a fake SAS: choice of exposures, search for pile-up."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.image import imread

from tests.fakes.core import calls, set_faults
from tests.fakes.sas import make_sas, set_pileup
from tests.fakes.sas.raw import RawExposure, make_xmm_raw
from tests.tools.sasworld import Reduced, context_of, planned, reduce
from xbatch.base.digest import file_sha256
from xbatch.base.errors import StepError
from xbatch.ogip.events import open_events
from xbatch.ogip.pha import read_pha
from xbatch.ogip.response import read_response
from xbatch.plan.raw_epic import epic_steps
from xbatch.plan.rawmade import RawContext
from xbatch.plan.steps import Step
from xbatch.simulator.config import Sky
from xbatch.tools import pileup

OBSID = "0761220101"
TARGET = (213.3120833, -3.2075833)
SPEC = """\
xbatch: 1
name: tools
target: {position: [213.3120833, -3.2075833], frame: fk5}
mission: xmm
obsids: ["0761220101"]
instruments: [EPN]
data: {root: ROOT, level: raw, fetch: never, pipeline: {tasks: TASKS}, exposures: {default: USE}}
screening:
  default: {flare: {band: 10-12 keV, bin: 100 s, rate: "< 5 ct/s"}}
regions:
  src: {shape: annulus, center: target, inner: 0 arcsec, outer: 50 arcsec}
  bkg: {shape: circle, center: [213.36, -3.24], frame: fk5, radius: 50 arcsec}
pileup: {pn: {region: src, max: MAX arcsec}}
spectra: {agn: {region: src, background: bkg}}
"""
EXPOSURES = {"EPN": (RawExposure("S003", 0.3), RawExposure("U014", 0.7), RawExposure("S005", 0.2, "TIMING"))}


class World:
    """A fake SAS, and an observation with two imaging exposures and one of timing mode."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = make_sas(folder / "sas")
        self.root = Path(self.environment["SAS_DIR"])
        make_xmm_raw(
            folder / "data",
            OBSID,
            1,
            ("EPN",),
            seconds=4000.0,
            events=6000.0,
            exposures=EXPOSURES,
            sky=Sky(*TARGET, offset=(0.0, 0.0)),
        )
        self._reduced: dict[str, Reduced] = {}

    def steps(self, use: str = "merge", tasks: str = "chain", largest: str = "15") -> dict[str, Step]:
        return planned(self._context(use, tasks, largest), [epic_steps])

    def reduced(self, tasks: str = "chain") -> Reduced:
        """Give what all tests share: the longest exposure, up to the regions where the search for pile-up starts."""
        if tasks not in self._reduced:
            folder = self.folder / tasks
            but = ("pileup", "epicspectrum") if tasks == "chain" else ("epicevents",)
            self._reduced[tasks] = reduce(self._context("longest", tasks, "15"), folder, [epic_steps], but)
        return self._reduced[tasks]

    def _context(self, use: str, tasks: str, largest: str) -> RawContext:
        text = SPEC.replace("ROOT", str(self.folder / "data")).replace("USE", use).replace("TASKS", tasks)
        spec = self.folder / "spec.yaml"
        spec.write_text(text.replace("MAX", largest))
        return context_of(spec, os.environ)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("epic"))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in made.environment.items():
            patch.setenv(name, value)
        yield made


@pytest.fixture(autouse=True)
def _no_faults(world: World) -> Iterator[None]:
    yield
    (world.root / "faults.json").unlink(missing_ok=True)
    (world.root / "pileup.json").unlink(missing_ok=True)


EVENTS, PILEUP, SPECTRUM = (
    f"{task}:{OBSID}/EPN{name}" for task, name in (("epicevents", ""), ("pileup", "/pn"), ("epicspectrum", "/agn"))
)
CLEAN, PILED = [1.0, 0.01, 1.0, 0.015], [0.9, 0.01, 1.2, 0.015]


def events_of(world: World, use: str, tasks: str = "chain") -> tuple[dict[str, Any], Path, tuple[str, ...]]:
    """Make the list of some exposures; give what is said of it, its path, and the notes."""
    shared = world.reduced(tasks)
    apart = Reduced(world.folder / "apart")
    for name in ("observation", "cifbuild", "odfingest"):
        link = apart.out(f"{name}:{OBSID}")
        link.parent.mkdir(exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(shared.out(f"{name}:{OBSID}"))
    outcome = apart.run(world.steps(use, tasks)[EVENTS])
    out = apart.out(EVENTS)
    return json.loads((out / "epicevents.json").read_text()), out / "events.fits", outcome.notes


@pytest.mark.parametrize("tasks", ["chain", "proc"])
def test_all_exposures_are_put_together(world: World, tmp_path: Path, tasks: str) -> None:
    found, path, notes = events_of(world, "merge", tasks)
    assert [one["exposure"] for one in found["found"]] == ["S003", "U014"]
    assert found["taken"] == ["S003", "U014"] and found["merged"]
    assert found["seconds"] == pytest.approx(4000.0)
    assert open_events(path, tmp_path).rows == sum(one["events"] for one in found["found"])
    assert notes == ("exposure S003, U014 of 2 taken: all 2, put together",)


def test_the_longest_and_one_by_number(world: World) -> None:
    shared = world.reduced()
    assert shared.outcomes[EVENTS].facts["taken"] == ["U014"]
    assert events_of(world, "[1]", "proc")[0]["taken"] == ["S003"]
    chosen, _, _ = events_of(world, "[2]")
    assert chosen["taken"] == ["U014"] and [one["exposure"] for one in chosen["found"]] == ["U014"]


def test_an_exposure_that_is_not_there(world: World) -> None:
    with pytest.raises(StepError, match=r"EPN has no exposure 7 in imaging mode: it has 2: S003 \(1.2 ks, Medium\)"):
        events_of(world, "[7]", "proc")


def test_the_search_stops_where_patterns_are_those_of_single_photons(world: World) -> None:
    set_pileup(world.root, {OBSID: [[0.0, *PILED], [3.0, *PILED], [3.5, *CLEAN]]})
    reduced, steps = world.reduced(), world.steps()
    path = reduced.out(EVENTS) / "events.fits"
    before = file_sha256(path)
    reduced.run(steps[PILEUP])
    out = reduced.out(PILEUP)
    found = json.loads((out / "pileup.json").read_text())
    assert (found["inner"], found["accepted"]) == (3.5, True)
    assert [(row["radius"], row["piled_up"]) for row in found["table"]] == [(0.0, True), (3.0, True), (3.5, False)]
    assert (out / "pileup.gif").read_bytes().startswith(b"GIF") and (out / "pileup.ecsv").exists()
    assert np.ptp(imread(out / "pileup.png")[..., :3]) > 0.5
    # epatplot writes into what it is given: not the list that others read
    assert file_sha256(path) == before
    # the spectrum is of what is left
    reduced.run(steps[f"selection:{OBSID}/EPN/src+bkg"])
    selection = json.loads((reduced.out(f"selection:{OBSID}/EPN/src+bkg") / "selection.json").read_text())
    assert selection["src.expression"].startswith("((X,Y) IN ANNULUS(") and ",70,1000)" in selection["src.expression"]
    reduced.run(steps[SPECTRUM])
    made = reduced.out(SPECTRUM)
    source, background = (read_pha(made / f"{name}.pha") for name in ("source", "background"))
    assert source.counts.sum() > 0 and (source.detchans, len(source.counts)) == (4096, 4096)
    assert background.backscal[0] == pytest.approx(math.pi * 1000**2, rel=0.05)
    assert source.backscal[0] == pytest.approx(math.pi * (1000**2 - 70**2), rel=0.05)
    assert read_response(made / "response.rmf", made / "response.arf").has_arf
    set_faults(world.root, {"rmfgen": {"kind": "no-product"}})
    with pytest.raises(StepError, match="rmfgen"):
        reduced.run(steps[SPECTRUM])


def test_a_core_that_no_radius_frees_of_pile_up(world: World) -> None:
    set_pileup(world.root, {OBSID: [[0.0, *PILED]]})
    reduced = world.reduced()
    with pytest.raises(StepError) as caught:
        reduced.run(world.steps(largest="3.5")[PILEUP])
    text = str(caught.value)
    assert "no inner radius of 'src' up to 3.5 arcsec is free of pile-up" in text
    assert '3": s 0.900 +/- 0.010, d 1.200 +/- 0.015; 3.5": s' in text
    assert not (reduced.out(PILEUP) / "pileup.json").exists()
    assert [call for call in calls(world.root, "epatplot") if "pattern-02.fits" in " ".join(call["args"])]


def test_ratios_from_the_console_where_the_list_has_none(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    set_pileup(world.root, {OBSID: [[0.0, 1.021, 0.011, 0.959, 0.014]]})
    monkeypatch.setattr(pileup, "_ATTRIBUTES", ("NO_OTM",))
    step = world.steps()[PILEUP]
    row = world.reduced().run(replace(step, params={**step.params, "figure": False})).facts["table"][0]
    assert (row["singles"], row["doubles_error"]) == (1.021, 0.014)
    assert not (world.reduced().out(PILEUP) / "pileup.png").exists()


def test_a_release_that_draws_its_own_way(world: World) -> None:
    set_pileup(world.root, {OBSID: [[0.0, *CLEAN]]})
    release = (world.root / "RELEASE").read_text()
    (world.root / "RELEASE").write_text("22.1.0-a8f2c2afa-20250304\n")
    try:
        reduced = world.reduced()
        assert reduced.run(world.steps()[PILEUP]).facts["inner"] == 0.0
    finally:
        (world.root / "RELEASE").write_text(release)
    # asked for a GIF, as before SAS 22, it has written a PDF under another name
    assert (reduced.out(PILEUP) / "pileup.pdf").read_bytes().startswith(b"%PDF")
    assert not (reduced.out(PILEUP) / "pileup.gif").exists()


def test_of_a_long_search_without_success_its_ends_are_told(world: World) -> None:
    set_pileup(world.root, {OBSID: [[0.0, *PILED]]})
    with pytest.raises(StepError, match=r'3\.5": s [^;]*; 2 more; 5": s .*; 6": s 0\.900'):
        world.reduced().run(world.steps(largest="6")[PILEUP])
