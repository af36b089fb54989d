"""Images of EPIC by SAS."""

from __future__ import annotations

import shlex
from itertools import pairwise
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tests.plan.epicworlds import SURVEY, by_name, made_of, work_of
from xbatch.commands.epic import CAMERAS, MOST_CHANNEL
from xbatch.plan import raw_epicimages
from xbatch.plan.steps import StepInput
from xbatch.spec.model import Band


def test_images_by_evselect_where_asked_for(tmp_path: Path) -> None:
    made = made_of(tmp_path, SURVEY + "engine: {images: sas}\n")
    step = by_name(made)["image:0123700101/EPN/full"]
    assert [list(call.command) for call in work_of(step).calls] == [
        shlex.split(
            "evselect table=events.fits:EVENTS withimageset=yes imageset=0.2-12_keV.img xcolumn=X ycolumn=Y "
            "imagebinning=binSize ximagebinsize=80 yimagebinsize=80 'expression=(PI IN [200:11999])'"
        )
    ]
    assert step.name in made.curves and step.because == "the spec asks for SAS"
    assert not [name for name in by_name(made_of(tmp_path, SURVEY)) if name.startswith("image:")]
    sized = SURVEY.replace("[0.2-12 keV]}", "[0.2-12 keV], size: [100, 100]}")
    (problem, *_) = made_of(tmp_path, sized + "engine: {images: sas}\n").problems
    assert problem.code == "XB412" and "evselect makes whole ones" in problem.message


def test_times_pixels_and_columns_are_told(tmp_path: Path) -> None:
    text = SURVEY.replace("{bands: [0.2-12 keV]}", "{bands: [0.5-2 keV, 2-30 keV], bin: 20, frame: det, gti: dim}")
    text += 'gtis: {dim: {time: ["2002-07-08T03:00:00", "2002-07-08T05:30:00"]}}\nengine: {images: sas}\n'
    step = by_name(made_of(tmp_path, text))["image:0123700101/EMOS1/full"]
    assert step.inputs["times"] == StepInput("gti:0123700101/EMOS1/dim", "gti.gti")
    work = work_of(step)
    assert {name: one.role for name, one in work.staged.items() if name.startswith(("events", "times"))} == {
        "events.fits": "list",
        "times.gti": "times",
    }
    given = [dict(call.args) for call in work.calls]
    assert [one["expression"] for one in given] == [
        f"(PI IN [{first}:{last}])&&gti(times.gti,TIME)" for first, last in ((500, 1999), (2000, MOST_CHANNEL["EMOS1"]))
    ]
    assert {(one["xcolumn"], one["ycolumn"], one["ximagebinsize"]) for one in given} == {("DETX", "DETY", "20")}
    assert work.environment.keys() == {"SAS_CCF", "SAS_ODF"}


@given(st.sampled_from(CAMERAS), st.lists(st.integers(1, 14999), min_size=3, max_size=5, unique=True).map(sorted))
def test_bands_that_touch_share_the_channels_out(camera: str, edges: list[int]) -> None:
    bands = [Band("", lo / 1000, hi / 1000) for lo, hi in pairwise(edges)]
    ranges = [raw_epicimages._pi(band, camera) for band in bands]
    for (_, last), (first, _) in pairwise(ranges):
        assert first == last + 1 or first > MOST_CHANNEL[camera]
    assert ranges[0][0] == edges[0]
