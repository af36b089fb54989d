"""Tests of the task that says when the bins of light curves begin and end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.ogip.eventfiles import GTIS, T0, write_gtis, xmm_file
from tests.tasks.test_lightcurve import curves, tabled
from xbatch.base.errors import FileError, StepError
from xbatch.registry import Job, Outcome
from xbatch.tasks import timebins

PARAMS = {"mission": "xmm", "instrument": "EMOS1", "obsid": "0999000001"}


def bins(table: Path, out: Path, dt: float, gti: Path | None = None) -> Outcome:
    out.mkdir()
    inputs = {"events": table, **({"gti": gti} if gti is not None else {})}
    return timebins.run(Job("timebins:x", {**PARAMS, "dt": dt}, inputs, out))


def told(out: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((out / "bins.json").read_text())
    return document


@pytest.mark.parametrize("dt", [100.0, 128.0, 7.3])
def test_bins_are_those_of_the_native_light_curves(tmp_path: Path, dt: float) -> None:
    table = tabled(xmm_file(500), tmp_path / "e")
    outcome = bins(table, tmp_path / "b", dt)
    found = told(tmp_path / "b")
    assert outcome.facts == found
    assert found["stop"] - found["start"] == pytest.approx(dt * found["bins"], abs=1e-6)
    curve = curves(table, tmp_path / "lc", dt=dt, **{**PARAMS, "bands": [{"name": "a", "lo": 0.2, "hi": 12.0}]})
    assert (found["start"], found["bins"]) == (curve.facts["start"], curve.facts["bins_in_all"])


def test_a_time_selection_moves_the_bins(tmp_path: Path) -> None:
    table = tabled(xmm_file(500), tmp_path / "e")
    selected = write_gtis(tmp_path / "s.gti", [(T0 + 50.0, T0 + 250.0)])
    bins(table, tmp_path / "b", 60.0, selected)
    assert told(tmp_path / "b") == {"start": T0 + 50.0, "stop": T0 + 290.0, "bins": 4, "dt": 60.0}
    assert GTIS[0][0] < T0 + 50.0
    with pytest.raises(FileError, match="no good time"):
        bins(table, tmp_path / "c", 60.0, write_gtis(tmp_path / "l.gti", [(T0 + 1e6, T0 + 2e6)]))


def test_bins_that_make_no_sense(tmp_path: Path) -> None:
    table = tabled(xmm_file(100), tmp_path / "e")
    with pytest.raises(StepError, match="make no sense"):
        bins(table, tmp_path / "b", 1e-9)
