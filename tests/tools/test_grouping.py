"""Groups by ftgrouppha and grppha are the native ones, whatever the type; what they leave is what the task leaves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.fakes import make_headas
from tests.fakes.core import calls, set_faults
from tests.tasks.test_group import SIZE, response, spectrum
from xbatch.base.errors import StepError
from xbatch.ogip.pha import read_pha, write_pha
from xbatch.ogip.response import save_response
from xbatch.registry import Job, Outcome
from xbatch.tasks import group as native
from xbatch.tools import grouping


@pytest.fixture
def headas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, value in make_headas(tmp_path / "tools").items():
        monkeypatch.setenv(name, value)
    return next((tmp_path / "tools").glob("heasoft-*/*"))


def job(folder: Path, binning: dict[str, Any], out: str, **more: Any) -> Job:
    counts = np.random.default_rng(5).poisson(9, SIZE).astype(float)
    write_pha(folder / "spectrum.pha", spectrum(counts=counts))
    write_pha(folder / "background.pha", spectrum(counts=counts // 3, backscal=np.full(SIZE, 0.004)))
    write_pha(folder / "template.pha", spectrum(grouping=np.where(np.arange(SIZE) % 5 == 0, 1, -1).astype(np.int16)))
    save_response(folder / "response.npz", response())
    roles = {
        "spectrum": "spectrum.pha",
        "background": "background.pha",
        "response": "response.npz",
        "template": "template.pha",
    }
    wanted = {"bmin": "background", "snmin": "background", "optsnmin": "background", "nutools": "background"}
    used = {"spectrum", wanted.get(binning["type"], "")}
    used |= {"response"} if binning["type"].startswith("opt") or "keV" in str(binning.get("range")) else set()
    used |= {"template"} if binning["type"] == "file" else set()
    (folder / out).mkdir()
    params = {"binning": binning, "name": "one", "obsid": "1", "instrument": "FPMA", "spectrum": "src", **more}
    return Job("group", params, {role: folder / roles[role] for role in used if role}, folder / out)


BINNINGS = [
    ({"type": "min", "counts": 20.0}, ["grppha"]),
    ({"type": "min", "counts": 20.0, "bad": [[0, 4], [39, 39]], "systematic": [[0, 20, 0.03]]}, ["grppha"]),
    ({"type": "min", "counts": 20.0, "range": {"unit": "channel", "lo": 5, "hi": 30}}, ["ftgrouppha"]),
    ({"type": "min", "counts": 20.0, "range": {"unit": "keV", "lo": 1.5, "hi": 4.0}}, ["ftgrouppha"]),
    ({"type": "none", "bad": [[0, 4]]}, ["grppha"]),
    ({"type": "constant", "channels": 3}, ["ftgrouppha"]),
    ({"type": "constant", "channels": 3, "bad": [[0, 4]]}, ["grppha", "ftgrouppha"]),
    ({"type": "constant", "ranges": [[0, 9, 2], [20, 39, 5]]}, ["grppha"]),
    ({"type": "bmin", "counts": 5.0}, ["ftgrouppha"]),
    ({"type": "snmin", "snr": 4.0}, ["ftgrouppha"]),
    ({"type": "snmin", "snr": 4.0, "background": False}, ["grppha", "ftgrouppha"]),
    ({"type": "opt"}, ["ftgrouppha"]),
    ({"type": "optmin", "counts": 25.0}, ["ftgrouppha"]),
    ({"type": "optsnmin", "snr": 4.0, "bad": [[0, 4]]}, ["grppha", "ftgrouppha"]),
    ({"type": "file"}, ["ftgrouppha"]),
    ({"type": "nutools", "net_counts": 20.0, "form": "mended"}, ["grppha"]),
    ({"type": "nutools", "net_counts": 20.0, "form": "mended", "bad": [[0, 4]]}, ["grppha"]),
]


@pytest.mark.parametrize(("binning", "tools"), BINNINGS)
def test_the_groups_are_those_of_the_native_task(
    headas: Path, tmp_path: Path, binning: dict[str, Any], tools: list[str]
) -> None:
    own = native.run(job(tmp_path, binning, "native"))
    made = grouping.run(job(tmp_path, binning, "tool"))
    assert [call["tool"] for call in calls(headas)] == tools
    one, two = (read_pha(tmp_path / out / "grouped.pha") for out in ("native", "tool"))
    assert np.array_equal(one.grouping, two.grouping)
    assert np.array_equal(one.quality, two.quality)
    assert np.array_equal(one.counts, two.counts)
    assert np.allclose(one.sys_err, two.sys_err)
    documents = [json.loads((tmp_path / out / "grouping.json").read_text()) for out in ("native", "tool")]
    assert documents[0] == documents[1]
    assert made.notes == own.notes
    assert [call["command"].split()[0] for call in made.facts["calls"]] == tools
    assert {key: made.facts[key] for key in own.facts} == dict(own.facts)


def test_many_groups_go_to_several_files(headas: Path, tmp_path: Path) -> None:
    size = 1500
    counts = np.where(np.arange(size) % 7 < 4, 9.0, 3.0)
    channels = {"channel": np.arange(size, dtype=np.int64), "detchans": size}
    arrays = {name: np.full(size, value) for name, value in (("sys_err", 0.0), ("backscal", 0.002), ("areascal", 1.0))}
    flags = {"quality": np.zeros(size, np.int16), "grouping": np.ones(size, np.int16)}
    source = spectrum(counts=counts, **channels, **arrays, **flags)
    write_pha(tmp_path / "spectrum.pha", source)
    write_pha(tmp_path / "background.pha", spectrum(counts=np.zeros(size), **channels, **arrays, **flags))
    inputs = {role: tmp_path / f"{role}.pha" for role in ("spectrum", "background")}
    binning = {"type": "nutools", "net_counts": 20.0, "form": "mended"}
    params = {"binning": binning, "name": "n", "obsid": "1", "instrument": "FPMA", "spectrum": "src"}
    (tmp_path / "tool").mkdir()
    outcome: Outcome = grouping.run(Job("group", params, inputs, tmp_path / "tool"))
    (command,) = [call["command"] for call in outcome.facts["calls"]]
    assert "group groups.txt&group groups1.txt" in command
    assert outcome.facts["groups"] > 200


def test_a_tool_that_fails_says_so(headas: Path, tmp_path: Path) -> None:
    set_faults(headas, {"grppha": {"kind": "no-product"}})
    with pytest.raises(StepError, match="grppha"):
        grouping.run(job(tmp_path, {"type": "min", "counts": 20.0}, "out"))


def test_a_binning_that_no_tool_does(headas: Path, tmp_path: Path) -> None:
    ranged = {"type": "opt", "range": {"unit": "channel", "lo": 5, "hi": 30}}
    with pytest.raises(StepError, match="does not heed a range"):
        grouping.run(job(tmp_path, ranged, "out"))
    assert calls(headas) == []
