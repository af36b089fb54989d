"""Images that extractor and evselect count: one call for each band, of the pixels that are wanted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.fakes.sas.fitsfile import image, write
from tests.tools.played import play
from xbatch.base.errors import StepError
from xbatch.commands.call import Call, Staged, Work
from xbatch.ogip.imagefile import ImageGrid
from xbatch.registry import Job
from xbatch.tasks._bands import StepBand
from xbatch.tasks.image import Counted
from xbatch.tools import images
from xbatch.xray.histograms import Axis

BANDS = [StepBand("3-10 keV", 3.0, 10.0, 35, 209), StepBand("10-79 keV", 10.0, 79.0, 210, 1934)]
GRID = ImageGrid(Axis(1.0, 0.0, 5), Axis(1.0, 0.0, 4))
NONE: Any = None


def _counted(folder: Path, grid: ImageGrid = GRID, times: bool = False, **params: Any) -> tuple[Counted, Any]:
    inputs = {}
    for role in ("list", "times"):
        inputs[role] = folder / f"{role}.fits"
        inputs[role].touch()
    (folder / "out").mkdir()
    staged = {"list.evt": Staged("list")} | ({"times.gti": Staged("times")} if times else {})
    job = Job("image:x", {**params, "work": Work((), staged).params()}, inputs, folder / "out")
    tool = images._Tool(job)
    return tool.count(NONE, BANDS, grid, grid.names, NONE), tool.facts


def _writes(values: list[NDArray[Any]]) -> Any:
    left = list(values)

    def tool(call: Call, folder: Path) -> None:
        given = dict(call.args)
        write(folder / given.get("imgfile", given.get("imageset", "")), [image(left.pop(0))])

    return tool


def test_each_band_is_an_image(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made = [np.arange(20, dtype=np.int32).reshape(4, 5), np.full((4, 5), 2, np.int32)]
    calls = play(monkeypatch, images, _writes(made))
    counted, facts = _counted(tmp_path, mission="nustar")
    assert np.array_equal(counted.images, np.stack(made))
    assert counted.events == 190 + 40 and counted.outside.tolist() == [0, 0]
    given = [dict(call.args) for call in calls]
    assert [one["filename"] for one in given] == ["list.evt[PI=35:209]", "list.evt[PI=210:1934]"]
    assert {(one["timefile"], one["binf"], one["xcolf"]) for one in given} == {("NONE", "1", "X")}
    assert len({one["imgfile"] for one in given}) == 2
    assert facts == {"calls": ["extractor", "extractor"]}


def test_times_pixels_and_columns_are_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    calls = play(monkeypatch, images, _writes([np.zeros((4, 5), np.int32)] * 2))
    grid = ImageGrid(GRID.x_axis, GRID.y_axis, ("DET1X", "DET1Y"))
    _counted(tmp_path, grid, times=True, mission="nustar", bin=4)
    given = dict(calls[0].args)
    assert (given["timefile"], given["binf"]) == ("times.gti", "4")
    assert (given["xcolf"], given["ycolf"]) == ("DET1X", "DET1Y")


@pytest.mark.parametrize("times", [True, False])
def test_evselect_counts_for_xmm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, times: bool) -> None:
    calls = play(monkeypatch, images, _writes([np.zeros((4, 5), np.int32)] * 2))
    _counted(tmp_path, times=times, mission="xmm")
    given = dict(calls[0].args)
    assert given["expression"] == "(PI IN [35:209])" + ("&&gti(times.gti,TIME)" if times else "")
    assert given["ximagebinsize"] == given["yimagebinsize"] == "80"


def test_an_image_of_another_size_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    play(monkeypatch, images, _writes([np.zeros((5, 4), np.int32)]))
    with pytest.raises(StepError, match="extractor made an image of 4 x 5 pixels, and 5 x 4 are wanted"):
        _counted(tmp_path, mission="nustar")
