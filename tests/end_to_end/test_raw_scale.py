"""Twenty observations from raw data, by fakes, eight steps at a time: killed in the middle, gone on with, edited."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from tests.fakes import make_headas, make_sas
from tests.fakes.core import calls
from tests.fakes.headas.raw import make_nustar_raw
from tests.fakes.sas.raw import copy_observation, make_xmm_raw
from xbatch.simulator.config import Sky

pytestmark = pytest.mark.slow
pytest.importorskip("sherpa", reason="a fit needs Sherpa")

HALF, JOBS = 10, 8
NUSTAR = [f"60{number:06d}002" for number in range(HALF)]
XMM = [f"0999{number:04d}01" for number in range(HALF)]
#: Calls for an observation: nupipeline, nuproducts; cifbuild, odfingest, epproc, evselect, and six for a spectrum.
CALLS = HALF * 2 + HALF * 10


def _fit(spectra: str, band: str, model: str) -> dict[str, Any]:
    return {
        "data": [{"spectra": spectra, "binning": "min20", "band": band}],
        "group_by": ["obsid"],
        "background": {"mode": "subtract"},
        "statistic": "chi2",
        "variance": "data",
        "model": model,
        "parameters": {"pl.PhoIndex": {"value": 1.7, "min": 0, "max": 4}},
        "errors": {"parameters": "free", "method": "covariance"},
    }


def _ring(inner: str, outer: str) -> dict[str, str]:
    return {"shape": "annulus", "center": "target", "inner": inner, "outer": outer}


def document(ra: float, dec: float) -> dict[str, Any]:
    wide, narrow = ({"shape": "circle", "center": "target", "radius": size} for size in ("100 arcsec", "50 arcsec"))
    return {
        "xbatch": 1,
        "name": "scale",
        "target": {"name": "source", "position": [ra, dec], "frame": "fk5"},
        "observations": [
            {"mission": "nustar", "obsids": NUSTAR, "instruments": ["FPMA"]},
            {"mission": "xmm", "obsids": XMM, "instruments": ["EPN"]},
        ],
        "data": {"root": "data", "level": "raw", "fetch": "never"},
        "screening": {"default": {"for": [{"where": {"instrument": "EPN"}, "pattern": "0-4", "flag": 0}]}},
        "regions": {
            "nsrc": wide,
            "nbkg": _ring("240 arcsec", "320 arcsec"),
            "xsrc": narrow,
            "xbkg": _ring("100 arcsec", "160 arcsec"),
        },
        "spectra": {
            "nu": {"region": "nsrc", "background": "nbkg", "where": {"mission": "nustar"}},
            "xm": {"region": "xsrc", "background": "xbkg", "where": {"mission": "xmm"}},
        },
        "binning": {"min20": {"type": "min", "counts": 20}},
        "fit": {
            "nu": _fit("nu", "4-30 keV", "powerlaw.pl"),
            "xm": _fit("xm", "1-8 keV", "powerlaw.pl"),
        },
    }


@dataclass(frozen=True)
class Site:
    """A folder with observations and a spec, and an environment with both fakes."""

    folder: Path
    environment: Mapping[str, str]

    def start(self, *more: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "xbatch", "run", "scale.yaml", "--jobs", str(JOBS), *more]
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *more: str) -> str:
        run = self.start(*more)
        said, _ = run.communicate(timeout=600)
        assert run.returncode == 0, said
        return said

    def calls(self) -> list[dict[str, Any]]:
        roots = [Path(self.environment[name]) for name in ("HEADAS", "SAS_DIR")]
        return [call for root in roots for call in calls(root)]

    def manifest(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "out" / "scale" / "manifest.json").read_text())
        return found

    def clean(self) -> bool:
        """Whether no process and no temporary file of a run is left."""
        # os.walk does not mind folders that go meanwhile
        files = [name for _, _, names in os.walk(self.folder / "out" / ".store" / "tmp") for name in names]
        return not files and not list((self.folder / "tmp").iterdir()) and not self._processes()

    def _processes(self) -> list[int]:
        found = []
        for process in psutil.process_iter(["cmdline", "status"]):
            words = " ".join(process.info["cmdline"] or ())
            if str(self.folder) in words and process.pid != os.getpid():
                found.append(process.pid)
        return found


@pytest.fixture
def site(tmp_path: Path) -> Site:
    environment = {**os.environ, **make_sas(tmp_path / "s")}
    front = environment["PATH"].partition(os.pathsep)[0]
    environment |= make_headas(tmp_path / "h")
    environment["PATH"] = f"{front}{os.pathsep}{environment['PATH']}"
    environment |= {"TMPDIR": str(tmp_path / "tmp"), "PYTHONPATH": str(Path(__file__).parents[2])}
    environment.pop("XBATCH_SCRATCH", None)
    (tmp_path / "tmp").mkdir()
    data = tmp_path / "data"
    for obsid in NUSTAR:
        truth = make_nustar_raw(data, obsid, exposure=4000.0)
    sky = Sky(ra=truth["ra"], dec=truth["dec"], offset=(0.0, 0.0))
    first = make_xmm_raw(data, XMM[0], 1, seconds=4000.0, events=8000.0, sky=sky)
    for obsid in XMM[1:]:
        copy_observation(first, data, obsid)
    (tmp_path / "scale.yaml").write_text(yaml.safe_dump(document(truth["ra"], truth["dec"])))
    return Site(tmp_path, environment)


def _wait(condition: Any, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return bool(condition())


def test_killed_gone_on_with_and_edited(site: Site) -> None:
    run = site.start()
    assert _wait(lambda: len(site.calls()) >= CALLS // 2, 300)
    os.kill(run.pid, signal.SIGKILL)
    run.communicate()
    assert _wait(site.clean, 120), "the run that was killed has left something"
    begun = site.calls()
    assert len(begun) < CALLS
    # a step of several calls is begun anew: those of its calls that had ended are made again too
    flying = {call["cwd"] for call in begun if "ended" not in call}

    site.run()
    again = len(site.calls()) - CALLS
    assert 0 <= again <= sum(call["cwd"] in flying for call in begun) + JOBS
    outcomes = Counter(step["outcome"] for step in site.manifest()["steps"])
    assert set(outcomes) == {"done", "up to date"}
    assert site.clean()
    assert (site.folder / "out" / "scale" / "report.html").stat().st_size < 10_000_000

    before = len(site.calls())
    site.run("--set", "fit.nu.parameters.pl.PhoIndex.max=5")
    assert len(site.calls()) == before
    made = Counter(step["task"] for step in site.manifest()["steps"] if step["outcome"] == "done")
    assert made["fit"] == HALF
    assert set(made) <= {"fit", "plot", "handover", "parameters"}
    assert site.clean()
