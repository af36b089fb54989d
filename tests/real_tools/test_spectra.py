"""Groupings by ftgrouppha and grppha, and sums by addspec and lcmath, against the native ones."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.real_tools.bench import Tools
from tests.real_tools.extractors import extractor
from tests.real_tools.lists import make_spectra
from tests.tasks.test_combine import PARAMS, dense
from tests.tools.test_grouping import BINNINGS
from xbatch.commands import ftools
from xbatch.commands.call import Call
from xbatch.ogip.curvefile import read_curve
from xbatch.ogip.pha import read_pha, write_pha
from xbatch.ogip.response import load_response
from xbatch.registry import Job
from xbatch.tasks import combine, group
from xbatch.tools import addspec, grouping

#: What a type of binning reads beside the spectrum.
_USED = {
    "bmin": ("background",),
    "snmin": ("background",),
    "opt": ("response",),
    "optmin": ("response",),
    "optsnmin": ("response", "background"),
    "file": ("template",),
    "nutools": ("background",),
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    return make_spectra(tmp_path_factory.mktemp("spectra"))


@pytest.mark.parametrize("binning", [pytest.param(one, id=json.dumps(one)) for one, _ in BINNINGS])
def test_groups(heasoft: Tools, files: Mapping[str, Path], binning: dict[str, Any]) -> None:
    roles = {"spectrum", *_USED.get(binning["type"], ())}
    roles |= {"response"} if "keV" in str(binning.get("range")) else set()
    params = {"binning": binning, "name": "one", "obsid": "1", "instrument": "FPMA", "spectrum": "src"}
    made = {}
    for name, task in (("native", group), ("tool", grouping)):
        job = Job("group:x", params, {role: files[role] for role in roles}, heasoft.out())
        task.run(job)
        made[name] = job.out
    own, theirs = (read_pha(made[name] / "grouped.pha") for name in ("native", "tool"))
    assert np.array_equal(own.counts, theirs.counts)
    assert np.flatnonzero(own.grouping != theirs.grouping).tolist() == []
    assert np.flatnonzero(own.quality != theirs.quality).tolist() == []
    assert np.allclose(own.sys_err, theirs.sys_err)
    assert (made["native"] / "grouping.json").read_bytes() == (made["tool"] / "grouping.json").read_bytes()


def test_a_group_file_and_bad_channels_in_one_call(heasoft: Tools, files: Mapping[str, Path]) -> None:
    commands = ftools.grppha_commands(bad=[(0, 9), (500, 511)], files=["groups.txt"])
    written = {"groups.txt": "10 29 5\n30 99 10\n"}
    out, _ = heasoft.run(
        [ftools.grppha("src.pha", "out.pha", commands)], {"src.pha": files["spectrum"]}, ["out.pha"], written
    )
    grouped = read_pha(out / "out.pha")
    starts = [*range(10, 30, 5), *range(30, 100, 10)]
    assert np.flatnonzero(grouped.grouping[10:100] == 1).tolist() == [start - 10 for start in starts]
    assert set(np.flatnonzero(grouped.quality == 5).tolist()) == {*range(10), *range(500, 512)}


@pytest.mark.parametrize("background", ["keep", "subtract"])
def test_sums(heasoft: Tools, files: Mapping[str, Path], background: str) -> None:
    source, below = (read_pha(files[role]) for role in ("spectrum", "background"))
    inputs = {}
    for number, part in enumerate((1.0, 2.0)):
        for role, one in (("spectrum", source), ("background", below)):
            inputs[f"{role}/{number}"] = heasoft.folder / f"{role}{number}.pha"
            write_pha(inputs[f"{role}/{number}"], replace(one, exposure=one.exposure * part, counts=one.counts * part))
        inputs[f"response/{number}"] = files["response"]
    params = {**PARAMS, "members": ["1/FPMA/src", "2/FPMA/src"], "background": background}
    jobs = [Job("combine:x", params, inputs, heasoft.out()) for _ in range(2)]
    own, theirs = combine.run(jobs[0]).facts, addspec.run(jobs[1]).facts
    sums = [read_pha(job.out / "spectrum.pha") for job in jobs]
    assert np.allclose(sums[0].counts, sums[1].counts, atol=1e-3)
    assert sums[1].exposure == pytest.approx(sums[0].exposure)
    rate = "net_rate" if background == "keep" else "rate"
    assert theirs[rate] == pytest.approx(own[rate], rel=1e-5)
    matrices = [dense(load_response(job.out / "response.npz")) for job in jobs]
    # addspec leaves out elements below a threshold
    assert np.allclose(*matrices, rtol=1e-4, atol=1e-5 * matrices[0].max())


@pytest.mark.parametrize("add", [False, True])
def test_light_curves_are_subtracted_and_added(heasoft: Tools, fpm_list: Path, add: bool) -> None:
    regions = {"src.reg": "physical\ncircle(500,500,60)\n", "bkg.reg": "physical\nannulus(500,500,80,120)\n"}
    calls = [curve_call(file, region) for file, region in (("src.lc", "src.reg"), ("bkg.lc", "bkg.reg"))]
    calls.append(ftools.lcmath("src.lc", "bkg.lc", "net.lc", 0.45, add=add, correct=False, errors=4))
    out, _ = heasoft.run(calls, {"list.evt": fpm_list}, ["src.lc", "bkg.lc", "net.lc"], regions)
    source, below, net = (read_curve(out / f"{name}.lc") for name in ("src", "bkg", "net"))
    places = np.isin(source.time, net.time)
    sign = 1.0 if add else -1.0
    assert net.time.size > 5
    assert np.allclose(net.rate, (source.rate + sign * 0.45 * below.rate)[places], rtol=1e-5)
    assert np.allclose(net.error, np.hypot(source.error, 0.45 * below.error)[places], rtol=1e-4)


def curve_call(file: str, region: str) -> Call:
    """Make a light curve of a region with the bins of 256 s that nuproducts makes."""
    return extractor(file, region, product="fitsbinlc", binlc="256", lcthresh="0")
