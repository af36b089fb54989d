"""The tasks `events` and `lightcurve` against every light curve of HEASoft's extractor."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from tests.tasks.test_events_extractor import LISTS
from xbatch.registry import Job
from xbatch.tasks import events, lightcurve

pytestmark = pytest.mark.real_data

CASES = [
    "lc-10-th0",
    "lc-100-nozero",
    "lc-100-start",
    "lc-100-start-late",
    "lc-100-th0.5",
    "lc-100-th1",
    "lc-1000-th0",
    "lc-256-pi",
    "lc-333-th0",
    "lc-512-th0.5",
    "lc-512-th1",
    "lc-64-th0",
    "lc-whole-0.5",
    "nu-circle",
    "nu-fk5",
    "nu-pi",
    "user-gti-1",
    "user-gti-2",
]
LATE = "lc-100-start-late"

Tables = Callable[[str, str], Path]


@pytest.fixture(scope="module")
def table(reference: Path, tmp_path_factory: pytest.TempPathFactory) -> Tables:
    """Screens a list once for all tests, with an extra file of GTIs."""
    done: dict[tuple[str, str], Path] = {}

    def screened(name: str, gti: str) -> Path:
        if (name, gti) not in done:
            out = tmp_path_factory.mktemp("events")
            inputs = {"events": reference.parent / LISTS[name]}
            if gti != "NONE":
                inputs["gti"] = reference / "extractor" / gti
            events.run(Job("events:x", {}, inputs, out))
            done[name, gti] = out / "events.bin"
        return done[name, gti]

    return screened


def test_every_case_is_here(reference: Path) -> None:
    there = {path.parent.name for path in (reference / "extractor" / "cases").glob("*/out.lc.gz")}
    assert there == set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_bin_by_bin(name: str, reference: Path, table: Tables, tmp_path: Path) -> None:
    case = reference / "extractor" / "cases" / name
    asked = json.loads((case / "params.json").read_text())["parameters"]
    range_of_pi = re.search(r"PI=(\d+):(\d+)", asked["filename"])
    first, last = (int(range_of_pi[1]), int(range_of_pi[2])) if range_of_pi else (0, 4095)
    inputs = {"events": table(asked["filename"].split("[")[0], asked["timefile"])}
    params: dict[str, Any] = {
        "mission": "nustar",
        "instrument": "FPMA",
        "bands": [{"name": "all", "lo": 1.6 + 0.04 * first, "hi": 1.6 + 0.04 * (last + 1)}],
        "dt": asked["binlc"],
        "min_fracexp": 0.0,
        "corrections": ["gti"],
    }
    if asked["lcstart"] > 0:
        params["start"] = asked["lcstart"]
    if (case / "region.reg").exists():
        inputs["region/src"] = case / "region.reg"
        params |= {"regions": {"src": {"file": "region.reg"}}, "region": "src"}
    told = lightcurve.run(Job("lightcurve:x", params, inputs, tmp_path)).facts
    with fits.open(tmp_path / "all.lc") as ours, fits.open(case / "out.lc.gz") as file:
        rate, theirs, header = ours["RATE"].data, file["RATE"].data, file["RATE"].header
        # theirs are kept from the threshold on, in single precision, ours only above it
        rate = rate[rate["FRACEXP"].astype(np.float32) >= np.float32(asked["lcthresh"])]
        assert len(rate) == len(theirs) == json.loads((case / "summary.json").read_text())["n_bins"]
        if asked["lctzero"] == "yes":  # else their times are not the middles of the bins
            assert np.allclose(rate["TIME"], theirs["TIME"] + header["TIMEZERO"], rtol=0, atol=2e-7)
        assert np.allclose(rate["FRACEXP"], theirs["FRACEXP"], rtol=1e-6, atol=0)
        # a late start draws earlier events into their first bin: a defect that is not ours
        same = slice(1, None) if name == LATE else slice(None)
        counts = np.rint(theirs["RATE"].astype(float) * theirs["FRACEXP"].astype(float) * asked["binlc"]).astype(int)
        assert np.array_equal(rate["COUNTS"][same], counts[same])
        assert np.allclose(rate["RATE"][same], theirs["RATE"][same], rtol=1e-6, atol=0)
        assert np.allclose(rate["ERROR"][same], theirs["ERROR"][same], rtol=1e-6, atol=0)
        if name == LATE:
            assert rate["COUNTS"][0] < counts[0]
    assert told["dt"] == asked["binlc"]
