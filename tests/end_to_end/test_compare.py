"""Members of a sweep, and two runs, compared as a user does it."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from matplotlib.image import imread

from tests.end_to_end.test_page_in_browser import BROWSER, shown
from tests.end_to_end.world import OBSIDS, SPEC, Desk

pytest.importorskip("sherpa", reason="a fit needs Sherpa")
SWEEP = "sweep:\n  grid:\n    binning.min30.counts: [30, 60]\n"


@pytest.fixture
def swept(finished: Desk) -> Desk:
    """A desk with the run of its spec, and beside it one of the same spec with a sweep."""
    finished.write(SPEC + SWEEP, "swept.yaml")
    folder = finished.folder / "out" / "swept"
    done = finished.xbatch(
        "run", finished.folder / "swept.yaml", "--out", folder, "--store", finished.folder / "out" / ".store"
    )
    assert done.status == 0, done.err
    return finished


def test_members_and_runs_are_compared(swept: Desk) -> None:
    sweep = swept.folder / "out" / "swept"
    said = swept.xbatch("compare", sweep)
    assert (said.status, said.err) == (0, "")
    assert said.out.startswith("swept: 2 members, binning.min30.counts\n")
    for obsid in OBSIDS:
        assert sum(obsid in line and "±" in line for line in said.out.splitlines()) == 2
    assert f"group {OBSIDS[0]}/FPMA/src/min30 and 3 more: binning.counts 30 -> 60 (fit pl)" in said.out.splitlines()[-1]

    table = swept.xbatch("compare", sweep, "--format", "csv").out
    rows = list(csv.DictReader(io.StringIO(table)))
    found = {(row["binning.min30.counts"], row["group"]): row for row in rows}
    plain = swept.fit(f"pl/{OBSIDS[0]}")
    index = next(parameter for parameter in plain["parameters"] if parameter["name"] == "pl.PhoIndex")
    row = found["30", OBSIDS[0]]
    assert float(row["pl.PhoIndex"]) == index["value"]
    assert float(row["stat_value"]) == plain["stat_value"]
    assert int(row["counts"]) == sum(dataset["counts"] for dataset in plain["datasets"])
    assert int(found["60", OBSIDS[0]]["bins"]) < int(row["bins"])

    both = json.loads(swept.xbatch("compare", swept.run_dir, sweep, "--format", "json").out)
    same = [row for row in both["rows"] if row["run"] == "swept" and row["values"]["binning.min30.counts"] == 30]
    other = [row for row in both["rows"] if row["run"] == "swept" and row["values"]["binning.min30.counts"] == 60]
    assert [row["differs"] for row in same] == [[], []]  # equal keys: the store gave both the same result
    assert [{change["what"] for change in row["differs"]} for row in other] == [{"binning.counts"}] * 2
    assert other[0]["through"][-1] == other[0]["step"]


def test_a_changed_file_is_found(finished: Desk) -> None:
    first, second = finished.run_dir, finished.folder / "out" / "again"
    fits.setval(finished.pha(), "EXPOSURE", value=19_000.0, extname="SPECTRUM")
    again = finished.xbatch(
        "run", finished.folder / "desk.yaml", "--out", second, "--store", finished.folder / "out" / ".store"
    )
    assert again.status == 0, again.err
    said = finished.xbatch("compare", first, second).out
    changed = [line for line in said.splitlines() if line.strip().startswith("spectrum ")]
    assert len(changed) == 1
    assert f"{OBSIDS[0]}/FPMA/src: input pha {finished.pha().name} (" in changed[0]


@pytest.mark.skipif(BROWSER is None, reason="needs Chromium or Chrome")
def test_the_page_is_drawn_with_its_plots(swept: Desk, tmp_path: Path) -> None:
    page, picture = tmp_path / "compare.html", tmp_path / "page.png"
    swept.xbatch("compare", swept.folder / "out" / "swept", "--format", "html", "--out", page)
    done = shown(page, tmp_path / "profile", f"--screenshot={picture}", "--window-size=1200,1600")
    assert "CONSOLE" not in done.stderr, done.stderr
    drawn = (imread(picture)[:, :, :3] * 255).astype(int)
    vermilion = np.all(np.abs(drawn - np.array([213, 94, 0])) < 20, axis=2)
    assert np.count_nonzero(vermilion) > 100  # the second group's markers and errors
